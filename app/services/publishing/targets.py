"""The one place that writes a target's state, and the lease that decides who may."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from typing import Any, cast

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.domain.lifecycle import TargetState, is_legal
from app.domain.media_rules import MediaKind
from app.domain.post_rules import PostMode, PrivacyLevel
from app.domain.quota import Limit
from app.models import Connection, MediaFile, Post, PostPhoto, PostTarget, TikTokAccount, db
from app.queries.due import is_free
from app.services.transactions import let_go, lock_rows

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


FORGOTTEN: dict[str, Any] = {"publish_id": None, "upload_url_sealed": None, "uploaded_bytes": 0, "sent_at": None,
                             "pull_token": None, "pull_until": None, "pulled_at": None}
"""Columns of a target that TikTok has nothing of any more."""


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file of a post in our storage."""

    media_file_id: int
    storage_key: str
    container: str
    size_bytes: int


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
    title: str
    caption: str
    cover_timestamp_ms: int | None
    kind: MediaKind
    lead: StoredFile
    """The video, or the photo that is the cover."""
    photos: tuple[StoredFile, ...]
    """All photos in their order, the cover included; none for a video."""
    duration_seconds: float | None
    mode: PostMode
    privacy_level: PrivacyLevel | None
    allow_comment: bool
    allow_duet: bool
    allow_stitch: bool
    auto_add_music: bool
    failed_tries: int
    polls: int
    publish_id: str | None
    upload_url_sealed: str | None
    uploaded_bytes: int
    pulled_at: datetime | None
    sent_at: datetime | None
    published_at: datetime | None
    unsettled: list[tuple[sa.Update, dict[str, Any]]] = field(default_factory=list, compare=False)
    """Ends of tries that the next write takes along."""

    @property
    def files(self) -> tuple[StoredFile, ...]:
        return self.photos or (self.lead,)

    def settle(self, session: Session) -> None:
        """Write the ends of tries in the caller's transaction, after whatever else may refuse it: a rollback would lose them."""
        while self.unsettled:
            session.execute(*self.unsettled.pop(0))


WORK_COLUMNS = (
    PostTarget.state, PostTarget.scheduled_at, PostTarget.finding_code, PostTarget.workspace_id, PostTarget.post_id,
    PostTarget.account_id, TikTokAccount.connection, TikTokAccount.scopes, TikTokAccount.username, TikTokAccount.refresh_expires_at,
    Post.title, Post.caption, Post.cover_timestamp_ms, MediaFile.kind, MediaFile.duration_seconds, PostTarget.mode,
    PostTarget.privacy_level,
    PostTarget.allow_comment, PostTarget.allow_duet, PostTarget.allow_stitch, PostTarget.auto_add_music, PostTarget.failed_tries,
    PostTarget.polls, PostTarget.publish_id, PostTarget.upload_url_sealed, PostTarget.uploaded_bytes, PostTarget.pulled_at,
    PostTarget.sent_at, PostTarget.published_at,
)
WORK_NAMES = tuple(column.key for column in WORK_COLUMNS)
FILE_COLUMNS = (MediaFile.id, MediaFile.storage_key, MediaFile.container, MediaFile.size_bytes)


TARGETS = cast(sa.Table, PostTarget.__table__)
"""For statements that a burst makes by the thousand: as a table's, and built once, they cost a fraction of the usual."""
LOAD = (
    sa.select(*WORK_COLUMNS, *FILE_COLUMNS).select_from(PostTarget)
    .join(Post, Post.id == PostTarget.post_id).join(MediaFile, MediaFile.id == Post.media_file_id)
    .join(TikTokAccount, TikTokAccount.id == PostTarget.account_id)
    .where(PostTarget.id == sa.bindparam("target_id"), PostTarget.lease_token == sa.bindparam("lease_token"))
)
NOW = sa.bindparam("now", type_=PostTarget.due_at.type)
CLAIM = (
    sa.update(TARGETS)
    .where(TARGETS.c.id == sa.bindparam("target_id"), TARGETS.c.due_at <= NOW,
           TARGETS.c.id.in_(sa.select(PostTarget.id).where(PostTarget.id == sa.bindparam("target_id"), is_free(NOW))))
    .values(lease_until=sa.bindparam("until"), lease_token=sa.bindparam("token"))
    .returning(TARGETS.c.state, TARGETS.c.scheduled_at)
)
LOCK_ACCOUNT = (sa.select(TikTokAccount.id).join(PostTarget, PostTarget.account_id == TikTokAccount.id)
                .where(PostTarget.id == sa.bindparam("target_id")).with_for_update(of=TikTokAccount))


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
    if not move(session, work.target_id, work.state, following, held_by=work.lease_token, **values):
        raise LeaseLost
    work.settle(session)


