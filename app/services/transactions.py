"""How a use case writes: one transaction, begun for writing, committed at its end."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

from sqlalchemy.orm import Session

from app.models import db

_sqlite_turns = threading.Lock()


@contextmanager
def writing() -> Iterator[Session]:
    """A session in a transaction that may write; commits at the end, rolls back on any error.

    What was read before it is read anew: on SQLite the write lock is taken at the beginning,
    so nothing that is decided inside can be overtaken.
    """
    session = db.session
    session.rollback()
    # SQLite lets one writer in and makes the others sleep and look again; threads of one process take turns here instead.
    turns = _sqlite_turns if db.engine.dialect.name == "sqlite" else nullcontext()
    with turns:
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
