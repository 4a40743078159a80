"""Import by link: a file is fetched from the web, probed, and kept as if it had been uploaded.

As with targets, the row is the truth and `due_at` the schedule; a lease decides who may write, and progress renews it. What has
arrived of a file whose server names its version stays on this machine's disk, and the next try asks for the rest.
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
from urllib.parse import urlsplit

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.domain.errors import DomainError, ErrorKind, Problem, refuse
from app.log import log_context
from app.models import ImportState, MediaImport, Workspace
from app.queries.due import import_is_free
from app.services.arriving import Arriving
from app.services.history import record_event
from app.services.media import MediaPorts, keep_media
from app.services.ports import FetchError, Partials, WebFetch
from app.services.storage_quota import check_room_now
from app.services.transactions import let_go, lock_rows, writing

log = logging.getLogger(__name__)

LEASE = timedelta(seconds=90)
"""How long a silent worker keeps an import; longer than a redirect that looks up, connects and waits as long as it may."""
PROBE_LEASE = timedelta(minutes=4)
"""The probe may take a minute and a half, writing the file to disk its time, and neither says how far it is."""
REPORT_SECONDS = 1.0
PAUSES = (timedelta(seconds=10), timedelta(minutes=1), timedelta(minutes=5))
"""Before each further try of what may heal by itself."""
GOOD_TRY_BYTES = 64_000_000
"""A try that brought so much more is not counted: a large file may come over a line that breaks often."""
POISON_PAUSE = timedelta(minutes=1)
INTERRUPTED = Problem("import_interrupted", "Oncue was stopped each time while it fetched this file. Try again.")

Values = Mapping[sa.orm.InstrumentedAttribute[Any], Any]


@dataclass(frozen=True, slots=True)
class ImportPorts:
    media: MediaPorts
    web: WebFetch
    partials: Partials
    quota_bytes: int = 0
    is_stopping: Callable[[], bool] = lambda: False


class LeaseLost(Exception):
    """Another worker has taken the import over; stop without writing."""


class HandedOver(Exception):
    """This process is stopping; another goes on with the file, or begins it anew."""


@dataclass(frozen=True, slots=True)
class _Work:
    import_id: int
    lease_token: str
    workspace_id: int
    url: str
    created_by_id: int
    tries: int
    version: str | None

    @property
    def host(self) -> str:
        return urlsplit(self.url).hostname or ""


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
        _end(work, INTERRUPTED, ports)
        return
    with closing(Arriving(work.import_id, work.version, lambda version: _note_version(work, version), ports.partials,
                          ports.media.storage)) as arriving:
        try:
            _take(work, arriving, ports)
        except FetchError as error:
            _after_error(work, error, arriving, ports)
        except DomainError as error:
            arriving.discard()
            _end(work, Problem(error.code, " ".join(problem.message for problem in error.problems)), ports)
        except HandedOver:
            log.info("handed over")
            _wait(work, ports.media.utcnow(), None, tries=work.tries - 1)
        except LeaseLost:
            raise
        except Exception:
            # A bug must not spin: the import rests a minute, and the error goes to the log.
            _wait(work, ports.media.utcnow() + POISON_PAUSE, None)
            raise


def _take(work: _Work, arriving: Arriving, ports: ImportPorts) -> None:
    progress = _Progress(work, ports)
    fetched = ports.web.fetch(work.url, arriving.write, progress.at, arriving.begun, arriving.open)
    progress.report(fetched.size_bytes, fetched.size_bytes, PROBE_LEASE)
    check_room_now(workspace_id=work.workspace_id, size_bytes=fetched.size_bytes, quota_bytes=ports.quota_bytes)

    def finish(session: Session, media_file_id: int) -> None:
        # With the file's own row, so that a worker killed in between can't make the same file appear twice.
        _write(session, work, {MediaImport.state: ImportState.DONE, MediaImport.media_file_id: media_file_id, **_released(None),
                               **_problem(None)})
        record_event(session, "media.imported", workspace_id=work.workspace_id, at=ports.media.utcnow(), actor_id=work.created_by_id,
                     media_file_id=media_file_id, host=work.host)

    keep_media(incoming=arriving.file, name=fetched.name, workspace_id=work.workspace_id, actor_id=work.created_by_id,
               ports=ports.media, along=finish)
    arriving.discard()
    log.info("imported", extra={"size_bytes": fetched.size_bytes})


class _Progress:
    """Writes how far the file is, at most once a second, and renews the lease with it."""

    def __init__(self, work: _Work, ports: ImportPorts) -> None:
        self._work = work
        self._ports = ports
        self._reported = time.monotonic()
        self._has_room = False

    def at(self, received: int, total: int | None) -> None:
        if self._ports.is_stopping():
            raise HandedOver
        if total is not None and not self._has_room:
            check_room_now(workspace_id=self._work.workspace_id, size_bytes=total, quota_bytes=self._ports.quota_bytes)
            self._has_room = True
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
        # One claim of a workspace at a time, so that each sees how many are being fetched.
        lock_rows(session, sa.select(Workspace.id).where(Workspace.id == sa.select(MediaImport.workspace_id).where(
            MediaImport.id == import_id).scalar_subquery()).with_for_update())
        row = session.execute(
            sa.update(MediaImport).where(MediaImport.id == import_id, MediaImport.due_at <= now, import_is_free(now))
            .values({MediaImport.state: ImportState.FETCHING, MediaImport.lease_until: now + LEASE, MediaImport.lease_token: token,
                     MediaImport.tries: MediaImport.tries + 1, MediaImport.received_bytes: 0})
            .returning(MediaImport.workspace_id, MediaImport.url, MediaImport.created_by_id, MediaImport.tries,
                       MediaImport.version)
            .execution_options(synchronize_session=False)
        ).one_or_none()
    return None if row is None else _Work(import_id, token, row.workspace_id, row.url, row.created_by_id, row.tries, row.version)


def _after_error(work: _Work, error: FetchError, arriving: Arriving, ports: ImportPorts) -> None:
    log.warning("fetch failed", extra={"code": error.code, "tries": work.tries, "brought_bytes": arriving.brought})
    if error.may_retry and work.tries <= len(PAUSES):
        tries = work.tries - 1 if arriving.brought >= GOOD_TRY_BYTES else work.tries
        _wait(work, ports.media.utcnow() + PAUSES[work.tries - 1], Problem(error.code, f"{error.text} Oncue tries again by itself."), tries)
    else:
        arriving.discard()
        _end(work, Problem(error.code, error.text), ports)


def _note_version(work: _Work, version: str) -> None:
    with writing() as session:
        _write(session, work, {MediaImport.version: version})


def _wait(work: _Work, until: datetime, problem: Problem | None, tries: int | None = None) -> None:
    with writing() as session:
        _write(session, work, {MediaImport.state: ImportState.QUEUED, MediaImport.tries: work.tries if tries is None else tries,
                               **_released(until), **_problem(problem)})


def _end(work: _Work, problem: Problem, ports: ImportPorts) -> None:
    with writing() as session:
        _write(session, work, {MediaImport.state: ImportState.FAILED, **_released(None), **_problem(problem)})
        record_event(session, "media.import_failed", workspace_id=work.workspace_id, at=ports.media.utcnow(), actor_id=work.created_by_id,
                     host=work.host, code=problem.code)


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
