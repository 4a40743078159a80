"""Targets with everything that an export says of them."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from app.domain.lifecycle import TargetState
from app.domain.media_rules import MediaKind
from app.domain.post_rules import PostMode, PrivacyLevel
from app.models import MediaFile, Post, PostPhoto, PostTarget, TikTokAccount, db


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which targets: of one account, in these states, planned in [start, end). None is all."""

    account_id: int | None = None
    state: TargetState | None = None
    start: datetime | None = None
    end: datetime | None = None


@dataclass(frozen=True, slots=True)
class ExportRow:
    """One target with its post. `media` are names as an import knows them; `cover` is the place of a photo, counted from 1."""

    target_id: int
    account: str
    scheduled_at: datetime
    caption: str
    title: str
    media: tuple[str, ...]
    cover: int | None
    cover_timestamp_ms: int | None
    privacy_level: PrivacyLevel | None
    allow_comment: bool
    allow_duet: bool
    allow_stitch: bool
    auto_add_music: bool
    mode: PostMode
    state: TargetState
    published_at: datetime | None
    permalink: str | None
    problem_text: str | None


COLUMNS = (
    PostTarget.id, TikTokAccount.username, TikTokAccount.nickname, PostTarget.scheduled_at, Post.id.label("post_id"), Post.caption,
    Post.title, Post.media_file_id, Post.cover_timestamp_ms, MediaFile.kind, MediaFile.name, PostTarget.privacy_level,
    PostTarget.allow_comment, PostTarget.allow_duet, PostTarget.allow_stitch, PostTarget.auto_add_music, PostTarget.mode,
    PostTarget.state, PostTarget.published_at, PostTarget.permalink, PostTarget.problem_text,
)


def targets_after(workspace_id: int, wanted: Wanted, after_id: int, limit: int) -> list[ExportRow]:
    """The next targets in the order in which they were made, which no change of a post disturbs. Three statements."""
    statement = (sa.select(*COLUMNS).select_from(PostTarget).join(Post, Post.id == PostTarget.post_id)
                 .join(MediaFile, MediaFile.id == Post.media_file_id).join(TikTokAccount, TikTokAccount.id == PostTarget.account_id)
                 .where(PostTarget.workspace_id == workspace_id, PostTarget.id > after_id).order_by(PostTarget.id).limit(limit))
    for column, operator, value in ((PostTarget.account_id, "__eq__", wanted.account_id), (PostTarget.state, "__eq__", wanted.state),
                                    (PostTarget.scheduled_at, "__ge__", wanted.start), (PostTarget.scheduled_at, "__lt__", wanted.end)):
        if value is not None:
            statement = statement.where(getattr(column, operator)(value))
    rows = db.session.execute(statement).all()
    photos = _photos({row.post_id for row in rows if row.kind is MediaKind.PHOTO})
    shown = [photos.get(row.post_id) or [(row.media_file_id, row.name)] for row in rows]
    doubles = _doubles(workspace_id, {name for media in shown for _, name in media})
    return [_row(row, media, doubles) for row, media in zip(rows, shown, strict=True)]


def _photos(post_ids: Collection[int]) -> dict[int, list[tuple[int, str]]]:
    found: dict[int, list[tuple[int, str]]] = {}
    rows = db.session.execute(
        sa.select(PostPhoto.post_id, MediaFile.id, MediaFile.name).join(MediaFile, MediaFile.id == PostPhoto.media_file_id)
        .where(PostPhoto.post_id.in_(post_ids)).order_by(PostPhoto.post_id, PostPhoto.position))
    for post_id, media_file_id, name in rows:
        found.setdefault(post_id, []).append((media_file_id, name))
    return found


def _doubles(workspace_id: int, names: Iterable[str]) -> set[str]:
    """Names that more than one file of the library has."""
    return set(db.session.scalars(
        sa.select(MediaFile.name).where(MediaFile.workspace_id == workspace_id, MediaFile.ended_at.is_(None), MediaFile.name.in_(names))
        .group_by(MediaFile.name).having(sa.func.count() > 1)))


def _row(row: Any, media: list[tuple[int, str]], doubles: Collection[str]) -> ExportRow:
    is_photo = row.kind is MediaKind.PHOTO
    return ExportRow(
        row.id, row.username or row.nickname, row.scheduled_at, row.caption, row.title,
        tuple(_name(media_file_id, name, doubles) for media_file_id, name in media),
        [media_file_id for media_file_id, _ in media].index(row.media_file_id) + 1 if is_photo else None, row.cover_timestamp_ms,
        row.privacy_level, row.allow_comment, row.allow_duet, row.allow_stitch, row.auto_add_music, row.mode, row.state, row.published_at,
        row.permalink, row.problem_text,
    )


def _name(media_file_id: int, name: str, doubles: Collection[str]) -> str:
    if "|" in name or name != name.strip():  # what an import would take for something else
        return f"#{media_file_id}"
    return f"{name}#{media_file_id}" if name in doubles else name
