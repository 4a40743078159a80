"""Jobs and the pulse in a real Redis."""

from __future__ import annotations

import json
import zlib
from datetime import UTC, datetime, timedelta
from importlib import import_module

import pytest
from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from rq import SimpleWorker
from rq.serializers import JSONSerializer

from app.infra import task_queue
from app.infra.task_queue import ADVANCE, ADVANCE_TIMEOUT_SECONDS, BEAT_KEY, QueueName, RedisTaskQueue
from tests.servers import free_port

NOW = datetime(2026, 11, 20, 12, 0, 0, 250_000, tzinfo=UTC)


@pytest.fixture
def tasks(redis):
    return RedisTaskQueue(redis)


def queued(tasks) -> list[int]:
    return [job.args[0] for job in tasks.queue(QueueName.PUBLISH).jobs]


def work_off(tasks, redis, monkeypatch, job) -> None:
    monkeypatch.setattr(import_module("app.jobs.publishing"), "advance_target", job)
    worker = SimpleWorker([tasks.queue(QueueName.PUBLISH)], connection=redis, serializer=JSONSerializer)
    monkeypatch.setattr(worker.log, "disabled", True)
    worker.work(burst=True)


def test_each_target_gets_one_job_in_the_order_given(tasks):
    tasks.advance([3, 1, 2])
    assert queued(tasks) == [3, 1, 2]


def test_a_target_that_is_queued_already_is_not_queued_again(tasks):
    tasks.advance([1, 2])
    tasks.advance([2, 3])
    tasks.advance([1, 2, 3])
    assert queued(tasks) == [1, 2, 3]


def test_nothing_to_advance_is_no_job(tasks, redis):
    tasks.advance([])
    assert queued(tasks) == []


def test_a_target_can_be_queued_again_once_its_step_is_over(tasks, redis, monkeypatch):
    done = []
    tasks.advance([1, 2])
    work_off(tasks, redis, monkeypatch, done.append)
    assert done == [1, 2]
    assert redis.keys("rq:job:*") == []
    tasks.advance([1])
    assert queued(tasks) == [], "the step itself says that it is over"
    tasks.advanced(1)
    tasks.advance([1])
    assert queued(tasks) == [1]


def test_a_target_whose_worker_died_can_be_queued_again_soon(tasks, redis):
    tasks.advance([1])
    assert 0 < redis.ttl(f"{task_queue.QUEUED_KEY}1") <= task_queue.QUEUED_SECONDS <= 15
    tasks.queue(QueueName.PUBLISH).empty()  # taken by a worker that was killed before it took the lease
    redis.delete(f"{task_queue.QUEUED_KEY}1")  # as Redis does by itself then
    tasks.advance([1])
    assert queued(tasks) == [1]


def test_a_target_is_not_queued_while_its_job_runs(tasks, redis, monkeypatch):
    during = []

    def run(target_id):
        tasks.advance([target_id])
        during.append(queued(tasks))

    tasks.advance([1])
    work_off(tasks, redis, monkeypatch, run)
    assert during == [[]]


def test_a_thousand_targets_are_queued_at_once(tasks):
    tasks.advance(range(1000))
    assert queued(tasks) == list(range(1000))


def test_after_redis_was_emptied_everything_is_queued_anew(tasks, redis):
    tasks.advance([1, 2])
    redis.flushall()
    tasks.advance([1, 2])
    assert queued(tasks) == [1, 2]


def test_a_job_is_json_and_names_a_function_that_exists(tasks, redis):
    tasks.advance([7])
    [key] = redis.keys("rq:job:*")
    stored = redis.hgetall(key)
    name, _, args, kwargs = json.loads(zlib.decompress(stored[b"data"]))
    assert (name, args, kwargs) == (ADVANCE, [7], {})
    module, _, function = name.rpartition(".")
    assert callable(getattr(import_module(module), function))


def test_a_job_may_take_as_long_as_tiktok_s_upload_address_lives_and_leaves_no_result(tasks):
    tasks.advance([7])
    job, = tasks.queue(QueueName.PUBLISH).jobs
    assert job.timeout == ADVANCE_TIMEOUT_SECONDS > 3600
    assert job.result_ttl == 0


def test_queues_are_named_by_urgency(tasks):
    assert [tasks.queue(name).name for name in QueueName] == ["beat", "publish", "media"]


# The pulse


def test_of_beats_that_piled_up_one_passes_the_gate(tasks):
    assert [tasks.pass_gate(timedelta(seconds=30)) for _ in range(5)] == [True, False, False, False, False]


def test_the_gate_opens_again(tasks, redis):
    tasks.pass_gate(timedelta(milliseconds=500))
    assert 0 < redis.pttl(task_queue.BEAT_GATE_KEY) <= 500
    redis.delete(task_queue.BEAT_GATE_KEY)  # as Redis does by itself then
    assert tasks.pass_gate(timedelta(milliseconds=500))


def test_the_last_beat_is_remembered_exactly(tasks):
    tasks.record_beat(NOW)
    assert tasks.last_beat_at() == NOW
    tasks.record_beat(NOW + timedelta(seconds=1))
    assert tasks.last_beat_at() == NOW + timedelta(seconds=1)


def test_before_the_first_beat_nothing_is_known(tasks):
    assert tasks.last_beat_at() is None


def test_the_last_beat_survives_in_a_redis_that_answers_in_text(redis_url, tasks):
    tasks.record_beat(NOW)
    texts = Redis.from_url(redis_url, decode_responses=True)
    assert RedisTaskQueue(texts).last_beat_at() == NOW
    texts.close()


def test_without_redis_the_last_beat_is_unknown_and_no_error():
    redis = Redis(host="127.0.0.1", port=free_port(), retry=Retry(NoBackoff(), 0))
    assert RedisTaskQueue(redis).last_beat_at() is None
    redis.close()


def test_emptying_redis_forgets_the_pulse_and_nothing_breaks(tasks, redis):
    tasks.record_beat(NOW)
    redis.delete(BEAT_KEY)
    assert tasks.last_beat_at() is None
