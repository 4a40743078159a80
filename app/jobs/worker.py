"""The process that works through queues: several hands as threads, for its steps wait for the network, not the processor."""

from __future__ import annotations

import logging
import signal
import threading
import time
from collections.abc import Sequence
from typing import Any

from flask import Flask
from rq import Queue, SimpleWorker
from rq.job import Job
from rq.serializers import JSONSerializer
from rq.timeouts import TimerDeathPenalty
from rq.worker import WorkerStatus

from app.infra.task_queue import QueueName
from app.wiring import Wiring

log = logging.getLogger(__name__)

GRACE_SECONDS = 4.0
"""How long a stopping process waits for its hands; the process runner kills after five seconds."""
RESTART_SECONDS = 1.0


class Hand(SimpleWorker):
    """One RQ worker on a thread; runs each job in an application context, and so a database session, of its own."""

    # Signals reach the main thread only: the process watches them, and a timer watches the time of a job.
    death_penalty_class = TimerDeathPenalty
    flask_app: Flask

    def _install_signal_handlers(self) -> None:
        return None

    def perform_job(self, job: Job, queue: Queue) -> bool:
        with self.flask_app.app_context():
            return bool(super().perform_job(job, queue))

    def handle_exception(self, job: Job, *exc_info: Any) -> None:
        log.error("job failed", exc_info=exc_info, extra={"job": job.get_call_string()})

    def stop(self) -> None:
        """Take no further job."""
        self._stop_requested = True

    @property
    def is_busy(self) -> bool:
        return bool(self.get_state() == WorkerStatus.BUSY)


def make_hand(app: Flask, queues: Sequence[QueueName]) -> Hand:
    """A worker on these queues, the most urgent first."""
    wired: Wiring = app.extensions["oncue"]
    hand = Hand([wired.tasks.queue(name) for name in queues], connection=wired.redis, serializer=JSONSerializer)
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
        for thread in self._threads:
            thread.start()
        while not self._stopping.wait(1):
            pass
        for hand in self._hands.values():
            hand.stop()
        deadline = time.monotonic() + GRACE_SECONDS
        while time.monotonic() < deadline and any(hand.is_busy for hand in self._hands.values()):
            time.sleep(0.05)

    def _keep_working(self, number: int) -> None:
        # RQ's loop ends when Redis goes away; a new worker begins as soon as it is back.
        while not self._stopping.is_set():
            try:
                self._hands[number] = make_hand(self._app, self._queues)
                self._hands[number].work(logging_level=None)
            except Exception:
                log.exception("a hand stopped and is begun anew")
            self._stopping.wait(RESTART_SECONDS)


def run_worker(app: Flask, queues: Sequence[QueueName], hands: int) -> None:
    """Work through the queues with so many hands until told to stop."""
    Crew(app, queues, hands).run()
