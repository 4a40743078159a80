"""Where a post lands when it is moved: wall times that stay, quarters of an hour, and how many share a span of time."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from app.domain.errors import refuse
from app.domain.zones import is_skipped, to_instant

QUARTER_MINUTES = 15
FIRST_YEAR, LAST_YEAR = 1975, 2200
"""Beyond these no post is and no clock change is known."""


@dataclass(frozen=True, slots=True)
class Landing:
    """The new moment of a post; `is_clock_change` when its wall time does not exist on that day, so that it goes a little later."""

    at: datetime
    is_clock_change: bool = False


def wall_time(instant: datetime, zone: ZoneInfo) -> datetime:
    """What a clock on the wall shows: naive."""
    return instant.astimezone(zone).replace(tzinfo=None, fold=0)


def moved_by(instant: datetime, distance: timedelta, zone: ZoneInfo) -> Landing:
    """So far on the clock on the wall, whatever clock changes lie between.

    A wall time that a clock change skips becomes the first valid minute; one that occurs twice means the first. No
    distance is no change, to the second. Raises DomainError `time_impossible` beyond the calendar.
    """
    if not distance:
        return Landing(instant)
    try:
        return _landing(wall_time(instant, zone) + distance, zone)
    except OverflowError:
        raise _impossible() from None


def moved_to_day(instant: datetime, day: date, zone: ZoneInfo) -> Landing:
    """The same wall time, to the minute and the second, on another day of that zone."""
    return moved_by(instant, day - wall_time(instant, zone).date(), zone)


def nearest_quarter(minute: int) -> int:
    """A minute of the day on a quarter of an hour; the last one stays within the day."""
    return min(round(minute / QUARTER_MINUTES) * QUARTER_MINUTES, 24 * 60 - QUARTER_MINUTES)


def dropped(seen: Mapping[int, datetime], held: int, day: date, minute: int | None, zone: ZoneInfo) -> dict[int, Landing]:
    """Where the held one and those that move with it land, when it is dropped on a day, or on a time of it.

    Without a minute each keeps its wall time; with one the held lands on that quarter of an hour, and the others keep their
    distance to it on the clock on the wall.
    """
    if not FIRST_YEAR <= day.year <= LAST_YEAR:
        raise _impossible()
    before = wall_time(seen[held], zone)
    distance = day - before.date()
    if minute is not None:
        distance = datetime.combine(day, time()) + timedelta(minutes=nearest_quarter(minute)) - before
    return {key: moved_by(at, distance, zone) for key, at in seen.items()}


def stepped(seen: Mapping[int, datetime], days: int, minutes: int, zone: ZoneInfo) -> dict[int, Landing]:
    """Each so many days on, at its wall time, and then so many minutes of real time, which no clock change can stop."""
    try:
        landings = {key: moved_by(at, timedelta(days=days), zone) for key, at in seen.items()}
        return {key: Landing(found.at + timedelta(minutes=minutes), found.is_clock_change and not minutes)
                for key, found in landings.items()}
    except OverflowError:
        raise _impossible() from None


def busiest(times: Sequence[datetime], around: datetime, span: timedelta) -> int:
    """The most of those times that any span which holds `around` holds: (end − span, end], for every end in [around, around + span)."""
    ordered = sorted(times)
    ends = [around, *(at for at in ordered if around < at < around + span)]
    return max(bisect_right(ordered, end) - bisect_right(ordered, end - span) for end in ends)


def _landing(local: datetime, zone: ZoneInfo) -> Landing:
    if not FIRST_YEAR <= local.year <= LAST_YEAR:
        raise _impossible()
    return Landing(to_instant(local, zone), is_skipped(local, zone))


def _impossible() -> Exception:
    return refuse("time_impossible", "That date is beyond the calendar. Choose one within a year.", "scheduled_local")
