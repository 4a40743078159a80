"""Moving posts to other times: one decision for every face, by mouse, by keyboard or by a program."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.domain.errors import DomainError, ErrorKind, Problem, refuse
from app.domain.lifecycle import EDITABLE, TargetState
from app.domain.moving import busiest
from app.domain.post_rules import PostMode, schedule_problems
from app.domain.preflight import next_due
from app.models import Connection, Post, PostTarget, TikTokAccount, Workspace
from app.services.accounts import posting_problem
from app.services.history import record_event
from app.services.publishing import FORGOTTEN, move
from app.services.publishing.preflight import COUNTED
from app.services.transactions import lock_rows, writing

S = TargetState

AT_ONCE = 50
"""Posts that may be moved together."""
DAY, HOUR = timedelta(hours=24), timedelta(hours=1)
CROWD = 3
"""So many posts of one account within an hour are worth a word."""
WITHOUT_SCHEDULE = frozenset({S.DRAFT, S.IN_REVIEW, S.CHANGES_REQUESTED})
"""What is not on its way out yet gets another time and stays what it is."""
CONFLICTS = frozenset({"version_conflict", "target_started", "target_not_found"})


@dataclass(frozen=True, slots=True)
class Move:
    """A target's new time, and the time that whoever moves it sees; None: whatever it is now."""

    target_id: int
    scheduled_at: datetime
    seen_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class DailyCaps:
    """How many posts, and drafts, TikTok takes from one account in 24 hours."""

    posts: int = 15
    drafts: int = 5


@dataclass(frozen=True, slots=True)
class Moved:
    """What one move did to one target."""

    target_id: int
    before: datetime
    after: datetime
    is_scheduled_anew: bool
    """It had failed or was missed, and goes out after all."""


@dataclass(frozen=True, slots=True)
class TargetProblem:
    """A problem with one of several posts: which, the first words of it, and its time as it is now."""

    target_id: int
    title: str
    scheduled_at: datetime | None
    problem: Problem


@dataclass(frozen=True, slots=True)
class MoveResult:
    """All moves were made; `warnings` tell what is allowed but unwise."""

    moved: tuple[Moved, ...]
    warnings: tuple[TargetProblem, ...]


class MovesRefused(DomainError):
    """No move was made; each post that stands in the way says why.

    Codes: time_past, time_too_far, target_not_found, target_started, account_not_connected, account_may_not_publish,
    over_daily_cap, version_conflict.
    """

    def __init__(self, refusals: Sequence[TargetProblem]) -> None:
        self.refusals = tuple(refusals)
        is_conflict = any(r.problem.code in CONFLICTS for r in refusals)
        super().__init__([r.problem for r in refusals], ErrorKind.CONFLICT if is_conflict else ErrorKind.INVALID)


@dataclass(frozen=True, slots=True)
class _Found:
    """A target as it is under the lock."""

    target_id: int
    post_id: int
    account_id: int
    state: TargetState
    mode: PostMode
    scheduled_at: datetime
    caption: str
    nickname: str
    connection: Connection
    scopes: list[str]

    @property
    def will_go_out(self) -> bool:
        return self.state not in WITHOUT_SCHEDULE


FOUND = (
    sa.select(PostTarget.id, PostTarget.post_id, PostTarget.account_id, PostTarget.state, PostTarget.mode, PostTarget.scheduled_at,
              Post.caption, TikTokAccount.nickname, TikTokAccount.connection, TikTokAccount.scopes)
    .join(Post, Post.id == PostTarget.post_id).join(TikTokAccount, TikTokAccount.id == PostTarget.account_id)
)


def move_target(*, workspace_id: int, target_id: int, scheduled_at: datetime, actor_id: int, now: datetime,
                seen_at: datetime | None = None, caps: DailyCaps | None = None) -> MoveResult:
    """`move_targets` for one. Raises MovesRefused, and `target_not_found` as every other use case does."""
    return move_targets([Move(target_id, scheduled_at, seen_at)], workspace_id=workspace_id, actor_id=actor_id, now=now, caps=caps)


