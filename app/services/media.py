"""Media files: received, probed, kept."""

from __future__ import annotations

from collections.abc import Callable, Container
from dataclasses import dataclass
from pathlib import PurePosixPath, PureWindowsPath
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.domain.errors import DomainError, ErrorKind, Problem, raise_if, refuse
from app.domain.media_rules import MediaKind, PhotoFacts, VideoFacts, photo_problems, video_problems
from app.models import MediaFile, db
from app.services.history import record_event
from app.services.ports import Clock, IncomingFile, MediaProbe, Storage
from app.services.transactions import let_go, writing


@dataclass(frozen=True, slots=True)
class MediaPorts:
    storage: Storage
    probe: MediaProbe
    utcnow: Clock


def keep_media(*, incoming: IncomingFile, name: str, workspace_id: int, actor_id: int, ports: MediaPorts,
               kinds: Container[MediaKind] = tuple(MediaKind), along: Callable[[Session, int], None] | None = None) -> int:
    """Probe an uploaded file and keep it, if it is of one of these kinds; returns the media file's id.

    Content decides, not name or header. Raises DomainError with one problem per reason that TikTok would have
    to refuse it; nothing is kept then. The same bytes uploaded twice are stored once. `along` writes, in the same
    transaction, what shall be true as soon as the file is there.
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
    raise_if(video_problems(facts) if isinstance(facts, VideoFacts) else photo_problems(facts))
    stem = f"{workspace_id}/{incoming.sha256[:2]}/{incoming.sha256}"
    storage_key, poster_key = f"{stem}.{facts.container}", f"{stem}.poster.jpg"
    ports.storage.keep(incoming, storage_key)
    ports.storage.write(poster_key, probe.poster)
    now = ports.utcnow()
    with writing() as session:
        media = MediaFile(
            workspace_id=workspace_id, name=display_name(name), storage_key=storage_key, poster_key=poster_key,
            sha256=incoming.sha256, size_bytes=facts.size_bytes, container=facts.container, width=facts.width, height=facts.height,
            uploaded_by_id=actor_id, created_at=now, **_columns_of_kind(facts),
        )
        session.add(media)
        session.flush()
        record_event(session, "media.uploaded", workspace_id=workspace_id, at=now, actor_id=actor_id, media_file_id=media.id)
        media_id = media.id
        if along is not None:
            along(session, media_id)
    return media_id


def _columns_of_kind(facts: VideoFacts | PhotoFacts) -> dict[str, Any]:
    if isinstance(facts, PhotoFacts):
        return {"kind": MediaKind.PHOTO}
    return {"kind": MediaKind.VIDEO, "codec": facts.codec, "fps": facts.fps, "duration_seconds": facts.duration_seconds}


def load_media(workspace_id: int, media_file_id: int) -> MediaFile:
    """The file, if it is this workspace's. Raises DomainError `media_not_found`."""
    media = db.session.scalar(
        sa.select(MediaFile).where(MediaFile.id == media_file_id, MediaFile.workspace_id == workspace_id)
    )
    if media is None:
        raise refuse("media_not_found", "Choose a video first.", "media", ErrorKind.NOT_FOUND)
    return media


def display_name(name: str) -> str:
    """The last part of whatever path a browser sent, printable and short."""
    last = PurePosixPath(PureWindowsPath(name).name).name
    printable = "".join(c for c in last if c.isprintable()).strip()
    return printable[-200:] or "file"
