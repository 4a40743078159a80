"""The checks a day and an hour ahead: what would hold this post is found while there is time to act."""

from __future__ import annotations

import logging
from datetime import timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.domain.errors import Problem
from app.domain.lifecycle import TargetState
from app.domain.post_rules import PostMode
from app.domain.preflight import RETRY, next_due
from app.domain.retry import Action, decide
from app.models import PostTarget
from app.services.history import record_event
from app.services.ports import TikTokError
from app.services.publishing.last_check import find_obstacle
from app.services.publishing.ports import PublishingPorts
from app.services.publishing.targets import NotYet, Work, keep, released
from app.services.transactions import writing

log = logging.getLogger(__name__)

COUNTED = (TargetState.SCHEDULED, TargetState.PUBLISHING, TargetState.PROCESSING, TargetState.IN_INBOX, TargetState.PUBLISHED)
"""States of posts that take, or took, a place among those that TikTok counts."""


def check_ahead(work: Work, ports: PublishingPorts) -> None:
    """Make every check of the last minute now, and store what was found with the target. Changes nothing else.

    Raises LeaseLost when somebody moved or canceled the post meanwhile.
    """
    try:
        found = _find(work, ports)
    except (NotYet, TikTokError) as error:
        log.info("check ahead not possible", extra={"reason": str(error)})
        _look_again(work, ports)
        return
    now = ports.utcnow()
    with writing() as session:
        found = found or _over_daily_cap(session, work, ports)
        keep(session, work, **released(
            due_at=next_due(work.scheduled_at, now), checked_at=now, finding_code=found.code if found else None,
            finding_text=found.message if found else None,
        ))
        if found and found.code != work.finding_code:
            record_event(session, "target.warned", workspace_id=work.workspace_id, at=now, post_id=work.post_id,
                         account_id=work.account_id, code=found.code, text=found.message)


def _find(work: Work, ports: PublishingPorts) -> Problem | None:
    if work.refresh_expires_at is not None and work.refresh_expires_at < work.scheduled_at:
        return Problem("connection_ends", "TikTok's permission for this account ends before the post is due. Reconnect the account.")
    try:
        return find_obstacle(work, ports)
    except TikTokError as error:
        # Anything but a passing trouble is what this check is there to find.
        decision = decide(error.code, 1)
        if decision.action is Action.WAIT and not error.code.startswith(("spam_risk", "reached_")):
            raise
        return Problem(error.code, decision.text)


def _over_daily_cap(session: Session, work: Work, ports: PublishingPorts) -> Problem | None:
    """Whether more posts, or drafts, of this account are planned within a day than TikTok takes."""
    cap = ports.posts_per_day if work.mode is PostMode.DIRECT else ports.pending_drafts
    planned = session.scalar(sa.select(sa.func.count()).select_from(PostTarget).where(
        PostTarget.account_id == work.account_id, PostTarget.scheduled_at > work.scheduled_at - timedelta(hours=24),
        PostTarget.scheduled_at <= work.scheduled_at, PostTarget.mode == work.mode,
        PostTarget.state.in_(COUNTED),
    )) or 0
    if planned <= cap:
        return None
    what = f"{planned} posts are planned for this account within 24 hours; TikTok takes about {cap}." if work.mode is PostMode.DIRECT else (
        f"{planned} drafts are planned for this account within 24 hours; {cap} may wait in the creator's TikTok app.")
    return Problem("over_daily_cap", f"{what} This one will wait for room: move it, or one of the others.")


def _look_again(work: Work, ports: PublishingPorts) -> None:
    now = ports.utcnow()
    with writing() as session:
        keep(session, work, **released(due_at=min(now + RETRY, work.scheduled_at)))
