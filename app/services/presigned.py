"""Uploads by programs, in three steps: ask for an address, PUT the bytes there, confirm what they are.

The address is the permission: it is signed, ends, takes the file once, and only one of the size and type that it was asked for. On
disk it is Oncue's own; with S3 it is the bucket's, and the file is fetched from there when it is confirmed. Until then it is an
`Upload` like those that arrive in pieces: it counts against the quota, and what is not confirmed in time leaves nothing.
"""

from __future__ import annotations

import hmac
import logging
import secrets
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

from app.domain.declared import MIME_TYPES, is_picture, parse_declared
from app.domain.errors import DomainError, ErrorKind, refuse
from app.domain.media_rules import PHOTO_UPLOAD_MAX_BYTES, DeclaredFacts, MediaKind
from app.models import Upload, UploadWay, db
from app.services import uploads
from app.services.media import display_name
from app.services.ports import DirectStorage, PartialFile
from app.services.storage_quota import check_room
from app.services.transactions import let_go, writing
from app.services.uploads import LIFETIME, Progress, UploadPorts

log = logging.getLogger(__name__)

URL_LIFETIME = timedelta(minutes=15)
"""In which a PUT must begin; how long it takes then is its own affair."""
OPEN_AT_ONCE = 200
"""Uploads of one workspace that were asked for and are not confirmed: a program that only asks is stopped here."""
WAYS = (UploadWay.WHOLE, UploadWay.BUCKET)
BUCKET_PREFIX = "uploads/"
BLOCK = 1024 * 1024


@dataclass(frozen=True, slots=True)
class PresignedPorts:
    uploads: UploadPorts
    key: bytes
    """Signs addresses, and nothing else."""
    put_url: Callable[[str, int, str], str]
    """Our own address for an upload's id, its end (seconds since 1970) and its signature."""
    bucket: DirectStorage | None
    """Where files can be sent to directly, if storage is such a place."""


@dataclass(frozen=True, slots=True)
class Ticket:
    """Where to send the bytes: one request with this method and these headers, begun before that moment."""

    upload_id: str
    url: str
    headers: Mapping[str, str]
    expires_at: datetime
    method: str = "PUT"


class Stage(StrEnum):
    """How far a presigned upload is."""

    WAITING = "waiting"
    RECEIVED = "received"
    KEPT = "kept"
    REFUSED = "refused"


def ask(*, name: str, content_type: str, size_bytes: int, declared: Mapping[str, Any], workspace_id: int, actor_id: int,
        ports: PresignedPorts) -> Ticket:
    """Announce a file and get the address for it. Raises DomainError for what could never be taken, before a byte of it was sent."""
    kind = content_type.strip().lower()
    facts = replace(parse_declared(declared), content_type=kind, size_bytes=size_bytes)
    _check_announced(kind, size_bytes, ports.uploads)
    now = ports.uploads.media.utcnow()
    way = UploadWay.WHOLE if ports.bucket is None else UploadWay.BUCKET
    upload_id = secrets.token_hex(16)
    with writing() as session:
        check_room(session, workspace_id=workspace_id, size_bytes=size_bytes, quota_bytes=ports.uploads.quota_bytes)
        is_open = (Upload.workspace_id == workspace_id, Upload.way.in_(WAYS), Upload.expires_at > now, Upload.media_file_id.is_(None),
                   Upload.problems.is_(None))
        if (session.scalar(sa.select(sa.func.count()).select_from(Upload).where(*is_open)) or 0) >= OPEN_AT_ONCE:
            raise refuse("uploads_too_many", f"{OPEN_AT_ONCE} uploads of your workspace were asked for and are not confirmed. Confirm or"
                         " end them first.", kind=ErrorKind.UNAVAILABLE)
        session.add(Upload(id=upload_id, workspace_id=workspace_id, owner_id=actor_id, way=way, name=display_name(name),
                           size_bytes=size_bytes, client_metadata="", content_type=kind, declared=_stored(facts), created_at=now,
                           expires_at=now + LIFETIME))
    return _ticket(upload_id, kind, size_bytes, now + URL_LIFETIME, ports)


def _check_announced(content_type: str, size_bytes: int, ports: UploadPorts) -> None:
    if content_type not in MIME_TYPES:
        raise refuse("upload_type", f"Files of the type {content_type[:100] or '(none)'} are not taken. Send one of"
                     f" {', '.join(MIME_TYPES)}.", "content_type")
    if size_bytes <= 0:
        raise refuse("media_empty", "The file is empty. Choose another.", "size_bytes")
    limit = min(ports.max_bytes, PHOTO_UPLOAD_MAX_BYTES) if is_picture(content_type) else ports.max_bytes
    if size_bytes > limit:
        raise refuse("upload_too_large", f"It has {size_bytes:,} bytes; up to {limit:,} are taken of this type. Export it smaller.",
                     "size_bytes")


