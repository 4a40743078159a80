"""Deleting what has had its use, a little at a time: no batch is long enough to keep a post waiting."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

import sqlalchemy as sa

from app.domain.lifecycle import TargetState
from app.domain.quota import DAY
from app.models import BulkImport, IncomingWebhook, MediaImport, PostTarget, PublishAttempt, db
from app.services.transactions import let_go, writing

log = logging.getLogger(__name__)

BATCH = 500
BATCHES = 20
"""In one run; the next one goes on."""
IMPORTS_KEPT = timedelta(days=30)
"""The library has the file, the history the event; the record only tells who looks back how it went."""
FINISHED = (TargetState.PUBLISHED, TargetState.FAILED, TargetState.MISSED, TargetState.CANCELED)
"""With nothing left to do. A post in doubt keeps its tries: they are all that is known of it."""


def prune_webhooks(*, keep_days: int, now: datetime, batch: int = BATCH) -> int:
    """Delete webhooks older than that; returns how many. TikTok delivers none again after three days."""
    return _prune(IncomingWebhook, [IncomingWebhook.received_at < now - timedelta(days=keep_days)], batch)


def prune_attempts(*, keep_days: int, now: datetime, batch: int = BATCH) -> int:
    """Delete tries older than that whose target is finished; returns how many.

    However little shall be kept, those that TikTok's limits still count stay.
    """
    before = now - max(timedelta(days=keep_days), 2 * DAY)
    finished = sa.select(PostTarget.id).where(PostTarget.state.in_(FINISHED), PostTarget.due_at.is_(None))
    return _prune(PublishAttempt, [PublishAttempt.started_at < before, PublishAttempt.target_id.in_(finished)], batch)


def prune_imports(*, now: datetime, batch: int = BATCH) -> int:
    """Delete the records of imports that ended, well or not, that long ago; the files stay."""
    return _prune(MediaImport, [MediaImport.created_at < now - IMPORTS_KEPT, MediaImport.due_at.is_(None)], batch)


def prune_bulk_imports(*, now: datetime, batch: int = BATCH) -> int:
    """Delete files of posts whose time is over and that nothing is left to do for; returns how many. Their posts stay."""
    return _prune(BulkImport, [BulkImport.expires_at <= now, BulkImport.due_at.is_(None)], batch)


def _prune(model: type[BulkImport | IncomingWebhook | MediaImport | PublishAttempt], condition: list[sa.ColumnElement[bool]],
           batch: int) -> int:
    count = 0
    for _ in range(BATCHES):
        # Found before the transaction that writes: the search may take its time, and on SQLite everybody would wait for it.
        ids = db.session.scalars(sa.select(model.id).where(*condition).order_by(model.id).limit(batch)).all()
        let_go()
        if ids:
            with writing() as session:
                session.execute(sa.delete(model).where(model.id.in_(ids), *condition).execution_options(synchronize_session=False))
        count += len(ids)
        if len(ids) < batch:
            break
    if count:
        log.info("pruned", extra={"table": model.__tablename__, "rows": count})
    return count
