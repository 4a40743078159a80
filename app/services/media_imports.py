"""Import by link: a file is fetched from the web, probed, and kept as if it had been uploaded.

As with targets, the row is the truth and `due_at` the schedule; a lease decides who may write, and progress renews it.
"""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.domain.errors import DomainError, ErrorKind, Problem, refuse
from app.log import log_context
from app.models import ImportState, MediaImport
from app.queries.due import import_is_free
from app.services.media import MediaPorts, keep_media
from app.services.ports import FetchError, WebFetch
from app.services.transactions import let_go, writing

log = logging.getLogger(__name__)

LEASE = timedelta(seconds=90)
"""How long a silent worker keeps an import; longer than a redirect that looks up, connects and waits as long as it may."""
PROBE_LEASE = timedelta(minutes=4)
"""The probe may take a minute and a half, writing the file to disk its time, and neither says how far it is."""
REPORT_SECONDS = 1.0
PAUSES = (timedelta(seconds=10), timedelta(minutes=1), timedelta(minutes=5))
"""Before each further try of what may heal by itself."""
POISON_PAUSE = timedelta(minutes=1)
INTERRUPTED = Problem("import_interrupted", "Oncue was stopped each time while it fetched this file. Try again.")

Values = Mapping[sa.orm.InstrumentedAttribute[Any], Any]


@dataclass(frozen=True, slots=True)
class ImportPorts:
    media: MediaPorts
    web: WebFetch
    is_stopping: Callable[[], bool] = lambda: False


class LeaseLost(Exception):
    """Another worker has taken the import over; stop without writing."""


class HandedOver(Exception):
    """This process is stopping; another begins the file anew."""


@dataclass(frozen=True, slots=True)
class _Work:
    import_id: int
    lease_token: str
    workspace_id: int
    url: str
    created_by_id: int
    tries: int


def start_import(url: str, *, workspace_id: int, actor_id: int, ports: ImportPorts) -> int:
    """Queue a file to be fetched; returns the import's id. Raises DomainError beside `url` for what may never be fetched."""
    let_go()
    try:
        ports.web.check(url)
    except FetchError as error:
        if not error.may_retry:
            raise refuse(error.code, error.text, "url") from error
    now = ports.media.utcnow()
    with writing() as session:
        new = MediaImport(workspace_id=workspace_id, url=url.strip(), created_by_id=actor_id, created_at=now, due_at=now)
        session.add(new)
        session.flush()
        import_id = new.id
    return import_id


def retry_import(import_id: int, *, workspace_id: int, ports: ImportPorts) -> None:
    """Begin a failed import anew. Raises DomainError `import_not_found` or `import_not_failed`."""
    with writing() as session:
        state = session.scalar(sa.select(MediaImport.state).where(MediaImport.id == import_id, MediaImport.workspace_id == workspace_id))
        if state is None:
            raise refuse("import_not_found", "There is no such import.", kind=ErrorKind.NOT_FOUND)
        again = sa.update(MediaImport).where(MediaImport.id == import_id, MediaImport.state == ImportState.FAILED).values({
            MediaImport.state: ImportState.QUEUED, MediaImport.due_at: ports.media.utcnow(), MediaImport.tries: 0,
            MediaImport.received_bytes: 0, MediaImport.total_bytes: None, **_problem(None)}).returning(MediaImport.id)
        if session.scalar(again) is None:
            raise refuse("import_not_failed", "Only an import that has failed can be tried again.", kind=ErrorKind.CONFLICT)


def advance_import(import_id: int, ports: ImportPorts) -> None:
    """Fetch a due import, if nobody else is at it. Running it too often is harmless."""
    with log_context(import_id=import_id):
        work = _claim(import_id, ports.media.utcnow())
        if work is None:
            return
        try:
            _work_on(work, ports)
        except LeaseLost:
            log.warning("lease lost")


def _work_on(work: _Work, ports: ImportPorts) -> None:
    if work.tries > len(PAUSES) + 1:  # every try before was begun and none came to an end: its workers were killed
        _end(work, INTERRUPTED)
        return
    try:
        _take(work, ports)
    except FetchError as error:
        _after_error(work, error, ports.media.utcnow())
    except DomainError as error:
        _end(work, Problem(error.code, " ".join(problem.message for problem in error.problems)))
    except HandedOver:
        log.info("handed over")
        _wait(work, ports.media.utcnow(), None, tries=work.tries - 1)
    except LeaseLost:
        raise
    except Exception:
        # A bug must not spin: the import rests a minute, and the error goes to the log.
        _wait(work, ports.media.utcnow() + POISON_PAUSE, None)
        raise


