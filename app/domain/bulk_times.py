"""Dates and times as people's spreadsheets write them. What can be read in two ways is refused, never guessed."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time
from enum import StrEnum
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from app.domain.errors import DomainError, Problem, refuse
from app.domain.zones import exact_instant, is_skipped


class DateOrder(StrEnum):
    """What comes first in dates such as 05/06/2026; `as_written` takes only those that can be read in one way."""

    AS_WRITTEN = "as_written"
    DAY_FIRST = "day_first"
    MONTH_FIRST = "month_first"


MONTHS = ("january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november", "december")
YEAR_FIRST = re.compile(r"(\d{4})([-/.])(\d{1,2})\2(\d{1,2})(?!\d)")
DOTTED = re.compile(r"(\d{1,2})\.\s?(\d{1,2})\.\s?(\d{4})(?!\d)")
"""Where dots are written, the day comes first."""
SLASHED = re.compile(r"(\d{1,2})([/-])(\d{1,2})\2(\d{4})(?!\d)")
DAY_MONTH = re.compile(r"(?:[a-z]+,\s+)?(\d{1,2})(?:st|nd|rd|th)?[ -]([a-z]{3,9})\.?,?[ -](\d{4})(?!\d)", re.IGNORECASE)
MONTH_DAY = re.compile(r"(?:[a-z]+,\s+)?([a-z]{3,9})\.? (\d{1,2})(?:st|nd|rd|th)?,? (\d{4})(?!\d)", re.IGNORECASE)
CLOCK = re.compile(r"(\d{1,2})(?::(\d{2}))?(?::(\d{2})(?:\.0+)?)?\s?(?:([ap])\.?\s?m\.?)?", re.IGNORECASE)
OFFSET = re.compile(r"(?:Z|[+-]\d{2}:?\d{2})$", re.IGNORECASE)
EXAMPLE = "2026-11-24"


def read_instant(day: str, clock: str, zone: ZoneInfo, order: DateOrder) -> tuple[datetime, Problem | None]:
    """The moment that a row's cells mean, with a warning where it occurs twice and the first one is taken.

    `day` may hold the time as well; with an offset it is exact, and the zone counts for nothing.
    Raises DomainError with field `date` or `time`.
    """
    if not clock and (exact := _exact(day)):
        return exact, None
    read_day, rest = _read_date(day, order)
    if rest and clock:
        raise refuse("time_twice", f"“{day}” has a time, and there is another one beside it. Leave one of them away.", "time")
    local = datetime.combine(read_day, _read_clock(clock or rest))
    return exact_instant(local, zone, "time"), _twice(local, zone)


def read_zone(name: str) -> ZoneInfo:
    """The zone of that IANA name, whatever its capitals. Raises DomainError with field `time_zone`."""
    found = _zone_names().get(name.casefold().replace(" ", "_"))
    if found is None:
        raise refuse("time_zone_unknown", f"“{name}” is not a time zone that Oncue knows. Write it like Europe/Berlin or America/New_York,"
                     " or leave it empty for the workspace's.", "time_zone")
    return ZoneInfo(found)


@cache
def _zone_names() -> dict[str, str]:
    return {name.casefold(): name for name in available_timezones()}


def _exact(text: str) -> datetime | None:
    if not OFFSET.search(text):
        return None
    try:
        found = datetime.fromisoformat(text.replace(" ", "T", 1).replace(" ", ""))
    except ValueError:
        return None
    return found.astimezone(UTC) if found.tzinfo else None


def _read_date(text: str, order: DateOrder) -> tuple[date, str]:
    """The date that the text begins with, and what follows it."""
    if not text:
        raise refuse("date_missing", f"There is no date. Write it like {EXAMPLE}.", "date")
    for pattern, arrange in ((YEAR_FIRST, _year_first), (DOTTED, _dotted), (DAY_MONTH, _day_month), (MONTH_DAY, _month_day)):
        if found := pattern.match(text):
            year, month, day = arrange(found)
            break
    else:
        if not (found := SLASHED.match(text)):
            raise _unreadable(text)
        year, month, day = _slashed(found, order)
    try:
        return date(year, month, day), text[found.end():].lstrip(" ,T")
    except ValueError:
        raise _unreadable(text) from None


def _year_first(found: re.Match[str]) -> tuple[int, int, int]:
    return int(found[1]), int(found[3]), int(found[4])


def _dotted(found: re.Match[str]) -> tuple[int, int, int]:
    return int(found[3]), int(found[2]), int(found[1])


def _day_month(found: re.Match[str]) -> tuple[int, int, int]:
    return int(found[3]), _month(found[2]), int(found[1])


def _month_day(found: re.Match[str]) -> tuple[int, int, int]:
    return int(found[3]), _month(found[1]), int(found[2])


def _month(name: str) -> int:
    """0, which no date has, for what is no month."""
    return next((n for n, month in enumerate(MONTHS, 1) if month.startswith(name.lower())), 0)


def _slashed(found: re.Match[str], order: DateOrder) -> tuple[int, int, int]:
    first, second, year = int(found[1]), int(found[3]), int(found[4])
    if order is DateOrder.DAY_FIRST or (order is DateOrder.AS_WRITTEN and first > 12):
        return year, second, first
    if order is DateOrder.MONTH_FIRST or second > 12 or first == second:
        return year, first, second
    if 0 in (first, second):
        raise _unreadable(found[0])
    a, b = date(year, second, first), date(year, first, second)
    raise refuse("date_ambiguous", f"“{found[0]}” may be {_said(a)} or {_said(b)}. Write {a} or {b}, or say beside the columns which comes"
                 " first in this file.", "date")


def _said(day: date) -> str:
    return f"{day.day} {day:%B}"


def _read_clock(text: str) -> time:
    if not text:
        raise refuse("time_missing", "There is no time. Write it like 09:30.", "time")
    found = CLOCK.fullmatch(text.strip())
    unreadable = refuse("time_unreadable", f"“{text}” is not a time that can be read. Write it like 09:30 or 9:30 pm.", "time")
    if found is None or not (found[2] or found[4]):
        raise unreadable
    hour, minute, second = int(found[1]), int(found[2] or 0), int(found[3] or 0)
    if found[4]:
        if not 1 <= hour <= 12:
            raise unreadable
        hour = hour % 12 + (12 if found[4].lower() == "p" else 0)
    try:
        return time(hour, minute, second)
    except ValueError:
        raise unreadable from None


def _twice(local: datetime, zone: ZoneInfo) -> Problem | None:
    first, second = (local.replace(tzinfo=zone, fold=fold).utcoffset() for fold in (0, 1))
    if first == second or is_skipped(local, zone):
        return None
    return Problem("time_twice_that_day", f"{local:%H:%M} occurs twice on that day in {zone.key}: the clocks go back. The first one is"
                   " meant.", "time")


def _unreadable(text: str) -> DomainError:
    return refuse("date_unreadable", f"“{text}” is not a date that can be read. Write it like {EXAMPLE}.", "date")


def written_time(instant: datetime, zone: ZoneInfo) -> tuple[str, str, str]:
    """Date, time and time zone that `read_instant` reads as this instant, to the second.

    In the zone, but for the second of two equal wall times, which only UTC can tell.
    """
    local = instant.astimezone(zone)
    if local.fold:
        local, zone = instant.astimezone(UTC), ZoneInfo("UTC")
    return f"{local:%Y-%m-%d}", f"{local:%H:%M:%S}" if local.second else f"{local:%H:%M}", zone.key
