"""Wall times and instants: what a person types, in a zone, and the moment that it means."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from app.domain.errors import refuse

ALIASES = ("Etc/", "SystemV/", "US/", "Canada/", "Mexico/", "Brazil/", "Chile/")


@cache
def _known() -> frozenset[str]:
    """Every name, read once: finding them opens hundreds of files."""
    return frozenset(available_timezones())


@cache
def zone_names() -> tuple[str, ...]:
    """All zones that people may choose: places and UTC, in alphabetical order, without legacy aliases."""
    return tuple(sorted(n for n in _known() if ("/" in n and not n.startswith(ALIASES)) or n == "UTC"))


def zone(name: str) -> ZoneInfo:
    """The zone of that IANA name. Raises DomainError `time_zone_unknown`."""
    try:
        if name in _known():
            return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        pass
    raise refuse("time_zone_unknown", "Choose a time zone from the list.", "time_zone")


def is_skipped(local: datetime, zone: ZoneInfo) -> bool:
    """Whether a clock change leaves this wall time out."""
    aware = local.replace(tzinfo=zone)
    return aware.astimezone(UTC).astimezone(zone).replace(tzinfo=None) != local


def to_instant(local: datetime, zone: ZoneInfo) -> datetime:
    """The instant of a naive wall time: the first one if it occurs twice; the first valid minute if it is skipped."""
    if not is_skipped(local, zone):
        return local.replace(tzinfo=zone, fold=0).astimezone(UTC)
    return _first_valid_after(local, zone)


def _first_valid_after(local: datetime, zone: ZoneInfo) -> datetime:
    # With fold=0 a skipped time is read with the offset before the change, which lands after the gap;
    # going back to the gap's end is a search over whole minutes, at most a day (Samoa skipped one).
    minute = local.replace(second=0, microsecond=0)
    low, high = 0, 24 * 60 + 1
    while low + 1 < high:
        middle = (low + high) // 2
        if is_skipped(minute + timedelta(minutes=middle), zone):
            low = middle
        else:
            high = middle
    return (minute + timedelta(minutes=high)).replace(tzinfo=zone, fold=0).astimezone(UTC)


def exact_instant(local: datetime, zone: ZoneInfo, field: str = "scheduled_local") -> datetime:
    """As `to_instant`, but a skipped time, which a person must have typed by mistake, is refused."""
    try:
        skipped = is_skipped(local, zone)
    except OverflowError:
        raise refuse("time_impossible", "That date is beyond the calendar. Choose one within a year.", field) from None
    if skipped:
        valid = to_instant(local, zone).astimezone(zone)
        valid_text = f"{valid:%H:%M}" if valid.date() == local.date() else f"{valid:%Y-%m-%d %H:%M}"
        raise refuse(
            "time_skipped",
            f"{local:%H:%M} does not exist on that day in {zone.key}: the clocks go forward. "
            f"Choose {valid_text} or later.",
            field,
        )
    return to_instant(local, zone)
