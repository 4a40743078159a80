"""The process that works through queues, without forking: its steps wait for the network, not for the processor."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from flask import Flask
from rq import Queue, SimpleWorker
from rq.job import Job
from rq.serializers import JSONSerializer

from app.infra.task_queue import QueueName
from app.wiring import Wiring

log = logging.getLogger(__name__)


class AppWorker(SimpleWorker):
    """Runs each job in an application context of its own, and with it in a database session of its own."""

    flask_app: Flask

    def perform_job(self, job: Job, queue: Queue) -> bool:
        with self.flask_app.app_context():
            return bool(super().perform_job(job, queue))

    def handle_exception(self, job: Job, *exc_info: Any) -> None:
        log.error("job failed", exc_info=exc_info, extra={"job_id": job.id})


def make_worker(app: Flask, queues: Sequence[QueueName]) -> AppWorker:
    """A worker on these queues, the most urgent first."""
    wired: Wiring = app.extensions["oncue"]
    worker = AppWorker([wired.tasks.queue(name) for name in queues], connection=wired.redis, serializer=JSONSerializer)
    worker.flask_app = app
    return worker


def run_worker(app: Flask, queues: Sequence[QueueName]) -> None:
    """Work until told to stop; a first SIGTERM lets the present step end."""
    make_worker(app, queues).work(logging_level=None)
