"""The record of every try: begun before the call, ended once after it, never touched again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import sqlalchemy as sa

from app.models import PublishAttempt, Step
from app.services.ports import Clock, TikTokError
from app.services.publishing.targets import HandedOver, LeaseLost, Work
from app.services.transactions import writing

T = TypeVar("T")
OK = "ok"
INTERRUPTED = "interrupted"
DETAIL_MAX = 500


def attempt(work: Work, step: Step, call: Callable[[], T], utcnow: Clock) -> T:
    """Make one call to TikTok between the two writes of its record. Raises what the call raises."""
    with writing() as session:
        row = PublishAttempt(target_id=work.target_id, step=step, started_at=utcnow(), publish_id=work.publish_id)
        session.add(row)
        session.flush()
        attempt_id = row.id
    try:
        result = call()
    except TikTokError as error:
        _finish(attempt_id, utcnow, code=error.code, http_status=error.http_status, log_id=error.log_id,
                detail=error.message[:DETAIL_MAX] or None)
        raise
    except (HandedOver, LeaseLost):
        _finish(attempt_id, utcnow, code=INTERRUPTED)
        raise
    _finish(attempt_id, utcnow, code=OK, log_id=getattr(result, "log_id", None), detail=_detail(result),
            publish_id=getattr(result, "publish_id", work.publish_id))
    return result


def _detail(result: object) -> str | None:
    """A status answer says more than ok."""
    status = getattr(result, "status", None)
    reason = getattr(result, "fail_reason", None)
    return f"{status}: {reason}" if reason else status


def _finish(attempt_id: int, utcnow: Clock, **values: Any) -> None:
    with writing() as session:
        session.execute(sa.update(PublishAttempt).where(
            PublishAttempt.id == attempt_id, PublishAttempt.finished_at.is_(None)
        ).values(finished_at=utcnow(), **values))
