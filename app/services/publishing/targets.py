"""The one place that writes a target's state, and the lease that decides who may."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.domain.lifecycle import TargetState, is_legal
from app.domain.post_rules import PrivacyLevel
from app.domain.quota import Limit
from app.models import Connection, MediaFile, Post, PostTarget, TikTokAccount

LEASE = timedelta(seconds=60)
"""How long a silent worker keeps a target; one that lives renews it while it works."""


class LeaseLost(Exception):
    """Another worker has taken the target over, or a person has changed it; stop without writing."""


class HandedOver(Exception):
    """This process is stopping; somebody else goes on at once from where the target stands."""


class NotYet(Exception):
    """One more call would break a limit of TikTok's; at `turn` it would not."""

    def __init__(self, limit: Limit, turn: datetime) -> None:
        super().__init__(limit.code)
        self.limit = limit
        self.turn = turn


@dataclass(frozen=True, slots=True)
class Work:
    """A claimed target with all that its next step needs, free of the session."""

    target_id: int
    lease_token: str
    state: TargetState
    scheduled_at: datetime
    finding_code: str | None
    workspace_id: int
    post_id: int
    account_id: int
    refresh_expires_at: datetime | None
    connection: Connection
    scopes: tuple[str, ...]
    username: str
    caption: str
    storage_key: str
    container: str
    size_bytes: int
    duration_seconds: float
    privacy_level: PrivacyLevel
    allow_comment: bool
    allow_duet: bool
    allow_stitch: bool
    failed_tries: int
    polls: int
    publish_id: str | None
    upload_url_sealed: str | None
    uploaded_bytes: int
    sent_at: datetime | None
    published_at: datetime | None
    unsettled: list[sa.Update] = field(default_factory=list, compare=False)
    """Ends of tries that the next write takes along."""

    def settle(self, session: Session) -> None:
        """Write the ends of tries in the caller's transaction."""
        while self.unsettled:
            session.execute(self.unsettled.pop(0))


WORK_COLUMNS = (
    PostTarget.state, PostTarget.scheduled_at, PostTarget.finding_code, PostTarget.workspace_id, PostTarget.post_id,
    PostTarget.account_id, TikTokAccount.connection, TikTokAccount.scopes, TikTokAccount.username, TikTokAccount.refresh_expires_at,
    Post.caption, MediaFile.storage_key, MediaFile.container, MediaFile.size_bytes, MediaFile.duration_seconds,
    PostTarget.privacy_level, PostTarget.allow_comment, PostTarget.allow_duet, PostTarget.allow_stitch, PostTarget.failed_tries,
    PostTarget.polls, PostTarget.publish_id, PostTarget.upload_url_sealed, PostTarget.uploaded_bytes, PostTarget.sent_at,
    PostTarget.published_at,
)


def move(session: Session, target_id: int, current: TargetState, following: TargetState, *,
         held_by: str | None = None, **values: Any) -> bool:
    """Change a target's state, if it still is `current` (and ours); False means that somebody was faster.

    The only writer of `PostTarget.state`. Raises ValueError for a move that the table of transitions lacks.
    """
    if not is_legal(current, following):
        raise ValueError(f"a target can't go from {current} to {following}")
    return _update(session, target_id, current, held_by, {"state": following, **values})


def shift(session: Session, work: Work, following: TargetState, **values: Any) -> None:
    """`move` for a leased target. Raises LeaseLost."""
    work.settle(session)
    if not move(session, work.target_id, work.state, following, held_by=work.lease_token, **values):
        raise LeaseLost


def keep(session: Session, work: Work, **values: Any) -> None:
    """Write columns of a leased target whose state stays. Raises LeaseLost."""
    work.settle(session)
    if not _update(session, work.target_id, work.state, work.lease_token, values):
        raise LeaseLost


def claim(session: Session, target_id: int, now: datetime) -> Work | None:
    """Lease a target that is due, taking over an expired lease; None when there is nothing to do.

    A scheduled target whose time has come starts publishing with the claim, so that from here on nobody edits it;
    before its time it stays scheduled, for a check ahead.
    """
    lease_token = secrets.token_hex(16)
    claimed = session.execute(
        sa.update(PostTarget).where(
            PostTarget.id == target_id, PostTarget.due_at <= now,
            sa.or_(PostTarget.lease_until.is_(None), PostTarget.lease_until < now),
        ).values(lease_until=now + LEASE, lease_token=lease_token).returning(PostTarget.state, PostTarget.scheduled_at)
    ).one_or_none()
    if claimed is None:
        return None
    if claimed.state is TargetState.SCHEDULED and claimed.scheduled_at <= now:
        move(session, target_id, TargetState.SCHEDULED, TargetState.PUBLISHING, held_by=lease_token,
             finding_code=None, finding_text=None)
    return _load(session, target_id, lease_token)


def released(**values: Any) -> dict[str, Any]:
    """Column values that give a lease back, with others."""
    return {"lease_until": None, "lease_token": None, **values}


def _load(session: Session, target_id: int, lease_token: str) -> Work:
    row = session.execute(
        sa.select(*WORK_COLUMNS).select_from(PostTarget)
        .join(Post, Post.id == PostTarget.post_id).join(MediaFile, MediaFile.id == Post.media_file_id)
        .join(TikTokAccount, TikTokAccount.id == PostTarget.account_id).where(PostTarget.id == target_id)
    ).one()
    return Work(target_id=target_id, lease_token=lease_token, **{**row._asdict(), "scopes": tuple(row.scopes)})


def _update(session: Session, target_id: int, state: TargetState, held_by: str | None, values: dict[str, Any]) -> bool:
    statement = sa.update(PostTarget).where(PostTarget.id == target_id, PostTarget.state == state)
    if held_by is not None:
        statement = statement.where(PostTarget.lease_token == held_by)
    result = session.execute(statement.values(**values).execution_options(synchronize_session=False))
    return bool(result.rowcount == 1)  # type: ignore[attr-defined]  # a CursorResult, typed as Result
