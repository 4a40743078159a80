"""Targets as cards: what the calendar and the lists show of a post on an account."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from app.domain.lifecycle import TargetState
from app.models import MediaFile, Post, PostTarget, TikTokAccount, db


@dataclass(frozen=True, slots=True)
class TargetRow:
    """One target with what a card needs of its post and account."""

    target_id: int
    post_id: int
    media_file_id: int
    caption: str
    state: TargetState
    scheduled_at: datetime
    uploaded_bytes: int
    size_bytes: int
    publish_id: str | None
    problem_text: str | None
    finding_text: str | None
    permalink: str | None
    account_id: int
    nickname: str
    username: str
    has_avatar: bool


ROWS = (
    sa.select(
        PostTarget.id, PostTarget.post_id, Post.media_file_id, Post.caption, PostTarget.state, PostTarget.scheduled_at,
        PostTarget.uploaded_bytes, MediaFile.size_bytes, PostTarget.publish_id, PostTarget.problem_text, PostTarget.finding_text,
        PostTarget.permalink,
        PostTarget.account_id, TikTokAccount.nickname, TikTokAccount.username, TikTokAccount.avatar_key.is_not(None),
    )
    .select_from(PostTarget).join(Post, Post.id == PostTarget.post_id)
    .join(MediaFile, MediaFile.id == Post.media_file_id).join(TikTokAccount, TikTokAccount.id == PostTarget.account_id)
)


def targets_between(workspace_id: int, start: datetime, end: datetime) -> list[TargetRow]:
    """All targets planned in [start, end), by time; canceled ones left out. One statement."""
    statement = ROWS.where(
        PostTarget.workspace_id == workspace_id, PostTarget.scheduled_at >= start, PostTarget.scheduled_at < end,
        PostTarget.state != TargetState.CANCELED,
    ).order_by(PostTarget.scheduled_at, PostTarget.id)
    return [TargetRow(*tuple(row)) for row in db.session.execute(statement)]


def latest_targets(workspace_id: int, before: datetime | None, limit: int) -> list[TargetRow]:
    """Targets by planned time, the latest first, at most `limit` of those planned before `before`. One statement."""
    statement = ROWS.where(PostTarget.workspace_id == workspace_id)
    if before is not None:
        statement = statement.where(PostTarget.scheduled_at < before)
    statement = statement.order_by(PostTarget.scheduled_at.desc(), PostTarget.id).limit(limit)
    return [TargetRow(*tuple(row)) for row in db.session.execute(statement)]


def find_target(workspace_id: int, target_id: int) -> TargetRow | None:
    """One target, if it is this workspace's."""
    row = db.session.execute(ROWS.where(PostTarget.workspace_id == workspace_id, PostTarget.id == target_id)).one_or_none()
    return TargetRow(*tuple(row)) if row else None
