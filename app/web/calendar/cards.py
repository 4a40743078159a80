"""One card: as it is now, looked at closely, given another time, canceled."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from flask import Response, flash, make_response, redirect, render_template, request
from wtforms import DateField, HiddenField, TimeField
from wtforms.validators import InputRequired

from app.domain.errors import DomainError, ErrorKind, refuse
from app.domain.zones import exact_instant
from app.queries.targets import find_target
from app.services import posts, scheduling
from app.web.calendar.blueprint import blueprint
from app.web.calendar.outcome import announced, drawn_again, refused_moves, went_well
from app.web.calendar.state import CalendarState, asked_state
from app.web.cards import Card, make_card
from app.web.errors import STATUS
from app.web.forms import Form, apply_problems
from app.web.htmx import reply, wants_fragment
from app.wiring import wiring


class MoveForm(Form):
    """A date and a time in the zone that the calendar shows, and the time that the person sees."""

    seen = HiddenField()
    date = DateField("Date", [InputRequired("Choose a date.")])
    time = TimeField("Time", [InputRequired("Choose a time.")])

    def scheduled_at(self, zone: ZoneInfo) -> datetime:
        return exact_instant(datetime.combine(self.date.data, self.time.data), zone, "time")


@blueprint.get("/calendar/cards/<int:target_id>")
def card(target_id: int) -> Response:
    """One card, as it is now; it keeps asking while something goes on."""
    template = "calendar/_item.html" if "item" in request.args else "calendar/_card.html"
    return make_response(render_template(template, card=_card(asked_state(), target_id)))


@blueprint.get("/calendar/cards/<int:target_id>/quick")
def quick(target_id: int) -> Response:
    """The quick view: what it is, and what can be done about it."""
    state = asked_state()
    return make_response(render_template("calendar/_quick.html", look=state, card=_card(state, target_id)))


@blueprint.get("/calendar/cards/<int:target_id>/move")
def move_form(target_id: int) -> Response:
    state = asked_state()
    found = _card(state, target_id)
    local = max(found.row.scheduled_at, state.now).astimezone(state.zone)
    form = MoveForm(formdata=None, seen=found.row.scheduled_at.isoformat(), date=local.date(), time=local.time())
    return reply("calendar/move.html", "calendar/_move.html", look=state, card=found, form=form)


@blueprint.post("/calendar/cards/<int:target_id>/move")
def move_card(target_id: int) -> Response:
    state, form = asked_state(), MoveForm()
    if form.validate():
        try:
            return went_well(state, scheduling.move_targets(
                [scheduling.Move(target_id, form.scheduled_at(state.zone), _seen(form))], workspace_id=state.who.workspace_id,
                actor_id=state.who.user_id, now=state.now, caps=wiring().daily_caps))
        except scheduling.MovesRefused as error:
            if error.kind is not ErrorKind.INVALID:
                return refused_moves(state, error)
            apply_problems(form, error, {"scheduled_local": "time"})
        except DomainError as error:
            apply_problems(form, error, {"scheduled_local": "time"})
    return reply("calendar/move.html", "calendar/_move.html", status=STATUS[ErrorKind.INVALID], look=state, form=form,
                 card=_card(state, target_id))


@blueprint.post("/calendar/cards/<int:target_id>/cancel")
def cancel_card(target_id: int) -> Response:
    state = asked_state()
    found = _card(state, target_id)
    try:
        posts.cancel_target(workspace_id=state.who.workspace_id, target_id=target_id, actor_id=state.who.user_id, now=state.now)
        text, category, status = "Canceled. It will not go out.", "success", 200
    except DomainError as error:
        text, category, status = error.message, "error", STATUS[error.kind]
    if wants_fragment():
        return announced(drawn_again(state, [found.row.scheduled_at], status=status), {"message": text, "category": category})
    flash(text, category)
    return make_response(redirect(state.url(), 303))


def _card(state: CalendarState, target_id: int) -> Card:
    row = find_target(state.who.workspace_id, target_id)
    if row is None:
        raise refuse("target_not_found", "This post does not exist any more.", kind=ErrorKind.NOT_FOUND)
    return make_card(row, state.zone_name, state.now)


def _seen(form: MoveForm) -> datetime | None:
    try:
        seen = datetime.fromisoformat(form.seen.data or "")
    except ValueError:
        return None
    return seen if seen.tzinfo else None
