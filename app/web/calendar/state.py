"""What a calendar shows, all of it in its address: view, date, zone, filters."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

from flask import request, url_for

from app import clock
from app.domain.errors import DomainError
from app.domain.lifecycle import TargetState
from app.domain.moving import FIRST_YEAR, LAST_YEAR
from app.domain.zones import to_instant, zone
from app.queries.calendar import Wanted
from app.web.access import CurrentMember, member
from app.web.times import zone_label

MAX_TEXT = 100


class View(StrEnum):
    MONTH = "month"
    WEEK = "week"
    LIST = "list"
    DAY = "day"


ENDPOINTS = {View.MONTH: "calendar.month", View.WEEK: "calendar.week", View.LIST: "calendar.listing", View.DAY: "calendar.day"}


SWAP = {"hx-target": "#main", "hx-select": "#main", "hx-swap": "outerHTML show:none", "hx-push-url": "true"}
"""How another look comes into the page; the address and the way back are as ever."""


@dataclass(frozen=True, slots=True)
class CalendarState:
    """One look at the calendar. What is odd in an address is as if it were not there."""

    view: View
    day: date
    zone_name: str
    wanted: Wanted
    who: CurrentMember
    now: datetime

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.zone_name)

    @property
    def today(self) -> date:
        return self.now.astimezone(self.zone).date()

    @property
    def zone_label(self) -> str:
        return zone_label(self.zone_name, self.now)

    @property
    def is_own_zone(self) -> bool:
        return self.zone_name == self.who.time_zone

    @property
    def is_narrowed(self) -> bool:
        return self.wanted != Wanted()

    @property
    def arguments(self) -> dict[str, Any]:
        """What an address needs besides the view: None is left out of it."""
        wanted = self.wanted
        return {"date": self.day.isoformat(), "zone": None if self.is_own_zone else self.zone_name, "account": wanted.account_id,
                "state": wanted.state.value if wanted.state else None, "q": wanted.text or None}

    def url(self, view: str | None = None, **changes: Any) -> str:
        """The address of this look, or of one that differs from it."""
        return url_for(ENDPOINTS[View(view or self.view)], **{**self.arguments, **changes})

    @property
    def bare_url(self) -> str:
        """Where a form goes that brings the rest of the address itself."""
        return url_for(ENDPOINTS[self.view])

    def swap(self, view: str | None = None, **changes: Any) -> dict[str, str]:
        """Attributes that bring another look into the page without a reload."""
        return {"hx-get": self.url(view, **changes), **SWAP}

    def link(self, view: str | None = None, **changes: Any) -> dict[str, str]:
        """All attributes of a link to another look."""
        return {"href": self.url(view, **changes), **self.swap(view, **changes)}

    def act(self, endpoint: str, **values: Any) -> str:
        """The address of an action that answers with what this look shows."""
        return url_for(endpoint, **{**self.arguments, "view": self.view.value, **values})

    def midnight(self, day: date) -> datetime:
        """The instant at which a day of this zone begins."""
        return to_instant(datetime.combine(day, time()), self.zone)

    def first_of_week(self, day: date) -> date:
        return day - timedelta(days=(day.weekday() - self.who.week_starts_on) % 7)


def asked_state(view: View | None = None) -> CalendarState:
    """What the request asks to see; an action names its view itself."""
    who, now = member(), clock.utcnow()
    zone_name = _asked_zone() or who.time_zone
    today = now.astimezone(ZoneInfo(zone_name)).date()
    return CalendarState(view or _asked_view(), _asked_day() or today, zone_name, _asked_filters(), who, now)


def _asked_view() -> View:
    try:
        return View(request.args.get("view", ""))
    except ValueError:
        return View.MONTH


def _asked_zone() -> str | None:
    try:
        return zone(request.args.get("zone", "")).key
    except DomainError:
        return None


def _asked_day() -> date | None:
    try:
        day = date.fromisoformat(request.args.get("date", ""))
    except ValueError:
        return None
    return day if FIRST_YEAR < day.year < LAST_YEAR else None


def _asked_filters() -> Wanted:
    state = request.args.get("state", "")
    account_id = request.args.get("account", type=int)
    return Wanted(
        account_id if account_id is not None and 0 < account_id < 2**31 else None,
        TargetState(state) if state in set(TargetState) else None,
        " ".join(request.args.get("q", "").replace("\x00", " ").split())[:MAX_TEXT],
    )
