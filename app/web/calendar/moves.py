"""Moving cards: dropped somewhere, stepped on by keys, taken back."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime

from flask import Response, make_response, request

from app.domain.errors import DomainError, refuse
from app.domain.moving import Landing, dropped, stepped
from app.services.scheduling import Move, MovesRefused, move_targets
from app.web.calendar.blueprint import blueprint
from app.web.calendar.outcome import read_way_back, refused_moves, went_well
from app.web.calendar.state import CalendarState, asked_state
from app.web.errors import STATUS
from app.web.htmx import with_toast
from app.wiring import wiring


@blueprint.post("/calendar/move")
def move() -> Response:
    """Cards that were dropped on a day, or on a minute of it, or stepped on by days or minutes.

    `target` and `seen` are lists side by side: who, and the time that the person saw.
    """
    state = asked_state()
    try:
        landings = _landings(state, _seen_times())
    except DomainError as error:
        return with_toast(make_response("", STATUS[error.kind]), error.message, "error")
    seen = _seen_times()
    return _move(state, [Move(key, landing.at, seen[key]) for key, landing in landings.items()], landings)


@blueprint.post("/calendar/back")
def move_back() -> Response:
    """Undo: everything back to where it was, by the same rules as any move."""
    try:
        ways = [read_way_back(text) for text in request.args.getlist("move")]
    except ValueError:
        raise refuse("way_back_unknown", "That can't be undone any more. Move the post to the time that it should have.") from None
    return _move(asked_state(), [Move(key, before, after) for key, after, before in ways], {}, is_undo=True)


def _move(state: CalendarState, moves: list[Move], landings: Mapping[int, Landing], *, is_undo: bool = False) -> Response:
    try:
        result = move_targets(moves, workspace_id=state.who.workspace_id, actor_id=state.who.user_id, now=state.now,
                              caps=wiring().daily_caps)
    except MovesRefused as error:
        return refused_moves(state, error, [m.seen_at for m in moves if m.seen_at])
    except DomainError as error:
        return with_toast(make_response("", STATUS[error.kind]), error.message, "error")
    return went_well(state, result, landings.values(), is_undo=is_undo)


def _landings(state: CalendarState, seen: Mapping[int, datetime]) -> dict[int, Landing]:
    form = request.form
    if "to" not in form:
        return stepped(seen, form.get("days", 0, type=int), form.get("minutes", 0, type=int), state.zone)
    held = form.get("held", 0, type=int)
    try:
        day = date.fromisoformat(form["to"])
    except ValueError:
        raise _nonsense() from None
    if held not in seen:
        raise _nonsense()
    return dropped(seen, held, day, form.get("minute", type=int), state.zone)


def _seen_times() -> dict[int, datetime]:
    form = request.form
    try:
        found = {int(key): datetime.fromisoformat(at) for key, at in zip(form.getlist("target"), form.getlist("seen"), strict=True)}
    except ValueError:
        raise _nonsense() from None
    if not found or any(at.tzinfo is None for at in found.values()):
        raise _nonsense()
    return found


def _nonsense() -> DomainError:
    return refuse("move_unclear", "It is not clear what should go where. Reload the page and move it again.")
