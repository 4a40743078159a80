"""The list: an agenda by pages in both directions; and one day of it."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from flask import request

from app.queries.calendar import Cursor, rows_before, rows_from
from app.queries.targets import TargetRow
from app.web.calendar.state import CalendarState
from app.web.cards import Card, day_title, make_card

PER_PAGE = 50


@dataclass(frozen=True, slots=True)
class AgendaDay:
    """A day with its cards, in order."""

    date: date
    title: str
    cards: tuple[Card, ...]


@dataclass(frozen=True, slots=True)
class StripDay:
    """A day of the week that stands above the agenda on phones."""

    date: date
    letter: str
    is_shown: bool


@dataclass(frozen=True, slots=True)
class Agenda:
    """One page: days with cards, and where the pages before and after begin (None at the ends)."""

    title: str
    short_title: str
    days: tuple[AgendaDay, ...]
    strip: tuple[StripDay, ...]
    earlier: str | None
    later: str | None
    is_day: bool
    previous: date
    following: date
    is_current: bool
    summary: str


def build_agenda(state: CalendarState) -> Agenda:
    """The page that the address asks for: from its date on, or before or after a post. Two statements."""
    workspace_id, before, after = state.who.workspace_id, _asked_cursor("before"), _asked_cursor("after")
    if before:
        rows = rows_before(workspace_id, before, state.wanted, PER_PAGE + 1)
        has_earlier, has_later, rows = len(rows) > PER_PAGE, True, rows[-PER_PAGE:]
    else:
        start = after or Cursor(state.midnight(state.day))
        rows = rows_from(workspace_id, start, state.wanted, PER_PAGE + 1)
        has_earlier, has_later, rows = bool(rows_before(workspace_id, start, state.wanted, 1)), len(rows) > PER_PAGE, rows[:PER_PAGE]
    week = state.first_of_week(state.day)
    return Agenda(
        title=f"{state.day:%B %Y}", short_title=f"{state.day:%B}", days=_days(state, rows), is_day=False, summary="",
        strip=tuple(StripDay(d, f"{d:%a}"[0], d == state.day) for d in (week + timedelta(days=n) for n in range(7))),
        earlier=_cursor_text(rows[0]) if rows and has_earlier else state.midnight(state.day).isoformat() if has_earlier else None,
        later=_cursor_text(rows[-1]) if rows and has_later else None,
        previous=state.day - timedelta(days=7), following=state.day + timedelta(days=7), is_current=state.day == state.today,
    )


def build_day(state: CalendarState, moved: Container[int] = ()) -> Agenda:
    """All of one day, by pages. One statement."""
    after, next_day = _asked_cursor("after"), state.day + timedelta(days=1)
    rows = rows_from(state.who.workspace_id, after or Cursor(state.midnight(state.day)), state.wanted, PER_PAGE + 1,
                     until=state.midnight(next_day))
    shown = rows[:PER_PAGE]
    days = _days(state, shown, moved) or (AgendaDay(state.day, day_title(state.day), ()),)
    return Agenda(
        title=day_title(state.day), short_title=f"{state.day:%a} {state.day.day} {state.day:%b}", days=days,
        strip=(), earlier=None, later=_cursor_text(shown[-1]) if len(rows) > PER_PAGE else None,
        is_day=True, previous=state.day - timedelta(days=1), following=next_day, is_current=state.day == state.today, summary="",
    )


def _days(state: CalendarState, rows: list[TargetRow], moved: Container[int] = ()) -> tuple[AgendaDay, ...]:
    by_day: dict[date, list[Card]] = {}
    for row in rows:
        by_day.setdefault(row.scheduled_at.astimezone(state.zone).date(), []).append(
            make_card(row, state.zone_name, state.now, moved))
    return tuple(AgendaDay(day, f"{'Today, ' if day == state.today else ''}{_with_year(day, state.today)}", tuple(cards))
                 for day, cards in by_day.items())


def _with_year(day: date, today: date) -> str:
    return day_title(day) + (f" {day.year}" if day.year != today.year else "")


def _cursor_text(row: TargetRow) -> str:
    return f"{row.scheduled_at.isoformat()}~{row.target_id}"


def _asked_cursor(name: str) -> Cursor | None:
    at, _, target_id = request.args.get(name, "").partition("~")
    try:
        found = datetime.fromisoformat(at)
    except ValueError:
        return None
    return Cursor(found, min(int(target_id), 2**31 - 1) if target_id.isdecimal() else 0) if found.tzinfo else None
