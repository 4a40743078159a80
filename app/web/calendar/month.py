"""A month of whole weeks."""

from __future__ import annotations

import calendar as months
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

from app.queries.calendar import Mark
from app.web.calendar.grid import Touched, cards_of, marks_by_day, summary
from app.web.calendar.state import CalendarState
from app.web.cards import Card, day_title

SHOWN_PER_DAY = 3


@dataclass(frozen=True, slots=True)
class Day:
    """One cell: its date, where it lies, its first cards in order, and how many more there are."""

    date: date
    label: str
    is_outside: bool
    is_past: bool
    is_today: bool
    cards: tuple[Card, ...]
    more: int

    @property
    def title(self) -> str:
        return day_title(self.date)

    @property
    def count(self) -> int:
        return len(self.cards) + self.more


@dataclass(frozen=True, slots=True)
class Month:
    """Whole weeks around a month, and the way to its neighbours."""

    title: str
    short_title: str
    weekdays: tuple[str, ...]
    days: tuple[Day, ...]
    previous: date
    following: date
    is_current: bool
    summary: str
    is_empty: bool


def build_month(state: CalendarState, touched: Touched | None = None) -> Month:
    """The month of the state's day; after a move with cards for the touched days only. Two statements."""
    first = state.day.replace(day=1)
    length = months.monthrange(first.year, first.month)[1]
    start = state.first_of_week(first)
    weeks = -(-((first - start).days + length) // 7)
    dates = [start + timedelta(days=n) for n in range(7 * weeks)]
    marks = marks_by_day(state, dates)
    moved = touched.target_ids if touched else frozenset()
    shown = {day: _first(found, moved) for day, found in marks.items() if touched is None or day in touched.days}
    cards = cards_of(state, (mark for found in shown.values() for mark in found), moved)
    inside = [mark for day, found in marks.items() if day.month == first.month for mark in found]
    return Month(
        title=f"{first:%B %Y}", short_title=f"{first:%B}", weekdays=tuple(f"{day:%a}" for day in dates[:7]),
        days=tuple(_day(state, day, first, [cards[m.target_id] for m in found if m.target_id in cards], len(marks[day]) - len(found))
                   for day, found in shown.items()),
        previous=(first - timedelta(days=1)).replace(day=1), following=first + timedelta(days=length),
        is_current=(first.year, first.month) == (state.today.year, state.today.month),
        summary=summary(inside), is_empty=not any(marks.values()),
    )


def _first(marks: list[Mark], moved: frozenset[int]) -> list[Mark]:
    """Those that a cell has room for: the first ones, but what was moved just now is seen where it landed.

    Four cards would fit as badly as three and a word: with more than three, the last place says how many.
    """
    if len(marks) <= SHOWN_PER_DAY:
        return marks
    favoured = sorted(marks, key=lambda mark: mark.target_id not in moved)[:SHOWN_PER_DAY - 1]
    return [mark for mark in marks if mark in favoured]


def _day(state: CalendarState, day: date, first: date, cards: Iterable[Card], more: int) -> Day:
    label = f"{day.day} {day:%b}" if day.day == 1 else str(day.day)
    return Day(day, label, is_outside=day.month != first.month, is_past=day < state.today, is_today=day == state.today,
               cards=tuple(cards), more=more)
