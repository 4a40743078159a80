"""Calendar feeds: made, read, revoked."""

from __future__ import annotations

from datetime import datetime, timedelta

import sqlalchemy as sa

from app.domain.errors import ErrorKind, refuse
from app.models import CalendarFeed
from app.services.accounts import load_account
from app.services.history import record_event
from app.services.transactions import let_go, writing

NOTE_EVERY = timedelta(hours=1)
"""Programs read a feed every few minutes; when it was read last need not be known better than this."""


def make_feed(*, workspace_id: int, account_id: int | None, actor_id: int, now: datetime) -> int:
    """Make a feed of an account, or of all; returns its id. Raises DomainError `account_not_found`."""
    if account_id is not None:
        load_account(workspace_id, account_id)
        let_go()
    with writing() as session:
        feed = CalendarFeed(workspace_id=workspace_id, account_id=account_id, created_by_id=actor_id, created_at=now)
        session.add(feed)
        session.flush()
        record_event(session, "feed.made", workspace_id=workspace_id, at=now, actor_id=actor_id, account_id=account_id, feed_id=feed.id)
        return feed.id


def revoke_feed(feed_id: int, *, workspace_id: int, actor_id: int, now: datetime) -> None:
    """End a feed's address for good; doing it twice is harmless. Raises DomainError `feed_not_found`."""
    with writing() as session:
        mine = sa.and_(CalendarFeed.id == feed_id, CalendarFeed.workspace_id == workspace_id)
        if session.scalar(sa.select(CalendarFeed.id).where(mine)) is None:
            raise refuse("feed_not_found", "There is no such calendar feed.", kind=ErrorKind.NOT_FOUND)
        ended = session.scalar(sa.update(CalendarFeed).where(mine, CalendarFeed.revoked_at.is_(None)).values(revoked_at=now)
                               .returning(CalendarFeed.id))
        if ended is not None:
            record_event(session, "feed.revoked", workspace_id=workspace_id, at=now, actor_id=actor_id, feed_id=feed_id)


def note_read(feed_id: int, last_read_at: datetime | None, now: datetime) -> None:
    """Remember that a program has read it."""
    if last_read_at is not None and now - last_read_at < NOTE_EVERY:
        return
    with writing() as session:
        session.execute(sa.update(CalendarFeed).where(CalendarFeed.id == feed_id).values(last_read_at=now))
