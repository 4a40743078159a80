"""The beat, and the steps that it sets off, with real workers."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import timedelta

import pytest
import sqlalchemy as sa

from app import clock
from app.infra.task_queue import QueueName
from app.jobs import publishing
from app.jobs.publishing import beat
from app.jobs.worker import make_hand
from app.models import PostTarget, PublishAttempt, db
from app.queries.due import due_targets
from tests import factories
from tests.house import flask_process
from tests.servers import wait_for
from tests.steps import load
from tests.videos import fill_up

MB = 1_000_000


@pytest.fixture
def schedule(app, tiktok, alice, video_path):
    accounts = {"northbound": factories.connect_account(app, alice, tiktok)}
    media_id = factories.make_media(app, alice, video_path)

    def make(path=None, seconds=0.2, creator="northbound"):
        chosen = factories.make_media(app, alice, path) if path else media_id
        if creator not in accounts:
            tiktok.post("/sandbox/api/creators", username=creator, nickname=creator)
            accounts[creator] = factories.connect_account(app, alice, tiktok, creator)
        post = factories.make_post(app, alice, account_id=accounts[creator], media_file_id=chosen,
                                   scheduled_at=clock.utcnow() + timedelta(hours=1))
        with app.app_context():  # not chosen so by a person: a busy machine needs longer than that to schedule it
            at = clock.utcnow() + timedelta(seconds=seconds)
            db.session.execute(sa.update(PostTarget).where(PostTarget.id == post.target_id).values(scheduled_at=at, due_at=at))
            db.session.commit()
        return post.target_id
    return make


def run_beat(app):
    factories.wired(app).redis.delete("oncue:beat:gate")
    with app.app_context():
        beat()


def wait_until_due(app, *target_ids):
    def is_due():
        with app.app_context():
            return set(target_ids) <= set(due_targets(clock.utcnow()))
    wait_for(is_due)


def work_off(app):
    make_hand(app, [QueueName.PUBLISH]).work(burst=True, logging_level="ERROR")


def queued(app):
    return [job.args[0] for job in factories.wired(app).tasks.queue(QueueName.PUBLISH).jobs]


def test_the_beat_enqueues_what_is_due_and_says_when_it_ran(app, tiktok, schedule):
    due, later = schedule(), schedule(seconds=600)
    wait_until_due(app, due)
    run_beat(app)
    assert queued(app) == [due] and later
    assert clock.utcnow() - factories.wired(app).tasks.last_beat_at() < timedelta(seconds=5)


def test_a_beat_right_after_another_does_nothing(app, tiktok, schedule):
    run_beat(app)
    wait_until_due(app, schedule())
    with app.app_context():
        beat()
    assert queued(app) == []


def test_an_emptied_redis_loses_nothing(app, tiktok, schedule):
    target_id = schedule()
    wait_until_due(app, target_id)
    run_beat(app)
    factories.wired(app).redis.flushall()
    run_beat(app)
    work_off(app)
    assert load(app, target_id).state == "processing"
    assert len(tiktok.calls("video_init")) == 1


def test_doubles_in_the_queue_do_nothing(app, tiktok, schedule):
    target_id = schedule()
    wait_until_due(app, target_id)
    tasks = factories.wired(app).tasks
    for _ in range(3):
        tasks.advance([target_id])
        tasks.advanced(target_id)
    assert queued(app) == [target_id] * 3
    work_off(app)
    assert len(tiktok.calls("video_init")) == 1


def reported(app, process):
    """What this process says of itself; None when it says nothing."""
    return next((p for p in factories.wired(app).presence.everyone(clock.utcnow()) if p.pid == process.pid), None)


def test_a_worker_process_says_that_it_lives_what_it_does_and_that_it_ends(app, tiktok, schedule):
    tiktok.post("/sandbox/api/faults", match={"endpoint": "creator_info"}, kind="slow", seconds=2.5, times=0)
    ids = [schedule(seconds=0.1, creator=f"creator{n}") for n in range(2)]
    with worker_process(app, hands=3) as process:
        seen = wait_for(lambda: reported(app, process))
        assert (seen.queues, seen.hands, seen.busy_hands) == (("publish",), 3, 0)
        run_beat(app)
        wait_for(lambda: reported(app, process).busy_hands == 2)
        wait_for(lambda: all(load(app, i).state == "processing" for i in ids))
        factories.wired(app).redis.flushall()
        wait_for(lambda: reported(app, process), seconds=3)
        process.terminate()
        process.wait(timeout=20)
        assert reported(app, process) is None


def test_several_hands_of_one_process_work_side_by_side_and_stop_together(app, tiktok, schedule):
    tiktok.post("/sandbox/api/faults", match={"endpoint": "creator_info"}, kind="slow", seconds=0.5, times=0)
    ids = [schedule(seconds=0.1, creator=f"creator{n}") for n in range(6)]
    with worker_process(app, hands=6) as process:
        run_beat(app)
        wait_for(lambda: all(load(app, i).state == "processing" for i in ids))
        with app.app_context():
            begun = [row.started_at for row in db.session.query(PublishAttempt.started_at).filter_by(step="creator_info")]
        assert max(begun) - min(begun) < timedelta(seconds=0.5), "nobody waited for another's answer"
        process.terminate()
        assert process.wait(timeout=20) == 0


def test_posts_that_are_due_go_before_questions_about_others(app, tiktok, schedule):
    sent = schedule(seconds=0.1)
    wait_until_due(app, sent)
    run_beat(app)
    work_off(app)
    with app.app_context():
        db.session.execute(sa.update(PostTarget).values(due_at=clock.utcnow()))
        db.session.commit()
    due = [schedule(seconds=0.1) for _ in range(2)]
    wait_until_due(app, *due)
    run_beat(app)
    urgent, follow = factories.wired(app).tasks.lanes(QueueName.PUBLISH)
    assert [job.args[0] for job in urgent.jobs] == due
    assert [job.args[0] for job in follow.jobs] == [sent]
    served = [make_hand(app, [QueueName.PUBLISH], number).queue_names()[0] for number in range(16)]
    assert served.count("publish") == 15 and served.count("follow") == 1, "nothing starves"
    work_off(app)
    assert load(app, sent).state == "published"
    assert all(load(app, target_id).state == "processing" for target_id in due)


def test_a_failing_job_is_logged_and_neither_it_nor_its_job_stays(app, tiktok, schedule, monkeypatch, caplog):
    def fail(_target_id, _ports):
        raise RuntimeError("a bug")

    monkeypatch.setattr(publishing, "advance", fail)
    wait_until_due(app, schedule(seconds=0.1))
    run_beat(app)
    work_off(app)
    assert "a bug" in caplog.text
    redis = factories.wired(app).redis
    assert redis.keys("rq:job:*") == redis.keys("oncue:queued:*") == redis.keys("rq:queue:*") == []


def test_a_long_job_does_not_make_its_hand_look_dead(app, tiktok):
    hand = make_hand(app, [QueueName.PUBLISH])
    hand.register_birth()
    redis = factories.wired(app).redis
    redis.expire(hand.key, 5)
    for _ in range(3):
        hand.heartbeat()
    assert redis.ttl(hand.key) > 60
    redis.expire(hand.key, 5)
    hand.heartbeat()
    assert redis.ttl(hand.key) <= 5, "not at every turn of RQ's loop"
    hand.register_death()


@contextmanager
def worker_process(app, hands):
    """`flask worker publish` beside this test, on its database, Redis and sandbox."""
    with flask_process(app, "worker", "publish", "--hands", str(hands)) as process:
        wait_for(lambda: factories.wired(app).redis.scard("rq:workers") >= hands, seconds=30)
        yield process


def test_a_stopping_process_hands_a_long_upload_over_and_another_goes_on(app, tiktok, schedule, video_path, tmp_path):
    target_id = schedule(fill_up(video_path, tmp_path / "big.mp4", 70 * MB))
    wait_until_due(app, target_id)
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
