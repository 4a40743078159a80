"""Files on their way in."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, short


class UploadWay(StrEnum):
    """How its bytes come: in pieces by tus, whole by one request to a signed address of ours, or of the bucket's."""

    PIECES = "pieces"
    WHOLE = "whole"
    BUCKET = "bucket"


class Upload(Base):
    """A file on its way in. How much of it is there, only its file says: nothing else is exact after a crash."""

    __tablename__ = "uploads"

    id: Mapped[str] = mapped_column(sa.String(32), primary_key=True)
    """Random: it is the last part of the upload's address."""
    workspace_id: Mapped[int] = mapped_column(sa.ForeignKey("workspaces.id"), index=True)
    owner_id: Mapped[int] = mapped_column(sa.ForeignKey("users.id"))
    way: Mapped[UploadWay] = mapped_column(default=UploadWay.PIECES)
    name: Mapped[short]
    client_metadata: Mapped[str] = mapped_column(sa.String(2000))
    """Upload-Metadata as it was sent; tus wants it back unchanged."""
    size_bytes: Mapped[int] = mapped_column(sa.BigInteger)
    content_type: Mapped[str | None] = mapped_column(sa.String(100))
    """What the one request must say that it brings."""
    declared: Mapped[dict[str, Any] | None] = mapped_column(sa.JSON(none_as_null=True))
    """What its sender says of the file, and it is checked against."""
    received_at: Mapped[datetime | None]
    """When the one request had brought all of it: its address takes nothing more then."""
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
        sa.CheckConstraint("(way = 'pieces') = (content_type IS NULL)", name="type_unless_in_pieces"),
        sa.CheckConstraint("received_at IS NULL OR way = 'whole'", name="received_whole"),
    )
