"""What is due: the only query that knows."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import aliased

from app.domain.lifecycle import TargetState
from app.models import MediaImport, PostTarget, db

BATCH = 1000
Now = datetime | sa.BindParameter[datetime]
IMPORTS_AT_ONCE = 2
"""Files that are fetched for one workspace side by side: the others' shall not wait behind a hundred of one."""
UNSENT = (TargetState.SCHEDULED, TargetState.PUBLISHING)


def is_free(now: Now) -> sa.ColumnElement[bool]:
    """No living worker holds it, and, if it would be sent now, no other target of its account is being sent."""
    other = aliased(PostTarget)
    account_is_busy = sa.exists().where(
        other.account_id == PostTarget.account_id, other.lease_until.is_not(None), other.lease_until >= now,
        other.state == TargetState.PUBLISHING, other.id != PostTarget.id)
    return sa.and_(_unheld(now), sa.not_(sa.and_(_to_publish(now), account_is_busy)))


def due_targets(now: datetime, limit: int = BATCH, *, to_publish: bool | None = None) -> list[int]:
    """Ids of the targets that the engine has something to do for and may work on now, oldest first.

    With `to_publish` only those whose time has come and that TikTok does not have yet, or only the others:
    checks ahead, and questions about what was sent.
    """
    statement = sa.select(PostTarget.id).where(PostTarget.due_at <= now, is_free(now)).order_by(PostTarget.due_at).limit(limit)
    if to_publish is not None:
        statement = statement.where(_to_publish(now) if to_publish else sa.not_(_to_publish(now)))
    return list(db.session.scalars(statement))


def due_imports(now: datetime, limit: int = BATCH) -> list[int]:
    """Ids of the imports that may be worked on now, oldest first; the index holds unfinished ones only."""
    return list(db.session.scalars(
        sa.select(MediaImport.id).where(MediaImport.due_at <= now, import_is_free(now)).order_by(MediaImport.due_at).limit(limit)))


def import_is_free(now: Now) -> sa.ColumnElement[bool]:
    """No living worker holds it, and not so many others of its workspace are being fetched that it has to wait."""
    unheld = sa.or_(MediaImport.lease_until.is_(None), MediaImport.lease_until < now)
    return sa.and_(unheld, others_being_fetched(now) < IMPORTS_AT_ONCE)


def others_being_fetched(now: Now) -> sa.ScalarSelect[int]:
    """How many other imports of an import's workspace living workers hold."""
    other = aliased(MediaImport)
    return sa.select(sa.func.count()).where(
        other.workspace_id == MediaImport.workspace_id, other.lease_until >= now, other.id != MediaImport.id,
    ).correlate(MediaImport).scalar_subquery()


def oldest_due_at(now: datetime) -> datetime | None:
    """Since when the engine has had something to do that no living worker holds; None when it is up to date."""
    return db.session.scalar(sa.select(sa.func.min(PostTarget.due_at)).where(PostTarget.due_at <= now, _unheld(now)))


def _to_publish(now: Now) -> sa.ColumnElement[bool]:
    return sa.and_(PostTarget.state.in_(UNSENT), PostTarget.scheduled_at <= now)


def _unheld(now: Now) -> sa.ColumnElement[bool]:
    return sa.or_(PostTarget.lease_until.is_(None), PostTarget.lease_until < now)
