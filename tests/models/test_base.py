"""Column types, and how transactions begin on each database."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError, StatementError

from app.domain.lifecycle import TargetState
from app.domain.post_rules import PrivacyLevel
from app.models import Event, PostTarget, Workspace, db
from app.services.transactions import writing
from tests.models.rows import NOW, insert, seed

INSTANTS = [
    datetime(2026, 11, 20, 12, 0, tzinfo=UTC),
    datetime(2026, 11, 20, 12, 0, 0, 1, tzinfo=UTC),
    datetime(2026, 11, 20, 14, 0, 1, tzinfo=timezone(timedelta(hours=2))),
    datetime(2026, 11, 20, 7, 30, tzinfo=ZoneInfo("America/New_York")),
    datetime(2026, 11, 20, 18, 0, 0, 999_999, tzinfo=ZoneInfo("Asia/Kolkata")),
    datetime(2026, 11, 21, 0, 0, tzinfo=UTC),
]
"""In the order in which they happen, whatever their wall clocks say."""


def add_workspace(created_at: datetime) -> int:
    workspace = Workspace(name="Studio", time_zone="UTC", created_at=created_at)
    db.session.add(workspace)
    db.session.commit()
    return workspace.id


# Instants


def test_a_naive_time_is_not_stored(ctx):
    with pytest.raises(StatementError, match="a naive datetime can't be stored"):
        add_workspace(datetime(2026, 11, 20, 12, 0))  # noqa: DTZ001 naive on purpose


def test_a_naive_time_is_not_compared_with(ctx):
    with pytest.raises(StatementError, match="a naive datetime can't be stored"):
        db.session.scalar(sa.select(Workspace.id).where(Workspace.created_at < datetime(2026, 11, 20)))  # noqa: DTZ001 naive on purpose


@pytest.mark.parametrize("instant", INSTANTS)
def test_an_instant_comes_back_as_the_same_one_in_utc(ctx, instant):
    workspace_id = add_workspace(instant)
    db.session.expire_all()
    found = db.session.get_one(Workspace, workspace_id).created_at
    assert found == instant
    assert found.tzinfo is UTC


def test_instants_of_all_zones_are_ordered_and_compared_by_when_they_happen(ctx):
    ids = {add_workspace(instant): instant for instant in reversed(INSTANTS)}
    ordered = db.session.scalars(sa.select(Workspace.id).order_by(Workspace.created_at)).all()
    assert [ids[i] for i in ordered] == INSTANTS
    for place, border in enumerate(INSTANTS):
        before = db.session.scalar(sa.select(sa.func.count()).where(Workspace.created_at < border))
        until = db.session.scalar(sa.select(sa.func.count()).where(Workspace.created_at <= border))
        assert (before, until) == (place, place + 1)


def test_no_instant_stays_no_instant(ctx):
    seed(db.session)
    assert db.session.scalar(sa.select(PostTarget.lease_until)) is None


# Enums and JSON


def test_enums_are_stored_by_value_and_read_as_members(ctx):
    seed(db.session)
    db.session.execute(sa.update(PostTarget).values(privacy_level=PrivacyLevel.FRIENDS))
    stored = db.session.execute(sa.text("SELECT state, privacy_level FROM post_targets")).one()
    assert tuple(stored) == ("scheduled", "MUTUAL_FOLLOW_FRIENDS")
    target = db.session.scalars(sa.select(PostTarget)).one()
    assert target.state is TargetState.SCHEDULED
    assert target.privacy_level is PrivacyLevel.FRIENDS


def test_a_value_that_is_no_member_never_reaches_the_database(ctx):
    seed(db.session)
    with pytest.raises(StatementError, match="flying"):
        db.session.execute(sa.update(PostTarget).values(state="flying"))


def test_json_comes_back_as_it_went(ctx):
    seed(db.session)
    data = {"text": "“ü” ☕", "ids": [1, 2], "none": None, "nested": {"a": True}}
    db.session.add(Event(workspace_id=1, id=2, kind="a.b", data=data, created_at=NOW))
    db.session.commit()
    db.session.expire_all()
    assert db.session.scalars(sa.select(Event.data).where(Event.kind == "a.b")).one() == data


# SQLite


@pytest.mark.parametrize(("pragma", "value"), [("journal_mode", "wal"), ("foreign_keys", 1), ("busy_timeout", 15_000), ("synchronous", 1)])
def test_each_connection_to_sqlite_is_prepared(sqlite_app, pragma, value):
    with sqlite_app.app_context():
        db.engine.dispose()
        connections = [db.engine.connect() for _ in range(3)]
        try:
            assert [c.exec_driver_sql(f"PRAGMA {pragma}").scalar() for c in connections] == [value] * 3
        finally:
            for connection in connections:
                connection.close()


@pytest.fixture
def elsewhere():
    """Runs a function in another thread, in an application context of its own."""
    threads = []

    def start(app, function):
        def run():
            with app.app_context():
                function()
        thread = threading.Thread(target=run)
        thread.start()
        threads.append(thread)
        return thread
    yield start
    for thread in threads:
        thread.join(10)
        assert not thread.is_alive()


only_sqlite = pytest.mark.parametrize("app", ["sqlite"], indirect=True)


@pytest.fixture
def seeded(ctx):
    seed(db.session)
    db.session.commit()
    return ctx


@only_sqlite
def test_on_sqlite_a_writing_transaction_takes_the_write_lock_at_its_beginning(seeded, elsewhere):
    entered = threading.Event()

    def write():
        with writing():
            entered.set()

    with writing():  # not a statement in it yet
        elsewhere(seeded, write)
        assert not entered.wait(0.15), "two were writing at once"
    assert entered.wait(10)


@only_sqlite
def test_on_sqlite_reading_goes_on_beside_a_writer(seeded, elsewhere):
    seen = []
    with writing() as session:
        session.execute(sa.update(PostTarget).values(polls=7))
        elsewhere(seeded, lambda: seen.append(db.session.scalar(sa.select(PostTarget.polls)))).join(5)
        assert seen == [0]


@only_sqlite
def test_on_sqlite_what_is_read_while_writing_can_not_be_overtaken(seeded, elsewhere):
    barrier = threading.Barrier(6)

    def count_up():
        barrier.wait(10)
        for _ in range(10):
            with writing() as session:
                polls = session.scalar(sa.select(PostTarget.polls))
                session.execute(sa.update(PostTarget).values(polls=polls + 1))

    for thread in [elsewhere(seeded, count_up) for _ in range(6)]:
        thread.join(20)
    db.session.rollback()
    assert db.session.scalar(sa.select(PostTarget.polls)) == 60


# Both


def test_an_error_inside_a_writing_transaction_undoes_all_of_it(ctx):
    seed(db.session)
    db.session.commit()

    def count_and_then_break():
        with writing() as session:
            session.execute(sa.update(PostTarget).values(polls=7))
            insert(session, "users", id=2)

    with pytest.raises(IntegrityError):
        count_and_then_break()
    assert db.session.scalar(sa.select(PostTarget.polls)) == 0


def test_a_writing_transaction_reads_anew_what_was_read_before_it(ctx, elsewhere):
    seed(db.session)
    db.session.commit()
    target = db.session.scalars(sa.select(PostTarget)).one()
    assert target.polls == 0
    db.session.rollback()

    def change():
        with writing() as session:
            session.execute(sa.update(PostTarget).values(polls=3))

    elsewhere(ctx, change).join(10)
    with writing():
        assert target.polls == 3
