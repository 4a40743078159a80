"""Uploads that survive: what arrived stays, and the next request goes on where the file ends."""

from __future__ import annotations

import base64
import binascii
import hashlib
import logging
import secrets
from collections.abc import Collection, Container, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.domain.errors import DomainError, ErrorKind, Problem, refuse
from app.domain.media_rules import DeclaredFacts, MediaKind
from app.models import Upload, UploadWay, db
from app.services.media import MediaPorts, display_name, keep_media
from app.services.ports import IncomingFile, PartialFile, Partials
from app.services.storage_quota import check_room
from app.services.transactions import let_go, writing

log = logging.getLogger(__name__)

LIFETIME = timedelta(hours=24)
"""Until an upload that nothing more arrives of is given up."""
COPY_BYTES = 1_000_000
CHECKSUMS = ("sha1", "sha256", "sha512")
EXPIRED_AT_ONCE = 500
IN_PIECES = (UploadWay.PIECES,)


@dataclass(frozen=True, slots=True)
class UploadPorts:
    media: MediaPorts
    partials: Partials
    max_bytes: int
    quota_bytes: int


@dataclass(frozen=True, slots=True)
class Progress:
    """An upload as it is now."""

    id: str
    workspace_id: int
    owner_id: int
    way: UploadWay
    name: str
    client_metadata: str
    size_bytes: int
    content_type: str | None
    declared: DeclaredFacts | None
    received_at: datetime | None
    created_at: datetime
    expires_at: datetime
    media_file_id: int | None
    problems: tuple[Problem, ...]
    offset: int

    @property
    def is_over(self) -> bool:
        return self.media_file_id is not None or bool(self.problems)


def begin_upload(*, size_bytes: int, name: str, client_metadata: str, workspace_id: int, actor_id: int, ports: UploadPorts) -> Progress:
    """Announce a file of that size. Raises DomainError when it can't be taken, before a byte of it was sent."""
    if size_bytes == 0:
        raise refuse("media_empty", "The file is empty. Choose it again.", "media")
    if size_bytes > ports.max_bytes:
        raise refuse("upload_too_large", f"The file is larger than this Oncue takes, {ports.max_bytes / 1e9:.3g} GB."
                     " Export the video with a lower bit rate.", "media")
    now = ports.media.utcnow()
    upload_id = secrets.token_hex(16)
    with writing() as session:
        check_room(session, workspace_id=workspace_id, size_bytes=size_bytes, quota_bytes=ports.quota_bytes)
        session.add(Upload(id=upload_id, workspace_id=workspace_id, owner_id=actor_id, name=display_name(name), size_bytes=size_bytes,
                           client_metadata=client_metadata, created_at=now, expires_at=now + LIFETIME))
    return load_upload(upload_id, workspace_id, ports)


def load_upload(upload_id: str, workspace_id: int | None, ports: UploadPorts, ways: Collection[UploadWay] = IN_PIECES) -> Progress:
    """How far it is. Raises DomainError `upload_not_found` or `upload_expired`. No workspace: its sender has proved to be sent by it."""
    mine = () if workspace_id is None else (Upload.workspace_id == workspace_id,)
    row = db.session.scalar(sa.select(Upload).where(Upload.id == upload_id, Upload.way.in_(ways), *mine))
    if row is not None:
        db.session.expunge(row)
    let_go()
    if row is None:
        raise refuse("upload_not_found", "This upload does not exist any more. Choose the file again.", "media", ErrorKind.NOT_FOUND)
    if row.expires_at <= ports.media.utcnow():
        raise refuse("upload_expired", "This upload waited for too long. Choose the file again.", "media", ErrorKind.NOT_FOUND)
    problems = tuple(Problem(**problem) for problem in row.problems or ())
    is_over = row.media_file_id is not None or bool(problems)
    return Progress(
        id=row.id, workspace_id=row.workspace_id, owner_id=row.owner_id, way=row.way, name=row.name, client_metadata=row.client_metadata,
        size_bytes=row.size_bytes, content_type=row.content_type, declared=DeclaredFacts(**row.declared) if row.declared else None,
        received_at=row.received_at, created_at=row.created_at, expires_at=row.expires_at, media_file_id=row.media_file_id,
        problems=problems, offset=row.size_bytes if is_over else ports.partials.size(row.id))


