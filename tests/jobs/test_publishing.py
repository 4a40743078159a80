"""The beat, and the steps that it sets off, with real workers."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from contextlib import contextmanager
from datetime import timedelta

import pytest

from app import clock
from app.infra.task_queue import QueueName
from app.jobs.publishing import beat
from app.jobs.worker import make_hand
from app.models import PostTarget, PublishAttempt, db
from tests import factories
from tests.house import ROOT
from tests.servers import wait_for

MB = 1_000_000


@pytest.fixture
def schedule(app, tiktok, alice, video_path):
    account_id = factories.connect_account(app, alice, tiktok)
    media_id = factories.make_media(app, alice, video_path)

    def make(path=None, seconds=0.2):
        chosen = factories.make_media(app, alice, path) if path else media_id
        post = factories.make_post(app, alice, account_id=account_id, media_file_id=chosen,
                                   scheduled_at=clock.utcnow() + timedelta(seconds=seconds))
        return post.target_id
    return make


def run_beat(app):
    factories.wired(app).redis.delete("oncue:beat:gate")
    with app.app_context():
        beat()


def load(app, target_id):
    with app.app_context():
        target = db.session.get_one(PostTarget, target_id)
        db.session.expunge(target)
        return target


def work_off(app):
    make_hand(app, [QueueName.PUBLISH]).work(burst=True, logging_level="ERROR")


def queued(app):
    return [job.args[0] for job in factories.wired(app).tasks.queue(QueueName.PUBLISH).jobs]


def test_the_beat_enqueues_what_is_due_and_says_when_it_ran(app, tiktok, schedule):
    due, later = schedule(), schedule(seconds=600)
    time.sleep(0.2)
    run_beat(app)
    assert queued(app) == [due] and later
    assert clock.utcnow() - factories.wired(app).tasks.last_beat_at() < timedelta(seconds=5)


def test_a_beat_right_after_another_does_nothing(app, tiktok, schedule):
    run_beat(app)
    schedule()
    time.sleep(0.2)
    with app.app_context():
        beat()
    assert queued(app) == []


def test_an_emptied_redis_loses_nothing(app, tiktok, schedule):
    target_id = schedule()
    time.sleep(0.2)
    run_beat(app)
    factories.wired(app).redis.flushall()
    run_beat(app)
    work_off(app)
    assert load(app, target_id).state == "processing"
    assert len(tiktok.calls("video_init")) == 1


def test_doubles_in_the_queue_do_nothing(app, tiktok, schedule):
    target_id = schedule()
    time.sleep(0.2)
    tasks = factories.wired(app).tasks
    for _ in range(3):
        tasks.advance([target_id])
        tasks.advanced(target_id)
    assert queued(app) == [target_id] * 3
    work_off(app)
    assert len(tiktok.calls("video_init")) == 1


def test_several_hands_of_one_process_work_side_by_side_and_stop_together(app, tiktok, schedule):
    tiktok.post("/sandbox/api/faults", match={"endpoint": "creator_info"}, kind="slow", seconds=0.5, times=0)
    ids = [schedule(seconds=0.1) for _ in range(6)]
    with worker_process(app, hands=6) as process:
        run_beat(app)
        wait_for(lambda: all(load(app, i).state == "processing" for i in ids))
        with app.app_context():
            begun = [row.started_at for row in db.session.query(PublishAttempt.started_at).filter_by(step="creator_info")]
        assert max(begun) - min(begun) < timedelta(seconds=0.5), "nobody waited for another's answer"
        process.terminate()
        assert process.wait(timeout=5) == 0


@contextmanager
def worker_process(app, hands):
    """`flask worker publish` beside this test, on its database, Redis and sandbox."""
    settings = factories.wired(app).settings
    environment = {
        **os.environ, "ONCUE_INSTANCE": str(settings.instance_dir), "DATABASE_URL": settings.database_url, "REDIS_URL": settings.redis_url,
        "SECRET_KEY": str(settings.secret_key), "TOKEN_KEYS": ",".join(settings.token_keys), "SANDBOX_PORT": str(settings.sandbox_port),
    }
    command = [sys.executable, "-m", "flask", "--app", "wsgi", "worker", "publish", "--hands", str(hands)]
    process = subprocess.Popen(command, cwd=ROOT, env=environment)
    try:
        wait_for(lambda: factories.wired(app).redis.scard("rq:workers") >= hands, seconds=30)
        yield process
    finally:
        process.kill()
        process.wait()


def test_a_stopping_process_hands_a_long_upload_over_and_another_goes_on(app, tiktok, schedule, video_path, tmp_path):
    big = tmp_path / "big.mp4"
    filler = 70 * MB - video_path.stat().st_size
    big.write_bytes(video_path.read_bytes() + filler.to_bytes(4, "big") + b"free" + bytes(filler - 8))
    target_id = schedule(big)
    time.sleep(0.2)
    factories.wired(app).stopping.set()
    try:
        run_beat(app)
        work_off(app)
    finally:
        factories.wired(app).stopping.clear()
    target = load(app, target_id)
    assert (target.state, target.lease_token) == ("publishing", None) and target.publish_id
    with app.app_context():
        assert db.session.query(PublishAttempt.code).filter_by(target_id=target_id, step="upload").scalar() == "interrupted"
    run_beat(app)
    work_off(app)
    assert load(app, target_id).state == "processing"
    assert len(tiktok.calls("video_init")) == 1
