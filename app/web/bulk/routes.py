"""Routes of imports and exports."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from flask import Blueprint, Response, flash, make_response, redirect, render_template, request, url_for
from wtforms import DateField, SelectChoice, SelectField
from wtforms.validators import Optional, ValidationError

from app import clock
from app.domain.bulk import Column
from app.domain.bulk_file import MAX_BYTES, MAX_ROWS
from app.domain.bulk_times import DateOrder
from app.domain.errors import DomainError, ErrorKind, refuse
from app.domain.lifecycle import TargetState
from app.domain.post_rules import CONSENT_TEXT, MUSIC_URL
from app.domain.zones import to_instant
from app.queries.accounts import list_accounts
from app.queries.bulk import open_imports
from app.queries.export import Wanted
from app.services import bulk
from app.web.access import member
from app.web.bulk.files import csv_response, export_rows, refused_rows, template_rows
from app.web.bulk.views import COLUMN_CHOICES, ORDER_CHOICES, Progress, column_views, make_preview, make_progress
from app.web.cards import STATE_WORDS
from app.web.errors import STATUS, flash_problem
from app.web.forms import Form
from app.web.htmx import go
from app.web.times import shown
from app.wiring import wiring

blueprint = Blueprint("bulk", __name__, url_prefix="/posts")

RUNS_AT_ONCE = 3
"""Hundreds of rows that are made while the person waits for the page; the periodic job makes the others."""
REFRESH_SECONDS = 3
ALL = SelectChoice("", "All")


def _in_the_calendar(_form: Form, field: DateField) -> None:
    if field.data and not 1970 <= field.data.year < 2200:
        raise ValidationError("Choose a day between 1970 and 2200.")


class ExportForm(Form):
    """Which posts; empty is all. Days are the workspace's, both included."""

    state = SelectField("State", default="", choices=[ALL, *(SelectChoice(state.value, words) for state, words in STATE_WORDS.items())])
    account = SelectField("Account", default="")
    from_day = DateField("From", [Optional(), _in_the_calendar], name="from")
    to_day = DateField("To", [Optional(), _in_the_calendar], name="to")

    def wanted(self, zone: str) -> Wanted:
        tz = ZoneInfo(zone)
        start = to_instant(datetime.combine(self.from_day.data, time()), tz) if self.from_day.data else None
        end = to_instant(datetime.combine(self.to_day.data + timedelta(days=1), time()), tz) if self.to_day.data else None
        return Wanted(int(self.account.data) if self.account.data else None,
                      TargetState(self.state.data) if self.state.data else None, start, end)


@blueprint.get("/import")
def new() -> Response:
    return _new_page()


@blueprint.post("/import")
def create() -> Response:
    who, file = member(), request.files.get("file")
    try:
        if file is None or not file.filename:
            raise refuse("csv_missing", "Choose a CSV file first.", "file")
        import_id = bulk.keep_file(file.stream.read(MAX_BYTES + 1), name=file.filename, workspace_id=who.workspace_id, actor_id=who.user_id,
                                   time_zone=who.time_zone, now=clock.utcnow())
    except DomainError as error:
        return _new_page(error)
    return go(url_for("bulk.columns", import_id=import_id))


@blueprint.get("/import/template.csv")
def template() -> Response:
    who = member()
    accounts = [a for a in list_accounts(who.workspace_id) if a.may_publish]
    today = clock.utcnow().astimezone(ZoneInfo(who.time_zone)).date()
    return csv_response(template_rows(accounts[0].username or accounts[0].nickname if accounts else "yourname", today, who.time_zone),
                        "oncue-template.csv")


@blueprint.get("/import/<import_id>/columns")
def columns(import_id: str) -> Response:
    found = _load(import_id)
    if found.confirmed_at:
        return go(url_for("bulk.show", import_id=import_id))
    return _columns_page(found)


@blueprint.post("/import/<import_id>/columns")
def choose(import_id: str) -> Response:
    who, found = member(), _load(import_id)
    chosen = [_column(request.form.get(f"column-{place}", "")) for place in range(len(found.sheet.header))]
    order = request.form.get("date_order", "")
    try:
        bulk.choose_columns(import_id, chosen, DateOrder(order) if order in set(DateOrder) else DateOrder.AS_WRITTEN,
                            workspace_id=who.workspace_id, time_zone=who.time_zone, now=clock.utcnow())
    except DomainError as error:
        return flash_problem(error, url_for("bulk.show", import_id=import_id)) if error.kind is ErrorKind.CONFLICT else _columns_page(
            found, chosen, error)
    return go(url_for("bulk.show", import_id=import_id))


@blueprint.get("/import/<import_id>")
def show(import_id: str) -> Response:
    """Every row: what would become of it, or what has."""
    who, found, now = member(), _load(import_id), clock.utcnow()
    if found.confirmed_at:
        return make_response(render_template("bulk/progress.html", found=found, progress=_progress(found), seconds=REFRESH_SECONDS))
    if found.mapping is None:
        return go(url_for("bulk.columns", import_id=import_id))
    only_noted = request.args.get("show") == "noted"
    page = make_preview(found, bulk.preview(found, wiring().bulk), who.time_zone, now, only_noted=only_noted)
    return make_response(render_template("bulk/preview.html", found=found, preview=page, only_noted=only_noted, consent_text=CONSENT_TEXT,
                                         music_url=MUSIC_URL))


