"""A week by hours: where each card lies in its day, and what shares its place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from app.domain.moving import QUARTER_MINUTES, wall_time
from app.domain.zones import to_instant
from app.queries.calendar import Mark
from app.web.calendar.grid import Touched, cards_of, marks_by_day, summary
from app.web.calendar.state import CalendarState
from app.web.cards import Card, day_title

LANES = 3
HEIGHT = 3
"""Quarters that a card is tall."""
LAST_ROW = 96 - HEIGHT
"""A card of the last minutes of a day stands a little higher, so that it ends with the day."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where something lies: its row, in quarters of an hour, and its lane of so many."""

    row: int
    lane: int
    lanes: int
    target_id: int | None
    more: int = 0
    """So many that found no lane of their own here."""


@dataclass(frozen=True, slots=True)
class Item:
    """A card at its place, or the word how many more there are."""

    place: Place
    card: Card | None


@dataclass(frozen=True, slots=True)
class Hour:
    """An hour that a click fills: in the zone of the workspace, which the composer speaks."""

    row: int
    label: str
    date: str
    time: str


@dataclass(frozen=True, slots=True)
class Column:
    """One day of the week."""

    date: date
    is_past: bool
    is_today: bool
    items: tuple[Item, ...]
    hours: tuple[Hour, ...]
    count: int
    now_row: int | None

    @property
    def title(self) -> str:
        return day_title(self.date)


@dataclass(frozen=True, slots=True)
class Week:
    """Seven days, and the way to the neighbours."""

    title: str
    short_title: str
    columns: tuple[Column, ...]
    previous: date
    following: date
    is_current: bool
    summary: str


def build_week(state: CalendarState, touched: Touched | None = None) -> Week:
    """The week of the state's day; after a move with its touched days only. Two statements."""
    start = state.first_of_week(state.day)
    dates = [start + timedelta(days=n) for n in range(7)]
    marks = marks_by_day(state, dates)
    places = {day: lay_out([(m.target_id, row_of(m, state.zone)) for m in found]) for day, found in marks.items()
              if touched is None or day in touched.days}
    shown = {place.target_id for found in places.values() for place in found}
    cards = cards_of(state, (m for found in marks.values() for m in found if m.target_id in shown), touched.target_ids if touched else ())
    return Week(
        title=_title(dates[0], dates[-1]), short_title=f"{dates[0].day} – {dates[-1].day} {dates[-1]:%b}",
        columns=tuple(_column(state, day, found, cards, len(marks[day])) for day, found in places.items()),
        previous=start - timedelta(days=7), following=start + timedelta(days=7), is_current=state.today in marks,
        summary=summary([m for found in marks.values() for m in found]),
    )


def row_of(mark: Mark, zone: ZoneInfo) -> int:
    """The quarter of the day in which it is planned, by the clock on the wall."""
    local = wall_time(mark.scheduled_at, zone)
    return min((60 * local.hour + local.minute) // QUARTER_MINUTES, LAST_ROW)


def lay_out(rows: Sequence[tuple[int, int]]) -> list[Place]:
    """Places for (target, row) pairs in order of time: what overlaps lies side by side, at most three of them; where more
    overlap, two lie side by side and the third place says how many more there are."""
    places: list[Place] = []
    group: list[tuple[int, int]] = []
    end = -1
    for target_id, row in sorted(rows, key=lambda pair: pair[1]):
        if row >= end and group:
            places += _lay_out_group(group)
            group = []
        group.append((target_id, row))
        end = row + HEIGHT
    return places + _lay_out_group(group) if group else places


def _lay_out_group(group: Sequence[tuple[int, int]]) -> list[Place]:
    for room in range(1, LANES + 1):
        if (lanes := _assign(group, room)) and None not in lanes:
            return [Place(row, lane or 0, room, target_id) for (target_id, row), lane in zip(group, lanes, strict=True)]
    lanes = _assign(group, LANES - 1)
    found = [Place(row, lane, LANES, target_id) for (target_id, row), lane in zip(group, lanes, strict=True) if lane is not None]
    hidden = [row for (_, row), lane in zip(group, lanes, strict=True) if lane is None]
    while hidden:
        together = [row for row in hidden if row < hidden[0] + HEIGHT]
        found.append(Place(hidden[0], LANES - 1, LANES, None, more=len(together)))
        hidden = hidden[len(together):]
    return found


def _assign(group: Sequence[tuple[int, int]], room: int) -> list[int | None]:
    """The first free lane of each, or None where all are taken."""
    ends, found = [0] * room, []
    for _, row in group:
        lane = next((n for n, end in enumerate(ends) if end <= row), None)
        if lane is not None:
            ends[lane] = row + HEIGHT
        found.append(lane)
    return found


def _column(state: CalendarState, day: date, places: Sequence[Place], cards: dict[int, Card], count: int) -> Column:
    items = [Item(p, cards.get(p.target_id) if p.target_id is not None else None) for p in places]
    local_now = wall_time(state.now, state.zone)
    return Column(
        day, is_past=day < state.today, is_today=day == state.today, items=tuple(i for i in items if i.card or i.place.more),
        hours=tuple(_hours(state, day)), count=count,
        now_row=(60 * local_now.hour + local_now.minute) // QUARTER_MINUTES if day == state.today else None)


def _hours(state: CalendarState, day: date) -> list[Hour]:
    """The hours that are still to come."""
    own, found = ZoneInfo(state.who.time_zone), []
    if day < state.today:
        return []
    for hour in range(24):
        at = to_instant(datetime.combine(day, time(hour)), state.zone)
        if at > state.now:
            there = wall_time(at, own)
            found.append(Hour(4 * hour, f"{hour:02d}:00", there.date().isoformat(), f"{there:%H:%M}"))
    return found


def _title(first: date, last: date) -> str:
    """`23 – 29 November 2026`, with as much of the first day as differs."""
    if first.year != last.year:
        return f"{first.day} {first:%B %Y} – {last.day} {last:%B %Y}"
    return f"{first.day} {f'{first:%B} ' if first.month != last.month else ''}– {last.day} {last:%B %Y}"
