"""Periodic technical jobs as data, reconciled with Redis at start. The only importer of rq_scheduler.

A user's post is never in here: it is a row with a `due_at`.
"""

from __future__ import annotations

import hashlib
import json
import logging
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from redis import Redis
from rq.job import Job
from rq.serializers import JSONSerializer
from rq_scheduler import Scheduler

from app import clock
from app.infra.task_queue import QueueName, RedisTaskQueue

log = logging.getLogger(__name__)

POLL_SECONDS = 0.25
"""How often rq-scheduler looks; the beat's interval is a second, so this is its jitter."""
RESTART_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class PeriodicJob:
    """One job: dotted name, seconds between runs, seconds it may take."""

    func: str
    interval_seconds: int
    timeout_seconds: int

    @property
    def id(self) -> str:
        """Derived from the definition: a changed definition is a new job."""
        definition = json.dumps(asdict(self), sort_keys=True)
        return "periodic-" + hashlib.sha256(definition.encode()).hexdigest()[:16]


PERIODIC_JOBS = (
    PeriodicJob("app.jobs.publishing.beat", 1, 30),
    PeriodicJob("app.jobs.publishing.refresh_tokens", 60, 300),
    PeriodicJob("app.jobs.publishing.sweep_uploads", 3600, 300),
)


class JsonJob(Job):
    """A job as JSON: rq-scheduler names no serializer, and RQ's default lets whoever writes to Redis run code."""

    @classmethod
    def create(cls, *args: Any, **kwargs: Any) -> Job:
        return super().create(*args, **{**kwargs, "serializer": JSONSerializer})

    @classmethod
    def fetch(cls, *args: Any, **kwargs: Any) -> Job:
        return super().fetch(*args, **{**kwargs, "serializer": JSONSerializer})


class BeatScheduler(Scheduler):  # type: ignore[misc]  # rq-scheduler has no types
    """rq-scheduler that puts its definitions back when somebody has emptied Redis."""

    def __init__(self, redis: Redis, jobs: tuple[PeriodicJob, ...] = PERIODIC_JOBS) -> None:
        super().__init__(queue_name=QueueName.BEAT.value, connection=redis, interval=POLL_SECONDS, job_class=JsonJob)
        self.periodic_jobs = jobs
        self._tasks = RedisTaskQueue(redis)

    def reconcile(self) -> None:
        """Make Redis hold exactly these jobs; those that are there keep their next run."""
        wanted = {job.id: job for job in self.periodic_jobs}
        present = {job.id for job in self.get_jobs()}
        for job_id in present - wanted.keys():
            self.cancel(job_id)
        for job_id in wanted.keys() - present:
            job = wanted[job_id]
            self.schedule(
                scheduled_time=datetime.now(UTC), func=job.func, interval=job.interval_seconds,
                timeout=job.timeout_seconds, result_ttl=-1, id=job_id, queue_name=QueueName.BEAT.value,
            )

    def enqueue_jobs(self) -> Any:
        self._tasks.record_scheduler(clock.utcnow())
        if self.connection.zcard(self.scheduled_jobs_key) < len(self.periodic_jobs):
            self.reconcile()
        return super().enqueue_jobs()


def run_scheduler(redis: Redis) -> None:
    """Beat until told to stop. rq-scheduler ends at any error, a Redis restart for one; it is begun anew then."""
    while True:
        try:
            scheduler = BeatScheduler(redis)
            scheduler.reconcile()
            scheduler.run()
        except Exception:
            log.exception("the scheduler stopped and is begun anew")
            time.sleep(RESTART_SECONDS)
