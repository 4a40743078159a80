"""The append-only history of who did what."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from app.models import Event


def record_event(session: Session, kind: str, *, workspace_id: int, at: datetime, actor_id: int | None = None,
                 post_id: int | None = None, account_id: int | None = None, **data: Any) -> None:
    """Add one event to the caller's transaction; `kind` is `noun.verb`."""
    session.add(Event(kind=kind, workspace_id=workspace_id, created_at=at, actor_id=actor_id,
                      post_id=post_id, account_id=account_id, data=data))
