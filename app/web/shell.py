"""What stands around every page: navigation, the workspace, and whether the machine is awake."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import Flask, request, url_for
from flask_login import current_user

from app import clock
from app.queries.overview import Overview, load_overview
from app.web.access import member
from app.web.pulse import BEAT_LATE
from app.web.times import relative, zone_label
from app.wiring import wiring

NOTHING_LOST = "Nothing is lost: what is late goes out as soon as the scheduler, a worker and Redis run again."


@dataclass(frozen=True, slots=True)
class NavItem:
    label: str
    icon: str
    url: str
    is_current: bool
    count: int = 0
    count_tone: str = "review"


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """`ok`, `late` or `unknown`, in a colour and in words; `advice` says more while it is late."""

    tone: str
    text: str
    advice: str = ""


@dataclass(frozen=True, slots=True)
class Shell:
    """Everything that `base.html` needs besides the page itself."""

    workspace_name: str
    time_zone: str
    zone_label: str
    user_name: str
    user_initials: str
    nav: tuple[NavItem, ...]
    heartbeat: Heartbeat
    new_post_url: str | None
    theme: str
    logout_url: str
    settings_url: str


def init_app(app: Flask) -> None:
    @app.context_processor
    def _shell() -> dict[str, Any]:
        return {"shell": load_shell() if current_user and current_user.is_authenticated else None}


def load_shell() -> Shell:
    """The shell for the member behind this request: two small queries and one look at Redis."""
    who, now = member(), clock.utcnow()
    overview = load_overview(who.workspace_id, now)
    return Shell(
        workspace_name=who.workspace_name, time_zone=who.time_zone, zone_label=zone_label(who.time_zone, now),
        user_name=who.user_name, user_initials=initials(who.user_name), nav=_nav(overview),
        heartbeat=heartbeat(wiring().tasks.last_beat_at(), overview.next_post_at, now),
        new_post_url=url_for("posts.new"), theme=who.theme,
        logout_url=url_for("auth.logout"), settings_url=url_for("settings.index"),
    )


def heartbeat(last_beat_at: datetime | None, next_post_at: datetime | None, now: datetime) -> Heartbeat:
    """On time, or how long the engine has not looked for due posts."""
    if last_beat_at is None and next_post_at is not None and now - next_post_at > BEAT_LATE:
        return Heartbeat("late", "Late: no beat", f"A post was due {relative(next_post_at, now)}, and nobody looks for due posts. "
                         f"{NOTHING_LOST}")
    if last_beat_at is None:
        return Heartbeat("unknown", "Waiting for the first beat")
    if now - last_beat_at > BEAT_LATE:
        ago = relative(last_beat_at, now)
        return Heartbeat("late", f"Late: last beat {ago}", f"Due posts were last looked for {ago}. {NOTHING_LOST}")
    return Heartbeat("ok", f"On time · next post {relative(next_post_at, now)}" if next_post_at else "On time · nothing scheduled")


def initials(name: str) -> str:
    """At most two letters."""
    words = name.split()
    return "".join(w[0] for w in (words[:1] + words[-1:] if len(words) > 1 else words[:1])).upper()


def _nav(overview: Overview) -> tuple[NavItem, ...]:
    here = request.blueprint
    return (
        NavItem("Calendar", "calendar-days", url_for("calendar.month"), here == "calendar"),
        NavItem("Posts", "layout-list", url_for("posts.index"), here in ("posts", "bulk"), overview.posts_in_trouble, "bad"),
        NavItem("Media", "images", url_for("library.index"), here == "library"),
        NavItem("Accounts", "users-round", url_for("accounts.index"), here == "accounts", overview.accounts_in_trouble, "bad"),
        NavItem("Settings", "settings", url_for("settings.index"), here in ("settings", "system", "reach", "feeds")),
    )


