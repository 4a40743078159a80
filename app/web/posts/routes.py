"""Routes of posts."""

from __future__ import annotations

import secrets
from contextlib import suppress
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from flask import Blueprint, Response, flash, make_response, render_template, request, url_for

from app import clock
from app.domain.errors import DomainError, ErrorKind, Problem, refuse
from app.domain.zones import to_instant
from app.queries.accounts import list_accounts
from app.queries.posts import find_post
from app.queries.targets import TargetRow, latest_targets, targets_between
from app.services import posts, scheduling
from app.services.publishing import confirm_live, publish_again
from app.web.access import member
from app.web.cards import day_title, group_by_day, make_card
from app.web.errors import STATUS, flash_problem
from app.web.forms import apply_problems
from app.web.htmx import go
from app.web.media import take_files
from app.web.posts.arranging import arrange
from app.web.posts.composer import load_composer, load_panel
from app.web.posts.forms import PROBLEM_FIELDS, ComposerForm, LinkForm, WhenForm
from app.web.posts.page import PostPage, make_post_page
from app.wiring import wiring

blueprint = Blueprint("posts", __name__, url_prefix="/posts")

PER_PAGE = 50
LEAD_MINUTES = 60


@blueprint.get("/")
def index() -> Response:
    who, now = member(), clock.utcnow()
    day = _asked_day()
    rows = _rows_of(day) if day else latest_targets(who.workspace_id, _before(), PER_PAGE + 1)
    cards = [make_card(row, who.time_zone, now) for row in (rows if day else rows[:PER_PAGE])]
    older = rows[PER_PAGE - 1].scheduled_at.isoformat() if len(rows) > PER_PAGE and not day else None
    return make_response(render_template(
        "posts/index.html", groups=group_by_day(cards, who.time_zone), older=older, day_title=day_title(day) if day else None,
        has_account=any(a.may_publish for a in list_accounts(who.workspace_id)),
    ))


@blueprint.get("/new")
def new() -> Response:
    who = member()
    form = ComposerForm(formdata=None, creation_key=secrets.token_hex(16), title=request.args.get("title", ""),
                        caption=request.args.get("caption", ""), **_asked_time(who.time_zone))
    form.account_id.data = request.args.get("account_id", type=int)
    form.media_ids = request.args.getlist("media_file_id", type=int)
    return make_response(render_template("posts/new.html", composer=load_composer(form)))


@blueprint.get("/panel")
def panel() -> Response:
    """TikTok's part of the form for one account, with the creator's settings as they are now."""
    form = ComposerForm(request.args, meta={"csrf": False})
    return make_response(render_template("posts/_panel.html", panel=load_panel(form)))


@blueprint.post("/")
def create() -> Response:
    form, who = ComposerForm(), member()
    problems = _take_files_of(form)
    if "arrange" in request.form:
        arrange(form, request.form["arrange"])
        return make_response(render_template("posts/new.html", composer=load_composer(form)))
    is_good = form.validate()
    if problems:
        form.media_file_id.errors = []
        apply_problems(form, DomainError(problems), PROBLEM_FIELDS)
    elif is_good:
        try:
            post_id = posts.schedule_post(_new_post(form), workspace_id=who.workspace_id, actor_id=who.user_id,
                                          ports=wiring().accounts)
        except DomainError as error:
            apply_problems(form, error, PROBLEM_FIELDS)
        else:
            flash("Scheduled. After it goes out, it may take a few minutes until TikTok shows it on the profile.", "success")
            return go(url_for("posts.show", post_id=post_id))
    return make_response(render_template("posts/new.html", composer=load_composer(form)), 422)


@blueprint.get("/<int:post_id>")
def show(post_id: int) -> Response:
    page = _load(post_id)
    return make_response(render_template("posts/show.html", page=page, form=_when(page)))


@blueprint.get("/<int:post_id>/status")
def status(post_id: int) -> Response:
    """The part of the post's page that moves by itself."""
    page = _load(post_id)
    return make_response(render_template("posts/_status.html", page=page, form=_when(page)))


@blueprint.post("/<int:post_id>/targets/<int:target_id>/move")
def move(post_id: int, target_id: int) -> Response:
    form, who = WhenForm(), member()
    if form.validate():
        try:
            scheduling.move_target(workspace_id=who.workspace_id, target_id=target_id, actor_id=who.user_id, caps=wiring().daily_caps,
                                   scheduled_at=form.scheduled_at(who.time_zone), now=clock.utcnow())
        except DomainError as error:
            if error.kind is not ErrorKind.INVALID:
                return flash_problem(error, url_for("posts.show", post_id=post_id))
            apply_problems(form, error, PROBLEM_FIELDS)
        else:
            flash("The new time is set.", "success")
            return go(url_for("posts.show", post_id=post_id))
    return make_response(render_template("posts/show.html", page=_load(post_id), form=form), STATUS[ErrorKind.INVALID])


