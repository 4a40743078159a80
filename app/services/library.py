"""The media library: files renamed, described, deleted, and ended when their posts are long out.

A deleted file ends first, in the database, and its bytes go after that: a process that is killed in between leaves bytes too many
and never a file without bytes. `finish_ended` takes them away later.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.domain.errors import DomainError, ErrorKind, refuse
from app.domain.lifecycle import NEEDS_MEDIA
from app.models import ImportState, MediaFile, MediaImport, Upload, Workspace, db
from app.models.media import searchable
from app.queries.media import is_live, is_needed, is_published, is_referenced, targets_of
from app.queries.targets import TargetRow
from app.services.history import record_event
from app.services.media import MediaPorts
from app.services.transactions import let_go, lock_workspace, writing

log = logging.getLogger(__name__)

NAME_MAX = 200
ALT_TEXT_MAX = 1000
KEEP_DAYS_MAX = 3650
BATCH = 200
"""Files of one workspace that end in one run; the next one goes on."""
UNSURE = timedelta(days=1)
"""For so long it is seen to that the bytes of an ended file are gone, whatever happened to the process that ended it."""
POSTS_NAMED = 2


def rename_media(media_file_id: int, *, workspace_id: int, actor_id: int, name: str, now: datetime) -> None:
    """Give a file another name, which people see and search; TikTok never does. Raises DomainError beside `name`."""
    name = name.strip()
    if not name:
        raise refuse("name_missing", "This can't be empty.", "name")
    if len(name) > NAME_MAX or not name.isprintable():
        raise refuse("name_invalid", f"Use one line of {NAME_MAX} characters at most.", "name")
    with writing() as session:
        media = _load(session, workspace_id, media_file_id)
        if media.name != name:
            before, media.name, media.search_text = media.name, name, searchable(name, media.alt_text)
            record_event(session, "media.renamed", workspace_id=workspace_id, at=now, actor_id=actor_id, media_file_id=media_file_id,
                         before=before, after=name)


def set_alt_text(media_file_id: int, *, workspace_id: int, actor_id: int, alt_text: str, now: datetime) -> None:
    """Say what is to be seen, for people who can't see it and for the search. Raises DomainError beside `alt_text`."""
    alt_text = "\n".join(alt_text.split("\r\n")).strip()
    if len(alt_text) > ALT_TEXT_MAX or "\x00" in alt_text:
        raise refuse("alt_text_long", f"It has {len(alt_text):,} characters; use {ALT_TEXT_MAX:,} at most.", "alt_text")
    with writing() as session:
        media = _load(session, workspace_id, media_file_id)
        if media.alt_text != alt_text:
            media.alt_text, media.search_text = alt_text, searchable(media.name, alt_text)
            record_event(session, "media.described", workspace_id=workspace_id, at=now, actor_id=actor_id, media_file_id=media_file_id)


def delete_media(media_file_id: int, *, workspace_id: int, actor_id: int, ports: MediaPorts) -> None:
    """Remove a file: its bytes, and, where no post ever had it, its row and its pictures too.

    Raises DomainError `media_in_use`, naming the posts, while one of them may still have to send it: that is until each is published
    or canceled, for a failed or missed one can be scheduled anew. A photo that was converted from it stays. Deleting twice is harmless.
    """
    now = ports.utcnow()
    with writing() as session:
        media = _load(session, workspace_id, media_file_id)
        if media.ended_at is None:
            if session.scalar(sa.select(is_needed()).select_from(MediaFile).where(MediaFile.id == media_file_id)):
                raise _in_use(media.name, [target for target in targets_of(media_file_id) if target.state in NEEDS_MEDIA])
            _end(session, media_file_id, now)
            record_event(session, "media.deleted", workspace_id=workspace_id, at=now, actor_id=actor_id, media_file_id=media_file_id,
                         name=media.name)
    _remove_bytes(media_file_id, workspace_id, ports)


def keep_published_media(days: int | None, *, workspace_id: int, actor_id: int, now: datetime) -> None:
    """Choose after how many days the media of published posts end; None keeps them. Raises DomainError beside `keep_days`."""
    if days is not None and not 1 <= days <= KEEP_DAYS_MAX:
        raise refuse("keep_days_invalid", f"Use 1 to {KEEP_DAYS_MAX:,} days, or leave it empty to keep everything.", "keep_days")
    with writing() as session:
        session.execute(sa.update(Workspace).where(Workspace.id == workspace_id).values(keep_published_media_days=days))
        record_event(session, "workspace.media_keeping_changed", workspace_id=workspace_id, at=now, actor_id=actor_id, days=days)


def published_media_days(workspace_id: int) -> int | None:
    """What `keep_published_media` was given last."""
    return db.session.scalar(sa.select(Workspace.keep_published_media_days).where(Workspace.id == workspace_id))


def end_published_media(ports: MediaPorts) -> int:
    """End the files all of whose posts were published longer ago than their workspace keeps them; returns how many.

    A file that no post has used stays, and so does one that a post may still have to send.
    """
    now, count = ports.utcnow(), 0
    keeping = db.session.execute(sa.select(Workspace.id, Workspace.keep_published_media_days)
                                 .where(Workspace.keep_published_media_days.is_not(None))).all()
    for workspace_id, days in keeping:
        before = now - timedelta(days=days or KEEP_DAYS_MAX)
        # Found before the transactions that write: the search may take its time, and on SQLite everybody would wait for it.
        ids = db.session.scalars(sa.select(MediaFile.id).where(MediaFile.workspace_id == workspace_id, _has_had_its_use(before))
                                 .order_by(MediaFile.id).limit(BATCH)).all()
        let_go()
        count += sum(_end_one(media_file_id, workspace_id, before, ports) for media_file_id in ids)
    if count:
        log.info("media ended", extra={"count": count})
    return count


