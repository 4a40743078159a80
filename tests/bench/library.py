"""The library page among few files and among many: its time and its statements, on SQLite and on PostgreSQL."""

from __future__ import annotations

import tempfile
import time
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event
from sqlalchemy.engine import Engine

from app import clock
from app.models import MediaFile, Post, PostTarget, db
from tests import factories, servers
from tests.bench.pairs import pairs
from tests.bench.scene import percentile, report
from tests.videos import make_video

FEW, MANY = 100, 10_000
LOOKS = 25
VIEWS = {"newest": "/library/", "search": "/library/?q=CLIP+77", "unused, largest first": "/library/?state=unused&sort=largest",
         "space": "/library/space"}


def run() -> None:
    """The same views of both libraries in turns: what else the machine does slows both."""
    for name, few, many, tiktok in pairs():
        browsers = [_fill(app, tiktok, count) for app, count in ((few, FEW), (many, MANY))]
        for view, path in VIEWS.items():
            taken: tuple[list[float], list[float]] = ([], [])
            statements = [_statements(browser, path) for browser in browsers]
            for _ in range(LOOKS):
                for browser, times in zip(browsers, taken, strict=True):
                    times.append(_look(browser, path))
            with_few, with_many = (percentile(times, .5) * 1000 for times in taken)
            report(f"the library on {name}, {view}: {with_few:.1f} ms with {FEW} files, {with_many:.1f} ms with {MANY:,}; "
                   f"ratio {with_many / with_few:.2f}; {statements[0]} and {statements[1]} statements")


def _fill(app: Flask, tiktok: servers.Sandbox, count: int) -> FlaskClient:
    """So many videos: a third scheduled, a third published, a third unused. Returns a browser that is signed in."""
    person = factories.make_person(app, "Bench", "bench@example.com", "UTC")
    account_id = factories.connect_account(app, person, tiktok)
    with tempfile.TemporaryDirectory() as directory:
        media_id = factories.make_media(app, person, make_video(Path(directory, "clip.mp4"), seconds=1))
    post = factories.make_post(app, person, account_id=account_id, media_file_id=media_id, scheduled_at=clock.utcnow() + timedelta(days=1))
    with app.app_context():
        _add_files(person, media_id, post, count)
        db.session.execute(sa.text("ANALYZE"))
        db.session.commit()
    browser = app.test_client()
    with browser.session_transaction() as session:
        session["_user_id"], session["_fresh"] = f"{person.user_id}.1", True
    return browser


def _add_files(person: SimpleNamespace, media_id: int, post: SimpleNamespace, count: int) -> None:
    now = clock.utcnow()
    files = [{**_copy(MediaFile, media_id), "name": f"Clip {n}.mp4", "search_text": f"clip {n}.mp4\n", "sha256": f"{n:064}",
              "size_bytes": 1_000_000 + n * 7919 % count, "created_at": now + timedelta(seconds=n)} for n in range(1, count)]
    db.session.execute(sa.insert(MediaFile), files)
    ids = db.session.scalars(sa.select(MediaFile.id).where(MediaFile.id != media_id).order_by(MediaFile.id)).all()
    used = [media_file_id for n, media_file_id in enumerate(ids) if n % 3]
    db.session.execute(sa.insert(Post), [{**_copy(Post, post.post_id), "media_file_id": m, "creation_key": f"k{m}"} for m in used])
    target = _copy(PostTarget, post.target_id)
    states = ({"state": "scheduled"}, {"state": "published", "published_at": now, "due_at": None})
    posts = db.session.scalars(sa.select(Post.id).where(Post.id != post.post_id).order_by(Post.id)).all()
    db.session.execute(sa.insert(PostTarget), [{**target, "published_at": None, **states[n % 2], "post_id": p}
                                               for n, p in enumerate(posts)])
    db.session.commit()


def _copy(model: type[MediaFile | Post | PostTarget], row_id: int) -> dict[str, object]:
    columns = [column for column in sa.inspect(model).columns if column.name != "id"]
    return dict(db.session.execute(sa.select(*columns).where(model.id == row_id)).one()._asdict())


def _look(browser: FlaskClient, path: str) -> float:
    started = time.perf_counter()
    answer = browser.get(path)
    seconds = time.perf_counter() - started
    assert answer.status_code == 200
    return seconds


def _statements(browser: FlaskClient, path: str) -> int:
    seen: list[str] = []

    def listen(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        seen.append(statement)

    event.listen(Engine, "before_cursor_execute", listen)
    _look(browser, path)
    event.remove(Engine, "before_cursor_execute", listen)
    return len(seen)
