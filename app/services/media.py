"""Media files: received, probed, kept."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath, PureWindowsPath
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.domain.errors import DomainError, ErrorKind, Problem, raise_if, refuse
from app.domain.media_rules import (
    PHOTO_UPLOAD_MAX_BYTES,
    DeclaredFacts,
    MediaKind,
    PhotoFacts,
    VideoFacts,
    declared_problems,
    file_problems,
    is_convertible,
)
from app.models import MediaFile, db
from app.services.history import record_event
from app.services.ports import Clock, FrameTaker, IncomingFile, MediaProbe, PhotoConverter, Probe, Storage
from app.services.storage_quota import check_room_now
from app.services.transactions import let_go, lock_workspace, writing

FRAME_COPY_BYTES = 200_000_000
"""A larger video that lies elsewhere is not fetched for the sake of one frame."""


@dataclass(frozen=True, slots=True)
class MediaPorts:
    storage: Storage
    probe: MediaProbe
    utcnow: Clock
    convert: PhotoConverter
    take_frame: FrameTaker
    quota_bytes: int = 0
    """How much a workspace's files may take together; 0 is no limit."""


def keep_media(*, incoming: IncomingFile, name: str, workspace_id: int, actor_id: int, ports: MediaPorts,
               kinds: Container[MediaKind] = tuple(MediaKind), declared: DeclaredFacts | None = None,
               along: Callable[[Session, int], None] | None = None) -> int:
    """Probe an uploaded file and keep it, if it is of one of these kinds; returns the media file's id.

    Content decides, not name or header. Raises DomainError with one problem per contradiction to what was declared, or per reason
    that TikTok would have to refuse it; nothing is kept then, unless it is a photo that `convert_photo` can mend. The same bytes are
    one file: coming again, they get the id that they have. `along` writes, in the same transaction, what shall be true as soon as
    the file is there.
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
    if declared is not None:
        raise_if(declared_problems(declared, facts, incoming.sha256))
    problems = file_problems(facts)
    if not is_convertible(problems):
        raise_if(problems)
    columns = {**_store(incoming, probe, facts, workspace_id, ports), "name": display_name(name), "uploaded_by_id": actor_id}
    with writing() as session:
        media_id = _known_or_new(session, workspace_id, "media.uploaded", ports, columns)
        if along is not None:
            along(session, media_id)
    return media_id


def convert_photo(media_file_id: int, *, workspace_id: int, actor_id: int, ports: MediaPorts) -> int:
    """A JPEG that TikTok takes, made of a photo that it would refuse; returns the new file's id. The photo stays.

    Asked again, it returns the same file. Raises DomainError: `media_not_found`, `media_ended`, `photo_needs_no_conversion`,
    `photo_not_convertible`, `quota_full`, or what the child says of a photo that it can't decode.
    """
    photo = load_media(workspace_id, media_file_id)
    done = db.session.scalar(sa.select(MediaFile.id).where(MediaFile.original_id == photo.id, MediaFile.ended_at.is_(None)).limit(1))
    if done is not None:
        return done
    _check_convertible(photo)
    about = {"name": f"{PurePosixPath(photo.name).stem[:190]}.jpg", "alt_text": photo.alt_text, "original_id": photo.id,
             "uploaded_by_id": actor_id}
    jpeg = _made_of(photo, ports, PHOTO_UPLOAD_MAX_BYTES, ports.convert)
    check_room_now(workspace_id=workspace_id, size_bytes=len(jpeg), quota_bytes=ports.quota_bytes)
    incoming = ports.storage.incoming()
    try:
        incoming.write(jpeg)
        probe = ports.probe(incoming.local_path)
        if probe.facts is None or file_problems(probe.facts):
            raise refuse("photo_not_convertible", f"{about['name']}: the conversion failed. Export the photo as JPEG.", "media")
        columns = {**_store(incoming, probe, probe.facts, workspace_id, ports), **about}
    finally:
        incoming.close()
    with writing() as session:
        media_id = _known_or_new(session, workspace_id, "media.converted", ports, columns)
    return media_id


def frame_at(media: MediaFile, milliseconds: int, ports: MediaPorts) -> bytes:
    """A JPEG of the frame that a video shows at that moment; the last one for a later moment.

    Raises DomainError: `media_ended`, `frame_of_photo`, and `frame_unavailable` for a large video that would have to be fetched for it.
    """
    if media.kind is not MediaKind.VIDEO:
        raise refuse("frame_of_photo", f"{media.name} is a photo and has no frames. Choose a video.", "media")
    if media.ended_at is not None:
        raise DomainError(post_problems(media))
    return _made_of(media, ports, FRAME_COPY_BYTES, lambda path: ports.take_frame(path, max(0, milliseconds)))


def _made_of(media: MediaFile, ports: MediaPorts, copy_up_to: int, make: Callable[[str], bytes]) -> bytes:
    """What `make` makes of a file's bytes, wherever they lie, without holding the database."""
    key, name = media.storage_key, media.name
    let_go()
    try:
        with ports.storage.local(key, copy_up_to=copy_up_to) as path:
            if path is None:
                raise refuse("frame_unavailable", f"{name} is too large to be fetched for one frame. Choose the cover from its strip.",
                             "media")
            return make(path)
    except FileNotFoundError:
        raise refuse("media_ended", f"The bytes of {name} are gone. Upload it again.", "media", ErrorKind.CONFLICT) from None