def append_bytes(upload_id: str, *, workspace_id: int, offset: int, blocks: Iterable[bytes], checksum: tuple[str, bytes] | None,
                 kinds: Container[MediaKind], ports: UploadPorts) -> Progress:
    """Add what arrives to the end, and keep the file when it is whole.

    `blocks` may end early: what came until then stays, on disk when this returns. With a checksum only what is whole and right
    stays. Raises DomainError `upload_offset`, `upload_busy`, `upload_too_long` or `upload_checksum`.
    """
    with held(upload_id, workspace_id, ports) as (upload, file):
        if offset != upload.offset:
            raise refuse("upload_offset", f"The next byte is number {upload.offset}.", kind=ErrorKind.CONFLICT)
        if upload.is_over:
            return upload
        try:
            if checksum is None:
                write_blocks(file, blocks, upload.size_bytes)
            else:
                _append_checked(file, blocks, upload.size_bytes, checksum, ports)
        finally:
            file.sync()
            _renew(upload_id, ports)
        if file.size_bytes == upload.size_bytes:
            finish(upload, file, kinds, ports)
    return load_upload(upload_id, workspace_id, ports)


def finished_upload(upload_id: str, *, workspace_id: int, kinds: Container[MediaKind], ports: UploadPorts) -> Progress:
    """The upload with its result, if it is whole.

    Makes the result when the process that took the last byte was killed before it had. Raises DomainError `upload_busy`
    while somebody is at it.
    """
    upload = load_upload(upload_id, workspace_id, ports)
    if upload.is_over or upload.offset < upload.size_bytes:
        return upload
    with held(upload_id, workspace_id, ports) as (upload, file):
        if not upload.is_over:
            finish(upload, file, kinds, ports)
    return load_upload(upload_id, workspace_id, ports)


def end_upload(upload_id: str, *, workspace_id: int, ports: UploadPorts, ways: Collection[UploadWay] = IN_PIECES) -> None:
    """Forget an upload and what arrived of it; what it has become stays. Raises DomainError `upload_busy`."""
    with held(upload_id, workspace_id, ports, ways):
        _remove(upload_id, ports)


def expire_uploads(ports: UploadPorts) -> int:
    """Remove the uploads whose time is over, and files whose upload is gone; returns how many."""
    ids = db.session.scalars(sa.select(Upload.id).where(Upload.expires_at <= ports.media.utcnow()).limit(EXPIRED_AT_ONCE)).all()
    # Listed before the rows are: an upload has its row before its file.
    files = ports.partials.ids()
    orphans = set(files) - set(db.session.scalars(sa.select(Upload.id).where(Upload.id.in_(files))))
    let_go()
    removed = 0
    for upload_id in {*ids, *orphans}:
        try:
            file = ports.partials.hold(upload_id)
        except BlockingIOError:
            continue  # it is arriving: slowly, but its time begins anew with the end of this request
        try:
            _remove(upload_id, ports, unless_renewed=True)
            removed += 1
        finally:
            file.close()
    if removed:
        log.info("uploads expired", extra={"count": removed})
    return removed