def _ticket(upload_id: str, content_type: str, size_bytes: int, expires_at: datetime, ports: PresignedPorts) -> Ticket:
    if ports.bucket is not None:
        url, headers = ports.bucket.presign_put(_key(upload_id), size_bytes=size_bytes, content_type=content_type,
                                                seconds=int(URL_LIFETIME.total_seconds()))
        return Ticket(upload_id, url, headers, expires_at)
    end = int(expires_at.timestamp())
    url = ports.put_url(upload_id, end, _signature(upload_id, end, ports))
    return Ticket(upload_id, url, {"Content-Type": content_type, "Content-Length": str(size_bytes)}, expires_at)


def check_address(upload_id: str, *, expires: str, signature: str, ports: PresignedPorts) -> None:
    """Raises DomainError `upload_url_invalid` or `upload_url_expired`. Asks no database: who guesses costs next to nothing."""
    end = int(expires) if expires.isascii() and expires.isdecimal() and len(expires) < 12 else 0
    if not hmac.compare_digest(signature.encode(), _signature(upload_id, end, ports).encode()):
        raise refuse("upload_url_invalid", "This address was not made by this Oncue, or was changed. Ask for a new one.",
                     kind=ErrorKind.FORBIDDEN)
    if end <= ports.uploads.media.utcnow().timestamp():
        raise refuse("upload_url_expired", "This address has ended. Ask for a new one.", kind=ErrorKind.FORBIDDEN)


def receive(upload_id: str, *, content_type: str, size_bytes: int | None, blocks: Iterable[bytes], ports: PresignedPorts) -> None:
    """Take the file of an upload whose address was checked: all of it, once, or nothing.

    Raises DomainError `upload_url_used`, `upload_type_differs`, `upload_length_missing`, `upload_size_differs`, `upload_busy`, or
    `upload_incomplete` when the connection ended too early: it may be sent again then, from its beginning.
    """
    try:
        _receive(upload_id, content_type, size_bytes, blocks, ports)
    except OSError as error:
        raise _storage_failed(upload_id, error, "The file could not be written; the disk may be full. Send it again later.") from error


def _receive(upload_id: str, content_type: str, size_bytes: int | None, blocks: Iterable[bytes], ports: PresignedPorts) -> None:
    with uploads.held(upload_id, None, ports.uploads, (UploadWay.WHOLE,)) as (upload, file):
        if upload.received_at is not None or upload.is_over:
            raise refuse("upload_url_used", "This address has taken its file already. Ask for a new one for another file.",
                         kind=ErrorKind.CONFLICT)
        _check_sent(upload, content_type, size_bytes)
        try:
            file.restart()  # what an interrupted request has left
            uploads.write_blocks(file, blocks, upload.size_bytes)
            if file.size_bytes < upload.size_bytes:
                raise refuse("upload_incomplete", f"Only {file.size_bytes:,} of {upload.size_bytes:,} bytes arrived. Send it again.")
        except BaseException:  # whatever ended it, the next request begins with nothing: half a file must never pass for a whole one
            file.restart()
            raise
        file.sync()
        now = ports.uploads.media.utcnow()
        uploads.note(upload.id, received_at=now, expires_at=now + LIFETIME)


def _check_sent(upload: Progress, content_type: str, size_bytes: int | None) -> None:
    if content_type.strip().lower() != upload.content_type:
        raise refuse("upload_type_differs", f"The address is for {upload.content_type}, and this is {content_type[:100] or 'nothing'}."
                     " Send the header Content-Type as it was given.", "content_type")
    if size_bytes is None:
        raise refuse("upload_length_missing", "Send the header Content-Length, and the file in one piece.", "size_bytes")
    if size_bytes != upload.size_bytes:
        raise refuse("upload_size_differs", f"The address is for {upload.size_bytes:,} bytes, and this has {size_bytes:,}. Ask for a"
                     " new one.", "size_bytes")


def confirm(upload_id: str, *, declared: Mapping[str, Any], workspace_id: int, ports: PresignedPorts) -> Progress:
    """Look at what has arrived and keep it; the upload has the media file's id then, or the problems that it has.

    Confirming again gives the same result. Raises DomainError `upload_not_received`, `upload_busy`, `upload_object_differs` (on S3,
    if its server did not check) or `storage_unavailable`; none of these is the end.
    """
    facts = parse_declared(declared)
    try:
        with uploads.held(upload_id, workspace_id, ports.uploads, WAYS) as (upload, file):
            if not upload.is_over:
                _collect(upload, file, ports)
                uploads.finish(_declaring(upload, facts), file, tuple(MediaKind), ports.uploads)
                uploads.note(upload_id, expires_at=ports.uploads.media.utcnow() + LIFETIME)
                _forget_object(upload, ports)
    except OSError as error:
        raise _storage_failed(upload_id, error, "The storage does not answer. Nothing was lost; confirm again in a minute.") from error
    return look_at(upload_id, workspace_id=workspace_id, ports=ports)[0]


