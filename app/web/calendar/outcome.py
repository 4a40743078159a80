"""What a move is answered with: the touched days drawn again, and in words what happened, with the way back."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

from flask import Response, flash, make_response, redirect, render_template

from app.domain.moving import Landing
from app.services.scheduling import Moved, MoveResult, MovesRefused, TargetProblem
from app.web.calendar.grid import Touched
from app.web.calendar.month import build_month
from app.web.calendar.state import CalendarState, View
from app.web.calendar.week import build_week
from app.web.errors import STATUS
from app.web.htmx import wants_fragment
from app.web.times import shown

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
TOLD = 3
"""So many reasons are told at once; the others are counted."""


def went_well(state: CalendarState, result: MoveResult, landings: Iterable[Landing] = (), *, is_undo: bool = False) -> Response:
    """The moves were made: the days, a message with what is unwise about it, and Undo while there is a way back."""
    is_late = [landing for landing in landings if landing.is_clock_change]
    advice = [w.problem.message for w in result.warnings[:1]]
    if is_late:
        advice.append("The clocks go forward then, and that time does not exist: it goes out at the first minute that does.")
    text = " ".join([moved_text(state, result.moved, is_undo=is_undo), *advice])
    category = "warning" if advice else "success"
    back = None if is_undo or any(m.is_scheduled_anew or m.before <= state.now for m in result.moved) else way_back(state, result.moved)
    if not wants_fragment():
        flash(text, category)
        return make_response(redirect(state.url(date=result.moved[0].after.astimezone(state.zone).date().isoformat()), 303))
    times = [at for m in result.moved for at in (m.before, m.after)]
    response = drawn_again(state, times, [m.target_id for m in result.moved])
    toast: dict[str, object] = {"message": text, "category": category, "key": "move"}
    if back:
        toast["action"] = {"label": "Undo", "url": back}
    return announced(response, toast)


def refused_moves(state: CalendarState, error: MovesRefused, landings: Iterable[datetime] = ()) -> Response:
    """No move was made: why, and the days as they are now."""
    text = refused_text(error.refusals)
    if not wants_fragment():
        flash(text, "error")
        return make_response(redirect(state.url(), 303))
    times = [r.scheduled_at for r in error.refusals if r.scheduled_at]
    response = drawn_again(state, [*times, *landings], status=STATUS[error.kind])
    return announced(response, {"message": text, "category": "error", "key": "move"})


def announced(response: Response, toast: dict[str, object]) -> Response:
    """Say it, and have everything that shows the changed posts look again."""
    response.headers["HX-Trigger"] = json.dumps({"toast": toast, "calendar-changed": True})
    return response


def drawn_again(state: CalendarState, times: Iterable[datetime], moved: Iterable[int] = (), status: int = 200) -> Response:
    """The days of those instants as they are now, each to be swapped into its place; a list loads itself anew."""
    touched = Touched(frozenset(at.astimezone(state.zone).date() for at in times), frozenset(moved))
    if state.view is View.MONTH:
        body = render_template("calendar/_days.html", look=state, found=build_month(state, touched))
    elif state.view is View.WEEK:
        body = render_template("calendar/_columns.html", look=state, found=build_week(state, touched))
    else:
        body = ""
    return make_response(body, status)


def moved_text(state: CalendarState, moved: Sequence[Moved], *, is_undo: bool) -> str:
    """`Moved to Thu 26 Nov, 13:00.`"""
    if len(moved) > 1:
        return f"{len(moved)} posts moved{' back' if is_undo else ''}."
    word = "Moved back to" if is_undo else "Scheduled again for" if moved[0].is_scheduled_anew else "Moved to"
    zone = "" if state.is_own_zone else f" ({state.zone_label})"
    return f"{word} {shown(moved[0].after, state.zone_name, state.now).text}{zone}."


def refused_text(refusals: Sequence[TargetProblem]) -> str:
    """The reason, or one for each post with its first words."""
    if len(refusals) == 1:
        return refusals[0].problem.message
    told = " ".join(f"“{r.title}”: {r.problem.message}" for r in refusals[:TOLD])
    more = f" And {len(refusals) - TOLD} more." if len(refusals) > TOLD else ""
    return f"Nothing was moved. {told}{more}"


def way_back(state: CalendarState, moved: Sequence[Moved]) -> str:
    """The address that undoes it: each target with the time that it has, and the one that it had, in microseconds."""
    return state.act("calendar.move_back", move=[f"{m.target_id}.{_micros(m.after)}.{_micros(m.before)}" for m in moved])


def read_way_back(text: str) -> tuple[int, datetime, datetime]:
    """A target, the time that it should have now, and the one to go back to. Raises ValueError."""
    target_id, after, before = (int(part) for part in text.split("."))
    return target_id, _instant(after), _instant(before)


def _micros(at: datetime) -> int:
    return (at - EPOCH) // timedelta(microseconds=1)


def _instant(micros: int) -> datetime:
    try:
        return EPOCH + timedelta(microseconds=micros)
    except OverflowError as error:
        raise ValueError from error
