"""Signing up, in and out."""

from __future__ import annotations

from urllib.parse import urlsplit

from flask import Blueprint, Response, make_response, redirect, render_template, request, session, url_for
from flask_login import login_user, logout_user
from wtforms import EmailField, PasswordField, SelectField, StringField
from wtforms.validators import InputRequired

from app import clock
from app.domain.errors import DomainError
from app.models import User, db
from app.services import team
from app.web.access import LoginUser
from app.web.forms import Form, apply_problems, zone_choices
from app.web.throttle import login_throttle
from app.wiring import wiring

blueprint = Blueprint("auth", __name__)


class SetupForm(Form):
    workspace_name = StringField("Workspace", [InputRequired("Give your team or company a name.")])
    time_zone = SelectField("Time zone", choices=zone_choices(), default="UTC")
    name = StringField("Your name", [InputRequired("How should your colleagues call you?")])
    email = EmailField("E-mail address", [InputRequired("You sign in with it.")])
    password = PasswordField("Password", [InputRequired("Choose a password.")])


class LoginForm(Form):
    email = EmailField("E-mail address", [InputRequired("Enter your e-mail address.")])
    password = PasswordField("Password", [InputRequired("Enter your password.")])


@blueprint.get("/setup")
def setup() -> Response:
    if not team.can_sign_up():
        return make_response(redirect(url_for("auth.login"), 303))
    return make_response(render_template("auth/setup.html", form=SetupForm()))


@blueprint.post("/setup")
def sign_up() -> Response:
    form = SetupForm()
    if form.validate():
        try:
            user_id = team.sign_up(
                workspace_name=form.workspace_name.data, time_zone=form.time_zone.data, name=form.name.data,
                email=form.email.data, password=form.password.data, passwords=wiring().passwords, now=clock.utcnow(),
            )
        except DomainError as error:
            apply_problems(form, error)
        else:
            return _signed_in(db.session.get_one(User, user_id))
    return make_response(render_template("auth/setup.html", form=form), 422)


@blueprint.get("/login")
def login() -> Response:
    return make_response(render_template("auth/login.html", form=LoginForm(), can_sign_up=team.can_sign_up()))


@blueprint.post("/login")
def sign_in() -> Response:
    form = LoginForm()
    if form.validate():
        throttle = login_throttle(form.email.data)
        try:
            throttle.check()
            user = team.authenticate(email=form.email.data, password=form.password.data, passwords=wiring().passwords)
        except DomainError as error:
            throttle.count()
            apply_problems(form, error)
        else:
            throttle.forget()
            return _signed_in(user)
    return make_response(render_template("auth/login.html", form=form, can_sign_up=team.can_sign_up()), 422)


@blueprint.post("/logout")
def logout() -> Response:
    logout_user()
    session.clear()
    return make_response(redirect(url_for("auth.login"), 303))


def _signed_in(user: User) -> Response:
    session.clear()  # nothing of whoever used this browser before
    session.permanent = True
    login_user(LoginUser(user.id, user.session_version))
    return make_response(redirect(_safe_next(), 303))


def _safe_next() -> str:
    """Where the person wanted to go, if that is a page of ours."""
    target = request.args.get("next", "")
    parts = urlsplit(target)
    if target.startswith("/") and not target.startswith(("//", "/\\")) and not parts.netloc:
        return target
    return url_for("calendar.month")
