"""What month and week are built from: the marks of a span by day, and cards for the few that are shown."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from app.domain.lifecycle import TargetState
from app.queries.calendar import Mark, marks_between, rows_of
from app.web.calendar.state import CalendarState
from app.web.cards import Card, make_card

S = TargetState
SUMMARY = (({S.SCHEDULED}, "to go"), ({S.PUBLISHED}, "published"), ({S.FAILED, S.MISSED, S.UNCONFIRMED}, "need a look"))


@dataclass(frozen=True, slots=True)
class Touched:
    """After a move: the days to be drawn again, and the cards that were moved."""

    days: frozenset[date] = frozenset()
    target_ids: frozenset[int] = frozenset()


def marks_by_day(state: CalendarState, dates: Sequence[date]) -> dict[date, list[Mark]]:
    """The marks of days that follow each other, each under its day in the calendar's zone. One statement."""
    starts = [state.midnight(day) for day in dates]
    found: dict[date, list[Mark]] = {day: [] for day in dates}
    for mark in marks_between(state.who.workspace_id, starts[0], state.midnight(dates[-1] + timedelta(days=1)), state.wanted):
        found[dates[bisect_right(starts, mark.scheduled_at) - 1]].append(mark)
    return found


def cards_of(state: CalendarState, marks: Iterable[Mark], moved: Container[int] = ()) -> dict[int, Card]:
    """Cards by target. One statement."""
    rows = rows_of(marks)
    return {key: make_card(row, state.zone_name, state.now, moved) for key, row in rows.items()}


def summary(marks: Sequence[Mark]) -> str:
    """`47 posts · 31 to go · 1 need a look`."""
    if not marks:
        return ""
    parts = [f"{len(marks)} post{'s' if len(marks) != 1 else ''}"]
    for states, word in SUMMARY:
        if count := sum(mark.state in states for mark in marks):
            parts.append(f"{count} {word}")
    return " · ".join(parts)