def look_at(upload_id: str, *, workspace_id: int, ports: PresignedPorts) -> tuple[Progress, Stage]:
    """The upload and how far it is. Raises DomainError `upload_not_found` or `upload_expired`."""
    upload = uploads.load_upload(upload_id, workspace_id, ports.uploads, WAYS)
    if upload.is_over:
        return upload, Stage.KEPT if upload.media_file_id is not None else Stage.REFUSED
    is_there = upload.received_at is not None or (
        upload.way is UploadWay.BUCKET and ports.bucket is not None and ports.bucket.size(_key(upload_id)) is not None)
    return upload, Stage.RECEIVED if is_there else Stage.WAITING


def end(upload_id: str, *, workspace_id: int, ports: PresignedPorts) -> None:
    """Forget an upload and what arrived of it; what it has become stays."""
    upload = uploads.load_upload(upload_id, workspace_id, ports.uploads, WAYS)
    uploads.end_upload(upload_id, workspace_id=workspace_id, ports=ports.uploads, ways=WAYS)
    _forget_object(upload, ports)


def sweep_bucket(ports: PresignedPorts) -> int:
    """Delete what was sent to the bucket and belongs to no upload that waits for it; returns how many."""
    if ports.bucket is None:
        return 0
    # Listed before the rows are: an upload has its row before its object.
    keys = list(ports.bucket.keys_below(BUCKET_PREFIX))
    waiting = set(db.session.scalars(sa.select(Upload.id).where(
        Upload.way == UploadWay.BUCKET, Upload.media_file_id.is_(None), Upload.problems.is_(None),
        Upload.expires_at > ports.uploads.media.utcnow())))
    let_go()
    orphans = [key for key in keys if key.removeprefix(BUCKET_PREFIX) not in waiting]
    for key in orphans:
        ports.bucket.delete(key)
    return len(orphans)


def _collect(upload: Progress, file: PartialFile, ports: PresignedPorts) -> None:
    """Make sure that all of the file is here."""
    if upload.way is UploadWay.WHOLE:
        if upload.received_at is None:
            raise _not_received()
        return
    bucket, key = ports.bucket, _key(upload.id)
    size = None if bucket is None else bucket.size(key)
    if bucket is None or size is None:
        raise _not_received()
    if size != upload.size_bytes:
        bucket.delete(key)
        raise refuse("upload_object_differs", f"The address was for {upload.size_bytes:,} bytes, and {size:,} were sent. Send it again, or"
                     " ask for a new one.", "size_bytes", ErrorKind.CONFLICT)
    file.restart()
    with bucket.open(key) as source:
        uploads.write_blocks(file, iter(lambda: source.read(BLOCK), b""), upload.size_bytes)
    file.sync()


def _storage_failed(upload_id: str, error: OSError, text: str) -> DomainError:
    log.error("storage failed", exc_info=error, extra={"upload": upload_id})
    return refuse("storage_unavailable", text, kind=ErrorKind.UNAVAILABLE)


def _not_received() -> DomainError:
    return refuse("upload_not_received", "The file has not arrived. Send it to the address that was given, then confirm.",
                  kind=ErrorKind.CONFLICT)


def _forget_object(upload: Progress, ports: PresignedPorts) -> None:
    """What is not deleted here because the bucket can't be asked is swept later."""
    if upload.way is UploadWay.BUCKET and ports.bucket is not None:
        try:
            ports.bucket.delete(_key(upload.id))
        except OSError:
            log.warning("not deleted from the bucket", extra={"upload": upload.id})


def _declaring(upload: Progress, facts: DeclaredFacts) -> Progress:
    """What is said last counts."""
    said = _stored(facts)
    return replace(upload, declared=replace(upload.declared or DeclaredFacts(), **said))


def _stored(facts: DeclaredFacts) -> dict[str, Any]:
    return {name: value for name, value in asdict(facts).items() if value is not None}


def _key(upload_id: str) -> str:
    return f"{BUCKET_PREFIX}{upload_id}"


def _signature(upload_id: str, expires: int, ports: PresignedPorts) -> str:
    # Size and type are bound by the upload's row, which never changes.
    return hmac.new(ports.key, f"PUT {upload_id} {expires}".encode(), "sha256").hexdigest()
