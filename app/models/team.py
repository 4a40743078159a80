"""Workspaces, the people who log in, and their membership."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.models.base import Base, intpk, short


class Role(StrEnum):
    OWNER = "owner"


class Workspace(Base):
    """A team: everything else belongs to one."""

    __tablename__ = "workspaces"

    id: Mapped[intpk]
    name: Mapped[short]
    time_zone: Mapped[str] = mapped_column(sa.String(64))
    is_demo: Mapped[bool] = mapped_column(default=False)
    keep_published_media_days: Mapped[int | None]
    """Days after which the media of what is published end; without them they are kept."""
    created_at: Mapped[datetime]

    __table_args__ = (sa.CheckConstraint("keep_published_media_days > 0", name="keep_positive"),)


class User(Base):
    """A person's login. `session_version` is part of every session: raising it ends them all."""

    __tablename__ = "users"

    id: Mapped[intpk]
    email: Mapped[str] = mapped_column(sa.String(254), unique=True)
    name: Mapped[short]
    password_hash: Mapped[short]
    session_version: Mapped[int] = mapped_column(default=1)
    theme: Mapped[str] = mapped_column(sa.String(8), default="system")
    week_starts_on: Mapped[int] = mapped_column(default=0)
    """The first day of a week in calendars: 0 is Monday, 6 is Sunday."""
    created_at: Mapped[datetime]

    __table_args__ = (
        sa.CheckConstraint("email = lower(email)", name="email_lower"),
        sa.CheckConstraint("theme IN ('system', 'light', 'dark')", name="theme"),
        sa.CheckConstraint("week_starts_on BETWEEN 0 AND 6", name="week_starts_on"),
    )


class Member(Base):
    """A user's place in a workspace."""

    __tablename__ = "members"

    id: Mapped[intpk]
    workspace_id: Mapped[int] = mapped_column(sa.ForeignKey("workspaces.id"))
    user_id: Mapped[int] = mapped_column(sa.ForeignKey("users.id"), index=True)
    role: Mapped[Role]
    created_at: Mapped[datetime]

    workspace: Mapped[Workspace] = relationship(lazy="raise")

    __table_args__ = (sa.UniqueConstraint("workspace_id", "user_id"),)
