"""The few periodic jobs, reconciled with a real Redis; a post is never one of them."""

from __future__ import annotations

import json
import zlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from importlib import import_module
from inspect import signature

import pytest
from rq import SimpleWorker
from rq.serializers import JSONSerializer

from app import clock
from app.infra.task_queue import QueueName, RedisTaskQueue
from app.jobs import publishing
from app.jobs.schedule import PERIODIC_JOBS, BeatScheduler, PeriodicJob

BEAT = PeriodicJob("app.jobs.publishing.beat", 1, 30)
REFRESH = PeriodicJob("app.jobs.publishing.refresh_tokens", 60, 30)
SWEEP = PeriodicJob("app.jobs.publishing.sweep_uploads", 3600, 30)


def reconciled(redis, *jobs: PeriodicJob) -> BeatScheduler:
    """A scheduler that has just been started with these definitions."""
    scheduler = BeatScheduler(redis, jobs)
    scheduler.reconcile()
    return scheduler


def scheduled(scheduler: BeatScheduler) -> dict[str, datetime]:
    """Each job in the schedule with its next run."""
    return {job.id: at.replace(tzinfo=UTC) for job, at in scheduler.get_jobs(with_times=True)}


def postpone(scheduler: BeatScheduler, job: PeriodicJob) -> datetime:
    """Move a job's next run to a moment that nobody would choose by chance."""
    moment = datetime(2031, 5, 4, 3, 2, 1, tzinfo=UTC)
    scheduler.connection.zadd(scheduler.scheduled_jobs_key, {job.id: moment.timestamp()})
    return moment


# The four promises of a schedule that is data


def test_schedules_a_new_job(redis):
    reconciled(redis, BEAT)
    scheduler = reconciled(redis, BEAT, REFRESH)
    assert set(scheduled(scheduler)) == {BEAT.id, REFRESH.id}
    job = next(job for job in scheduler.get_jobs() if job.id == REFRESH.id)
    assert (job.func_name, job.meta["interval"], job.timeout, job.result_ttl, job.origin) == (REFRESH.func, 60, 30, -1, "beat")


def test_leaves_the_next_run_of_an_existing_job_alone(redis):
    moment = postpone(reconciled(redis, BEAT, REFRESH), REFRESH)
    scheduler = reconciled(redis, BEAT, REFRESH)
    assert scheduled(scheduler)[REFRESH.id] == moment


@pytest.mark.parametrize("change", [{"interval_seconds": 90}, {"timeout_seconds": 99}, {"func": "app.jobs.publishing.sweep_uploads"}])
def test_replaces_a_modified_job(redis, change):
    postpone(reconciled(redis, BEAT, REFRESH), REFRESH)
    changed = replace(REFRESH, **change)
    scheduler = reconciled(redis, BEAT, changed)
    assert set(scheduled(scheduler)) == {BEAT.id, changed.id}
    assert scheduled(scheduler)[changed.id] <= datetime.now(UTC) + timedelta(seconds=1)


def test_removes_a_job_that_is_no_longer_defined(redis):
    reconciled(redis, BEAT, REFRESH, SWEEP)
    scheduler = reconciled(redis, BEAT)
    assert set(scheduled(scheduler)) == {BEAT.id}


# What may happen to Redis


def test_definitions_come_back_after_redis_was_emptied(redis):
    scheduler = reconciled(redis, BEAT, REFRESH)
    redis.flushall()
    scheduler.enqueue_jobs()
    assert set(scheduled(scheduler)) == {BEAT.id, REFRESH.id}
    assert set(RedisTaskQueue(redis).queue(QueueName.BEAT).job_ids) == {BEAT.id, REFRESH.id}


def test_a_job_that_lost_its_body_comes_back(redis):
    scheduler = reconciled(redis, BEAT, REFRESH)
    redis.delete(f"rq:job:{REFRESH.id}")
    scheduler.enqueue_jobs()
    scheduler.enqueue_jobs()
    assert set(scheduled(scheduler)) == {BEAT.id, REFRESH.id}


def test_a_job_stays_in_the_schedule_after_it_has_run(redis, monkeypatch):
    ran = []
    monkeypatch.setattr(publishing, "beat", lambda: ran.append(1))
    scheduler = reconciled(redis, BEAT)
    scheduler.enqueue_jobs()
    worker = SimpleWorker([RedisTaskQueue(redis).queue(QueueName.BEAT)], connection=redis, serializer=JSONSerializer)
    monkeypatch.setattr(worker.log, "disabled", True)
    worker.work(burst=True)
    assert ran == [1]
    assert set(scheduled(scheduler)) == {BEAT.id}
    assert redis.ttl(f"rq:job:{BEAT.id}") == -1, "its body never expires"


def test_a_job_is_due_again_after_its_interval(redis):
    scheduler = reconciled(redis, REFRESH)
    scheduler.enqueue_jobs()
    pause = scheduled(scheduler)[REFRESH.id] - datetime.now(UTC)
    assert timedelta(seconds=55) < pause <= timedelta(seconds=61)


def test_jobs_are_kept_as_json(redis):
    scheduler = reconciled(redis, *PERIODIC_JOBS)
    scheduler.enqueue_jobs()
    assert len(PERIODIC_JOBS) == 5
    for job in PERIODIC_JOBS:
        data = zlib.decompress(redis.hget(f"rq:job:{job.id}", "data"))
        assert json.loads(data) == [job.func, None, [], {}]


# The definitions themselves


@pytest.mark.parametrize("job", PERIODIC_JOBS, ids=lambda job: job.func)
def test_every_job_names_a_function_that_exists_and_needs_nothing(job):
    module, _, name = job.func.rpartition(".")
    function = getattr(import_module(module), name)
    assert str(signature(function)).startswith("()")
    assert function.__doc__


@pytest.mark.parametrize("job", PERIODIC_JOBS, ids=lambda job: job.func)
def test_every_job_has_an_id_that_rq_takes(job):
    assert set(job.id) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_")
    assert job.id == replace(job).id, "the same definition, the same id"


def test_every_definition_has_an_id_of_its_own():
    changed = [replace(BEAT, **change) for change in ({"interval_seconds": 2}, {"timeout_seconds": 31}, {"func": SWEEP.func})]
    assert len({job.id for job in (BEAT, REFRESH, SWEEP, *changed)}) == 6


def test_the_beat_beats_every_second():
    assert {job.func.rsplit(".")[-1]: job.interval_seconds for job in PERIODIC_JOBS}["beat"] == 1


# The beat itself


def test_the_beat_leaves_its_mark_and_does_nothing_the_second_time_at_once(ctx):
    moment = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
    tasks = ctx.extensions["oncue"].tasks
    clock.set_source(lambda: moment)
    publishing.beat()
    assert tasks.last_beat_at() == moment
    clock.set_source(lambda: moment + timedelta(seconds=7))
    publishing.beat()
    assert tasks.last_beat_at() == moment
