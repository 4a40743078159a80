"""What a supervisor asks."""

from __future__ import annotations

from app import clock
from tests import factories


def test_is_alive_without_a_login(client):
    assert client.get("/healthz").json == {"status": "ok"}


def test_is_ready_when_everything_answers_and_the_beat_is_young(app, client, frozen):
    factories.wired(app).tasks.record_beat(clock.utcnow())
    frozen.advance(seconds=29)
    answer = client.get("/readyz")
    assert answer.status_code == 200
    assert answer.json["status"] == "ready" and answer.json["beat_age_seconds"] == 29
    assert answer.json["oldest_due_seconds"] is None and answer.json["hands"] == {"beat": 0, "publish": 0}


def test_is_not_ready_when_the_beat_is_late_or_unknown(app, client, frozen):
    assert client.get("/readyz").status_code == 503
    factories.wired(app).tasks.record_beat(clock.utcnow())
    frozen.advance(seconds=31)
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json["beat"]) == (503, "late")


def test_is_not_ready_without_redis_and_says_so(app, client, frozen):
    from dataclasses import replace

    from redis import Redis

    from app.infra.task_queue import RedisTaskQueue
    whole = app.extensions["oncue"]
    nowhere = Redis(host="127.0.0.1", port=9, socket_connect_timeout=0.2, retry=None)
    app.extensions["oncue"] = replace(whole, redis=nowhere, tasks=RedisTaskQueue(nowhere))
    try:
        answer = client.get("/readyz")
    finally:
        app.extensions["oncue"] = whole
        nowhere.close()
    assert answer.status_code == 503
    assert (answer.json["database"], answer.json["redis"], answer.json["beat"]) == (True, False, "late")


def test_tells_how_long_something_has_been_due(app, client, frozen, alice, tiktok, video_path):
    from datetime import timedelta
    account_id = factories.connect_account(app, alice, tiktok)
    factories.make_post(app, alice, account_id=account_id, media_file_id=factories.make_media(app, alice, video_path),
                        scheduled_at=clock.utcnow() + timedelta(seconds=10))
    assert client.get("/readyz").json["oldest_due_seconds"] is None
    frozen.advance(seconds=70)
    assert client.get("/readyz").json["oldest_due_seconds"] == 60
