"""What a beat costs, by how many targets wait for a later time: on SQLite and on PostgreSQL."""

from __future__ import annotations

import tempfile
import time
from datetime import timedelta
from pathlib import Path

import sqlalchemy as sa
from flask import Flask

from app import clock
from app.jobs.publishing import beat
from app.models import PostTarget, db
from tests import factories, servers
from tests.bench.pairs import pairs
from tests.bench.scene import percentile, report
from tests.videos import make_video

FEW, MANY = 10, 100_000
DUE = 5
BEATS = 400


def run() -> None:
    """Beats that find the same few due targets, among few and among many that wait, in turns: what else the machine does slows both."""
    for name, few, many, tiktok in pairs():
        taken: tuple[list[float], list[float]] = ([], [])
        _fill(few, tiktok, FEW)
        _fill(many, tiktok, MANY)
        for _ in range(BEATS):
            for app, times in zip((few, many), taken, strict=True):
                times.append(_beat(app))
        with_few, with_many = (percentile(times, .5) * 1000 for times in taken)
        report(f"a beat on {name}: {with_few:.2f} ms with {FEW} waiting targets, {with_many:.2f} ms with {MANY:,}; "
               f"ratio {with_many / with_few:.2f} (1.5 at most expected; {DUE} due each time)")


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