def move_targets(moves: Sequence[Move], *, workspace_id: int, actor_id: int, now: datetime, caps: DailyCaps | None = None) -> MoveResult:
    """Give targets other times, all or none; what failed or was missed is scheduled anew by it, a draft stays a draft.

    Raises MovesRefused with a reason for every post that can't be moved, `too_many_moves`, and `target_not_found` when none is
    this workspace's.
    """
    wanted = {m.target_id: m for m in moves}
    if not 0 < len(wanted) <= AT_ONCE:
        raise refuse("too_many_moves", f"Move at least one post, and at most {AT_ONCE} at once.")
    with writing() as session:
        # Movers of a workspace wait for each other, so that two of them can't both find the last place of a day.
        lock_rows(session, sa.select(Workspace.id).where(Workspace.id == workspace_id).with_for_update(key_share=True))
        found = _find(session, workspace_id, list(wanted))
        if not found:
            raise refuse("target_not_found", "This post does not exist any more.", kind=ErrorKind.NOT_FOUND)
        neighbours = _Neighbours(session, workspace_id, found, wanted)
        refusals = [*_missing(wanted, found), *_refusals(found, wanted, neighbours, caps or DailyCaps(), now)]
        if refusals:
            raise MovesRefused(refusals)
        moved = [_write(session, target, wanted[key], workspace_id, actor_id, now) for key, target in sorted(found.items())]
        return MoveResult(tuple(moved), tuple(_warnings(found, wanted, neighbours)))


def _find(session: Session, workspace_id: int, ids: Sequence[int]) -> dict[int, _Found]:
    # By ids alone, which is a look at each; with the workspace in it SQLite would walk through all that it has.
    rows = session.execute(FOUND.add_columns(PostTarget.workspace_id).where(PostTarget.id.in_(ids)))
    return {row.id: _Found(*tuple(row)[:-1]) for row in rows if row.workspace_id == workspace_id}


def _missing(wanted: Mapping[int, Move], found: Mapping[int, _Found]) -> Iterator[TargetProblem]:
    for key in wanted.keys() - found.keys():
        yield TargetProblem(key, "A post", None, Problem("target_not_found", "This post does not exist any more."))


def _refusals(found: Mapping[int, _Found], wanted: Mapping[int, Move], neighbours: _Neighbours, caps: DailyCaps,
              now: datetime) -> Iterator[TargetProblem]:
    for key, target in found.items():
        if problem := next(_problems(target, wanted[key], neighbours, caps, now), None):
            yield TargetProblem(key, title_of(target.caption), target.scheduled_at, problem)


def _problems(target: _Found, wanted: Move, neighbours: _Neighbours, caps: DailyCaps, now: datetime) -> Iterator[Problem]:
    """The first is told: what somebody else did before what the new time would break."""
    if target.state not in EDITABLE:
        yield started()
    if wanted.seen_at is not None and wanted.seen_at != target.scheduled_at:
        yield Problem("version_conflict", "Somebody else moved this post meanwhile. It stands where they put it; move it from there.")
    yield from schedule_problems(wanted.scheduled_at, now)
    if target.will_go_out:
        if problem := posting_problem(target.nickname, target.connection, target.scopes, target.mode):
            yield problem
        cap = caps.posts if target.mode is PostMode.DIRECT else caps.drafts
        if (count := neighbours.count(target, wanted.scheduled_at)) > max(cap, neighbours.count_before(target, wanted.scheduled_at)):
            yield Problem("over_daily_cap", _cap_text(target, count, cap), "scheduled_local")


def _cap_text(target: _Found, count: int, cap: int) -> str:
    if target.mode is PostMode.DIRECT:
        return (f"With this, {target.nickname} would have {count} posts within 24 hours; TikTok takes about {cap}. "
                "Choose another day, or move one of the others first.")
    return (f"With this, {target.nickname} would get {count} drafts within 24 hours; {cap} may wait in the creator's TikTok app. "
            "Choose another day, or move one of the others first.")


def _warnings(found: Mapping[int, _Found], wanted: Mapping[int, Move], neighbours: _Neighbours) -> Iterator[TargetProblem]:
    for key, target in found.items():
        count = neighbours.within_hour(target, wanted[key].scheduled_at)
        if target.will_go_out and count >= CROWD:
            yield TargetProblem(key, title_of(target.caption), wanted[key].scheduled_at, Problem(
                "crowded_hour", f"{target.nickname} now has {count} posts within an hour. TikTok shows such a row to fewer people."))


