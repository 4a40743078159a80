"""How a use case writes: one transaction, begun for writing, committed at its end."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.orm import Session

from app.models import db


@contextmanager
def writing() -> Iterator[Session]:
    """A session in a transaction that may write; commits at the end, rolls back on any error.

    What was read before it is read anew: on SQLite the write lock is taken at the beginning,
    so nothing that is decided inside can be overtaken.
    """
    session = db.session
    session.rollback()
    session.connection(execution_options={"will_write": True})
    try:
        yield session()
        session.commit()
    except BaseException:
        session.rollback()
        raise


def let_go() -> None:
    """Give the connection back before a slow call; nothing is pending."""
    db.session.rollback()
