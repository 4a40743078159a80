"""The calendar: a month of posts in the workspace's zone."""

from __future__ import annotations

import calendar as months
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from flask import Blueprint, Response, make_response, redirect, render_template, request, url_for

from app import clock
from app.domain.errors import ErrorKind, refuse
from app.domain.lifecycle import TargetState
from app.domain.zones import to_instant
from app.queries.accounts import list_accounts
from app.queries.targets import find_target, targets_between
from app.web.access import member
from app.web.cards import Card, make_card
from app.wiring import wiring

blueprint = Blueprint("calendar", __name__)

SHOWN_PER_DAY = 3
WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


@dataclass(frozen=True, slots=True)
class Day:
    """One cell: its date, where it lies, and its cards in order."""

    date: date
    label: str
    is_outside: bool
    is_past: bool
    is_today: bool
    cards: tuple[Card, ...]

    @property
    def shown(self) -> tuple[Card, ...]:
        return self.cards if len(self.cards) <= SHOWN_PER_DAY else self.cards[:SHOWN_PER_DAY - 1]

    @property
    def more(self) -> tuple[Card, ...]:
        return self.cards[len(self.shown):]


@dataclass(frozen=True, slots=True)
class Month:
    """A month of whole weeks, Monday first, and the way to its neighbours."""

    title: str
    weeks: tuple[tuple[Day, ...], ...]
    previous: str
    following: str
    is_current: bool
    summary: str

    @property
    def days(self) -> Iterable[Day]:
        return (day for week in self.weeks for day in week)


@blueprint.get("/")
def home() -> Response:
    return make_response(redirect(url_for("calendar.month"), 303))


@blueprint.get("/calendar")
def month() -> Response:
    who, now = member(), clock.utcnow()
    today = now.astimezone(ZoneInfo(who.time_zone)).date()
    shown_month = build_month(who.workspace_id, _asked_month(today), who.time_zone, now)
    is_empty = not any(day.cards for day in shown_month.days)
    accounts = list_accounts(who.workspace_id) if is_empty else []
    return make_response(render_template("calendar/month.html", month=shown_month, weekdays=WEEKDAYS, is_empty=is_empty,
                                         has_account=any(a.may_publish for a in accounts), uses_sandbox=wiring().settings.uses_sandbox))


@blueprint.get("/calendar/cards/<int:target_id>")
def card(target_id: int) -> Response:
    """One card, as it is now; it keeps asking while something goes on."""
    who = member()
    row = find_target(who.workspace_id, target_id)
    if row is None:
        raise refuse("target_not_found", "This post does not exist any more.", kind=ErrorKind.NOT_FOUND)
    template = "calendar/_item.html" if "item" in request.args else "calendar/_card.html"
    return make_response(render_template(template, card=make_card(row, who.time_zone, clock.utcnow())))


def build_month(workspace_id: int, first: date, zone_name: str, now: datetime) -> Month:
    """The weeks around the month that begins at `first`, with their cards; one statement."""
    zone = ZoneInfo(zone_name)
    start = first - timedelta(days=first.weekday())
    length = months.monthrange(first.year, first.month)[1]
    weeks = -(-(first.weekday() + length) // 7)
    dates = [start + timedelta(days=n) for n in range(7 * weeks)]
    rows = targets_between(workspace_id, _midnight(dates[0], zone), _midnight(dates[-1] + timedelta(days=1), zone))
    by_day: dict[date, list[Card]] = {d: [] for d in dates}
    for row in rows:
        by_day[row.scheduled_at.astimezone(zone).date()].append(make_card(row, zone_name, now))
    today = now.astimezone(zone).date()
    days = [_day(d, first, today, by_day[d]) for d in dates]
    return Month(
        title=f"{first:%B %Y}", weeks=tuple(tuple(days[n:n + 7]) for n in range(0, len(days), 7)),
        previous=f"{first - timedelta(days=1):%Y-%m}", following=f"{first + timedelta(days=length):%Y-%m}",
        is_current=(first.year, first.month) == (today.year, today.month),
        summary=_summary([c for d in days if not d.is_outside for c in d.cards]),
    )


def _asked_month(today: date) -> date:
    try:
        asked = datetime.strptime(request.args.get("month", ""), "%Y-%m").date()  # noqa: DTZ007 a calendar month has no zone
    except ValueError:
        return today.replace(day=1)
    return asked if 1970 < asked.year < 2200 else today.replace(day=1)


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return to_instant(datetime.combine(day, time()), zone)


def _day(day: date, first: date, today: date, cards: list[Card]) -> Day:
    label = f"{day.day} {day:%b}" if day.day == 1 else str(day.day)
    return Day(day, label, is_outside=day.month != first.month, is_past=day < today, is_today=day == today, cards=tuple(cards))


def _summary(cards: list[Card]) -> str:
    if not cards:
        return ""
    parts = [f"{len(cards)} post{'s' if len(cards) != 1 else ''}"]
    for states, word in (({TargetState.SCHEDULED}, "to go"), ({TargetState.PUBLISHED}, "published"),
                         ({TargetState.FAILED, TargetState.MISSED, TargetState.UNCONFIRMED}, "need a look")):
        if count := sum(card.row.state in states for card in cards):
            parts.append(f"{count} {word}")
    return " · ".join(parts)
