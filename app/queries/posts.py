"""A post with everything that its page shows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from app.domain.post_rules import PostMode, PrivacyLevel
from app.models import Event, MediaFile, Post, PostPhoto, PostTarget, PublishAttempt, Step, User, db
from app.queries.targets import ROWS, TargetRow


@dataclass(frozen=True, slots=True)
class AttemptRow:
    """One try of one step, as recorded."""

    step: Step
    started_at: datetime
    finished_at: datetime | None
    code: str | None
    http_status: int | None
    log_id: str | None
    detail: str | None


@dataclass(frozen=True, slots=True)
class EventRow:
    """One thing that somebody, or Oncue itself, did."""

    kind: str
    at: datetime
    actor: str | None
    data: dict[str, Any]


@dataclass(frozen=True, slots=True)
class TargetDetail:
    """A target with its choices and its tries."""

    row: TargetRow
    mode: PostMode
    privacy_level: PrivacyLevel | None
    allow_comment: bool
    allow_duet: bool
    allow_stitch: bool
    published_at: datetime | None
    tiktok_post_id: str | None
    attempts: tuple[AttemptRow, ...]


@dataclass(frozen=True, slots=True)
class PostDetail:
    """A post, its targets and its history."""

    post_id: int
    title: str
    caption: str
    media: MediaFile
    """The video, or the photo that is the cover."""
    cover_timestamp_ms: int | None
    """The moment of a video that is its cover; none is the first frame."""
    photos: tuple[int, ...]
    """Media files of all photos in their order; a video has none."""
    created_at: datetime
    author: str
    targets: tuple[TargetDetail, ...]
    events: tuple[EventRow, ...]


def media_of(workspace_id: int, media_file_ids: list[int]) -> list[MediaFile]:
    """These files in this order, without those that are not this workspace's. One statement; they outlive the session's transaction."""
    rows = db.session.scalars(sa.select(MediaFile).where(MediaFile.workspace_id == workspace_id, MediaFile.id.in_(media_file_ids)))
    found = {media.id: media for media in rows}
    for media in found.values():
        db.session.expunge(media)
    return [found[media_file_id] for media_file_id in media_file_ids if media_file_id in found]


def find_post(workspace_id: int, post_id: int) -> PostDetail | None:
    """The post, if it is this workspace's. Five statements, however many photos, targets and tries there are."""
    head = db.session.execute(
        sa.select(Post.title, Post.caption, MediaFile, Post.cover_timestamp_ms, Post.created_at, User.name)
        .join(MediaFile, MediaFile.id == Post.media_file_id)
        .join(User, User.id == Post.created_by_id).where(Post.workspace_id == workspace_id, Post.id == post_id)
    ).one_or_none()
    if head is None:
        return None
    photos = db.session.scalars(sa.select(PostPhoto.media_file_id).where(PostPhoto.post_id == post_id).order_by(PostPhoto.position))
    values: list[Any] = [post_id, *head[:4], tuple(photos), *head[4:], _targets(post_id), _events(post_id)]
    return PostDetail(*values)


def _targets(post_id: int) -> tuple[TargetDetail, ...]:
    attempts: dict[int, list[AttemptRow]] = {}
    tries = sa.select(
        PublishAttempt.target_id, PublishAttempt.step, PublishAttempt.started_at, PublishAttempt.finished_at,
        PublishAttempt.code, PublishAttempt.http_status, PublishAttempt.log_id, PublishAttempt.detail,
    ).join(PostTarget, PostTarget.id == PublishAttempt.target_id).where(PostTarget.post_id == post_id)
    for row in db.session.execute(tries.order_by(PublishAttempt.id)):
        attempts.setdefault(row.target_id, []).append(AttemptRow(*row[1:]))
    extra = (PostTarget.mode, PostTarget.privacy_level, PostTarget.allow_comment, PostTarget.allow_duet, PostTarget.allow_stitch,
             PostTarget.published_at, PostTarget.tiktok_post_id)
    rows = db.session.execute(ROWS.add_columns(*extra).where(PostTarget.post_id == post_id).order_by(PostTarget.id))
    return tuple(_target_detail(tuple(row), len(extra), attempts) for row in rows)


def _target_detail(values: Any, extra: int, attempts: dict[int, list[AttemptRow]]) -> TargetDetail:
    row: list[Any] = [TargetRow(*values[:-extra]), *values[-extra:], tuple(attempts.get(values[0], ()))]
    return TargetDetail(*row)


def _events(post_id: int) -> tuple[EventRow, ...]:
    rows = db.session.execute(
        sa.select(Event.kind, Event.created_at, User.name, Event.data).outerjoin(User, User.id == Event.actor_id)
        .where(Event.post_id == post_id).order_by(Event.id)
    )
    return tuple(EventRow(*row) for row in rows)
