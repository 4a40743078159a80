"""The media library: which files there are, what uses them, and the room that they take."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

from app.domain.lifecycle import NEEDS_MEDIA, TargetState
from app.domain.media_rules import PHOTO_MAX_BYTES, PHOTO_MAX_LONG_SIDE, PHOTO_MAX_SHORT_SIDE, PHOTO_TYPES, MediaKind
from app.domain.search import ESCAPE, contains_pattern
from app.models import ImportState, MediaFile, MediaImport, Post, PostPhoto, PostTarget, User, db
from app.queries.targets import ROWS, TargetRow

IMPORTS_SHOWN = 20


class MediaUse(StrEnum):
    """What a file is to its posts."""

    UNUSED = "unused"
    SCHEDULED = "scheduled"
    """Something may still become of one of its posts."""
    PUBLISHED = "published"
    ENDED = "ended"
    """Its bytes are gone; it is shown with the posts that had it."""


class MediaState(StrEnum):
    """What a list of files can be narrowed to."""

    UNUSED = "unused"
    SCHEDULED = "scheduled"
    PUBLISHED = "published"
    CONVERTIBLE = "convertible"
    ENDED = "ended"


class MediaOrder(StrEnum):
    NEWEST = "newest"
    NAME = "name"
    LARGEST = "largest"


@dataclass(frozen=True, slots=True)
class MediaFilter:
    """Which files, in which order. Ended ones are in no list but their own."""

    words: str = ""
    kind: MediaKind | None = None
    state: MediaState | None = None
    order: MediaOrder = MediaOrder.NEWEST


@dataclass(frozen=True, slots=True)
class MediaRow:
    """One file with what it is used for; `converted_id` is the photo that was made of it."""

    media: MediaFile
    use: MediaUse
    converted_id: int | None


@dataclass(frozen=True, slots=True)
class MediaList:
    """A page of files, and how many there are on all pages."""

    rows: tuple[MediaRow, ...]
    total: int


@dataclass(frozen=True, slots=True)
class MediaDetail:
    """A file, where it comes from, and the posts that use it, the latest first."""

    row: MediaRow
    uploaded_by: str
    original_name: str | None
    targets: tuple[TargetRow, ...]


@dataclass(frozen=True, slots=True)
class Space:
    """Bytes in storage, posters left out; `unused` ones are part of both kinds."""

    video_bytes: int
    photo_bytes: int
    unused_bytes: int
    files: int
    unused_files: int

    @property
    def used_bytes(self) -> int:
        return self.video_bytes + self.photo_bytes


@dataclass(frozen=True, slots=True)
class ImportRow:
    """A file on its way from the web, or why it did not arrive."""

    import_id: int
    url: str
    state: ImportState
    received_bytes: int
    total_bytes: int | None
    problem_text: str | None
    created_at: datetime


SHOWN: tuple[tuple[Any, Any], ...] = ((Post, Post.id), (PostPhoto, PostPhoto.post_id))
"""The tables that say which post shows which file, with their posts' ids."""
NEEDED = sa.or_(PostTarget.state.in_(tuple(NEEDS_MEDIA)), PostTarget.id.is_(None))
"""Of a target, or of the lack of one: a post that goes nowhere yet may still have to send its file."""
PUBLISHED = PostTarget.state == TargetState.PUBLISHED


def is_used(condition: sa.ColumnElement[bool]) -> sa.ColumnElement[bool]:
    """Whether a post that shows the file, as its video, its cover or one of its photos, has a target like this. For a few files."""
    as_media, as_photo = (sa.select(sa.literal(1)).select_from(table).outerjoin(PostTarget, PostTarget.post_id == post_id).where(
        table.media_file_id == MediaFile.id, condition) for table, post_id in SHOWN)
    return sa.or_(sa.exists(as_media.correlate(MediaFile)), sa.exists(as_photo.correlate(MediaFile)))