def keep(session: Session, work: Work, **values: Any) -> None:
    """Write columns of a leased target whose state stays. Raises LeaseLost."""
    if not _update(session, work.target_id, work.state, work.lease_token, values):
        raise LeaseLost
    work.settle(session)


def renew(session: Session, work: Work, now: datetime, **values: Any) -> None:
    """Begin the lease anew, and write columns with it. Raises LeaseLost."""
    if not _update(session, work.target_id, work.state, work.lease_token, {"lease_until": now + LEASE, **values}):
        raise LeaseLost


def claim(session: Session, target_id: int, now: datetime) -> str | None:
    """Lease a target that is due, taking over an expired lease; returns the lease's token, None when there is nothing to do.

    A scheduled target whose time has come starts publishing with the claim, so that from here on nobody edits it;
    before its time it stays scheduled, for a check ahead. Of one account, one target is sent at a time.
    """
    lease_token = secrets.token_hex(16)
    # Two workers must not both find the account idle.
    lock_rows(session, LOCK_ACCOUNT, target_id=target_id)
    claimed = session.execute(
        CLAIM, {"target_id": target_id, "now": now, "until": now + LEASE, "token": lease_token}).one_or_none()
    if claimed is None:
        return None
    if claimed.state is TargetState.SCHEDULED and claimed.scheduled_at <= now:
        move(session, target_id, TargetState.SCHEDULED, TargetState.PUBLISHING, held_by=lease_token,
             finding_code=None, finding_text=None)
    return lease_token


def released(**values: Any) -> dict[str, Any]:
    """Column values that give a lease back, with others."""
    return {"lease_until": None, "lease_token": None, **values}


def load_work(target_id: int, lease_token: str) -> Work:
    """What a claimed target's step needs. Read after the claim, for nobody else may write here now. Raises LeaseLost."""
    session = db.session
    row: Any = session.execute(LOAD, {"target_id": target_id, "lease_token": lease_token}).one_or_none()
    if row is None:
        raise LeaseLost
    values = dict(zip(WORK_NAMES, row, strict=False))
    photos: tuple[StoredFile, ...] = ()
    if values["kind"] is MediaKind.PHOTO:
        photos = tuple(StoredFile(*file) for file in session.execute(
            sa.select(*FILE_COLUMNS).join(PostPhoto, PostPhoto.media_file_id == MediaFile.id)
            .where(PostPhoto.post_id == values["post_id"]).order_by(PostPhoto.position)))
    let_go()
    return Work(target_id=target_id, lease_token=lease_token, lead=StoredFile(*row[len(WORK_NAMES):]), photos=photos,
                **{**values, "scopes": tuple(row.scopes)})


def _update(session: Session, target_id: int, state: TargetState, held_by: str | None, values: dict[str, Any]) -> bool:
    session.flush()  # a table's statement does not do so by itself
    guard = {"the_id": target_id, "the_state": state} | ({} if held_by is None else {"the_lease": held_by})
    result = session.execute(_guarded(frozenset(values), held_by is not None), {**guard, **values})
    return bool(result.rowcount == 1)  # type: ignore[attr-defined]  # a CursorResult, typed as Result


@cache
def _guarded(columns: frozenset[str], is_held: bool) -> sa.Update:
    statement = sa.update(TARGETS).where(TARGETS.c.id == sa.bindparam("the_id"), TARGETS.c.state == sa.bindparam("the_state"))
    if is_held:
        statement = statement.where(TARGETS.c.lease_token == sa.bindparam("the_lease"))
    return statement.values({name: sa.bindparam(name) for name in columns})
