"""Files, probed and stored, and those that are fetched from the web."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.domain.media_rules import MediaKind
from app.domain.search import fold
from app.models.base import Base, intpk, one_of, short


def searchable(name: str, alt_text: str) -> str:
    """What a file's `search_text` has to be: written together with its name and its alt text."""
    return fold(f"{name}\n{alt_text}")


def _search_text(context: Any) -> str:
    given = context.get_current_parameters()
    return searchable(given["name"], given.get("alt_text") or "")


class MediaFile(Base):
    """A video or a photo in our storage, with what the probe found in its bytes.

    `ended_at` says that its bytes are gone; the row and its poster stay for the posts that showed it.
    """

    __tablename__ = "media_files"

    id: Mapped[intpk]
    workspace_id: Mapped[int] = mapped_column(sa.ForeignKey("workspaces.id"), index=True)
    kind: Mapped[MediaKind]
    name: Mapped[short]
    storage_key: Mapped[short]
    poster_key: Mapped[short]
    strip_key: Mapped[short | None]
    """One picture of frames at even distances through a video, side by side: what the cover picker shows."""
    sha256: Mapped[str] = mapped_column(sa.String(64))
    size_bytes: Mapped[int] = mapped_column(sa.BigInteger)
    container: Mapped[str] = mapped_column(sa.String(16))
    codec: Mapped[str | None] = mapped_column(sa.String(16))
    width: Mapped[int]
    height: Mapped[int]
    fps: Mapped[float | None]
    duration_seconds: Mapped[float | None]
    audio_codec: Mapped[str | None] = mapped_column(sa.String(16))
    is_rotated: Mapped[bool] = mapped_column(default=False)
    """Whether it lies otherwise in its bytes than it is shown; width and height are as shown."""
    original_id: Mapped[int | None] = mapped_column(sa.ForeignKey("media_files.id"), index=True)
    """The photo that this one was converted from."""
    alt_text: Mapped[str] = mapped_column(sa.String(1000), default="")
    search_text: Mapped[str] = mapped_column(sa.Text, default=_search_text)
    """Name and alt text as they are searched and sorted: see `searchable`."""
    uploaded_by_id: Mapped[int] = mapped_column(sa.ForeignKey("users.id"))
    created_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]

    __table_args__ = (
        # The same bytes are one file, however often they come.
        sa.Index("uq_media_files_workspace_id_sha256", "workspace_id", "sha256", unique=True,
                 sqlite_where=sa.text("ended_at IS NULL"), postgresql_where=sa.text("ended_at IS NULL")),
        sa.Index("ix_media_files_workspace_id_created_at", "workspace_id", "created_at"),
        sa.CheckConstraint("size_bytes > 0", name="size_positive"),
        sa.CheckConstraint("width > 0 AND height > 0 AND (fps IS NULL OR fps > 0) AND (duration_seconds IS NULL OR duration_seconds > 0)",
                           name="facts_positive"),
        sa.CheckConstraint(
            "(kind = 'video') = (codec IS NOT NULL) AND (kind = 'video') = (fps IS NOT NULL)"
            " AND (kind = 'video') = (duration_seconds IS NOT NULL) AND (kind = 'video' OR (audio_codec IS NULL AND strip_key IS NULL))",
            name="facts_of_kind"),
        sa.CheckConstraint("original_id <> id", name="original_is_another"),
        sa.CheckConstraint("length(sha256) = 64", name="sha256_length"),
    )


class ImportState(StrEnum):
    QUEUED = "queued"
    FETCHING = "fetching"
    DONE = "done"
    FAILED = "failed"


UNFINISHED = (ImportState.QUEUED, ImportState.FETCHING)


class MediaImport(Base):
    """A file on its way from a web address into our storage.

    `due_at` and the lease are as a target's: who holds the lease may write, and an expired one is taken over.
    `tries` counts what was begun, so that a file which kills its worker is not fetched for ever.
    """

    __tablename__ = "media_imports"

    id: Mapped[intpk]
    workspace_id: Mapped[int] = mapped_column(sa.ForeignKey("workspaces.id"))
    url: Mapped[str] = mapped_column(sa.Text)
    state: Mapped[ImportState] = mapped_column(default=ImportState.QUEUED)
    version: Mapped[str | None] = mapped_column(sa.String(300))
    """What the server calls the version of the file that has arrived in part: another try goes on with the same, or begins anew."""
    received_bytes: Mapped[int] = mapped_column(sa.BigInteger, default=0)
    total_bytes: Mapped[int | None] = mapped_column(sa.BigInteger)
    problem_code: Mapped[str | None] = mapped_column(sa.String(64))
    problem_text: Mapped[str | None] = mapped_column(sa.Text)
    media_file_id: Mapped[int | None] = mapped_column(sa.ForeignKey("media_files.id"))
    created_by_id: Mapped[int] = mapped_column(sa.ForeignKey("users.id"))
    created_at: Mapped[datetime]
    due_at: Mapped[datetime | None]
    lease_until: Mapped[datetime | None]
    lease_token: Mapped[str | None] = mapped_column(sa.String(32))
    tries: Mapped[int] = mapped_column(default=0)

    __table_args__ = (
        # The beat's query: only what is unfinished is in here.
        sa.Index("ix_media_imports_due_at", "due_at", sqlite_where=sa.text("due_at IS NOT NULL"),
                 postgresql_where=sa.text("due_at IS NOT NULL")),
        sa.Index("ix_media_imports_workspace_id_created_at", "workspace_id", "created_at"),
        sa.CheckConstraint(f"({one_of('state', UNFINISHED)}) = (due_at IS NOT NULL)", name="unfinished_has_due_at"),
        sa.CheckConstraint("(state = 'done') = (media_file_id IS NOT NULL)", name="done_has_file"),
        sa.CheckConstraint("state != 'failed' OR (problem_code IS NOT NULL AND problem_text IS NOT NULL)", name="failure_has_reason"),
        sa.CheckConstraint("(lease_until IS NULL) = (lease_token IS NULL)", name="lease_whole"),
        sa.CheckConstraint("received_bytes >= 0 AND (total_bytes IS NULL OR total_bytes >= 0)", name="bytes_not_negative"),
    )
