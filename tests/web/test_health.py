"""What a supervisor asks."""

from __future__ import annotations

import os
import socket
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta

import sqlalchemy as sa
from redis import Redis

from app import clock
from app.infra.task_queue import RedisTaskQueue
from app.models import db
from tests import factories


@contextmanager
def without_redis(app):
    """As if Redis were gone."""
    whole = app.extensions["oncue"]
    nowhere = Redis(host="127.0.0.1", port=9, socket_connect_timeout=0.2, retry=None)
    app.extensions["oncue"] = replace(whole, redis=nowhere, tasks=RedisTaskQueue(nowhere))
    try:
        yield
    finally:
        app.extensions["oncue"] = whole
        nowhere.close()


def test_is_alive_without_a_login(client):
    assert client.get("/healthz").json == {"status": "ok"}


def test_is_ready_when_everything_answers_and_the_beat_is_young(app, client, frozen):
    factories.wired(app).tasks.record_beat(clock.utcnow())
    frozen.advance(seconds=29)
    answer = client.get("/readyz")
    assert answer.status_code == 200
    assert answer.json["status"] == "ready" and answer.json["beat_age_seconds"] == 29
    assert answer.json["oldest_due_seconds"] is None and answer.json["schedulers"] == answer.json["workers"] == []


def test_is_not_ready_without_the_database_and_says_so(app, client, frozen):
    factories.wired(app).tasks.record_beat(clock.utcnow())
    with app.app_context():
        engine = db.engine
        engine.dispose()

        @sa.event.listens_for(engine, "do_connect")
        def refuse(*_):
            raise engine.dialect.dbapi.OperationalError("no database")
    try:
        answer = client.get("/readyz")
        assert client.get("/healthz").status_code == 200
    finally:
        sa.event.remove(engine, "do_connect", refuse)
    assert answer.status_code == 503
    assert (answer.json["database"], answer.json["redis"], answer.json["beat"]) == (False, True, "ok")


def test_tells_of_each_process_without_saying_on_which_machine(app, client, frozen):
    presence = factories.wired(app).presence
    presence.report_worker(clock.utcnow(), queues=["publish"], hands=16, busy_hands=3)
    frozen.advance(seconds=11)
    answer = client.get("/readyz")
    assert answer.json["workers"] == [{"queues": ["publish"], "hands": 16, "busy_hands": 3, "seen_seconds": 11, "silent": True}]
    presence.report_scheduler(clock.utcnow(), is_beating=True)
    answer = client.get("/readyz")
    assert answer.json["schedulers"] == [{"beating": True, "seen_seconds": 0, "silent": False}]
    assert socket.gethostname() not in answer.text and str(os.getpid()) not in answer.text


def test_is_not_ready_when_the_beat_is_late_or_unknown(app, client, frozen):
    assert client.get("/readyz").status_code == 503
    factories.wired(app).tasks.record_beat(clock.utcnow())
    frozen.advance(seconds=31)
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json["beat"]) == (503, "late")


def test_is_not_ready_without_redis_and_says_so(app, client, frozen):
    with without_redis(app):
        answer = client.get("/readyz")
    assert answer.status_code == 503
    assert (answer.json["database"], answer.json["redis"], answer.json["beat"]) == (True, False, "late")


def test_tells_how_long_something_has_been_due(app, client, frozen, alice, tiktok, video_path):
    account_id = factories.connect_account(app, alice, tiktok)
    factories.make_post(app, alice, account_id=account_id, media_file_id=factories.make_media(app, alice, video_path),
                        scheduled_at=clock.utcnow() + timedelta(seconds=10))
    assert client.get("/readyz").json["oldest_due_seconds"] is None
    frozen.advance(seconds=70)
    assert client.get("/readyz").json["oldest_due_seconds"] == 60
