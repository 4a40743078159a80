"""TikTok's limits, measured by an account's own attempts: a call that would break one is not begun."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.domain.lifecycle import TargetState
from app.domain.post_rules import PostMode
from app.domain.quota import CREATOR_INFOS, INITS, STATUSES, Limit, active_creators, next_turn, pending_drafts, posts_a_day
from app.models import PostTarget, PublishAttempt, Step, TikTokAccount
from app.services.publishing.ports import PublishingPorts
from app.services.publishing.targets import NotYet, Work
from app.services.transactions import lock_rows

LIMITS: dict[Step, Limit] = {Step.CREATOR_INFO: CREATOR_INFOS, Step.INIT: INITS, Step.STATUS: STATUSES}
LOCK_ACCOUNT = sa.select(TikTokAccount.id).where(TikTokAccount.id == sa.bindparam("account_id")).with_for_update()
IS_OWN = PublishAttempt.account_id == sa.bindparam("account_id")
IS_RECENT = PublishAttempt.started_at > sa.bindparam("since")
STARTS = sa.select(PublishAttempt.started_at).where(IS_OWN, IS_RECENT, PublishAttempt.step == sa.bindparam("step"))
POSTS = sa.select(PublishAttempt.started_at).join(PostTarget, PostTarget.id == PublishAttempt.target_id).where(
    PublishAttempt.step == Step.INIT, PublishAttempt.code == "ok", PostTarget.mode == PostMode.DIRECT, IS_RECENT)
OWN_POSTS = POSTS.where(IS_OWN)
CREATORS = (POSTS.with_only_columns(sa.func.max(PublishAttempt.started_at))
            .join(TikTokAccount, TikTokAccount.id == PublishAttempt.account_id).group_by(TikTokAccount.open_id))
"""The latest post of each creator."""
LOOK_FOR_ROOM = timedelta(minutes=10)
"""Room for a draft is made by its creator at any time, not only by the clock."""
MAY_BE_PENDING = (TargetState.PROCESSING, TargetState.IN_INBOX, TargetState.UNCONFIRMED)


def check_limits(session: Session, work: Work, step: Step, ports: PublishingPorts) -> None:
    """Raises NotYet when this call must wait; `session` holds the account's row until the try is written."""
    if step not in LIMITS:
        return
    # Two workers must not both find room for the same last call.
    lock_rows(session, LOCK_ACCOUNT, account_id=work.account_id)
    now = ports.utcnow()
    limit = LIMITS[step]
    _check(session.scalars(STARTS, {"account_id": work.account_id, "step": step, "since": now - limit.window}).all(), limit, now)
    if step is Step.CREATOR_INFO:
        # Asked before the first question, so that a full day costs no calls.
        _check_day(session, work, ports, now)
    elif step is Step.INIT and work.mode is PostMode.INBOX:
        _check_drafts(session, work, ports, now)


def _check(earlier: Sequence[datetime], limit: Limit, now: datetime) -> None:
    if turn := next_turn(earlier, limit, now):
        raise NotYet(limit, turn)


def _check_day(session: Session, work: Work, ports: PublishingPorts, now: datetime) -> None:
    limit = posts_a_day(ports.posts_per_day)
    own = session.scalars(OWN_POSTS, {"account_id": work.account_id, "since": now - limit.window}).all()
    _check(own, limit, now)
    if ports.active_creators and not own:
        # Two creators may find the same last room at the same moment; then TikTok refuses one, which waits too.
        _check(session.scalars(CREATORS, {"since": now - limit.window}).all(), active_creators(ports.active_creators), now)


def _check_drafts(session: Session, work: Work, ports: PublishingPorts, now: datetime) -> None:
    limit = pending_drafts(ports.pending_drafts)
    pending = sa.select(sa.func.count()).select_from(PostTarget).where(
        PostTarget.account_id == work.account_id, PostTarget.mode == PostMode.INBOX, PostTarget.state.in_(MAY_BE_PENDING))
    if ports.drafts_free_by_time:
        pending = pending.where(PostTarget.sent_at > now - limit.window)
    if (session.scalar(pending) or 0) >= limit.count:
        raise NotYet(limit, now + LOOK_FOR_ROOM)
