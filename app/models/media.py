"""Uploaded files, probed and stored."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, intpk, short


class MediaFile(Base):
    """A video in our storage, with what the probe found in its bytes."""

    __tablename__ = "media_files"

    id: Mapped[intpk]
    workspace_id: Mapped[int] = mapped_column(sa.ForeignKey("workspaces.id"), index=True)
    name: Mapped[short]
    storage_key: Mapped[short]
    poster_key: Mapped[short]
    sha256: Mapped[str] = mapped_column(sa.String(64))
    size_bytes: Mapped[int] = mapped_column(sa.BigInteger)
    container: Mapped[str] = mapped_column(sa.String(16))
    codec: Mapped[str] = mapped_column(sa.String(16))
    width: Mapped[int]
    height: Mapped[int]
    fps: Mapped[float]
    duration_seconds: Mapped[float]
    uploaded_by_id: Mapped[int] = mapped_column(sa.ForeignKey("users.id"))
    created_at: Mapped[datetime]

    __table_args__ = (
        sa.CheckConstraint("size_bytes > 0", name="size_positive"),
        sa.CheckConstraint("width > 0 AND height > 0 AND fps > 0 AND duration_seconds > 0", name="facts_positive"),
        sa.CheckConstraint("length(sha256) = 64", name="sha256_length"),
    )
