"""Settings of the workspace and of the person."""

from __future__ import annotations

from flask import Blueprint, Response, flash, make_response, redirect, render_template, request, url_for
from flask_login import current_user, login_user
from wtforms import IntegerField, PasswordField, SelectField, StringField
from wtforms.validators import InputRequired, Optional

from app import clock
from app.domain.errors import DomainError
from app.services import library, team
from app.web.access import LoginUser, member
from app.web.forms import Form, apply_problems, zone_choices
from app.wiring import wiring

blueprint = Blueprint("settings", __name__, url_prefix="/settings")


class WorkspaceForm(Form):
    name = StringField("Name", [InputRequired("Give the workspace a name.")])
    time_zone = SelectField("Time zone", choices=zone_choices())


class MediaForm(Form):
    keep_days = IntegerField("Delete the media of published posts after so many days", [Optional()])


class PasswordForm(Form):
    current_password = PasswordField("Present password", [InputRequired("Enter your present password.")])
    new_password = PasswordField("New password", [InputRequired("Choose a new password.")])


def _page(workspace_form: WorkspaceForm | None = None, password_form: PasswordForm | None = None,
          media_form: MediaForm | None = None) -> Response:
    who = member()
    forms: dict[str, object] = {
        "workspace_form": workspace_form or WorkspaceForm(formdata=None, name=who.workspace_name, time_zone=who.time_zone),
        "password_form": password_form or PasswordForm(formdata=None), "is_owner": who.is_owner, "week_starts_on": who.week_starts_on,
        "media_form": media_form or MediaForm(formdata=None, keep_days=library.published_media_days(who.workspace_id)),
    }
    status = 422 if workspace_form or password_form or media_form else 200
    return make_response(render_template("settings/index.html", **forms), status)


@blueprint.get("/")
def index() -> Response:
    return _page()


@blueprint.post("/workspace")
def change_workspace() -> Response:
    form, who = WorkspaceForm(), member()
    if not form.validate():
        return _page(workspace_form=form)
    try:
        team.change_workspace(workspace_id=who.workspace_id, actor_id=who.user_id, name=form.name.data,
                              time_zone=form.time_zone.data, now=clock.utcnow())
    except DomainError as error:
        apply_problems(form, error)
        return _page(workspace_form=form)
    return _saved("The workspace is changed. Posts stay at their moment; the calendar shows it in the workspace's zone.")


@blueprint.post("/media")
def change_media() -> Response:
    form, who = MediaForm(), member()
    if not form.validate():
        return _page(media_form=form)
    try:
        library.keep_published_media(form.keep_days.data, workspace_id=who.workspace_id, actor_id=who.user_id, now=clock.utcnow())
    except DomainError as error:
        apply_problems(form, error)
        return _page(media_form=form)
    return _saved("Saved. Files that are due are deleted within the hour." if form.keep_days.data else "Saved. All files are kept.")


@blueprint.post("/password")
def change_password() -> Response:
    form, who = PasswordForm(), member()
    if not form.validate():
        return _page(password_form=form)
    try:
        version = team.change_password(user_id=who.user_id, current=form.current_password.data, new=form.new_password.data,
                                       passwords=wiring().passwords)
    except DomainError as error:
        apply_problems(form, error)
        return _page(password_form=form)
    login_user(LoginUser(who.user_id, version))
    return _saved("Your password is changed. You are signed out everywhere else.")


@blueprint.post("/theme")
def change_theme() -> Response:
    team.choose_theme(user_id=member().user_id, theme=request.form.get("theme", ""))
    return _saved("The look is changed.")


@blueprint.post("/week")
def change_week() -> Response:
    team.choose_week_start(user_id=member().user_id, week_starts_on=request.form.get("week_starts_on", -1, type=int))
    return _saved("Your weeks begin on that day now.")


@blueprint.post("/sessions/end")
def end_sessions() -> Response:
    """Sign out everywhere, here included."""
    team.end_sessions(current_user.user_id)
    return make_response(redirect(url_for("auth.login"), 303))


def _saved(text: str) -> Response:
    flash(text, "success")
    return make_response(redirect(url_for("settings.index"), 303))
