"""How a use case writes: one transaction, begun for writing, committed at its end."""

from __future__ import annotations

import fcntl
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Select
from sqlalchemy.orm import Session

from app.models import Workspace, db

_threads_turn = threading.Lock()
TURN_SECONDS = 10.0
SHORTEST_PAUSE, LONGEST_PAUSE = 0.0005, 0.004


@contextmanager
def writing() -> Iterator[Session]:
    """A session in a transaction that may write; commits at the end, rolls back on any error.

    What was read before it is read anew: on SQLite the write lock is taken at the beginning,
    so nothing that is decided inside can be overtaken.
    """
    session = db.session
    session.rollback()
    with _turn() if db.engine.dialect.name == "sqlite" else nullcontext():
        session.connection(execution_options={"will_write": True})
        try:
            yield session()
            session.commit()
        except BaseException:  # also what ends a thread or a process: its write lock would keep everybody else waiting
            session.rollback()
            raise


@contextmanager
def _turn() -> Iterator[None]:
    """One writer at a time, over all threads and processes.

    SQLite lets one writer in and makes the others sleep and look again, up to 100 ms at a time, while nobody writes; here
    they look again much sooner. It only saves time: SQLite's own lock is what keeps writers apart. So whoever has waited
    for TURN_SECONDS, because a process that was stopped amid its turn keeps it, goes on without and hears from SQLite.
    """
    until = time.monotonic() + TURN_SECONDS
    file = _turn_file(f"{db.engine.url.database}-turn")
    has_threads_turn = _threads_turn.acquire(timeout=TURN_SECONDS)
    try:
        has_turn = has_threads_turn and _take_turn(file, until)
        try:
            yield
        finally:
            if has_turn:
                fcntl.flock(file, fcntl.LOCK_UN)
    finally:
        if has_threads_turn:
            _threads_turn.release()


def _take_turn(file: int, until: float) -> bool:
    """Whether the turn was taken before that moment."""
    pause = SHORTEST_PAUSE
    while True:
        with suppress(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        if time.monotonic() > until:
            return False
        time.sleep(pause)
        pause = min(pause * 1.5, LONGEST_PAUSE)


@cache
def _turn_file(path: str) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT, 0o600)


def lock_rows(session: Session, statement: Select[Any], **values: Any) -> None:
    """Lock what the SELECT FOR UPDATE finds; on SQLite the transaction holds the one write lock already."""
    if db.engine.dialect.name != "sqlite":
        session.execute(statement, values)


def lock_workspace(session: Session, workspace_id: int) -> None:
    """Until the end of the transaction nobody else brings, uses or ends media of this workspace.

    Rows that only point at the workspace are written meanwhile, so the engine is not kept waiting.
    """
    lock_rows(session, sa.select(Workspace.id).where(Workspace.id == workspace_id).with_for_update(key_share=True))


def let_go() -> None:
    """Give the connection back before a slow call; nothing is pending."""
    db.session.rollback()
