"""The append-only history of who did what."""

from __future__ import annotations

from datetime import datetime
from typing import Any, cast

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.models import Event

INSERT = sa.insert(cast(sa.Table, Event.__table__))


def record_event(session: Session, kind: str, *, workspace_id: int, at: datetime, actor_id: int | None = None,
                 post_id: int | None = None, account_id: int | None = None, **data: Any) -> None:
    """Add one event to the caller's transaction; `kind` is `noun.verb`."""
    session.flush()  # what the event points at may be new
    session.execute(INSERT, {"kind": kind, "workspace_id": workspace_id, "created_at": at, "actor_id": actor_id, "post_id": post_id,
                             "account_id": account_id, "data": data})