def _take(work: _Work, ports: ImportPorts) -> None:
    with closing(ports.media.storage.incoming()) as incoming:
        progress = _Progress(work, ports)
        fetched = ports.web.fetch(work.url, incoming.write, progress.at)
        progress.report(fetched.size_bytes, fetched.size_bytes, PROBE_LEASE)

        def finish(session: Session, media_file_id: int) -> None:
            # With the file's own row, so that a worker killed in between can't make the same file appear twice.
            _write(session, work, {MediaImport.state: ImportState.DONE, MediaImport.media_file_id: media_file_id, **_released(None),
                                   **_problem(None)})

        keep_media(incoming=incoming, name=fetched.name, workspace_id=work.workspace_id, actor_id=work.created_by_id,
                   ports=ports.media, along=finish)
    log.info("imported", extra={"size_bytes": fetched.size_bytes})


class _Progress:
    """Writes how far the file is, at most once a second, and renews the lease with it."""

    def __init__(self, work: _Work, ports: ImportPorts) -> None:
        self._work = work
        self._ports = ports
        self._reported = time.monotonic()

    def at(self, received: int, total: int | None) -> None:
        if self._ports.is_stopping():
            raise HandedOver
        if time.monotonic() - self._reported >= REPORT_SECONDS:
            self.report(received, total, LEASE)

    def report(self, received: int, total: int | None, lease: timedelta) -> None:
        self._reported = time.monotonic()
        with writing() as session:
            _write(session, self._work, {MediaImport.received_bytes: received, MediaImport.total_bytes: total,
                                         MediaImport.lease_until: self._ports.media.utcnow() + lease})


def _claim(import_id: int, now: datetime) -> _Work | None:
    """Lease an import that is due, taking over an expired lease, and count the try; None when there is nothing to do."""
    token = secrets.token_hex(16)
    with writing() as session:
        row = session.execute(
            sa.update(MediaImport).where(MediaImport.id == import_id, MediaImport.due_at <= now, import_is_free(now))
            .values({MediaImport.state: ImportState.FETCHING, MediaImport.lease_until: now + LEASE, MediaImport.lease_token: token,
                     MediaImport.tries: MediaImport.tries + 1, MediaImport.received_bytes: 0})
            .returning(MediaImport.workspace_id, MediaImport.url, MediaImport.created_by_id, MediaImport.tries)
            .execution_options(synchronize_session=False)
        ).one_or_none()
    return None if row is None else _Work(import_id, token, row.workspace_id, row.url, row.created_by_id, row.tries)


def _after_error(work: _Work, error: FetchError, now: datetime) -> None:
    log.warning("fetch failed", extra={"code": error.code, "tries": work.tries})
    if error.may_retry and work.tries <= len(PAUSES):
        _wait(work, now + PAUSES[work.tries - 1], Problem(error.code, f"{error.text} Oncue tries again by itself."))
    else:
        _end(work, Problem(error.code, error.text))


def _wait(work: _Work, until: datetime, problem: Problem | None, tries: int | None = None) -> None:
    with writing() as session:
        _write(session, work, {MediaImport.state: ImportState.QUEUED, MediaImport.tries: work.tries if tries is None else tries,
                               **_released(until), **_problem(problem)})


def _end(work: _Work, problem: Problem) -> None:
    with writing() as session:
        _write(session, work, {MediaImport.state: ImportState.FAILED, **_released(None), **_problem(problem)})


def _released(due_at: datetime | None) -> Values:
    return {MediaImport.due_at: due_at, MediaImport.lease_until: None, MediaImport.lease_token: None}


def _problem(problem: Problem | None) -> Values:
    return {MediaImport.problem_code: problem and problem.code, MediaImport.problem_text: problem and problem.message}


def _write(session: Session, work: _Work, values: Values) -> None:
    """Write columns of a leased import. Raises LeaseLost."""
    statement = (sa.update(MediaImport).where(MediaImport.id == work.import_id, MediaImport.lease_token == work.lease_token)
                 .values(dict(values)).returning(MediaImport.id).execution_options(synchronize_session=False))
    if session.scalar(statement) is None:
        raise LeaseLost
