"""Connected TikTok creators."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, intpk, short


class Connection(StrEnum):
    CONNECTED = "connected"
    NEEDS_RECONNECT = "needs_reconnect"
    DISCONNECTED = "disconnected"


class TikTokAccount(Base):
    """A creator who let this workspace post. Disconnecting forgets the tokens and keeps the history."""

    __tablename__ = "tiktok_accounts"

    id: Mapped[intpk]
    workspace_id: Mapped[int] = mapped_column(sa.ForeignKey("workspaces.id"))
    open_id: Mapped[short]
    username: Mapped[short]
    nickname: Mapped[short]
    avatar_key: Mapped[short | None]
    scopes: Mapped[list[str]]
    connection: Mapped[Connection]
    access_token_sealed: Mapped[str | None] = mapped_column(sa.Text)
    refresh_token_sealed: Mapped[str | None] = mapped_column(sa.Text)
    access_expires_at: Mapped[datetime | None]
    refresh_expires_at: Mapped[datetime | None]
    refresh_lease_until: Mapped[datetime | None]
    connected_at: Mapped[datetime]
    # The latest consent: an end of authorisation that TikTok dates before it is over and done with.
    authorized_at: Mapped[datetime]

    __table_args__ = (
        sa.UniqueConstraint("workspace_id", "open_id"),
        sa.CheckConstraint(
            "(connection = 'disconnected') = (access_token_sealed IS NULL)", name="tokens_while_connected"
        ),
        sa.CheckConstraint(
            "(access_token_sealed IS NULL) = (refresh_token_sealed IS NULL)"
            " AND (access_token_sealed IS NULL) = (access_expires_at IS NULL)",
            name="tokens_together",
        ),
    )
