"""Several schedulers at once, as processes of their own: one beats, and the beat goes on whoever dies."""

from __future__ import annotations

import os
import signal
import threading
from contextlib import ExitStack

import pytest

from app import clock
from app.infra.presence import Kind, Presence
from app.infra.task_queue import BEAT_KEY
from app.jobs.schedule import LOCK_SECONDS, BeatScheduler, PeriodicJob
from tests.house import flask_process
from tests.servers import wait_for

BEAT = PeriodicJob("app.jobs.publishing.beat", 1, 30)
OTHER = PeriodicJob("app.jobs.publishing.sweep_uploads", 3600, 300)


class Beats:
    """Notes every beat while the test goes on."""

    def __init__(self, redis):
        self.redis, self.at, self._over = redis, [], threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        self._thread.join()

    def _watch(self):
        while not self._over.wait(0.02):
            raw = self.redis.get(BEAT_KEY)
            if raw and (not self.at or float(raw) != self.at[-1]):
                self.at.append(float(raw))

    def wait_for(self, count: int) -> None:
        wanted = len(self.at) + count
        wait_for(lambda: len(self.at) >= wanted, seconds=20)

    @property
    def longest_pause(self) -> float:
        return max(later - earlier for earlier, later in zip(self.at, self.at[1:], strict=False))


def schedulers(redis):
    return [p for p in Presence(redis).everyone(clock.utcnow()) if p.kind is Kind.SCHEDULER]


def beating(redis) -> list[int]:
    """Process ids of whoever says that it beats and is alive."""
    return [p.pid for p in schedulers(redis) if p.is_beating and not p.is_silent(clock.utcnow())]


@pytest.fixture
def running(sqlite_app, redis):
    """Two schedulers and a worker that answers their beats; yields the schedulers by process id."""
    with ExitStack() as stack:
        both = [stack.enter_context(flask_process(sqlite_app, "scheduler")) for _ in range(2)]
        stack.enter_context(flask_process(sqlite_app, "worker", "beat"))
        wait_for(lambda: len(schedulers(redis)) == 2 and len(beating(redis)) == 1 and redis.get(BEAT_KEY), seconds=30)
        yield {process.pid: process for process in both}


@pytest.mark.parametrize(("how", "longest"), [(signal.SIGKILL, LOCK_SECONDS + 2.5), (signal.SIGTERM, 2.5)])
def test_one_beats_and_when_it_ends_the_other_goes_on(running, redis, how, longest, record_property):
    """A killed one leaves its lock for LOCK_SECONDS; one that is told to stop hands over at once."""
    first, = beating(redis)
    with Beats(redis) as beats:
        beats.wait_for(3)
        assert beats.longest_pause < 2.5
        os.kill(first, how)
        running[first].wait()
        beats.wait_for(4)
    record_property("longest_pause", beats.longest_pause)
    assert beats.longest_pause < longest
    second, = running.keys() - {first}
    wait_for(lambda: second in beating(redis))
    assert (first in {p.pid for p in schedulers(redis)}) is (how is signal.SIGKILL), "a killed one is shown as silent for a while"


def test_an_emptied_redis_makes_nobody_beat_twice(running, redis):
    with Beats(redis) as beats:
        for _ in range(4):
            redis.flushall()
            beats.wait_for(1)
        beats.wait_for(3)
    assert beats.longest_pause < 3
    pauses = sorted(later - earlier for earlier, later in zip(beats.at, beats.at[1:], strict=False))
    # A flush takes the gate along, so a beat may follow at once on another, once; the rest keeps its second.
    assert sum(pause < 0.5 for pause in pauses) <= 4
    wait_for(lambda: len(schedulers(redis)) == 2)
    wait_for(lambda: len(beating(redis)) == 1)


# The lock itself


def test_of_two_one_holds_the_lock_and_keeps_it(redis):
    first, second = BeatScheduler(redis, (BEAT,)), BeatScheduler(redis, (BEAT,))
    assert [first.acquire_lock(), second.acquire_lock()] == [True, False]
    first.remove_lock()  # as rq-scheduler does after every look
    assert [second.acquire_lock(), first.acquire_lock()] == [False, True]
    assert 0 < redis.pttl(first.scheduler_lock_key) <= LOCK_SECONDS * 1000


def test_the_lock_is_renewed_and_ends_by_itself(redis):
    first, second = BeatScheduler(redis, (BEAT,)), BeatScheduler(redis, (BEAT,))
    first.acquire_lock()
    redis.pexpire(first.scheduler_lock_key, 200)
    first.acquire_lock()
    assert redis.pttl(first.scheduler_lock_key) > 2000
    redis.delete(first.scheduler_lock_key)  # as Redis does by itself then
    assert [second.acquire_lock(), first.acquire_lock()] == [True, False]


def test_whoever_stalled_does_not_take_the_others_lock_away(redis):
    first, second = BeatScheduler(redis, (BEAT,)), BeatScheduler(redis, (BEAT,))
    first.acquire_lock()
    redis.delete(first.scheduler_lock_key)
    second.acquire_lock()
    first.register_death()
    assert second.acquire_lock() and not BeatScheduler(redis, (BEAT,)).acquire_lock()


def test_at_its_end_it_gives_the_lock_back_and_is_gone(redis):
    first = BeatScheduler(redis, (BEAT,))
    first.acquire_lock()
    first.register_death()
    assert BeatScheduler(redis, (BEAT,)).acquire_lock()


def test_whoever_begins_to_beat_does_so_by_its_own_definitions(redis):
    old, new = BeatScheduler(redis, (BEAT, OTHER)), BeatScheduler(redis, (BEAT,))
    old.acquire_lock()
    new.acquire_lock()
    assert {job.id for job in new.get_jobs()} == {BEAT.id, OTHER.id}, "who stands by touches nothing"
    old.register_death()
    new.acquire_lock()
    assert {job.id for job in new.get_jobs()} == {BEAT.id}
