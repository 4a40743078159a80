"""Files on their way in."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, short


class Upload(Base):
    """A file that arrives in pieces. How much of it is there, only its file says: nothing else is exact after a crash."""

    __tablename__ = "uploads"

    id: Mapped[str] = mapped_column(sa.String(32), primary_key=True)
    """Random: it is the last part of the upload's address."""
    workspace_id: Mapped[int] = mapped_column(sa.ForeignKey("workspaces.id"), index=True)
    owner_id: Mapped[int] = mapped_column(sa.ForeignKey("users.id"))
    name: Mapped[short]
    client_metadata: Mapped[str] = mapped_column(sa.String(2000))
    """Upload-Metadata as it was sent; tus wants it back unchanged."""
    size_bytes: Mapped[int] = mapped_column(sa.BigInteger)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)
    media_file_id: Mapped[int | None] = mapped_column(sa.ForeignKey("media_files.id"))
    """What it became."""
    problems: Mapped[list[dict[str, Any]] | None] = mapped_column(sa.JSON(none_as_null=True))
    """Why it became nothing."""

    __table_args__ = (
        sa.CheckConstraint("size_bytes > 0", name="size_positive"),
        sa.CheckConstraint("length(id) = 32", name="id_length"),
        sa.CheckConstraint("media_file_id IS NULL OR problems IS NULL", name="one_result"),
    )
