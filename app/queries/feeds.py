"""Calendar feeds, and what they show."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from app.domain.lifecycle import TargetState
from app.models import CalendarFeed, Event, Post, PostTarget, TikTokAccount, User, Workspace, db

ENTRIES_MAX = 5_000


@dataclass(frozen=True, slots=True)
class FeedRow:
    """One feed as its list shows it; no account means all of them."""

    feed_id: int
    account: str | None
    made_by: str
    created_at: datetime
    last_read_at: datetime | None


@dataclass(frozen=True, slots=True)
class FeedHead:
    """Which feed an address belongs to."""

    feed_id: int
    workspace_id: int
    workspace_name: str
    account_id: int | None
    account: str | None
    last_read_at: datetime | None


@dataclass(frozen=True, slots=True)
class FeedEntry:
    """One target as an appointment. `changes` grows with each move and whatever else happened to it, `changed_at` is the last time."""

    target_id: int
    post_id: int
    account: str
    title: str
    caption: str
    state: TargetState
    scheduled_at: datetime
    permalink: str | None
    changes: int
    changed_at: datetime


def list_feeds(workspace_id: int) -> list[FeedRow]:
    """Those in force, the newest first. One statement."""
    statement = (
        sa.select(CalendarFeed.id, TikTokAccount.nickname, User.name, CalendarFeed.created_at, CalendarFeed.last_read_at)
        .join(User, User.id == CalendarFeed.created_by_id).outerjoin(TikTokAccount, TikTokAccount.id == CalendarFeed.account_id)
        .where(CalendarFeed.workspace_id == workspace_id, CalendarFeed.revoked_at.is_(None)).order_by(CalendarFeed.id.desc())
    )
    return [FeedRow(*row) for row in db.session.execute(statement)]


def find_feed(feed_id: int) -> FeedHead | None:
    """A feed in force."""
    row = db.session.execute(
        sa.select(CalendarFeed.id, CalendarFeed.workspace_id, Workspace.name, CalendarFeed.account_id, TikTokAccount.nickname,
                  CalendarFeed.last_read_at)
        .join(Workspace, Workspace.id == CalendarFeed.workspace_id)
        .outerjoin(TikTokAccount, TikTokAccount.id == CalendarFeed.account_id)
        .where(CalendarFeed.id == feed_id, CalendarFeed.revoked_at.is_(None))
    ).one_or_none()
    return FeedHead(*row) if row else None


def feed_entries(feed: FeedHead, since: datetime) -> list[FeedEntry]:
    """All targets planned from `since` on, by time, canceled ones too: a calendar must hear that they are off. One statement."""
    happened = sa.and_(Event.post_id == PostTarget.post_id, sa.or_(Event.account_id == PostTarget.account_id, Event.account_id.is_(None)))
    changes = sa.select(sa.func.count(Event.id)).where(happened).scalar_subquery()
    changed_at = sa.select(sa.func.max(Event.created_at)).where(happened).scalar_subquery()
    statement = (
        sa.select(PostTarget.id, PostTarget.post_id, TikTokAccount.nickname, Post.title, Post.caption, PostTarget.state,
                  PostTarget.scheduled_at, PostTarget.permalink, changes, sa.func.coalesce(changed_at, Post.created_at))
        .select_from(PostTarget).join(Post, Post.id == PostTarget.post_id).join(TikTokAccount, TikTokAccount.id == PostTarget.account_id)
        .where(PostTarget.workspace_id == feed.workspace_id, PostTarget.scheduled_at >= since)
        .order_by(PostTarget.scheduled_at, PostTarget.id).limit(ENTRIES_MAX)
    )
    if feed.account_id is not None:
        statement = statement.where(PostTarget.account_id == feed.account_id)
    return [FeedEntry(*row) for row in db.session.execute(statement)]
