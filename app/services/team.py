"""Workspaces and the people in them."""

from __future__ import annotations

import re
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from app.domain import zones
from app.domain.errors import ErrorKind, Problem, raise_if, refuse
from app.models import Member, Role, User, Workspace, db
from app.services.history import record_event
from app.services.ports import PasswordHasher
from app.services.transactions import let_go, writing

PASSWORD_MIN = 10
PASSWORD_MAX = 500
EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")


def can_sign_up() -> bool:
    """Whether this instance still waits for its owner; a demo workspace does not count."""
    return not db.session.scalar(sa.select(sa.exists().where(Workspace.is_demo.is_(False))))


def sign_up(*, workspace_name: str, time_zone: str, name: str, email: str, password: str, passwords: PasswordHasher,
            now: datetime, is_demo: bool = False) -> int:
    """Make the owner and the workspace of a fresh instance; returns the user's id.

    Raises DomainError `sign_up_closed` when there is an owner already, and one problem per bad field.
    """
    email = email.strip().lower()
    raise_if([*_name_problems("workspace_name", workspace_name), *_name_problems("name", name),
              *_email_problems(email), *password_problems(password)])
    zones.zone(time_zone)
    let_go()
    password_hash = passwords.hash(password)
    try:
        with writing() as session:
            if not is_demo and not can_sign_up():
                raise refuse("sign_up_closed", "This Oncue has an owner already. Sign in instead.", kind=ErrorKind.CONFLICT)
            workspace = Workspace(name=workspace_name.strip(), time_zone=time_zone, is_demo=is_demo, created_at=now)
            user = User(email=email, name=name.strip(), password_hash=password_hash, created_at=now)
            session.add_all([workspace, user])
            session.flush()
            session.add(Member(workspace_id=workspace.id, user_id=user.id, role=Role.OWNER, created_at=now))
            record_event(session, "workspace.created", workspace_id=workspace.id, at=now, actor_id=user.id)
            user_id = user.id
    except IntegrityError as error:
        raise refuse("email_taken", "Somebody signs in with this address already. Sign in, or use another one.", "email",
                     ErrorKind.CONFLICT) from error
    return user_id


def authenticate(*, email: str, password: str, passwords: PasswordHasher) -> User:
    """The user with that address and password. Raises DomainError `login_wrong`, the same for both mistakes."""
    user = db.session.scalar(sa.select(User).where(User.email == email.strip().lower()))
    stored = user.password_hash if user else _DECOY_HASH
    let_go()
    # The decoy costs as much as a real check, so that the time of the answer doesn't tell who has an account.
    if not passwords.verify(stored, password) or user is None:
        raise refuse("login_wrong", "Address and password don't match. Check both and try again.")
    return user


def change_password(*, user_id: int, current: str, new: str, passwords: PasswordHasher) -> int:
    """Set a new password and end every session; returns the session version that a fresh login carries."""
    user = db.session.get_one(User, user_id)
    stored = user.password_hash
    let_go()
    if not passwords.verify(stored, current):
        raise refuse("password_wrong", "That is not your present password.", "current_password")
    raise_if(password_problems(new, field="new_password"))
    new_hash = passwords.hash(new)
    with writing() as session:
        changed: int = session.execute(
            sa.update(User).where(User.id == user_id, User.password_hash == stored)
            .values(password_hash=new_hash, session_version=User.session_version + 1).returning(User.session_version)
        ).scalar_one_or_none() or 0
    if not changed:
        raise refuse("password_changed_meanwhile", "Your password was changed elsewhere meanwhile. Sign in again.",
                     kind=ErrorKind.CONFLICT)
    return changed


def end_sessions(user_id: int) -> None:
    """Sign the user out on every device."""
    with writing() as session:
        session.execute(sa.update(User).where(User.id == user_id).values(session_version=User.session_version + 1))


def change_workspace(*, workspace_id: int, actor_id: int, name: str, time_zone: str, now: datetime) -> None:
    """Rename the workspace or move it to another zone; the instants of its posts stay what they are."""
    raise_if(_name_problems("name", name))
    zones.zone(time_zone)
    with writing() as session:
        session.execute(sa.update(Workspace).where(Workspace.id == workspace_id)
                        .values(name=name.strip(), time_zone=time_zone))
        record_event(session, "workspace.changed", workspace_id=workspace_id, at=now, actor_id=actor_id,
                     name=name.strip(), time_zone=time_zone)


def choose_theme(*, user_id: int, theme: str) -> None:
    """Light, dark, or what the device says (`system`)."""
    if theme not in ("system", "light", "dark"):
        raise refuse("theme_unknown", "Choose light, dark or the device's setting.", "theme")
    with writing() as session:
        session.execute(sa.update(User).where(User.id == user_id).values(theme=theme))


def choose_week_start(*, user_id: int, week_starts_on: int) -> None:
    """The day on which this person's weeks begin: 0 is Monday, 6 is Sunday."""
    if week_starts_on not in range(7):
        raise refuse("week_start_unknown", "Choose a day of the week.", "week_starts_on")
    with writing() as session:
        session.execute(sa.update(User).where(User.id == user_id).values(week_starts_on=week_starts_on))


def password_problems(password: str, field: str = "password") -> list[Problem]:
    """Length is what counts (NIST SP 800-63B): 10 characters or more, any characters."""
    if len(password) < PASSWORD_MIN:
        return [Problem("password_short", f"Use {PASSWORD_MIN} characters or more; a few words in a row are good.", field)]
    if len(password) > PASSWORD_MAX:
        return [Problem("password_long", f"Use {PASSWORD_MAX} characters at most.", field)]
    return []


def _name_problems(field: str, value: str) -> list[Problem]:
    text = value.strip()
    if not text:
        return [Problem(f"{field}_missing", "This can't be empty.", field)]
    if len(text) > 100 or "\x00" in text:
        return [Problem(f"{field}_invalid", "Use 100 characters at most.", field)]
    return []


def _email_problems(email: str) -> list[Problem]:
    if EMAIL.fullmatch(email) and len(email) <= 254 and "\x00" not in email:
        return []
    return [Problem("email_invalid", "That is not an e-mail address. It looks like name@example.com.", "email")]


_DECOY_HASH = "$argon2id$v=19$m=65536,t=3,p=4$c29tZXNhbHRzb21lc2FsdA$Y2hlY2sgdGFrZXMgYXMgbG9uZyBhcyBhIHJlYWwgb25l"
