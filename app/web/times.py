"""How instants are shown: in a zone, absolute, with a relative hint."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True)
class ShownTime:
    """One instant, ready for a `<time>` element."""

    iso: str
    text: str
    clock: str
    relative: str
    exact: str


def shown(instant: datetime, zone: str, now: datetime) -> ShownTime:
    """`Tue 24 Nov, 09:00`, `09:00` and `in 3 days`; the year is said when it is another one."""
    local, today = instant.astimezone(ZoneInfo(zone)), now.astimezone(ZoneInfo(zone))
    year = "" if local.year == today.year else f" {local.year}"
    return ShownTime(
        iso=instant.isoformat(), text=f"{local:%a} {local.day} {local:%b}{year}, {local:%H:%M}",
        clock=f"{local:%H:%M}", relative=relative(instant, now), exact=f"{local:%a} {local.day} {local:%b}{year}, {local:%H:%M:%S}",
    )


def relative(instant: datetime, now: datetime) -> str:
    """`in 14 min`, `3 days ago`, `now`."""
    seconds = (instant - now).total_seconds()
    amount = _amount(timedelta(seconds=abs(seconds)))
    if amount is None:
        return "now" if seconds >= -10 else "just now"
    return f"in {amount}" if seconds > 0 else f"{amount} ago"


def zone_label(zone: str, now: datetime) -> str:
    """`Berlin, UTC+1`."""
    offset = now.astimezone(ZoneInfo(zone)).utcoffset() or timedelta(0)
    minutes = int(offset.total_seconds() // 60)
    hours, rest = divmod(abs(minutes), 60)
    sign = "−" if minutes < 0 else "+"
    return f"{zone.rsplit('/', 1)[-1].replace('_', ' ')}, UTC{sign}{hours}" + (f":{rest:02d}" if rest else "")


def _amount(span: timedelta) -> str | None:
    seconds = int(span.total_seconds())
    if seconds < 10:
        return None
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3600:
        return f"{seconds // 60} min"
    if seconds < 48 * 3600:
        return f"{seconds // 3600} h"
    return f"{seconds // 86400} days"
