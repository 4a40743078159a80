"""Who is alive, by their own word in a real Redis."""

from __future__ import annotations

import os
import socket
from datetime import UTC, datetime, timedelta

import pytest
from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from app.infra import presence as module
from app.infra.presence import Kind, Presence, Process
from tests.servers import free_port

NOW = datetime(2026, 11, 20, 12, 0, 0, 250_000, tzinfo=UTC)


@pytest.fixture
def elsewhere(redis, monkeypatch):
    """Reports as if from another process of another machine."""
    def report(host, pid, at, **scheduler):
        with monkeypatch.context() as there:
            there.setattr(socket, "gethostname", lambda: host)
            there.setattr(os, "getpid", lambda: pid)
            Presence(redis).report_scheduler(at, is_beating=scheduler.get("is_beating", False))
    return report


def test_a_worker_says_who_it_is_and_what_it_does(redis):
    Presence(redis).report_worker(NOW, queues=["beat", "publish"], hands=16, busy_hands=3)
    assert Presence(redis).everyone(NOW) == (
        Process(Kind.WORKER, socket.gethostname(), os.getpid(), NOW, ("beat", "publish"), 16, 3),)


def test_whoever_reports_again_is_one_process(redis):
    Presence(redis).report_worker(NOW, queues=["publish"], hands=16, busy_hands=3)
    Presence(redis).report_worker(NOW + timedelta(seconds=1), queues=["publish"], hands=16, busy_hands=0)
    process, = Presence(redis).everyone(NOW)
    assert (process.busy_hands, process.seen_at) == (0, NOW + timedelta(seconds=1))


def test_processes_of_several_machines_are_told_apart_and_schedulers_come_first(redis, elsewhere):
    Presence(redis).report_worker(NOW, queues=["publish"], hands=2, busy_hands=0)
    elsewhere("b", 7, NOW)
    elsewhere("a", 7, NOW, is_beating=True)
    found = Presence(redis).everyone(NOW)
    assert [(p.kind.value, p.host) for p in found] == [("scheduler", "a"), ("scheduler", "b"), ("worker", socket.gethostname())]
    assert [p.is_beating for p in found] == [True, False, False]


def test_whoever_ends_of_its_own_will_is_gone_at_once(redis):
    Presence(redis).report_scheduler(NOW, is_beating=True)
    Presence(redis).leave()
    assert Presence(redis).everyone(NOW) == ()


def test_whoever_is_killed_is_silent_first_and_forgotten_later(redis, elsewhere):
    elsewhere("a", 7, NOW)
    process, = Presence(redis).everyone(NOW + timedelta(seconds=11))
    assert process.is_silent(NOW + timedelta(seconds=11)) and not process.is_silent(NOW + timedelta(seconds=10))
    assert Presence(redis).everyone(NOW + timedelta(seconds=121)) == ()
    assert redis.hlen(module.PROCESSES_KEY) == 0


def test_without_redis_nobody_is_known_and_nothing_breaks():
    redis = Redis(host="127.0.0.1", port=free_port(), retry=Retry(NoBackoff(), 0))
    nowhere = Presence(redis)
    nowhere.report_scheduler(NOW, is_beating=True)
    nowhere.leave()
    assert nowhere.everyone(NOW) == ()
    redis.close()
