"""Media files: received, probed, kept."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import PurePosixPath, PureWindowsPath
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.domain.errors import DomainError, ErrorKind, Problem, raise_if, refuse
from app.domain.media_rules import MediaKind, PhotoFacts, VideoFacts, file_problems, is_convertible
from app.models import MediaFile, Workspace, db
from app.services.history import record_event
from app.services.ports import Clock, IncomingFile, MediaProbe, Storage
from app.services.transactions import let_go, lock_rows, lock_workspace, writing


@dataclass(frozen=True, slots=True)
class MediaPorts:
    storage: Storage
    probe: MediaProbe
    utcnow: Clock


def keep_media(*, incoming: IncomingFile, name: str, workspace_id: int, actor_id: int, ports: MediaPorts,
               kinds: Container[MediaKind] = tuple(MediaKind), along: Callable[[Session, int], None] | None = None) -> int:
    """Probe an uploaded file and keep it, if it is of one of these kinds; returns the media file's id.

    Content decides, not name or header. Raises DomainError with one problem per reason that TikTok would have
    to refuse it; nothing is kept then, unless it is a photo that `convert` can mend. The same bytes are one file: coming again, they
    get the id that they have. `along` writes, in the same transaction, what shall be true as soon as the file is there.
    """
    let_go()
    if incoming.size_bytes == 0:
        raise refuse("media_empty", "The file is empty. Choose it again.", "media")
    probe = ports.probe(incoming.local_path)
    if probe.facts is None or probe.poster is None:
        raise DomainError(probe.problem or Problem("media_broken", "The file can't be read.", "media"))
    facts = probe.facts
    if (MediaKind.VIDEO if isinstance(facts, VideoFacts) else MediaKind.PHOTO) not in kinds:
        raise refuse("media_wrong_kind", "This is a picture. Choose an MP4, MOV or WebM video.", "media")
    problems = file_problems(facts)
    if not is_convertible(problems):
        raise_if(problems)
    stem = f"{workspace_id}/{incoming.sha256[:2]}/{incoming.sha256}"
    storage_key, poster_key = f"{stem}.{facts.container}", f"{stem}.poster.jpg"
    ports.storage.keep(incoming, storage_key)
    ports.storage.write(poster_key, probe.poster)
    now = ports.utcnow()
    with writing() as session:
        # One at a time, so that the same bytes coming twice at once are one file, and none is deleted as it is recognised.
        lock_rows(session, sa.select(Workspace.id).where(Workspace.id == workspace_id).with_for_update())
        known = session.scalar(sa.select(MediaFile.id).where(
            MediaFile.workspace_id == workspace_id, MediaFile.sha256 == incoming.sha256, MediaFile.ended_at.is_(None)))
        if ports.storage.size(storage_key) is None:  # the same bytes were deleted between being stored again and this lock
            raise refuse("media_changed", "This file was deleted from the library while it arrived. Upload it again.", "media")
        media_id = known or _insert(session, name, storage_key, poster_key, incoming, facts, workspace_id, actor_id, now)
        if along is not None:
            along(session, media_id)
    return media_id


def _insert(session: Session, name: str, storage_key: str, poster_key: str, incoming: IncomingFile, facts: VideoFacts | PhotoFacts,
            workspace_id: int, actor_id: int, now: datetime) -> int:
    media = MediaFile(
        workspace_id=workspace_id, name=display_name(name), storage_key=storage_key, poster_key=poster_key, sha256=incoming.sha256,
        size_bytes=facts.size_bytes, container=facts.container, width=facts.width, height=facts.height, is_rotated=facts.is_rotated,
        uploaded_by_id=actor_id, created_at=now, **_columns_of_kind(facts),
    )
    session.add(media)
    session.flush()
    record_event(session, "media.uploaded", workspace_id=workspace_id, at=now, actor_id=actor_id, media_file_id=media.id)
    return media.id


def _columns_of_kind(facts: VideoFacts | PhotoFacts) -> dict[str, Any]:
    if isinstance(facts, PhotoFacts):
        return {"kind": MediaKind.PHOTO}
    return {"kind": MediaKind.VIDEO, "codec": facts.codec, "fps": facts.fps, "duration_seconds": facts.duration_seconds,
            "audio_codec": facts.audio_codec}


def facts_of(media: MediaFile) -> VideoFacts | PhotoFacts:
    """What the probe found when the file came in."""
    if media.kind is MediaKind.PHOTO:
        return PhotoFacts(media.container, media.width, media.height, media.size_bytes, media.is_rotated)
    return VideoFacts(media.container, media.codec or "", media.width, media.height, media.fps or 0.0, media.duration_seconds or 0.0,
                      media.size_bytes, media.audio_codec, media.is_rotated)


def post_problems(media: MediaFile) -> list[Problem]:
    """Each reason why this file can't be part of a post, with its name."""
    if media.ended_at is not None:
        return [Problem("media_ended", f"{media.name} has been deleted from the library. Upload it again.", "media")]
    return [Problem(problem.code, f"{media.name}: {problem.message}", problem.field) for problem in file_problems(facts_of(media))]


def load_media(workspace_id: int, media_file_id: int) -> MediaFile:
    """The file, if it is this workspace's. Raises DomainError `media_not_found`."""
    media = db.session.scalar(
        sa.select(MediaFile).where(MediaFile.id == media_file_id, MediaFile.workspace_id == workspace_id)
    )
    if media is None:
        raise refuse("media_not_found", "Choose a video first.", "media", ErrorKind.NOT_FOUND)
    return media


def check_live(session: Session, workspace_id: int, media_file_ids: Iterable[int]) -> None:
    """Nobody ends these files before the end of the caller's transaction. Raises DomainError `media_ended` when somebody has."""
    lock_workspace(session, workspace_id)
    wanted = set(media_file_ids)
    live = session.scalars(sa.select(MediaFile.id).where(MediaFile.id.in_(wanted), MediaFile.workspace_id == workspace_id,
                                                         MediaFile.ended_at.is_(None)))
    if wanted != set(live):
        raise refuse("media_ended", "A file of this post was deleted from the library meanwhile. Choose another one, or upload it again.",
                     "media", ErrorKind.CONFLICT)


def display_name(name: str) -> str:
    """The last part of whatever path a browser sent, printable and short."""
    last = PurePosixPath(PureWindowsPath(name).name).name
    printable = "".join(c for c in last if c.isprintable()).strip()
    return printable[-200:] or "file"
