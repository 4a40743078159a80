"""A month of whole weeks."""

from __future__ import annotations

import calendar as months
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

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
    # Four cards would fit as badly as three and a word: with more than three, the last place says how many.
    shown = {day: found if len(found) <= SHOWN_PER_DAY else found[:SHOWN_PER_DAY - 1] for day, found in marks.items()
             if touched is None or day in touched.days}
    cards = cards_of(state, (mark for found in shown.values() for mark in found), touched.target_ids if touched else ())
    inside = [mark for day, found in marks.items() if day.month == first.month for mark in found]
    return Month(
        title=f"{first:%B %Y}", weekdays=tuple(f"{day:%a}" for day in dates[:7]),
        days=tuple(_day(state, day, first, [cards[m.target_id] for m in found if m.target_id in cards], len(marks[day]) - len(found))
                   for day, found in shown.items()),
        previous=(first - timedelta(days=1)).replace(day=1), following=first + timedelta(days=length),
        is_current=(first.year, first.month) == (state.today.year, state.today.month),
        summary=summary(inside), is_empty=not any(marks.values()),
    )


def _day(state: CalendarState, day: date, first: date, cards: Iterable[Card], more: int) -> Day:
    label = f"{day.day} {day:%b}" if day.day == 1 else str(day.day)
    return Day(day, label, is_outside=day.month != first.month, is_past=day < state.today, is_today=day == state.today,
               cards=tuple(cards), more=more)
