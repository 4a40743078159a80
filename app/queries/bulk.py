"""Files of posts that are not done with."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from app.models import BulkImport, User, db


@dataclass(frozen=True, slots=True)
class OpenImport:
    """One file that was not confirmed yet, or whose rows are becoming posts."""

    id: str
    name: str
    author: str
    created_at: datetime
    is_confirmed: bool


def open_imports(workspace_id: int, now: datetime, limit: int = 10) -> list[OpenImport]:
    """The latest ones. One statement, which leaves the rows where they are."""
    statement = (
        sa.select(BulkImport.id, BulkImport.name, User.name, BulkImport.created_at, BulkImport.confirmed_at.is_not(None))
        .join(User, User.id == BulkImport.created_by_id)
        .where(BulkImport.workspace_id == workspace_id, BulkImport.expires_at > now,
               sa.or_(BulkImport.confirmed_at.is_(None), BulkImport.due_at.is_not(None)))
        .order_by(BulkImport.created_at.desc(), BulkImport.id).limit(limit))
    return [OpenImport(*row) for row in db.session.execute(statement)]
