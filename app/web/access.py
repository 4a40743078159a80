"""Who is asking, for which workspace, and that nobody gets further without a login."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from flask import Flask, abort, g, redirect, request, url_for
from flask_login import LoginManager, UserMixin, current_user
from werkzeug.wrappers import Response

from app.models import Member, Role, User, Workspace, db
from app.services.team import can_sign_up

PUBLIC_ENDPOINTS = frozenset({
    "static", "health.healthz", "health.readyz", "auth.login", "auth.sign_in", "auth.setup", "auth.sign_up", "hooks.events",
    "feeds.calendar", "presigned.content", "pull.photo", "pull.check_photo", "pull.verification",
})
"""Everything else needs a login; a test compares this list with the routes."""


@dataclass(frozen=True, slots=True)
class CurrentMember:
    """The person behind a request and the workspace that they work in."""

    user_id: int
    user_name: str
    theme: str
    week_starts_on: int
    workspace_id: int
    workspace_name: str
    time_zone: str
    is_owner: bool


class LoginUser(UserMixin):  # type: ignore[misc]  # flask-login has no types
    """What flask-login keeps: a user's id and the version of their sessions, so that they can be ended."""

    def __init__(self, user_id: int, session_version: int) -> None:
        self.user_id = user_id
        self.session_version = session_version

    def get_id(self) -> str:
        return f"{self.user_id}.{self.session_version}"


def init_app(app: Flask) -> None:
    manager = LoginManager(app)
    manager.session_protection = "basic"
    manager.user_loader(_load_user)
    app.before_request(_require_login)


def member() -> CurrentMember:
    """The member behind this request, loaded once."""
    if "member" not in g:
        g.member = _load_member(current_user.user_id)
    found: CurrentMember = g.member
    return found


def _require_login() -> Response | None:
    if request.endpoint in PUBLIC_ENDPOINTS or request.endpoint is None:
        return None
    if current_user.is_authenticated:
        return None
    if request.headers.get("HX-Request") or request.method != "GET":
        # A fragment of the login page inside another page would help nobody; a lost form is said plainly.
        abort(401)
    target = "auth.setup" if can_sign_up() and not db.session.scalar(sa.select(sa.exists().where(User.id > 0))) else "auth.login"
    return redirect(url_for(target, next=request.full_path.rstrip("?") if request.path != "/" else None), 303)


def _load_user(session_id: str) -> LoginUser | None:
    user_id, _, version = session_id.partition(".")
    if not (user_id.isdecimal() and version.isdecimal()):
        return None
    found: Any = db.session.execute(
        sa.select(User.id, User.session_version).where(User.id == int(user_id), User.session_version == int(version))
    ).one_or_none()
    return LoginUser(found.id, found.session_version) if found else None


def _load_member(user_id: int) -> CurrentMember:
    row = db.session.execute(
        sa.select(User.id, User.name, User.theme, User.week_starts_on, Workspace.id, Workspace.name, Workspace.time_zone,
                  Member.role == Role.OWNER)
        .join(Member, Member.user_id == User.id).join(Workspace, Workspace.id == Member.workspace_id)
        .where(User.id == user_id).order_by(Member.id).limit(1)
    ).one()
    return CurrentMember(*row)