@contextmanager
def held(upload_id: str, workspace_id: int | None, ports: UploadPorts,
         ways: Collection[UploadWay] = IN_PIECES) -> Iterator[tuple[Progress, PartialFile]]:
    """The upload with its file, for one request at a time. Raises DomainError `upload_busy`."""
    load_upload(upload_id, workspace_id, ports, ways)
    try:
        file = ports.partials.hold(upload_id)
    except BlockingIOError:
        raise refuse("upload_busy", "Another request is sending this file.", kind=ErrorKind.CONFLICT) from None
    try:
        upload = load_upload(upload_id, workspace_id, ports, ways)  # whoever had it until now may have finished or removed it
        yield upload, file
        if upload.is_over:
            ports.partials.discard(upload_id)
    except DomainError as error:
        if error.kind is ErrorKind.NOT_FOUND:
            ports.partials.discard(upload_id)  # made by holding it
        raise
    finally:
        file.close()


def write_blocks(file: IncomingFile, blocks: Iterable[bytes], size_bytes: int) -> None:
    """Add what arrives, up to that size. Raises DomainError `upload_too_long`."""
    for block in blocks:
        if file.size_bytes + len(block) > size_bytes:
            raise refuse("upload_too_long", "More arrived than was announced. Choose the file again.", "media")
        file.write(block)


def _append_checked(file: IncomingFile, blocks: Iterable[bytes], size_bytes: int, checksum: tuple[str, bytes], ports: UploadPorts) -> None:
    """Bytes wait beside until they are known to be right: an upload's file holds no others, even if this process is killed."""
    algorithm, expected = checksum
    digest = hashlib.new(algorithm, usedforsecurity=False)
    beside = ports.media.storage.incoming()
    try:
        for block in blocks:
            if file.size_bytes + beside.size_bytes + len(block) > size_bytes:
                raise refuse("upload_too_long", "More arrived than was announced. Choose the file again.", "media")
            digest.update(block)
            beside.write(block)
        if digest.digest() != expected:
            raise refuse("upload_checksum", "What arrived is not what was sent. It is sent again.", "media")
        with open(beside.local_path, "rb") as checked:  # noqa: PTH123 a path as the Protocol gives it
            while block := checked.read(COPY_BYTES):
                file.write(block)
    finally:
        beside.close()


def parse_checksum(header: str) -> tuple[str, bytes] | None:
    """Algorithm and digest of an Upload-Checksum, or None when it is neither known nor well-formed."""
    algorithm, _, encoded = header.partition(" ")
    if algorithm not in CHECKSUMS:
        return None
    try:
        return algorithm, base64.b64decode(encoded, validate=True)
    except binascii.Error:
        return None


def _renew(upload_id: str, ports: UploadPorts) -> None:
    note(upload_id, expires_at=ports.media.utcnow() + LIFETIME)


def note(upload_id: str, **columns: Any) -> None:
    """Write columns of an upload, in a transaction of its own."""
    with writing() as session:
        _note(session, upload_id, **columns)


def _note(session: Session, upload_id: str, **columns: Any) -> None:
    session.execute(sa.update(Upload).where(Upload.id == upload_id).values(**columns))


def finish(upload: Progress, file: IncomingFile, kinds: Container[MediaKind], ports: UploadPorts) -> None:
    """Make the result of a file that is whole, and keep it with the upload, whichever it is."""
    try:
        keep_media(incoming=file, name=upload.name, workspace_id=upload.workspace_id, actor_id=upload.owner_id, ports=ports.media,
                   kinds=kinds, declared=upload.declared, along=lambda session, media_id: _note(session, upload.id, media_file_id=media_id))
    except DomainError as error:
        note(upload.id, problems=[asdict(problem) for problem in error.problems])
    ports.partials.discard(upload.id)


def _remove(upload_id: str, ports: UploadPorts, *, unless_renewed: bool = False) -> None:
    # The row first: whoever opens the file in between finds no upload any more and removes what it has made.
    with writing() as session:
        condition = [Upload.id == upload_id, *([Upload.expires_at <= ports.media.utcnow()] if unless_renewed else [])]
        session.execute(sa.delete(Upload).where(*condition))
        is_there = session.scalar(sa.select(sa.exists().where(Upload.id == upload_id)))
    if not is_there:
        ports.partials.discard(upload_id)