def _check_convertible(media: MediaFile) -> None:
    if media.ended_at is not None:
        raise DomainError(post_problems(media), ErrorKind.CONFLICT)
    problems = file_problems(facts_of(media))
    if media.kind is not MediaKind.PHOTO or not is_convertible(problems):
        what = "is a video" if media.kind is MediaKind.VIDEO else "has problems that a conversion can't mend"
        raise refuse("photo_not_convertible", f"{media.name} {what}. Only photos that TikTok could take as JPEG are converted.", "media",
                     ErrorKind.CONFLICT)
    if not problems:
        raise refuse("photo_needs_no_conversion", f"TikTok takes {media.name} as it is. Use it in a post.", "media", ErrorKind.CONFLICT)


def _store(incoming: IncomingFile, probe: Probe, facts: VideoFacts | PhotoFacts, workspace_id: int, ports: MediaPorts) -> dict[str, Any]:
    """Put the bytes and their pictures where they stay; returns the columns that describe them."""
    stem = f"{workspace_id}/{incoming.sha256[:2]}/{incoming.sha256}"
    storage_key, poster_key, strip_key = f"{stem}.{facts.container}", f"{stem}.poster.jpg", f"{stem}.strip.jpg" if probe.strip else None
    ports.storage.keep(incoming, storage_key)
    ports.storage.write(poster_key, probe.poster or b"")
    if strip_key and probe.strip:
        ports.storage.write(strip_key, probe.strip)
    return {"storage_key": storage_key, "poster_key": poster_key, "strip_key": strip_key, "sha256": incoming.sha256,
            "size_bytes": facts.size_bytes, "container": facts.container, "width": facts.width, "height": facts.height,
            "is_rotated": facts.is_rotated, **_columns_of_kind(facts)}


def _known_or_new(session: Session, workspace_id: int, event: str, ports: MediaPorts, columns: dict[str, Any]) -> int:
    """The id of these bytes: the row that has them, or a new one. In a transaction that writes.

    One at a time, so that the same bytes coming twice at once are one file. Raises DomainError `media_changed` when they were
    deleted between being stored again and this lock.
    """
    lock_workspace(session, workspace_id)
    if ports.storage.size(columns["storage_key"]) is None:
        raise refuse("media_changed", "This file was deleted from the library while it arrived. Upload it again.", "media",
                     ErrorKind.CONFLICT)
    known = session.scalar(sa.select(MediaFile.id).where(
        MediaFile.workspace_id == workspace_id, MediaFile.sha256 == columns["sha256"], MediaFile.ended_at.is_(None)))
    if known is not None:
        return known
    original_id = columns.get("original_id")
    if original_id and not session.scalar(sa.select(sa.exists().where(MediaFile.id == original_id, MediaFile.ended_at.is_(None)))):
        raise refuse("media_not_found", "The photo was deleted while it was converted.", "media", ErrorKind.NOT_FOUND)
    now = ports.utcnow()
    media = MediaFile(workspace_id=workspace_id, created_at=now, **columns)
    session.add(media)
    session.flush()
    record_event(session, event, workspace_id=workspace_id, at=now, actor_id=columns["uploaded_by_id"], media_file_id=media.id)
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