@blueprint.post("/<int:post_id>/targets/<int:target_id>/cancel")
def cancel(post_id: int, target_id: int) -> Response:
    who = member()
    try:
        posts.cancel_target(workspace_id=who.workspace_id, target_id=target_id, actor_id=who.user_id, now=clock.utcnow())
    except DomainError as error:
        return flash_problem(error, url_for("posts.show", post_id=post_id))
    flash("Canceled. It will not go out.", "success")
    return go(url_for("posts.show", post_id=post_id))


@blueprint.post("/<int:post_id>/targets/<int:target_id>/confirm")
def confirm(post_id: int, target_id: int) -> Response:
    form, who = LinkForm(), member()
    try:
        confirm_live(workspace_id=who.workspace_id, target_id=target_id, link=form.link.data or "", actor_id=who.user_id,
                     now=clock.utcnow())
    except DomainError as error:
        if error.kind is not ErrorKind.INVALID:
            return flash_problem(error, url_for("posts.show", post_id=post_id))
        form.validate()
        apply_problems(form, error)
        page = _load(post_id)
        return make_response(render_template("posts/show.html", page=page, form=_when(page), link_form=form, link_target=target_id),
                             STATUS[error.kind])
    flash("Noted: it is live.", "success")
    return go(url_for("posts.show", post_id=post_id))


@blueprint.post("/<int:post_id>/targets/<int:target_id>/again")
def again(post_id: int, target_id: int) -> Response:
    who = member()
    try:
        publish_again(workspace_id=who.workspace_id, target_id=target_id, actor_id=who.user_id, now=clock.utcnow())
    except DomainError as error:
        return flash_problem(error, url_for("posts.show", post_id=post_id))
    flash("It goes out again now.", "success")
    return go(url_for("posts.show", post_id=post_id))


def _take_files_of(form: ComposerForm) -> list[Problem]:
    """Without JavaScript the files come with the form itself; what is wrong with them keeps the good ones from nothing."""
    if not any(file.filename for file in request.files.getlist("file")):
        return []
    media_ids, problems = take_files()
    form.media_ids = form.media_ids + media_ids
    return problems


def _load(post_id: int) -> PostPage:
    found = find_post(member().workspace_id, post_id)
    if found is None:
        raise refuse("post_not_found", "This post does not exist, or it belongs to another workspace.", kind=ErrorKind.NOT_FOUND)
    return make_post_page(found, member().time_zone, clock.utcnow(), wiring().tiktok)


def _when(page: PostPage) -> WhenForm:
    """The form that moves a post, filled with the time that it has, or with now when that has passed."""
    local = page.targets[0].local
    return WhenForm(formdata=None, date=local.date(), time=local.time())


def _new_post(form: ComposerForm) -> posts.NewPost:
    return posts.NewPost(
        account_id=form.account_id.data, media_file_ids=tuple(form.media_file_id.data), caption=form.caption.data,
        scheduled_at=form.scheduled_at(member().time_zone), choices=form.choices(), title=form.title.data or "",
        creation_key=form.creation_key.data[:64] or secrets.token_hex(16), cover=form.cover.data or 0, cover_timestamp_ms=form.cover_ms,
    )


def _asked_time(zone: str) -> dict[str, object]:
    """The day and the hour that were clicked; where none was, an hour from now, on the next five minutes."""
    soon = clock.utcnow().astimezone(ZoneInfo(zone)) + timedelta(minutes=LEAD_MINUTES)
    soon = (soon + timedelta(minutes=-soon.minute % 5)).replace(second=0, microsecond=0, tzinfo=None)
    asked: dict[str, object] = {"date": soon.date(), "time": soon.time()}
    for name, read in (("date", date.fromisoformat), ("time", time.fromisoformat)):
        with suppress(ValueError):
            asked[name] = read(request.args.get(name, ""))
    return asked


def _asked_day() -> date | None:
    try:
        return date.fromisoformat(request.args.get("day", ""))
    except ValueError:
        return None


def _rows_of(day: date) -> list[TargetRow]:
    zone = ZoneInfo(member().time_zone)
    start, end = (to_instant(datetime.combine(d, time()), zone) for d in (day, day + timedelta(days=1)))
    return targets_between(member().workspace_id, start, end)


def _before() -> datetime | None:
    try:
        before = datetime.fromisoformat(request.args.get("before", ""))
    except ValueError:
        return None
    return before if before.tzinfo else None
