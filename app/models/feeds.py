"""Calendars that other programs subscribe to."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, intpk


class CalendarFeed(Base):
    """What one secret address shows: the posts of an account, or of all.

    The address is this row's id, signed; nothing secret is stored, and an address ends with its row's `revoked_at`.
    """

    __tablename__ = "calendar_feeds"

    id: Mapped[intpk]
    workspace_id: Mapped[int] = mapped_column(sa.ForeignKey("workspaces.id"), index=True)
    account_id: Mapped[int | None] = mapped_column(sa.ForeignKey("tiktok_accounts.id"))
    created_by_id: Mapped[int] = mapped_column(sa.ForeignKey("users.id"))
    created_at: Mapped[datetime]
    last_read_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