@blueprint.get("/import/<import_id>/status")
def status(import_id: str) -> Response:
    """The part of a confirmed import's page that moves by itself."""
    found = _load(import_id)
    if not found.confirmed_at:
        raise refuse("bulk_not_confirmed", "Nothing is being made of this file yet.", kind=ErrorKind.NOT_FOUND)
    return make_response(render_template("bulk/_progress.html", found=found, progress=_progress(found), seconds=REFRESH_SECONDS))


@blueprint.post("/import/<import_id>/confirm")
def confirm(import_id: str) -> Response:
    who, here = member(), url_for("bulk.show", import_id=import_id)
    try:
        bulk.confirm(import_id, revision=request.form.get("revision", -1, type=int), only_good=request.form.get("rows") == "good",
                     workspace_id=who.workspace_id, actor_id=who.user_id, ports=wiring().bulk)
    except DomainError as error:
        return flash_problem(error, here)
    for _ in range(RUNS_AT_ONCE):
        if not bulk.advance_bulk(import_id, wiring().bulk):
            break
    return go(here)


@blueprint.get("/import/<import_id>/problems.csv")
def problems(import_id: str) -> Response:
    """The rows that can't become posts, to be corrected and uploaded again."""
    found = _load(import_id)
    if found.mapping is None:
        raise refuse("bulk_not_mapped", "Say first what the columns mean.", kind=ErrorKind.NOT_FOUND)
    bad = found.problems if found.confirmed_at else {c.row.number: c.problems for c in bulk.preview(found, wiring().bulk) if c.problems}
    return csv_response(refused_rows(found, bad), "oncue-problems.csv")


@blueprint.post("/import/<import_id>/retry")
def retry(import_id: str) -> Response:
    """Fetch the files that could not be fetched once more."""
    here = url_for("bulk.show", import_id=import_id)
    try:
        bulk.retry_files(import_id, workspace_id=member().workspace_id, ports=wiring().bulk)
    except DomainError as error:
        return flash_problem(error, here)
    flash("The files are being fetched again.", "success")
    return go(here)


@blueprint.post("/import/<import_id>/discard")
def discard(import_id: str) -> Response:
    try:
        bulk.discard(import_id, workspace_id=member().workspace_id, now=clock.utcnow())
    except DomainError as error:
        return flash_problem(error, url_for("bulk.new"))
    flash("The file is forgotten. Nothing was made of it.", "success")
    return make_response(redirect(url_for("bulk.new"), 303))


@blueprint.get("/export")
def export_form() -> Response:
    return make_response(render_template("bulk/export.html", form=_export_form()))


@blueprint.get("/export.csv")
def export() -> Response:
    """One row for each post on an account."""
    who, form = member(), _export_form()
    if not form.validate():
        return make_response(render_template("bulk/export.html", form=form), STATUS[ErrorKind.INVALID])
    today = clock.utcnow().astimezone(ZoneInfo(who.time_zone)).date()
    return csv_response(export_rows(who.workspace_id, form.wanted(who.time_zone), ZoneInfo(who.time_zone)), f"oncue-posts-{today}.csv")


def _load(import_id: str) -> bulk.Import:
    return bulk.load_import(import_id, member().workspace_id, clock.utcnow())


def _column(name: str) -> Column | None:
    return Column(name) if name in set(Column) else None


def _progress(found: bulk.Import) -> Progress:
    return make_progress(found, bulk.created_posts(found), member().time_zone, clock.utcnow(),
                         has_failed_files=bool(bulk.failed_fetches(found)))


def _new_page(error: DomainError | None = None) -> Response:
    who, now = member(), clock.utcnow()
    waiting = [(found, shown(found.created_at, who.time_zone, now)) for found in open_imports(who.workspace_id, now)]
    return make_response(render_template("bulk/new.html", problems=error.problems if error else (), waiting=waiting, max_rows=MAX_ROWS,
                                         max_mb=MAX_BYTES // 1_000_000), STATUS[error.kind] if error else 200)


def _columns_page(found: bulk.Import, chosen: list[Column | None] | None = None, error: DomainError | None = None) -> Response:
    order = request.form.get("date_order", found.date_order.value)
    return make_response(render_template(
        "bulk/columns.html", found=found, columns=column_views(found, chosen), choices=COLUMN_CHOICES, orders=ORDER_CHOICES, order=order,
        problems=error.problems if error else ()), STATUS[error.kind] if error else 200)


def _export_form() -> ExportForm:
    form = ExportForm(request.args, meta={"csrf": False})
    accounts = list_accounts(member().workspace_id)
    form.account.choices = [ALL, *(SelectChoice(str(a.account_id), f"@{a.username}" if a.username else a.nickname) for a in accounts)]
    return form
