"""The process that works through queues: several hands as threads, for its steps wait for the network, not the processor."""

from __future__ import annotations

import logging
import math
import signal
import threading
import time
from collections.abc import Sequence
from contextlib import suppress

from flask import Flask
from redis import RedisError
from redis.client import Pipeline
from rq import Queue, SimpleWorker
from rq.job import Job
from rq.serializers import JSONSerializer
from rq.timeouts import JobTimeoutException, TimerDeathPenalty

from app import clock
from app.infra.presence import REPORT_EVERY
from app.infra.task_queue import QueueName
from app.wiring import Wiring

log = logging.getLogger(__name__)

GRACE_SECONDS = 4.0
"""How long a stopping process waits for its hands; the process runner kills after five seconds."""
RESTART_SECONDS = 1.0
HEARTBEAT_SECONDS = 15.0
FAIR_EVERY = 16


class Hand(SimpleWorker):
    """One RQ worker on a thread; runs each job in an application context, and so a database session, of its own."""

    # Signals reach the main thread only: the process watches them, and a timer watches the time of a job.
    death_penalty_class = TimerDeathPenalty
    flask_app: Flask
    is_busy = False
    _beaten_at = -math.inf

    def _install_signal_handlers(self) -> None:
        return None

    def execute_job(self, job: Job, queue: Queue) -> None:
        """The job itself, and nothing else: RQ's own way costs some twenty round trips for records that nobody reads.

        What became of a target stands in the database, and an error in the log.
        """
        self.is_busy = True
        try:
            timeout = TimerDeathPenalty(job.timeout, JobTimeoutException)  # type: ignore[no-untyped-call]  # RQ's is not typed
            with self.flask_app.app_context(), timeout:
                job.func(*job.args, **job.kwargs)
        except Exception:
            # Whatever it is, it ends this job and not its hand: the lease, or the beat, brings back what the job was at.
            log.exception("job failed", extra={"job": job.get_call_string()})
        finally:
            self._forget(job, queue)
            self.is_busy = False

    def _forget(self, job: Job, queue: Queue) -> None:
        with self.connection.pipeline(transaction=False) as pipe:
            pipe.lrem(queue.intermediate_queue_key, 1, job.id)
            if job.result_ttl == 0:  # rq-scheduler needs its own jobs again
                pipe.delete(job.key)
            pipe.execute()

    def set_state(self, state: str, pipeline: Pipeline | None = None) -> None:
        self._state = state

    def heartbeat(self, timeout: int | None = None, pipeline: Pipeline | None = None) -> None:
        """RQ's loop calls it three times a job."""
        if time.monotonic() - self._beaten_at >= HEARTBEAT_SECONDS:
            self._beaten_at = time.monotonic()
            super().heartbeat(timeout, pipeline)

    def stop(self) -> None:
        """Take no further job."""
        self._stop_requested = True


def make_hand(app: Flask, queues: Sequence[QueueName], number: int = 0) -> Hand:
    """A worker on these queues, the most urgent first; some hands the other way round, so that nothing starves."""
    wired: Wiring = app.extensions["oncue"]
    lanes = [lane for name in queues for lane in wired.tasks.lanes(name)]
    if number % FAIR_EVERY == FAIR_EVERY - 1:
        lanes.reverse()
    hand = Hand(lanes, connection=wired.redis, serializer=JSONSerializer)
    hand.flask_app = app
    return hand


class Crew:
    """The hands of one process."""

    def __init__(self, app: Flask, queues: Sequence[QueueName], size: int) -> None:
        self._app = app
        self._queues = queues
        self._stopping: threading.Event = app.extensions["oncue"].stopping
        self._hands: dict[int, Hand] = {}
        self._threads = [threading.Thread(target=self._keep_working, args=(n,), name=f"hand-{n}", daemon=True) for n in range(size)]

    def run(self) -> None:
        """Work until SIGTERM or SIGINT; then let steps end, or hand them over, within the grace."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self._stopping.set())
        reporter = threading.Thread(target=self._keep_reporting, name="presence", daemon=True)
        for thread in (*self._threads, reporter):
            thread.start()
        while not self._stopping.wait(1):
            for hand in list(self._hands.values()):
                with suppress(RedisError):
                    hand.heartbeat()  # in its place: it may be at one upload for an hour
        for hand in self._hands.values():
            hand.stop()
        deadline = time.monotonic() + GRACE_SECONDS
        while time.monotonic() < deadline and any(hand.is_busy for hand in self._hands.values()):
            time.sleep(0.05)
        reporter.join(REPORT_EVERY.total_seconds())

    def _keep_reporting(self) -> None:
        # On a thread of its own: a Redis that hangs must not keep the process from stopping.
        presence = self._app.extensions["oncue"].presence
        queues = [queue.value for queue in self._queues]
        while not self._stopping.wait(REPORT_EVERY.total_seconds()):
            busy_hands = sum(hand.is_busy for hand in list(self._hands.values()))
            presence.report_worker(clock.utcnow(), queues=queues, hands=len(self._threads), busy_hands=busy_hands)
        presence.leave()

    def _keep_working(self, number: int) -> None:
        # RQ's loop ends when Redis goes away; a new worker begins as soon as it is back.
        while not self._stopping.is_set():
            try:
                self._hands[number] = make_hand(self._app, self._queues, number)
                self._hands[number].work(logging_level=None)
            except Exception:  # of any kind: a thread that ended would be a hand fewer until somebody restarts the process
                log.exception("a hand stopped and is begun anew")
            self._stopping.wait(RESTART_SECONDS)


def run_worker(app: Flask, queues: Sequence[QueueName], hands: int) -> None:
    """Work through the queues with so many hands until told to stop."""
    Crew(app, queues, hands).run()
