"""The calendar's reading: light marks of everything in a span of time, and whole rows of the few that are shown."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from app.domain.lifecycle import TargetState
from app.models import Post, PostTarget, TikTokAccount, db
from app.queries.targets import ROWS, TargetRow


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a calendar is narrowed to; nothing narrows it by default."""

    account_id: int | None = None
    state: TargetState | None = None
    text: str = ""


@dataclass(frozen=True, slots=True)
class Mark:
    """A target as a place in time, before anybody looks closer."""

    target_id: int
    scheduled_at: datetime
    state: TargetState


@dataclass(frozen=True, slots=True)
class Cursor:
    """A place in the order of all targets: by time, and by id where the time is the same."""

    at: datetime
    target_id: int = 0


@dataclass(frozen=True, slots=True)
class AccountChoice:
    """An account as a filter names it."""

    account_id: int
    nickname: str
    has_avatar: bool


def marks_between(workspace_id: int, start: datetime, end: datetime, wanted: Wanted) -> list[Mark]:
    """All targets planned in [start, end), by time; canceled ones only when they are asked for. One statement."""
    statement = _narrowed(sa.select(PostTarget.id, PostTarget.scheduled_at, PostTarget.state), workspace_id, wanted).where(
        PostTarget.scheduled_at >= start, PostTarget.scheduled_at < end)
    if wanted.text:
        statement = statement.join(Post, Post.id == PostTarget.post_id)
    return [Mark(*tuple(row)) for row in db.session.execute(statement.order_by(PostTarget.scheduled_at, PostTarget.id))]


def rows_of(marks: Iterable[Mark]) -> dict[int, TargetRow]:
    """Whole rows of marks, which are a workspace's own already. One statement, or none when nothing is asked for."""
    ids = [mark.target_id for mark in marks]
    if not ids:
        return {}
    # Nothing but the ids: with the workspace beside them SQLite would rather walk through all that it has.
    rows = db.session.execute(ROWS.where(PostTarget.id.in_(ids)))
    return {row.id: TargetRow(*tuple(row)) for row in rows}


def rows_from(workspace_id: int, cursor: Cursor, wanted: Wanted, limit: int, until: datetime | None = None) -> list[TargetRow]:
    """The next ones after the cursor, in order, until that time. One statement."""
    statement = _narrowed(ROWS, workspace_id, wanted).where(PostTarget.scheduled_at >= cursor.at, sa.or_(
        PostTarget.scheduled_at > cursor.at, PostTarget.id > cursor.target_id))
    if until is not None:
        statement = statement.where(PostTarget.scheduled_at < until)
    statement = statement.order_by(PostTarget.scheduled_at, PostTarget.id).limit(limit)
    return [TargetRow(*tuple(row)) for row in db.session.execute(statement)]


def rows_before(workspace_id: int, cursor: Cursor, wanted: Wanted, limit: int) -> list[TargetRow]:
    """The last ones before the cursor, in order. One statement."""
    statement = _narrowed(ROWS, workspace_id, wanted).where(PostTarget.scheduled_at <= cursor.at, sa.or_(
        PostTarget.scheduled_at < cursor.at, PostTarget.id < cursor.target_id))
    statement = statement.order_by(PostTarget.scheduled_at.desc(), PostTarget.id.desc()).limit(limit)
    return [TargetRow(*tuple(row)) for row in db.session.execute(statement)][::-1]


def account_choices(workspace_id: int) -> list[AccountChoice]:
    """Every account that the workspace has or had. One statement."""
    rows: Any = db.session.execute(
        sa.select(TikTokAccount.id, TikTokAccount.nickname, TikTokAccount.avatar_key.is_not(None))
        .where(TikTokAccount.workspace_id == workspace_id).order_by(TikTokAccount.nickname, TikTokAccount.id))
    return [AccountChoice(*tuple(row)) for row in rows]


def _narrowed(statement: Any, workspace_id: int, wanted: Wanted) -> Any:
    statement = statement.where(PostTarget.workspace_id == workspace_id)
    if wanted.account_id is not None:
        statement = statement.where(PostTarget.account_id == wanted.account_id)
    if wanted.state is None:
        statement = statement.where(PostTarget.state != TargetState.CANCELED)
    else:
        statement = statement.where(PostTarget.state == wanted.state)
    if wanted.text:
        statement = statement.where(sa.func.lower(Post.caption).contains(wanted.text.lower(), autoescape=True))
    return statement
