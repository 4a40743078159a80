"""Media files: received, probed, kept."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath, PureWindowsPath

import sqlalchemy as sa

from app.domain.errors import DomainError, ErrorKind, Problem, raise_if, refuse
from app.domain.media_rules import video_problems
from app.models import MediaFile, db
from app.services.history import record_event
from app.services.ports import Clock, IncomingFile, MediaProbe, Storage
from app.services.transactions import let_go, writing


@dataclass(frozen=True, slots=True)
class MediaPorts:
    storage: Storage
    probe: MediaProbe
    utcnow: Clock


def keep_video(*, incoming: IncomingFile, name: str, workspace_id: int, actor_id: int, ports: MediaPorts) -> int:
    """Probe an uploaded file and keep it; returns the media file's id.

    Content decides, not name or header. Raises DomainError with one problem per reason that TikTok would have
    to refuse it; nothing is kept then. The same bytes uploaded twice are stored once.
    """
    let_go()
    if incoming.size_bytes == 0:
        raise refuse("video_empty", "The file is empty. Choose the video again.", "media")
    probe = ports.probe(incoming.local_path)
    if probe.facts is None or probe.poster is None:
        raise DomainError(probe.problem or Problem("video_broken", "The file can't be read.", "media"))
    raise_if(video_problems(probe.facts))
    stem = f"{workspace_id}/{incoming.sha256[:2]}/{incoming.sha256}"
    storage_key, poster_key = f"{stem}.{probe.facts.container}", f"{stem}.poster.jpg"
    ports.storage.keep(incoming, storage_key)
    ports.storage.write(poster_key, probe.poster)
    now = ports.utcnow()
    with writing() as session:
        media = MediaFile(
            workspace_id=workspace_id, name=display_name(name), storage_key=storage_key, poster_key=poster_key,
            sha256=incoming.sha256, size_bytes=probe.facts.size_bytes, container=probe.facts.container,
            codec=probe.facts.codec, width=probe.facts.width, height=probe.facts.height, fps=probe.facts.fps,
            duration_seconds=probe.facts.duration_seconds, uploaded_by_id=actor_id, created_at=now,
        )
        session.add(media)
        session.flush()
        record_event(session, "media.uploaded", workspace_id=workspace_id, at=now, actor_id=actor_id, media_file_id=media.id)
        media_id = media.id
    return media_id


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
    return printable[-200:] or "video"
