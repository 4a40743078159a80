"""Finding out what became of a post whose outcome nobody told: by TikTok's webhooks and by its list of public posts."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.domain.lifecycle import TargetState
from app.domain.post_rules import PostMode, PrivacyLevel
from app.domain.quota import LOST_ANSWER
from app.models import IncomingWebhook, Post, PostTarget, PublishAttempt, Step, TikTokAccount, db
from app.services.accounts import with_token
from app.services.ports import ListedVideo
from app.services.publishing.attempts import attempt
from app.services.publishing.ports import PublishingPorts
from app.services.publishing.targets import NotYet, Work, keep
from app.services.transactions import let_go, writing

log = logging.getLogger(__name__)

LIST_SCOPE = "video.list"
SLACK = timedelta(minutes=1)
"""How far TikTok's clock and ours may be apart."""
LOOK_AGAIN = timedelta(seconds=20)
LISTED_CHARACTERS = 150
OPEN = (TargetState.PUBLISHING, TargetState.PROCESSING, TargetState.UNCONFIRMED)


def wait_for_word(work: Work, now: datetime) -> None:
    """Raises NotYet while TikTok's word on another lost try of this creator may come, so that the two can be told apart."""
    fetched = _others_fetched_at(db.session(), work)
    let_go()
    if any(at > now - LOST_ANSWER.window for at in fetched):
        raise NotYet(LOST_ANSWER, now + LOOK_AGAIN)


def find_publish_id(work: Work) -> str | None:
    """The publish id of a try whose answer was lost, if a webhook names one that nobody knows and that no other lost try can have.

    A post is told of after its photos were fetched, so of two lost tries the later one can't have what was told before it.
    The id is written to the target. Where two remain a person decides. Raises LeaseLost.
    """
    if work.pulled_at is None:
        return None
    with writing() as session:
        others = _others_fetched_at(session, work)
        found = [publish_id for publish_id, told_at in _unknown_publish_ids(session, work, work.pulled_at - SLACK)
                 if all(fetched_at > told_at + SLACK for fetched_at in others)]
        if len(found) != 1:
            return None
        keep(session, work, publish_id=found[0])
    log.info("publish id found", extra={"publish_id": found[0]})
    return found[0]


def find_listed(work: Work, ports: PublishingPorts) -> ListedVideo | None:
    """The one public post of this creator that has this caption and was made since; None when there is none or more.

    Raises TikTokError, NotYet.
    """
    caption = _comparable(work.caption)
    is_listed = work.mode is PostMode.DIRECT and work.privacy_level is PrivacyLevel.PUBLIC and LIST_SCOPE in work.scopes
    if not is_listed or not caption or work.sent_at is None or _same_caption_elsewhere(work):
        return None
    listed = attempt(work, Step.LIST, lambda: with_token(work.account_id, ports.tiktok.list_videos, ports.accounts), ports)
    since = work.sent_at - SLACK
    alike = [video for video in listed.videos if video.created_at >= since and _comparable(video.description) == caption]
    if len(alike) != 1 or _is_ours(alike[0].post_id, work):
        return None
    log.info("found in the list", extra={"post_id": alike[0].post_id})
    return alike[0]


def _unknown_publish_ids(session: Session, work: Work, since: datetime) -> Sequence[tuple[str, datetime]]:
    """Publish ids of the creator that no try of ours has brought, each with when TikTok first told of it."""
    known = sa.union(sa.select(PostTarget.publish_id).where(PostTarget.publish_id.is_not(None)),
                     sa.select(PublishAttempt.publish_id).where(PublishAttempt.publish_id.is_not(None)))
    open_id = sa.select(TikTokAccount.open_id).where(TikTokAccount.id == work.account_id).scalar_subquery()
    rows = session.execute(sa.select(IncomingWebhook.publish_id, sa.func.min(IncomingWebhook.happened_at)).where(
        IncomingWebhook.open_id == open_id, IncomingWebhook.publish_id.is_not(None), IncomingWebhook.happened_at >= since,
        IncomingWebhook.publish_id.not_in(known)).group_by(IncomingWebhook.publish_id))
    return [(str(publish_id), told_at) for publish_id, told_at in rows]


def _others_fetched_at(session: Session, work: Work) -> Sequence[datetime]:
    """When the photos of the creator's other lost tries were fetched: each could be what a webhook is about."""
    of_creator = sa.select(TikTokAccount.id).where(TikTokAccount.open_id == sa.select(TikTokAccount.open_id).where(
        TikTokAccount.id == work.account_id).scalar_subquery())
    return [at for at in session.scalars(sa.select(PostTarget.pulled_at).where(
        PostTarget.account_id.in_(of_creator), PostTarget.id != work.target_id, PostTarget.publish_id.is_(None),
        PostTarget.state.in_(OPEN))) if at is not None]


def _same_caption_elsewhere(work: Work) -> bool:
    twins = db.session.scalar(sa.select(sa.exists().where(
        PostTarget.account_id == work.account_id, PostTarget.id != work.target_id, PostTarget.state.in_(OPEN),
        PostTarget.post_id == Post.id, Post.caption == work.caption)))
    let_go()
    return bool(twins)


def _is_ours(post_id: str, work: Work) -> bool:
    known = db.session.scalar(sa.select(sa.exists().where(
        PostTarget.account_id == work.account_id, PostTarget.id != work.target_id, PostTarget.tiktok_post_id == post_id)))
    let_go()
    return bool(known)


def _comparable(text: str) -> str:
    """As TikTok's list shows it: cut, and with its own idea of white space."""
    return " ".join(text[:LISTED_CHARACTERS].split())
