"""Calendar feeds (RFC 5545): the plan in Google Calendar, Outlook or Apple Calendar, by a secret address."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from flask import Blueprint, Response, abort, flash, make_response, redirect, render_template, request, url_for
from icalendar import Calendar, Event, vDuration
from itsdangerous import BadSignature, URLSafeSerializer

from app import clock
from app.domain.lifecycle import TargetState
from app.queries.accounts import list_accounts
from app.queries.feeds import FeedEntry, FeedHead, FeedRow, feed_entries, find_feed, list_feeds
from app.services.feeds import make_feed, note_read, revoke_feed
from app.web.access import member
from app.web.cards import STATE_WORDS
from app.web.times import ShownTime, shown
from app.wiring import wiring

blueprint = Blueprint("feeds", __name__)

BACK = timedelta(days=90)
LENGTH = timedelta(minutes=15)
"""A post has no length; an appointment without one is not drawn by some calendars."""
READ_EVERY = timedelta(minutes=15)
TITLE_MAX = 80


@dataclass(frozen=True, slots=True)
class Shown:
    """One feed in its list."""

    row: FeedRow
    address: str
    made: ShownTime
    read: ShownTime | None


@blueprint.get("/settings/feeds/")
def index() -> Response:
    who, now = member(), clock.utcnow()
    feeds = [Shown(row, _address(row.feed_id), shown(row.created_at, who.time_zone, now),
                   shown(row.last_read_at, who.time_zone, now) if row.last_read_at else None) for row in list_feeds(who.workspace_id)]
    return make_response(render_template("feeds/index.html", feeds=feeds, accounts=list_accounts(who.workspace_id)))


@blueprint.post("/settings/feeds/")
def create() -> Response:
    who = member()
    account_id = request.form.get("account_id", 0, type=int)
    make_feed(workspace_id=who.workspace_id, account_id=account_id or None, actor_id=who.user_id, now=clock.utcnow())
    flash("The feed is made. Copy its address into your calendar program.", "success")
    return make_response(redirect(url_for("feeds.index"), 303))


@blueprint.post("/settings/feeds/<int:feed_id>/revoke")
def revoke(feed_id: int) -> Response:
    revoke_feed(feed_id, workspace_id=member().workspace_id, actor_id=member().user_id, now=clock.utcnow())
    flash("The feed's address has ended. Programs that read it get nothing more.", "success")
    return make_response(redirect(url_for("feeds.index"), 303))


@blueprint.get("/feeds/<token>.ics")
def calendar(token: str) -> Response:
    """The feed itself; whoever has the address may read it."""
    try:
        feed = find_feed(int(_signer().loads(token)))
    except (BadSignature, ValueError):
        feed = None
    if feed is None:
        abort(404)
    now = clock.utcnow()
    body = _calendar(feed, feed_entries(feed, now - BACK)).to_ical()
    note_read(feed.feed_id, feed.last_read_at, now)
    response = Response(body, mimetype="text/calendar")
    response.headers["Content-Disposition"] = 'inline; filename="oncue.ics"'
    response.headers["Cache-Control"] = f"private, max-age={int(READ_EVERY.total_seconds())}"
    response.set_etag(hashlib.sha256(body).hexdigest())
    return make_response(response.make_conditional(request))


def _calendar(feed: FeedHead, entries: Iterable[FeedEntry]) -> Calendar:
    name = f"{feed.account or feed.workspace_name} on TikTok"
    found = Calendar()
    found.add("prodid", "-//Oncue//Calendar feed//EN")
    found.add("version", "2.0")
    found.add("method", "PUBLISH")
    found.add("name", name)
    found.add("x-wr-calname", name)
    found.add("refresh-interval", vDuration(READ_EVERY), parameters={"VALUE": "DURATION"})
    found.add("x-published-ttl", vDuration(READ_EVERY))
    for entry in entries:
        found.add_component(_event(entry))
    return found


def _event(entry: FeedEntry) -> Event:
    """Instants are written in UTC, which every program shows in its own zone; the id never changes, each change raises the sequence."""
    found = Event()
    found.add("uid", f"target-{entry.target_id}@oncue")
    found.add("dtstamp", entry.changed_at)
    found.add("last-modified", entry.changed_at)
    found.add("sequence", entry.changes)
    found.add("dtstart", entry.scheduled_at)
    found.add("dtend", entry.scheduled_at + LENGTH)
    found.add("summary", f"{_title(entry)} ({entry.account})")
    page = wiring().settings.base_url + url_for("posts.show", post_id=entry.post_id)
    found.add("description", "\n\n".join(part for part in (STATE_WORDS[entry.state], entry.title, entry.caption, page) if part))
    found.add("url", entry.permalink or page)
    found.add("status", "CANCELLED" if entry.state is TargetState.CANCELED else
              "TENTATIVE" if entry.state in (TargetState.DRAFT, TargetState.IN_REVIEW, TargetState.CHANGES_REQUESTED) else "CONFIRMED")
    found.add("transp", "TRANSPARENT")  # a post keeps nobody busy
    return found


def _title(entry: FeedEntry) -> str:
    words = (entry.title or entry.caption).split("\n", 1)[0].strip() or "No caption"
    title = words if len(words) <= TITLE_MAX else words[:TITLE_MAX - 1].rstrip() + "…"
    return title if entry.state is TargetState.SCHEDULED else f"{STATE_WORDS[entry.state]}: {title}"


def _address(feed_id: int) -> str:
    return wiring().settings.base_url + url_for("feeds.calendar", token=_signer().dumps(feed_id))


def _signer() -> URLSafeSerializer:
    return URLSafeSerializer(str(wiring().settings.secret_key), salt="calendar-feed", signer_kwargs={"digest_method": hashlib.sha256})
