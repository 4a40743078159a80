"""Files of posts that are looked at before anything is made of them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.domain.bulk_times import DateOrder
from app.models.base import Base, short


class BulkImport(Base):
    """A CSV file: read, mapped, looked at, confirmed; then its rows become posts.

    Which rows did, their posts' creation keys say, so that no crash makes them differ. `problems` are of the rows that
    become none; `due_at` is when there is next something to do, and stays in the future while somebody is at it.
    """

    __tablename__ = "bulk_imports"

    id: Mapped[str] = mapped_column(sa.String(32), primary_key=True)
    """Random, and never used twice: the creation keys of its posts begin with it."""
    workspace_id: Mapped[int] = mapped_column(sa.ForeignKey("workspaces.id"), index=True)
    created_by_id: Mapped[int] = mapped_column(sa.ForeignKey("users.id"))
    name: Mapped[short]
    read_as: Mapped[str] = mapped_column(sa.String(64))
    header: Mapped[list[str]]
    rows: Mapped[list[list[Any]]] = mapped_column(sa.JSON)
    """Each its number and its cells."""
    mapping: Mapped[dict[str, int] | None] = mapped_column(sa.JSON(none_as_null=True))
    """The place of the column that holds each thing."""
    date_order: Mapped[DateOrder] = mapped_column(default=DateOrder.AS_WRITTEN)
    time_zone: Mapped[str] = mapped_column(sa.String(64))
    """The workspace's when the columns were chosen: what was looked at stays what is made."""
    revision: Mapped[int] = mapped_column(default=0)
    """Counts the choices of columns, so that nobody confirms what they have not seen."""
    problems: Mapped[dict[str, Any]] = mapped_column(default=dict)
    fetches: Mapped[dict[str, Any]] = mapped_column(default=dict)
    """The media import of each address."""
    waits_text: Mapped[str | None] = mapped_column(sa.Text)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)
    confirmed_at: Mapped[datetime | None]
    confirmed_by_id: Mapped[int | None] = mapped_column(sa.ForeignKey("users.id"))
    due_at: Mapped[datetime | None]

    __table_args__ = (
        sa.Index("ix_bulk_imports_due_at", "due_at", sqlite_where=sa.text("due_at IS NOT NULL"),
                 postgresql_where=sa.text("due_at IS NOT NULL")),
        sa.CheckConstraint("length(id) = 32", name="id_length"),
        sa.CheckConstraint("(confirmed_at IS NULL) = (confirmed_by_id IS NULL)", name="confirmed_by_somebody"),
        sa.CheckConstraint("confirmed_at IS NULL OR mapping IS NOT NULL", name="confirmed_has_mapping"),
        sa.CheckConstraint("due_at IS NULL OR confirmed_at IS NOT NULL", name="due_when_confirmed"),
    )
