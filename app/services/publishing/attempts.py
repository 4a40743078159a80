"""The record of every try: begun before the call, ended once after it, never touched again.

The record is also the account's meter: a call that would break one of TikTok's limits is not begun. An end is written
together with what follows from it, the next try's beginning or the target's new state: a post costs few transactions.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.domain.quota import CREATOR_INFOS, INITS, STATUSES, Limit, next_turn, posts_a_day
from app.models import PublishAttempt, Step, TikTokAccount
from app.services.ports import TikTokError
from app.services.publishing.ports import PublishingPorts
from app.services.publishing.targets import NotYet, Work
from app.services.transactions import writing

T = TypeVar("T")
OK = "ok"
INTERRUPTED = "interrupted"
DETAIL_MAX = 500
LIMITS: dict[Step, Limit] = {Step.CREATOR_INFO: CREATOR_INFOS, Step.INIT: INITS, Step.STATUS: STATUSES}


def attempt(work: Work, step: Step, call: Callable[[], T], ports: PublishingPorts) -> T:
    """Make one call to TikTok; its record begins before it, and ends with the next write of this target.

    Raises NotYet when it would break a limit, and what the call raises.
    """
    with writing() as session:
        work.settle(session)
        _check_limits(session, work.account_id, step, ports)
        row = PublishAttempt(target_id=work.target_id, account_id=work.account_id, step=step, started_at=ports.utcnow(),
                             publish_id=work.publish_id)
        session.add(row)
        session.flush()
        attempt_id = row.id
    try:
        result = call()
    except TikTokError as error:
        _end(work, attempt_id, ports, code=error.code, http_status=error.http_status, log_id=error.log_id,
             detail=error.message[:DETAIL_MAX] or None)
        raise
    except Exception:
        _end(work, attempt_id, ports, code=INTERRUPTED)
        raise
    _end(work, attempt_id, ports, code=OK, log_id=getattr(result, "log_id", None), detail=_detail(result),
         publish_id=getattr(result, "publish_id", work.publish_id))
    return result


def _end(work: Work, attempt_id: int, ports: PublishingPorts, **values: Any) -> None:
    statement = sa.update(PublishAttempt).where(
        PublishAttempt.id == attempt_id, PublishAttempt.finished_at.is_(None)
    ).values(finished_at=ports.utcnow(), **values).execution_options(synchronize_session=False)
    work.unsettled.append(statement)


def _check_limits(session: Session, account_id: int, step: Step, ports: PublishingPorts) -> None:
    # Two workers must not both find room for the same last call; SQLite's write lock does that by itself.
    session.execute(sa.select(TikTokAccount.id).where(TikTokAccount.id == account_id).with_for_update())
    if step in LIMITS:
        _check(session, account_id, LIMITS[step], ports, PublishAttempt.step == step)
    if step is Step.CREATOR_INFO:
        # Asked before the first question, so that a full day costs no calls.
        _check(session, account_id, posts_a_day(ports.posts_per_day), ports, PublishAttempt.step == Step.INIT, PublishAttempt.code == OK)


def _check(session: Session, account_id: int, limit: Limit, ports: PublishingPorts, *which: sa.ColumnElement[bool]) -> None:
    now = ports.utcnow()
    earlier = session.scalars(sa.select(PublishAttempt.started_at).where(
        PublishAttempt.account_id == account_id, PublishAttempt.started_at > now - limit.window, *which)).all()
    if turn := next_turn(earlier, limit, now):
        raise NotYet(limit, turn)


def _detail(result: object) -> str | None:
    """A status answer says more than ok."""
    status = getattr(result, "status", None)
    reason = getattr(result, "fail_reason", None)
    return f"{status}: {reason}" if reason else status