def finish_ended(ports: MediaPorts) -> None:
    """Remove what a killed process, or storage that could not be reached, has left of ended files."""
    rows = db.session.execute(
        sa.select(MediaFile.id, MediaFile.workspace_id)
        .where(sa.or_(MediaFile.ended_at > ports.utcnow() - UNSURE, sa.and_(MediaFile.ended_at.is_not(None), sa.not_(is_referenced()))))
        .order_by(MediaFile.ended_at.desc()).limit(BATCH)).all()
    let_go()
    for media_file_id, workspace_id in rows:
        _remove_bytes(media_file_id, workspace_id, ports)


def dismiss_import(import_id: int, *, workspace_id: int) -> None:
    """Forget an import that has failed. Raises DomainError `import_not_found` or `import_not_failed`."""
    with writing() as session:
        state = session.scalar(sa.select(MediaImport.state).where(MediaImport.id == import_id, MediaImport.workspace_id == workspace_id))
        if state is None:
            raise refuse("import_not_found", "There is no such import.", kind=ErrorKind.NOT_FOUND)
        gone = sa.delete(MediaImport).where(MediaImport.id == import_id, MediaImport.state == ImportState.FAILED).returning(MediaImport.id)
        if session.scalar(gone) is None:
            raise refuse("import_not_failed", "Only an import that has failed can be removed.", kind=ErrorKind.CONFLICT)


def _load(session: Session, workspace_id: int, media_file_id: int) -> MediaFile:
    """The file under the workspace's lock."""
    lock_workspace(session, workspace_id)
    media = session.scalar(sa.select(MediaFile).where(MediaFile.id == media_file_id, MediaFile.workspace_id == workspace_id))
    if media is None:
        raise refuse("media_not_found", "There is no such file in the library.", kind=ErrorKind.NOT_FOUND)
    return media


def _in_use(name: str, targets: list[TargetRow]) -> DomainError:
    named = [f"“{_first_words(target.caption)}” ({target.nickname}, {target.state.replace('_', ' ')})" for target in targets[:POSTS_NAMED]]
    more = [f"{len(targets) - POSTS_NAMED} more"] if len(targets) > POSTS_NAMED else []
    needed = " and ".join([*named, *more]) or "a post that goes nowhere yet"
    return refuse("media_in_use", f"{name} is still needed by {needed}. Wait until it is published, or cancel it first.",
                  kind=ErrorKind.CONFLICT)


def _first_words(caption: str) -> str:
    line = caption.split("\n", 1)[0].strip() or "No caption"
    return line if len(line) <= 40 else f"{line[:39].rstrip()}…"


def _has_had_its_use(before: datetime) -> sa.ColumnElement[bool]:
    return sa.and_(is_live(), is_published(), sa.not_(is_published(since=before)), sa.not_(is_needed()))


def _end_one(media_file_id: int, workspace_id: int, before: datetime, ports: MediaPorts) -> bool:
    now = ports.utcnow()
    with writing() as session:
        lock_workspace(session, workspace_id)
        name = session.scalar(sa.select(MediaFile.name).where(MediaFile.id == media_file_id, _has_had_its_use(before)))
        if name is not None:
            _end(session, media_file_id, now)
            record_event(session, "media.ended", workspace_id=workspace_id, at=now, media_file_id=media_file_id, name=name)
    if name is not None:
        _remove_bytes(media_file_id, workspace_id, ports)
    return name is not None


def _end(session: Session, media_file_id: int, now: datetime) -> None:
    """From here on nothing can be made of the file. What would hand it out again is forgotten with it."""
    session.flush()
    session.execute(sa.update(MediaFile).where(MediaFile.id == media_file_id).values(ended_at=now))
    session.execute(sa.delete(Upload).where(Upload.media_file_id == media_file_id))
    session.execute(sa.delete(MediaImport).where(MediaImport.media_file_id == media_file_id))


def _remove_bytes(media_file_id: int, workspace_id: int, ports: MediaPorts) -> None:
    """Delete what an ended file has in storage, and its row if no post has it.

    Under the lock that `keep_media` takes: the same bytes are under the same key, and whoever brings them again either has his row
    by now, and they stay, or looks for them after this. They go last, so that who finds them finds all.
    """
    let_go()
    try:
        with writing() as session:
            lock_workspace(session, workspace_id)
            _remove(session, media_file_id, ports)
    except OSError as error:
        log.warning("the bytes of a deleted file could not be removed yet", extra={"media_file_id": media_file_id, "error": str(error)})


def _remove(session: Session, media_file_id: int, ports: MediaPorts) -> None:
    media = session.execute(
        sa.select(MediaFile.storage_key, MediaFile.poster_key, MediaFile.strip_key, is_referenced())
        .where(MediaFile.id == media_file_id, MediaFile.ended_at.is_not(None))).one_or_none()
    if media is None:
        return
    storage_key, poster_key, strip_key, is_shown = media
    others = sa.select(MediaFile.id).where(MediaFile.id != media_file_id)
    if session.scalar(others.where(MediaFile.storage_key == storage_key, is_live()).limit(1)) is None:
        if not is_shown and session.scalar(others.where(MediaFile.poster_key == poster_key).limit(1)) is None:
            ports.storage.delete(poster_key)
        if strip_key is not None:
            ports.storage.delete(strip_key)
        ports.storage.delete(storage_key)
    if is_shown:
        session.execute(sa.update(MediaFile).where(MediaFile.id == media_file_id).values(strip_key=None))
    else:
        session.execute(sa.update(MediaFile).where(MediaFile.original_id == media_file_id).values(original_id=None))
        session.execute(sa.delete(MediaFile).where(MediaFile.id == media_file_id))
