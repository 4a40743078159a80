"""Moving every stored file from one storage to another: checked byte by byte, safe to be killed and run again at any moment."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import InstrumentedAttribute

from app.models import MediaFile, TikTokAccount, db
from app.services.ports import Storage
from app.services.transactions import let_go

BLOCK = 1024 * 1024
BATCH = 500


@dataclass(slots=True)
class MoveReport:
    """What a move has done; `problems` names each file that could not be moved, with the reason."""

    copied: int = 0
    copied_bytes: int = 0
    already_there: int = 0
    deleted: int = 0
    problems: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Move:
    """From where to where. `target_in_use` says that Oncue writes there already, so a picture there is the newer one."""

    source: Storage
    target: Storage
    target_in_use: bool
    delete_source: bool
    say: Callable[[str], None]


def move_media(move: Move) -> MoveReport:
    """Copy every file that the database names and check what has arrived. Raises OSError when a storage can't be asked.

    What is in the target already is read and checked like a copy, so a second run copies only what the first had not.
    """
    report = MoveReport()
    for key, sha256 in _originals():
        _move_one(move, report, key, partial(_copy_original, move, key, sha256))
    for key in _pictures():
        _move_one(move, report, key, partial(_copy_picture, move, key))
    return report


class _CanNotMove(Exception):
    pass


def _move_one(move: Move, report: MoveReport, key: str, copy: Callable[[], int | None]) -> None:
    try:
        size = copy()
    except _CanNotMove as reason:
        report.problems.append(f"{key}: {reason}")
        return
    if size is None:
        report.already_there += 1
    else:
        report.copied += 1
        report.copied_bytes += size
        move.say(f"copied {key}, {size} bytes")
    # Only now, when the target was read back and is right.
    if move.delete_source and move.source.size(key) is not None:
        move.source.delete(key)
        report.deleted += 1


def _copy_original(move: Move, key: str, sha256: str) -> int | None:
    """Bytes that were copied, None when the target had them."""
    if move.target.size(key) is not None and _sha256(move.target, key) == sha256:
        return None
    if move.source.size(key) is None:
        raise _CanNotMove("missing")
    incoming = move.target.incoming()
    try:
        for block in _blocks(move.source, key):
            incoming.write(block)
        if incoming.sha256 != sha256:
            raise _CanNotMove("damaged: its SHA-256 is not the one that it was uploaded with")
        move.target.delete(key)  # what is there is something else, and `keep` would take it for the same bytes
        move.target.keep(incoming, key)
        size = incoming.size_bytes
    finally:
        incoming.close()
    if _sha256(move.target, key) != sha256:
        raise _CanNotMove("the copy differs from the file; run this again")
    return size


def _copy_picture(move: Move, key: str) -> int | None:
    """Bytes that were copied, None when the target had them. Posters, strips and avatars are small, and have no hash of their own."""
    there, here = _content(move.target, key), _content(move.source, key)
    if there is not None and (here in (None, there) or move.target_in_use):
        return None
    if here is None:
        raise _CanNotMove("missing")
    move.target.write(key, here)
    if _content(move.target, key) != here:
        raise _CanNotMove("the copy differs from the file; run this again")
    return len(here)


def _originals() -> Iterator[tuple[str, str]]:
    """Key and SHA-256 of each file whose bytes have not ended."""
    yield from _rows(MediaFile.storage_key, MediaFile.sha256, MediaFile.ended_at.is_(None))


def _pictures() -> Iterator[str]:
    # Of a file that has ended, its poster is left.
    strips = _rows(MediaFile.strip_key, MediaFile.strip_key, MediaFile.ended_at.is_(None))
    for rows in (_rows(MediaFile.poster_key, MediaFile.poster_key), strips, _rows(TikTokAccount.avatar_key, TikTokAccount.avatar_key)):
        for key, _ in rows:
            yield key


def _rows(key: InstrumentedAttribute[Any], value: InstrumentedAttribute[Any],
          *conditions: sa.ColumnElement[bool]) -> Iterator[tuple[str, str]]:
    """Where there is a key, in order of their keys, a batch at a time, without holding the database during a copy."""
    after = ""
    while True:
        rows = db.session.execute(sa.select(key, value).where(key > after, *conditions).distinct().order_by(key).limit(BATCH))
        found: list[tuple[str, str]] = [(row[0], row[1]) for row in rows]
        let_go()
        yield from found
        if len(found) < BATCH:
            return
        after = found[-1][0]


def _blocks(storage: Storage, key: str) -> Iterator[bytes]:
    with storage.open(key) as file:
        while block := file.read(BLOCK):
            yield block


def _sha256(storage: Storage, key: str) -> str:
    hashed = hashlib.sha256()
    for block in _blocks(storage, key):
        hashed.update(block)
    return hashed.hexdigest()


def _content(storage: Storage, key: str) -> bytes | None:
    try:
        with storage.open(key) as file:
            return file.read()
    except FileNotFoundError:
        return None