def is_among_used(workspace_id: int, condition: sa.ColumnElement[bool]) -> sa.ColumnElement[bool]:
    """The same for many files: what all posts of the workspace use is gathered once."""
    as_media = sa.select(Post.media_file_id).outerjoin(PostTarget, PostTarget.post_id == Post.id)
    as_photo = (sa.select(PostPhoto.media_file_id).join(Post, Post.id == PostPhoto.post_id)
                .outerjoin(PostTarget, PostTarget.post_id == PostPhoto.post_id))
    return MediaFile.id.in_(sa.union_all(*(used.where(Post.workspace_id == workspace_id, condition) for used in (as_media, as_photo))))


def is_needed() -> sa.ColumnElement[bool]:
    """Whether a post may still have to send the file's bytes."""
    return is_used(NEEDED)


def is_published(since: datetime | None = None) -> sa.ColumnElement[bool]:
    """Whether a post with the file is out, or has gone out since then."""
    return is_used(PUBLISHED if since is None else sa.and_(PUBLISHED, PostTarget.published_at >= since))


def is_referenced() -> sa.ColumnElement[bool]:
    """Whether a post, in whatever state, has the file: its row must stay then."""
    return sa.or_(sa.exists().where(Post.media_file_id == MediaFile.id).correlate(MediaFile),
                  sa.exists().where(PostPhoto.media_file_id == MediaFile.id).correlate(MediaFile))


def is_live() -> sa.ColumnElement[bool]:
    """Whether the file's bytes are there."""
    return MediaFile.ended_at.is_(None)


_converted = sa.orm.aliased(MediaFile)
CONVERTED_ID = (sa.select(sa.func.max(_converted.id)).where(_converted.original_id == MediaFile.id, _converted.ended_at.is_(None))
                .correlate(MediaFile).scalar_subquery())
ROW = sa.select(MediaFile, is_needed(), is_published(), CONVERTED_ID)


def list_media(workspace_id: int, chosen: MediaFilter, *, limit: int, offset: int) -> MediaList:
    """One page of the workspace's files. Two statements."""
    conditions = [MediaFile.workspace_id == workspace_id, *_conditions(workspace_id, chosen)]
    total = db.session.scalar(sa.select(sa.func.count()).select_from(MediaFile).where(*conditions)) or 0
    # Which ones first: what a row shows beside its columns is looked up for those of this page only.
    ids = sa.select(MediaFile.id).where(*conditions).order_by(*_order(chosen.order)).limit(limit).offset(offset).subquery()
    rows = db.session.execute(ROW.where(MediaFile.id.in_(sa.select(ids.c.id))).order_by(*_order(chosen.order)))
    return MediaList(tuple(_row(tuple(row)) for row in rows), total)


def find_media(workspace_id: int, media_file_id: int) -> MediaDetail | None:
    """One file, if it is this workspace's. Two statements."""
    original = sa.orm.aliased(MediaFile)
    head = db.session.execute(
        ROW.add_columns(User.name, original.name).join(User, User.id == MediaFile.uploaded_by_id)
        .outerjoin(original, original.id == MediaFile.original_id)
        .where(MediaFile.id == media_file_id, MediaFile.workspace_id == workspace_id)).one_or_none()
    if head is None:
        return None
    *row, uploaded_by, original_name = tuple(head)
    return MediaDetail(_row(tuple(row)), uploaded_by, original_name, targets_of(media_file_id))


def targets_of(media_file_id: int) -> tuple[TargetRow, ...]:
    """The targets of all posts that use the file, the latest first. One statement."""
    posts = sa.union(sa.select(Post.id).where(Post.media_file_id == media_file_id),
                     sa.select(PostPhoto.post_id).where(PostPhoto.media_file_id == media_file_id)).subquery()
    rows = db.session.execute(ROWS.where(PostTarget.post_id.in_(sa.select(posts.c.id)))
                              .order_by(PostTarget.scheduled_at.desc(), PostTarget.id.desc()))
    return tuple(TargetRow(*tuple(row)) for row in rows)


