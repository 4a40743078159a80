"""Targets as cards: words, times and how often a card looks for news of itself."""

from __future__ import annotations

from collections.abc import Container, Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from app.domain.lifecycle import CANCELABLE, EDITABLE, IN_FLIGHT, TargetState
from app.queries.targets import TargetRow
from app.web.times import ShownTime, shown

S = TargetState

STATE_WORDS = {
    S.DRAFT: "Draft", S.IN_REVIEW: "In review", S.CHANGES_REQUESTED: "Changes requested", S.SCHEDULED: "Scheduled",
    S.PUBLISHING: "Publishing", S.PROCESSING: "TikTok is processing", S.IN_INBOX: "Waiting in TikTok",
    S.PUBLISHED: "Published", S.FAILED: "Failed", S.MISSED: "Missed", S.UNCONFIRMED: "Unconfirmed", S.CANCELED: "Canceled",
}
REFRESH_SECONDS = 2
LINK_PATIENCE = timedelta(minutes=10)
WATCH_AHEAD = timedelta(hours=12)
"""A page left open shows by itself what goes out within this time."""


@dataclass(frozen=True, slots=True)
class Card:
    """One target as the calendar shows it; `refresh_seconds` is None when nothing will change by itself."""

    row: TargetRow
    time: ShownTime
    state_word: str
    percent: int | None
    refresh_seconds: int | None
    zone: str
    is_moved: bool = False
    """It was moved just now: it shows where it landed."""

    @property
    def is_movable(self) -> bool:
        return self.row.state in EDITABLE

    @property
    def is_cancelable(self) -> bool:
        return self.row.state in CANCELABLE

    @property
    def title(self) -> str:
        return self.row.caption.split("\n", 1)[0].strip() or "No caption"


def make_card(row: TargetRow, zone: str, now: datetime, moved: Container[int] = ()) -> Card:
    """The card of a target at this moment; `moved` are the ids of those that were moved just now."""
    percent = percent_sent(row)
    word = f"Uploading {percent} %" if percent is not None else STATE_WORDS[row.state]
    return Card(row, shown(row.scheduled_at, zone, now), word, percent, _refresh_seconds(row, now), zone,
                row.target_id in moved)


def percent_sent(row: TargetRow) -> int | None:
    """How much of the file TikTok has, while it is being sent."""
    if row.state is not S.PUBLISHING or row.publish_id is None:
        return None
    return 100 * row.uploaded_bytes // row.size_bytes


def _refresh_seconds(row: TargetRow, now: datetime) -> int | None:
    awaits_link = row.state is S.PUBLISHED and not row.permalink and now - row.scheduled_at < LINK_PATIENCE
    if row.state in IN_FLIGHT or awaits_link:
        return REFRESH_SECONDS
    if row.state is S.SCHEDULED and row.scheduled_at - now < WATCH_AHEAD:
        return max(REFRESH_SECONDS, int((row.scheduled_at - now).total_seconds()) + 1)
    return None


def day_title(day: date) -> str:
    """`Tuesday 24 November`."""
    return f"{day:%A} {day.day} {day:%B}"


def group_by_day(cards: Iterable[Card], zone: str) -> list[tuple[str, list[Card]]]:
    """Cards under the days that they fall on in that zone, in the order that they come."""
    days: dict[date, list[Card]] = {}
    for card in cards:
        days.setdefault(card.row.scheduled_at.astimezone(ZoneInfo(zone)).date(), []).append(card)
    return [(day_title(day), found) for day, found in days.items()]
