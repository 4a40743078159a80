"""How much a workspace's files may take together."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.domain.errors import refuse
from app.models import MediaFile, Upload, Workspace
from app.services.transactions import lock_rows, writing


def check_room(session: Session, *, workspace_id: int, size_bytes: int, quota_bytes: int) -> None:
    """Raises DomainError `quota_full` when that many bytes more are too many. Uploads on their way count as whole.

    Inside a transaction that writes, nothing else is let in before its end.
    """
    if not quota_bytes:
        return
    lock_rows(session, sa.select(Workspace.id).where(Workspace.id == workspace_id).with_for_update())
    # The same bytes are one file; those of an ended one are gone.
    stored = sa.select(sa.func.coalesce(sa.func.sum(MediaFile.size_bytes), 0)).where(
        MediaFile.workspace_id == workspace_id, MediaFile.ended_at.is_(None))
    coming = sa.select(sa.func.coalesce(sa.func.sum(Upload.size_bytes), 0)).where(
        Upload.workspace_id == workspace_id, Upload.media_file_id.is_(None), Upload.problems.is_(None))
    used = int(session.scalar(stored) or 0) + int(session.scalar(coming) or 0)
    if used + size_bytes > quota_bytes:
        left = max(quota_bytes - used, 0)
        raise refuse("quota_full", f"Your workspace may keep {quota_bytes / 1e9:.3g} GB and has {left / 1e9:.3g} GB left."
                     " Choose a smaller file.", "media")


def check_room_now(*, workspace_id: int, size_bytes: int, quota_bytes: int) -> None:
    """The same for a file that is here already; it holds no room until it is kept."""
    with writing() as session:
        check_room(session, workspace_id=workspace_id, size_bytes=size_bytes, quota_bytes=quota_bytes)
