"""The record of every try: begun before the call, ended once after it, never touched again.

The record is also the account's meter: a call that would break one of TikTok's limits is not begun. An end is written
together with what follows from it, the next try's beginning or the target's new state: a post costs few transactions.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import sqlalchemy as sa

from app.log import bind_log
from app.models import PublishAttempt, Step
from app.services.ports import TikTokError
from app.services.publishing.meter import check_limits
from app.services.publishing.ports import PublishingPorts
from app.services.publishing.targets import Work, renew
from app.services.transactions import writing

T = TypeVar("T")
OK = "ok"
INTERRUPTED = "interrupted"
DETAIL_MAX = 500
ATTEMPTS = cast(sa.Table, PublishAttempt.__table__)
END = (sa.update(ATTEMPTS).where(ATTEMPTS.c.id == sa.bindparam("attempt_id"), ATTEMPTS.c.finished_at.is_(None))
       .values({name: sa.bindparam(name) for name in ("finished_at", "code", "http_status", "log_id", "detail", "publish_id")}))
BEGIN = sa.insert(ATTEMPTS).returning(ATTEMPTS.c.id)


def attempt(work: Work, step: Step, call: Callable[[], T], ports: PublishingPorts, **columns: Any) -> T:
    """Make one call to TikTok; its record begins before it, and ends with the next write of this target.

    `columns` of the target are written with the beginning: what the step before has brought.
    Who begins a call has a whole lease for it. Raises LeaseLost before the call when somebody else has the target,
    NotYet when the call would break a limit, and what the call raises.
    """
    with writing() as session:
        renew(session, work, ports.utcnow(), **columns)
        check_limits(session, work, step, ports)
        work.settle(session)
        attempt_id = session.execute(BEGIN, {
            "target_id": work.target_id, "account_id": work.account_id, "step": step, "started_at": ports.utcnow(),
            "publish_id": work.publish_id,
        }).scalar_one()
    # Until the next try: what is logged about this one's outcome carries it too.
    bind_log(attempt_id=attempt_id)
    try:
        result = call()
    except TikTokError as error:
        _end(work, attempt_id, ports, code=error.code, http_status=error.http_status, log_id=error.log_id,
             detail=error.message[:DETAIL_MAX] or None)
        raise
    except Exception:  # a bug, a time-out of the job or a hand-over: the record has its end, and the error goes on
        _end(work, attempt_id, ports, code=INTERRUPTED)
        raise
    _end(work, attempt_id, ports, code=OK, log_id=getattr(result, "log_id", None), detail=_detail(result),
         publish_id=getattr(result, "publish_id", work.publish_id))
    return result


def _end(work: Work, attempt_id: int, ports: PublishingPorts, **values: Any) -> None:
    ended = {"code": None, "http_status": None, "log_id": None, "detail": None, "publish_id": work.publish_id, **values}
    work.unsettled.append((END, {"attempt_id": attempt_id, "finished_at": ports.utcnow(), **ended}))


def _detail(result: object) -> str | None:
    """A status answer says more than ok."""
    status = getattr(result, "status", None)
    reason = getattr(result, "fail_reason", None)
    return f"{status}: {reason}" if reason else status
