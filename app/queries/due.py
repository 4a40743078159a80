"""What is due: the only query that knows."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa

from app.models import PostTarget, db

BATCH = 1000


def due_targets(now: datetime, limit: int = BATCH) -> list[int]:
    """Ids of the targets that the engine has something to do for and that no living worker holds, oldest first."""
    free = sa.or_(PostTarget.lease_until.is_(None), PostTarget.lease_until < now)
    return list(db.session.scalars(
        sa.select(PostTarget.id).where(PostTarget.due_at <= now, free).order_by(PostTarget.due_at).limit(limit)
    ))


def oldest_due_at(now: datetime) -> datetime | None:
    """Since when the engine has had something to do that no living worker holds; None when it is up to date."""
    free = sa.or_(PostTarget.lease_until.is_(None), PostTarget.lease_until < now)
    return db.session.scalar(sa.select(sa.func.min(PostTarget.due_at)).where(PostTarget.due_at <= now, free))