def _write(session: Session, target: _Found, wanted: Move, workspace_id: int, actor_id: int, now: datetime) -> Moved:
    if wanted.scheduled_at != target.scheduled_at or target.state in (S.FAILED, S.MISSED):
        if not _store(session, target, wanted.scheduled_at, now):
            # A worker took it between the look and the writing.
            raise MovesRefused([TargetProblem(target.target_id, title_of(target.caption), target.scheduled_at, started())])
        record_event(session, "target.moved", workspace_id=workspace_id, at=now, actor_id=actor_id, post_id=target.post_id,
                     account_id=target.account_id, before=target.scheduled_at.isoformat(), after=wanted.scheduled_at.isoformat())
    return Moved(target.target_id, target.scheduled_at, wanted.scheduled_at, target.state in (S.FAILED, S.MISSED))


def _store(session: Session, target: _Found, at: datetime, now: datetime) -> bool:
    if target.state in WITHOUT_SCHEDULE:
        return _update(session, target, {"scheduled_at": at})
    # A check ahead may hold the lease of a scheduled target; without it, it writes nothing.
    values: dict[str, Any] = {
        "scheduled_at": at, "due_at": next_due(at, now), "failed_tries": 0, "problem_code": None, "problem_text": None,
        "lease_until": None, "lease_token": None, "finding_code": None, "finding_text": None, "checked_at": None,
    }
    if target.state is S.SCHEDULED:
        return _update(session, target, values)
    return move(session, target.target_id, target.state, S.SCHEDULED, **values, **FORGOTTEN, polls=0)


def _update(session: Session, target: _Found, values: dict[str, Any]) -> bool:
    changed = session.execute(sa.update(PostTarget).where(PostTarget.id == target.target_id, PostTarget.state == target.state,
                                                           PostTarget.scheduled_at == target.scheduled_at)
                              .values(**values))
    return bool(changed.rowcount == 1)  # type: ignore[attr-defined]  # a CursorResult, typed as Result


class _Neighbours:
    """What else the accounts have around the new times, as it is and as it would be. One statement."""

    def __init__(self, session: Session, workspace_id: int, found: Mapping[int, _Found], wanted: Mapping[int, Move]) -> None:
        times = [wanted[key].scheduled_at for key in found]
        rows = session.execute(sa.select(PostTarget.id, PostTarget.account_id, PostTarget.mode, PostTarget.scheduled_at).where(
            PostTarget.workspace_id == workspace_id, PostTarget.state.in_(COUNTED),
            PostTarget.account_id.in_({target.account_id for target in found.values()}),
            PostTarget.scheduled_at > min(times) - DAY, PostTarget.scheduled_at < max(times) + DAY))
        self._before: dict[tuple[int, PostMode], list[datetime]] = {}
        self._after: dict[tuple[int, PostMode], list[datetime]] = {}
        for target_id, account_id, mode, at in rows:
            self._before.setdefault((account_id, mode), []).append(at)
            if target_id not in found:
                self._after.setdefault((account_id, mode), []).append(at)
        for key, target in found.items():
            if target.will_go_out:
                self._after.setdefault((target.account_id, target.mode), []).append(wanted[key].scheduled_at)

    def count(self, target: _Found, at: datetime) -> int:
        """The most posts within a day that holds the new time, after all moves."""
        return busiest(self._after.get((target.account_id, target.mode), ()), at, DAY)

    def count_before(self, target: _Found, at: datetime) -> int:
        """As many as that before any of them: a day that is too full already may be put in order."""
        return busiest(self._before.get((target.account_id, target.mode), ()), at, DAY)

    def within_hour(self, target: _Found, at: datetime) -> int:
        return busiest(self._after.get((target.account_id, target.mode), ()), at, HOUR)


def title_of(caption: str) -> str:
    """The first line, which stands for a post where there is little room."""
    return caption.split("\n", 1)[0].strip() or "No caption"


def started() -> Problem:
    """Why a post that is on its way, or has arrived, stays as it is."""
    return Problem("target_started", "Publishing has begun or is over, so this can't be changed any more.")
