"""The pages: month, week, list and day; and the choice of a zone."""

from __future__ import annotations

from flask import Response, make_response, redirect, render_template, url_for

from app.domain.zones import zone_names
from app.queries.accounts import list_accounts
from app.queries.calendar import account_choices
from app.web.calendar.agenda import Agenda, build_agenda, build_day
from app.web.calendar.blueprint import blueprint
from app.web.calendar.month import Month, build_month
from app.web.calendar.state import CalendarState, View, asked_state
from app.web.calendar.week import Week, build_week
from app.web.cards import STATE_WORDS
from app.web.htmx import reply
from app.wiring import wiring


@blueprint.get("/")
def home() -> Response:
    return make_response(redirect(url_for("calendar.month"), 303))


@blueprint.get("/calendar")
def month() -> Response:
    state = asked_state(View.MONTH)
    found = build_month(state)
    is_new = found.is_empty and found.is_current and not state.is_narrowed
    may_publish = is_new and any(account.may_publish for account in list_accounts(state.who.workspace_id))
    return _page("calendar/month.html", state, found, is_new=is_new, has_account=may_publish, uses_sandbox=wiring().settings.uses_sandbox)


@blueprint.get("/calendar/week")
def week() -> Response:
    state = asked_state(View.WEEK)
    return _page("calendar/week.html", state, build_week(state))


@blueprint.get("/calendar/list")
def listing() -> Response:
    state = asked_state(View.LIST)
    return _page("calendar/list.html", state, build_agenda(state))


@blueprint.get("/calendar/day")
def day() -> Response:
    state = asked_state(View.DAY)
    return _page("calendar/list.html", state, build_day(state))


@blueprint.get("/calendar/day/panel")
def day_panel() -> Response:
    """A day as it opens above the month or the week."""
    state = asked_state()
    return make_response(render_template("calendar/_day_panel.html", look=state, found=build_day(state)))


@blueprint.get("/calendar/zones")
def zones() -> Response:
    """Every zone to look at the calendar in."""
    return reply("calendar/zones.html", "calendar/_zones.html", look=asked_state(), zones=zone_names())


def _page(template: str, state: CalendarState, found: Month | Week | Agenda, **context: object) -> Response:
    accounts = account_choices(state.who.workspace_id)
    return make_response(render_template(template, look=state, found=found, accounts=accounts, states=STATE_WORDS, **context))
