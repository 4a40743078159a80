"""Periodic technical jobs as data, reconciled with Redis at start. The only importer of rq_scheduler.

A user's post is never in here: it is a row with a `due_at`.
"""

from __future__ import annotations

import hashlib
import json
import logging
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from redis import Redis, RedisError
from redis.exceptions import LockError
from redis.lock import Lock
from rq.job import Job
from rq.serializers import JSONSerializer
from rq_scheduler import Scheduler

from app import clock
from app.infra.presence import REPORT_EVERY, Presence
from app.infra.task_queue import QueueName

log = logging.getLogger(__name__)
library_log = logging.getLogger(f"{__name__}.rq_scheduler")
library_log.setLevel(logging.ERROR)  # its only warning says, four times a second, that another scheduler beats

POLL_SECONDS = 0.25
"""How often rq-scheduler looks; the beat's interval is a second, so this is its jitter."""
RESTART_SECONDS = 1.0
LOCK_SECONDS = 3.0
"""How long nobody beats after the scheduler that did was killed: a dozen times its interval, so that a short stall costs nothing."""


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
    PeriodicJob("app.jobs.bulk.advance_due", 5, 300),
    PeriodicJob("app.jobs.publishing.refresh_tokens", 60, 300),
    PeriodicJob("app.jobs.publishing.sweep_uploads", 3600, 300),
    PeriodicJob("app.jobs.pruning.prune", 3600, 300),
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
    """rq-scheduler of which any number may run: one beats, the others stand by, and definitions outlive an emptied Redis.

    rq-scheduler's own lock is taken and dropped at every look, belongs to nobody, and outlives a killed process by ten seconds.
    This one is kept, renewed at every look, and ends by itself.
    """

    def __init__(self, redis: Redis, jobs: tuple[PeriodicJob, ...] = PERIODIC_JOBS) -> None:
        super().__init__(queue_name=QueueName.BEAT.value, connection=redis, interval=POLL_SECONDS, job_class=JsonJob)
        self.log = library_log
        self.periodic_jobs = jobs
        self.is_beating = False
        self._lock = Lock(redis, self.scheduler_lock_key, timeout=LOCK_SECONDS, blocking=False, thread_local=False)
        self._presence = Presence(redis)
        self._reported_at = datetime.min.replace(tzinfo=UTC)

    def acquire_lock(self) -> bool:
        """Whether this scheduler beats now; rq-scheduler asks before every look."""
        was_beating, self.is_beating = self.is_beating, self._hold_lock()
        if self.is_beating and not was_beating:
            log.info("this scheduler beats")
        if was_beating and not self.is_beating:
            log.warning("another scheduler beats")
        self._report()
        return self.is_beating

    def remove_lock(self) -> None:
        """Called after every look; the lock is kept until the end."""

    def register_death(self) -> None:
        """Called at the end, maybe twice: whoever stands by goes on at once. Without Redis there is nothing to give back."""
        with suppress(RedisError):
            self._presence.leave()
            with suppress(LockError):
                self._lock.release()
            super().register_death()

    def _hold_lock(self) -> bool:
        try:
            return self._lock.reacquire()
        except LockError:  # not ours, or not any more
            if not self._lock.acquire(token=self.name):
                return False
        # Whoever begins to beat does so by its own definitions, which may be newer than those that are there.
        self.reconcile()
        return True

    def _report(self) -> None:
        now = clock.utcnow()
        if abs(now - self._reported_at) >= REPORT_EVERY:
            self._presence.report_scheduler(now, is_beating=self.is_beating)
            self._reported_at = now

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
        if self.connection.zcard(self.scheduled_jobs_key) < len(self.periodic_jobs):
            self.reconcile()
        return super().enqueue_jobs()


def run_scheduler(redis: Redis) -> None:
    """Beat, or stand by, until told to stop. rq-scheduler ends at any error, a Redis restart for one; it is begun anew then."""
    while True:
        try:
            BeatScheduler(redis).run()
        except Exception:  # of any kind: without a beat nothing is published, and the log says why each time
            log.exception("the scheduler stopped and is begun anew")
            time.sleep(RESTART_SECONDS)
