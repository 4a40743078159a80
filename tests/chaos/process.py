"""One process of Oncue on the shared clock: `python -m tests.chaos.process web|scheduler|worker [QUEUE HANDS]`."""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path

from flask import Flask
from rq import Queue
from rq.job import Job
from werkzeug.serving import make_server

from app import clock
from app.factory import create_app
from app.infra.task_queue import QueueName
from app.jobs.schedule import run_scheduler
from app.jobs.worker import Hand, run_worker
from tests.chaos.clock import SharedClock
from tests.servers import QuietHandler

CLOCK = "CHAOS_CLOCK"


def hands_of(clock_file: Path) -> Path:
    """Where the hands of all processes on that clock say what they are at."""
    return clock_file.with_name("hands")


def main(role: str, *arguments: str) -> None:
    clock.set_source(SharedClock(Path(os.environ[CLOCK])))
    app = create_app()
    if role == "web":
        serve(app)
    with app.app_context():
        if role == "scheduler":
            run_scheduler(app.extensions["oncue"].redis)
        else:
            tell_what_hands_do(hands_of(Path(os.environ[CLOCK])))
            queue, hands = arguments
            run_worker(app, [QueueName(queue)], int(hands))


def tell_what_hands_do(directory: Path) -> None:
    """Each hand of this process keeps a file that names the target it is at, for whoever comes to kill it."""
    directory.mkdir(exist_ok=True)
    execute = Hand.execute_job

    def told(self: Hand, job: Job, queue: Queue) -> None:
        file = directory / f"{os.getpid()}.{threading.get_native_id()}"
        file.write_text(str(job.args[0]) if job.args else "")
        try:
            execute(self, job, queue)
        finally:
            file.write_text("")
    Hand.execute_job = told  # type: ignore[method-assign]  # the harness looks over its shoulder


def serve(app: Flask) -> None:
    settings = app.extensions["oncue"].settings
    make_server(settings.host, settings.port, app, threaded=True, request_handler=QuietHandler).serve_forever()


if __name__ == "__main__":
    main(*sys.argv[1:])
