"""What a beat costs, by how many targets wait for a later time: on SQLite and on PostgreSQL."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import sqlalchemy as sa
from flask import Flask

from app import clock
from app.jobs.publishing import beat
from app.models import PostTarget, db
from tests import factories, servers
from tests.bench.scene import percentile, report
from tests.conftest import close_app, make_app, make_settings
from tests.videos import make_video

FEW, MANY = 10, 100_000
DUE = 5
BEATS = 400


def run() -> None:
    """Beats that find the same few due targets, among few and among many that wait."""
    with tempfile.TemporaryDirectory() as directory, servers.redis() as redis, servers.sandbox(Path(directory, "sandbox")) as tiktok:
        root = Path(directory)
        _compare(root / "sqlite", ("", ""), redis, tiktok, "SQLite")
        with servers.postgres() as server:
            _compare(root / "postgres", (servers.create_database(server, "few"), servers.create_database(server, "many")),
                     redis, tiktok, "PostgreSQL")


def _compare(root: Path, databases: tuple[str, str], redis: str, tiktok: servers.Sandbox, name: str) -> None:
    """One beat here, one there, in turns: what else the machine does slows both."""
    taken: tuple[list[float], list[float]] = ([], [])
    with application(root / "few", databases[0], redis, tiktok) as few, application(root / "many", databases[1], redis, tiktok) as many:
        _fill(few, tiktok, FEW)
        _fill(many, tiktok, MANY)
        for _ in range(BEATS):
            for app, times in zip((few, many), taken, strict=True):
                times.append(_beat(app))
    with_few, with_many = (percentile(times, .5) * 1000 for times in taken)
    report(f"a beat on {name}: {with_few:.2f} ms with {FEW} waiting targets, {with_many:.2f} ms with {MANY:,}; "
           f"ratio {with_many / with_few:.2f} (1.5 at most expected; {DUE} due each time)")


@contextmanager
def application(directory: Path, database: str, redis: str, tiktok: servers.Sandbox) -> Iterator[Flask]:
    """An application on a database of its own."""
    directory.mkdir(parents=True)
    app = make_app(make_settings(directory, database, redis, tiktok.url))
    try:
        yield app
    finally:
        close_app(app)


def _fill(app: Flask, tiktok: servers.Sandbox, waiting: int) -> None:
    person = factories.make_person(app, "Bench", "bench@example.com", "UTC")
    account_id = factories.connect_account(app, person, tiktok)
    with tempfile.TemporaryDirectory() as directory:
        media_id = factories.make_media(app, person, make_video(Path(directory, "clip.mp4"), seconds=1))
    first = factories.make_post(app, person, account_id=account_id, media_file_id=media_id,
                                scheduled_at=clock.utcnow() + timedelta(days=1))
    _add_copies(app, first.target_id, DUE, wait=timedelta(days=-1))
    _add_copies(app, first.target_id, waiting - 1, wait=timedelta(days=1))
    with app.app_context():
        db.session.execute(sa.text("ANALYZE"))
        db.session.commit()


def _add_copies(app: Flask, target_id: int, count: int, wait: timedelta) -> None:
    """More targets like this one, a second apart from each other, from `wait` on."""
    copied = [c for c in sa.inspect(PostTarget).columns if c.name not in ("id", "scheduled_at", "due_at")]
    with app.app_context():
        row = db.session.execute(sa.select(*copied).where(PostTarget.id == target_id)).one()._asdict()
        times = [clock.utcnow() + wait + timedelta(seconds=n) for n in range(count)]
        for start in range(0, count, 5000):
            db.session.execute(sa.insert(PostTarget), [{**row, "scheduled_at": at, "due_at": at} for at in times[start:start + 5000]])
        db.session.commit()


def _beat(app: Flask) -> float:
    """Seconds that a beat takes which has to enqueue all that is due, as the first after a while does."""
    factories.wired(app).redis.flushall()
    with app.app_context():
        started = time.perf_counter()
        beat()
        return time.perf_counter() - started
