"""The turns of writers on SQLite: they save time, and nobody waits for ever for one."""

from __future__ import annotations

import fcntl
import threading
import time

import pytest
import sqlalchemy as sa

from app.models import Workspace, db
from app.services import transactions
from app.services.transactions import writing

# PostgreSQL lets many write at once.
pytestmark = pytest.mark.parametrize("app", ["sqlite"], indirect=True)


@pytest.fixture
def held(app, alice):
    """Somebody else's turn, as of a process that was stopped amid it."""
    with app.app_context(), open(f"{db.engine.url.database}-turn", "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield file


def rename() -> str:
    with writing() as session:
        session.execute(sa.update(Workspace).values(name="Written"))
    return db.session.scalar(sa.select(Workspace.name))


def test_a_turn_that_does_not_end_is_not_waited_for_for_ever(held, monkeypatch):
    monkeypatch.setattr(transactions, "TURN_SECONDS", 0.1)
    began = time.monotonic()
    assert rename() == "Written"
    assert time.monotonic() - began >= 0.1
    assert rename() == "Written", "and the next writer of this process is not kept by the last"


def test_a_turn_that_ends_is_taken_at_once(held):
    threading.Timer(0.15, lambda: fcntl.flock(held, fcntl.LOCK_UN)).start()
    began = time.monotonic()
    assert rename() == "Written"
    assert 0.1 < time.monotonic() - began < 5
