"""Files on their way from the web, as people and programs see them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from app.models import ImportState, MediaImport, db
from app.queries.due import IMPORTS_AT_ONCE, others_being_fetched


@dataclass(frozen=True, slots=True)
class ImportView:
    """An import as it is now. `waits_for_others`: its turn comes when others of its workspace are through."""

    id: int
    url: str
    state: ImportState
    received_bytes: int
    total_bytes: int | None
    problem_code: str | None
    problem_text: str | None
    media_file_id: int | None
    created_at: datetime
    due_at: datetime | None
    waits_for_others: bool


@dataclass(frozen=True, slots=True)
class Waiting:
    """Imports of everybody that are due and that nobody works on, and since when the first of them is."""

    count: int
    oldest_at: datetime | None


def load_import(workspace_id: int, import_id: int, now: datetime) -> ImportView | None:
    """The import, if it is this workspace's."""
    row = db.session.execute(
        sa.select(MediaImport.id, MediaImport.url, MediaImport.state, MediaImport.received_bytes, MediaImport.total_bytes,
                  MediaImport.problem_code, MediaImport.problem_text, MediaImport.media_file_id, MediaImport.created_at,
                  MediaImport.due_at,
                  sa.and_(MediaImport.state == ImportState.QUEUED, MediaImport.due_at <= now,
                          others_being_fetched(now) >= IMPORTS_AT_ONCE))
        .where(MediaImport.id == import_id, MediaImport.workspace_id == workspace_id)).one_or_none()
    return None if row is None else ImportView(*row[:10], waits_for_others=bool(row[10]))


def waiting_imports(now: datetime) -> Waiting:
    """What waits for a worker, or for others of its workspace."""
    unheld = sa.or_(MediaImport.lease_until.is_(None), MediaImport.lease_until < now)
    row = db.session.execute(sa.select(sa.func.count(), sa.func.min(MediaImport.due_at)).where(MediaImport.due_at <= now, unheld)).one()
    return Waiting(row[0], row[1])
