"""Many workers at many posts: each post is sent once, and one account sends one at a time."""

from __future__ import annotations

import threading
from dataclasses import replace

from app import clock
from app.queries.due import due_targets
from app.services.publishing import advance
from app.services.publishing.targets import claim
from app.services.transactions import writing
from tests import factories
from tests.steps import attempts, load, step


def test_ten_workers_at_once_publish_once(app, tiktok, frozen, scene):
    target_id = scene.schedule()
    frozen.advance(minutes=2)
    barrier = threading.Barrier(10)

    def work():
        with app.app_context():
            barrier.wait()
            advance(target_id, factories.wired(app).publishing)
    threads = [threading.Thread(target=work) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(tiktok.calls("video_init")) == 1
    assert load(app, target_id).state == "processing"


def test_of_one_account_one_post_is_sent_at_a_time_and_of_two_side_by_side(app, tiktok, frozen, scene):
    tiktok.post("/sandbox/api/creators", username="other", nickname="Other")
    other = factories.connect_account(app, scene.person, tiktok, "other")
    first, second, stranger = scene.schedule(), scene.schedule(), scene.schedule(account_id=other)
    frozen.advance(minutes=2)
    with app.app_context():
        with writing() as session:
            assert claim(session, first, clock.utcnow())
        with writing() as session:
            assert claim(session, second, clock.utcnow()) is None
        assert due_targets(clock.utcnow()) == [stranger], "what may not be worked on is not queued either"
        with writing() as session:
            assert claim(session, stranger, clock.utcnow())
        frozen.advance(seconds=61)
        with writing() as session:
            assert claim(session, second, clock.utcnow()), "a dead worker blocks its account for the lease at most"


def test_following_a_post_does_not_wait_for_another_s_upload(app, tiktok, frozen, scene):
    first, second = scene.schedule(), scene.schedule()
    frozen.advance(minutes=2)
    assert step(app, first).state == "processing"
    with app.app_context(), writing() as session:
        assert claim(session, second, clock.utcnow())
    frozen.advance(seconds=5)
    assert step(app, first).state == "published"


def test_two_workers_at_two_posts_of_one_account_do_not_both_begin(app, tiktok, frozen, scene):
    targets = [scene.schedule() for _ in range(4)]
    frozen.advance(minutes=2)
    barrier, claimed = threading.Barrier(4), []

    def work(target_id):
        with app.app_context():
            barrier.wait()
            with writing() as session:
                claimed.append(claim(session, target_id, clock.utcnow()) is not None)
    threads = [threading.Thread(target=work, args=(target_id,)) for target_id in targets]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(claimed) == [False, False, False, True]


class Overtaken:
    """TikTok, that answers so late that another worker has taken the target over meanwhile."""

    def __init__(self, real, meanwhile):
        self._real, self._meanwhile = real, meanwhile

    def __getattr__(self, name):
        return getattr(self._real, name)

    def creator_info(self, token):
        answer = self._real.creator_info(token)
        self._meanwhile()
        return answer


def test_a_worker_that_was_overtaken_makes_no_further_call(app, tiktok, frozen, scene):
    target_id = scene.schedule()
    frozen.advance(minutes=2)

    def take_over():
        frozen.advance(seconds=61)
        assert step(app, target_id).state == "processing"
    ports = factories.wired(app).publishing
    after = step(app, target_id, replace(ports, tiktok=Overtaken(ports.tiktok, take_over)))
    assert after.state == "processing"
    assert len(tiktok.calls("video_init")) == 1
    assert [(row.step, row.code) for row in attempts(app, target_id)] == [
        ("creator_info", "ok"), ("creator_info", "ok"), ("init", "ok"), ("upload", "ok")], "also the overtaken call has its end"