def load_space(workspace_id: int) -> Space:
    """The room that the workspace's files take. One statement. The same bytes are one file, so nothing counts twice."""
    size, unused = MediaFile.size_bytes, sa.not_(is_among_used(workspace_id, sa.or_(NEEDED, PUBLISHED)))
    values = db.session.execute(sa.select(
        sa.func.sum(size).filter(MediaFile.kind == MediaKind.VIDEO), sa.func.sum(size).filter(MediaFile.kind == MediaKind.PHOTO),
        sa.func.sum(size).filter(unused), sa.func.count(), sa.func.count().filter(unused),
    ).select_from(MediaFile).where(MediaFile.workspace_id == workspace_id, is_live())).one()
    return Space(*(int(value or 0) for value in values))


def list_imports(workspace_id: int) -> list[ImportRow]:
    """Files on their way from the web and those that failed, the latest first. One statement."""
    rows = db.session.execute(
        sa.select(MediaImport.id, MediaImport.url, MediaImport.state, MediaImport.received_bytes, MediaImport.total_bytes,
                  MediaImport.problem_text, MediaImport.created_at)
        .where(MediaImport.workspace_id == workspace_id, MediaImport.state != ImportState.DONE)
        .order_by(MediaImport.created_at.desc(), MediaImport.id.desc()).limit(IMPORTS_SHOWN))
    return [ImportRow(*row) for row in rows]


def _conditions(workspace_id: int, chosen: MediaFilter) -> list[sa.ColumnElement[bool]]:
    found = [sa.not_(is_live()) if chosen.state is MediaState.ENDED else is_live()]
    if chosen.state is not None:
        found.append(_is_in(workspace_id, chosen.state))
    if chosen.kind is not None:
        found.append(MediaFile.kind == chosen.kind)
    found += [MediaFile.search_text.like(contains_pattern(word), escape=ESCAPE) for word in chosen.words.split()]
    return found


def _order(order: MediaOrder) -> tuple[sa.ColumnElement[Any], ...]:
    orders: dict[MediaOrder, tuple[sa.ColumnElement[Any], ...]] = {
        MediaOrder.NEWEST: (MediaFile.created_at.desc(), MediaFile.id.desc()),
        MediaOrder.NAME: (MediaFile.search_text.asc(), MediaFile.id.asc()),
        MediaOrder.LARGEST: (MediaFile.size_bytes.desc(), MediaFile.id.desc()),
    }
    return orders[order]


def _row(values: tuple[Any, ...]) -> MediaRow:
    media, needed, published, converted_id = values
    use = (MediaUse.ENDED if media.ended_at is not None else MediaUse.SCHEDULED if needed
           else MediaUse.PUBLISHED if published else MediaUse.UNUSED)
    return MediaRow(media, use, converted_id)


def _is_unfit_photo() -> sa.ColumnElement[bool]:
    """As `photo_problems` judges; a test compares the two."""
    return sa.and_(MediaFile.kind == MediaKind.PHOTO, sa.or_(
        MediaFile.container.not_in(tuple(PHOTO_TYPES)), MediaFile.is_rotated, MediaFile.size_bytes > PHOTO_MAX_BYTES,
        MediaFile.width > PHOTO_MAX_LONG_SIDE, MediaFile.height > PHOTO_MAX_LONG_SIDE,
        sa.and_(MediaFile.width > PHOTO_MAX_SHORT_SIDE, MediaFile.height > PHOTO_MAX_SHORT_SIDE)))


def _is_in(workspace_id: int, state: MediaState) -> sa.ColumnElement[bool]:
    needed, published = is_among_used(workspace_id, NEEDED), is_among_used(workspace_id, PUBLISHED)
    return {
        MediaState.UNUSED: sa.not_(is_among_used(workspace_id, sa.or_(NEEDED, PUBLISHED))),
        MediaState.SCHEDULED: needed,
        MediaState.PUBLISHED: sa.and_(published, sa.not_(needed)),
        MediaState.ENDED: is_referenced(),
        MediaState.CONVERTIBLE: sa.and_(_is_unfit_photo(), CONVERTED_ID.is_(None)),
    }[state]
