"""Accounts with what their page shows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from app.domain.lifecycle import TargetState
from app.models import Connection, Event, PostTarget, TikTokAccount, db


@dataclass(frozen=True, slots=True)
class AccountRow:
    """One account, its health, and what waits for it."""

    account_id: int
    nickname: str
    username: str
    connection: Connection
    scopes: tuple[str, ...]
    has_avatar: bool
    connected_at: datetime
    refresh_expires_at: datetime | None
    scheduled: int
    published: int
    next_post_at: datetime | None
    left_reason: str | None
    """Why TikTok ended the authorisation, when it did so after the latest consent."""

    @property
    def may_publish(self) -> bool:
        return self.connection is Connection.CONNECTED and "video.publish" in self.scopes


# The latest end counts: one that a person brought about here has no reason to tell.
LEFT_REASON = (
    sa.select(Event.data["reason"].as_string())
    .where(Event.account_id == TikTokAccount.id, Event.kind.in_(("account.left", "account.disconnected")),
           Event.created_at >= TikTokAccount.authorized_at)
    .order_by(Event.id.desc()).limit(1).correlate(TikTokAccount).scalar_subquery()
)


def list_accounts(workspace_id: int) -> list[AccountRow]:
    """All accounts, the connected ones first, each with its counts. One statement."""
    is_scheduled = PostTarget.state == TargetState.SCHEDULED
    statement = (
        sa.select(
            TikTokAccount.id, TikTokAccount.nickname, TikTokAccount.username, TikTokAccount.connection, TikTokAccount.scopes,
            TikTokAccount.avatar_key.is_not(None), TikTokAccount.connected_at, TikTokAccount.refresh_expires_at,
            sa.func.count(PostTarget.id).filter(is_scheduled),
            sa.func.count(PostTarget.id).filter(PostTarget.state == TargetState.PUBLISHED),
            sa.func.min(PostTarget.scheduled_at).filter(is_scheduled), LEFT_REASON,
        )
        .outerjoin(PostTarget, PostTarget.account_id == TikTokAccount.id)
        .where(TikTokAccount.workspace_id == workspace_id).group_by(TikTokAccount.id)
        .order_by(TikTokAccount.connection == Connection.DISCONNECTED, TikTokAccount.nickname, TikTokAccount.id)
    )
    # A JSON column can't be grouped by on PostgreSQL, but the primary key can, which settles the others.
    return [_account_row(tuple(row)) for row in db.session.execute(statement)]


def _account_row(values: Any) -> AccountRow:
    row: list[Any] = list(values)
    row[4] = tuple(row[4])
    return AccountRow(*row)
