"""How the machine behind the pages is: what answers, who runs, what waits; and what to do about it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from redis import RedisError
from sqlalchemy.exc import SQLAlchemyError

from app import clock
from app.infra.presence import Kind, Process
from app.infra.task_queue import QueueName
from app.models import db
from app.queries.due import oldest_due_at
from app.queries.imports import Waiting, waiting_imports
from app.web.times import relative
from app.wiring import wiring

BEAT_LATE = timedelta(seconds=30)
"""Also how long something may be due before anybody needs to wonder."""
NOTHING_WAITS = Waiting(0, None)


@dataclass(frozen=True, slots=True)
class Pulse:
    """Everything that is known at one moment; without Redis nothing is known of beat and processes."""

    now: datetime
    database: bool
    redis: bool
    beat_at: datetime | None
    oldest_due_at: datetime | None
    processes: tuple[Process, ...]
    imports: Waiting = NOTHING_WAITS

    @property
    def is_beat_late(self) -> bool:
        return self.beat_at is None or self.now - self.beat_at > BEAT_LATE

    @property
    def is_ready(self) -> bool:
        return self.database and self.redis and not self.is_beat_late

    @property
    def is_backlogged(self) -> bool:
        return self.oldest_due_at is not None and self.now - self.oldest_due_at > BEAT_LATE

    @property
    def are_imports_late(self) -> bool:
        return self.imports.oldest_at is not None and self.now - self.imports.oldest_at > BEAT_LATE

    @property
    def schedulers(self) -> tuple[Process, ...]:
        return tuple(p for p in self.processes if p.kind is Kind.SCHEDULER)

    @property
    def workers(self) -> tuple[Process, ...]:
        return tuple(p for p in self.processes if p.kind is Kind.WORKER)

    def at_work(self, queue: QueueName) -> list[Process]:
        """The workers of a queue that are not silent."""
        return [p for p in self.workers if queue.value in p.queues and not p.is_silent(self.now)]


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong, and the one thing to do."""

    tone: str
    title: str
    advice: str


def load_pulse() -> Pulse:
    """One look at the database and a few at Redis; what does not answer is part of the answer."""
    now, redis = clock.utcnow(), _redis_answers()
    database, oldest, imports = _ask_database(now)
    return Pulse(now, database, redis, wiring().tasks.last_beat_at() if redis else None, oldest,
                 wiring().presence.everyone(now) if redis else (), imports)


def findings(pulse: Pulse) -> Iterator[Finding]:
    """What people should know, the gravest first; nothing when all is well."""
    if not pulse.redis:
        yield Finding("error", "Redis does not answer", "Nothing is published until it does, and nothing is lost: what is late goes out as "
                      "soon as it is back. Start it, or check REDIS_URL.")
        return
    yield from _missing(pulse)
    yield from _behind(pulse)
    yield from _fetching(pulse)
    for process in pulse.processes:
        if process.is_silent(pulse.now):
            yield Finding("warn", f"{name_of(process)} on {process.host} is silent", f"Process {process.pid} was last seen "
                          f"{relative(process.seen_at, pulse.now)}: it was killed, or it hangs. Others take over what it worked on within "
                          "a minute. If nothing has replaced it, start it again.")


def name_of(process: Process) -> str:
    """The process as its command names it."""
    return "Scheduler" if process.kind is Kind.SCHEDULER else f"Worker {' '.join(process.queues)}"


def _missing(pulse: Pulse) -> Iterator[Finding]:
    if all(p.is_silent(pulse.now) for p in pulse.schedulers):
        yield Finding("error", "No scheduler runs", "Without its beat nobody looks for due posts. Start one with “flask scheduler”.")
    if not pulse.at_work(QueueName.BEAT):
        yield Finding("error", "Nobody answers the beat", "Nobody looks for due posts. Start a worker with “flask worker beat”.")
    if not pulse.at_work(QueueName.PUBLISH):
        yield Finding("error", "Nobody publishes", "Due posts wait until there is a worker. Start one with “flask worker publish”.")


def _behind(pulse: Pulse) -> Iterator[Finding]:
    publishing = pulse.at_work(QueueName.PUBLISH)
    if pulse.is_beat_late and not any(_missing(pulse)):
        yield Finding("error", "The beat is late", "Scheduler and workers run, and still nobody has looked for due posts. Look into the "
                      "log of “flask worker beat” and start it again.")
    elif pulse.is_backlogged and publishing and all(p.busy_hands >= p.hands for p in publishing):
        yield Finding("warn", "More is due than hands can do", "All hands are busy and posts wait for one. Start further workers, or raise "
                      "PUBLISH_HANDS or PUBLISH_WORKERS.")
    elif pulse.is_backlogged and publishing:
        yield Finding("warn", "Something is due and not begun", "Hands are free, so it should not wait. Look into the logs of the beat and "
                      "of the workers.")


def _fetching(pulse: Pulse) -> Iterator[Finding]:
    if pulse.imports.count and not pulse.at_work(QueueName.MEDIA):
        yield Finding("error", "Nobody fetches files", "Files from links wait until there is a worker. Start one with “flask worker"
                      " media”.")


def _ask_database(now: datetime) -> tuple[bool, datetime | None, Waiting]:
    try:
        return db.session.scalar(sa.select(1)) == 1, oldest_due_at(now), waiting_imports(now)
    except SQLAlchemyError:
        db.session.rollback()
        return False, None, NOTHING_WAITS


def _redis_answers() -> bool:
    try:
        return bool(wiring().redis.ping())
    except RedisError:
        return False
