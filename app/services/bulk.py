"""Posts in bulk: a CSV file is kept, looked at row by row, confirmed, and its rows become posts, each once.

Nothing is made before it is confirmed. After that the row here says that there is work left (`due_at`), and whoever works
on it may die at any moment: a post's creation key comes from its row, so going on never doubles one and never loses one.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from app.domain.bulk import Column, Row, check_mapping, guess_mapping, read_rows
from app.domain.bulk_file import Sheet, SheetRow, read_sheet
from app.domain.bulk_times import DateOrder
from app.domain.errors import DomainError, ErrorKind, Problem, refuse
from app.domain.post_rules import PostMode
from app.models import BulkImport, ImportState, MediaImport, Post, db
from app.services.bulk_checks import BulkPorts, CheckedRow, check_rows, unfinished, with_clashes
from app.services.media import display_name
from app.services.media_imports import retry_import, start_import
from app.services.posts import schedule_post
from app.services.transactions import let_go, writing

log = logging.getLogger(__name__)

UNCONFIRMED_DAYS, CONFIRMED_DAYS = timedelta(days=7), timedelta(days=30)
ROWS_AT_ONCE = 100
CLAIM = timedelta(minutes=2)
"""How long a worker that was killed keeps the others away."""
LOOK_FOR_FILES, ASK_AGAIN = timedelta(seconds=10), timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Import:
    """A file of posts as it is kept."""

    id: str
    workspace_id: int
    name: str
    sheet: Sheet
    mapping: Mapping[Column, int] | None
    date_order: DateOrder
    time_zone: str
    revision: int
    problems: Mapping[int, tuple[Problem, ...]]
    """Of rows that become no posts, by their number."""
    fetches: Mapping[str, int]
    waits_text: str | None
    created_at: datetime
    confirmed_at: datetime | None
    confirmed_by_id: int | None
    due_at: datetime | None

    def key(self, number: int) -> str:
        """The creation key of a row's post."""
        return f"bulk-{self.id}-{number}"

    def rows(self, numbers: Collection[int] | None = None) -> list[Row]:
        """Its rows as typed values; with `numbers` these alone."""
        assert self.mapping is not None
        rows = self.sheet.rows if numbers is None else tuple(row for row in self.sheet.rows if row.number in numbers)
        return read_rows(Sheet(self.sheet.header, rows, self.sheet.read_as), self.mapping, self.time_zone, self.date_order)


def keep_file(data: bytes, *, name: str, workspace_id: int, actor_id: int, time_zone: str, now: datetime) -> str:
    """Read a CSV file and keep it to be looked at; returns the import's id. Raises DomainError with field `file`."""
    sheet = read_sheet(data)
    let_go()
    import_id = secrets.token_hex(16)
    with writing() as session:
        session.add(BulkImport(
            id=import_id, workspace_id=workspace_id, created_by_id=actor_id, name=display_name(name), read_as=sheet.read_as,
            header=list(sheet.header), rows=[[row.number, list(row.cells)] for row in sheet.rows], time_zone=time_zone, problems={},
            fetches={}, created_at=now, expires_at=now + UNCONFIRMED_DAYS))
    return import_id


def load_import(import_id: str, workspace_id: int, now: datetime) -> Import:
    """The import, if it is this workspace's. Raises DomainError `bulk_not_found`."""
    is_kept = sa.or_(BulkImport.expires_at > now, BulkImport.due_at.is_not(None))
    found = db.session.scalar(sa.select(BulkImport).where(BulkImport.id == import_id, BulkImport.workspace_id == workspace_id, is_kept))
    if found is None:
        raise refuse("bulk_not_found", "This import does not exist any more. Upload the file again.", kind=ErrorKind.NOT_FOUND)
    return _import(found)


def columns_of(found: Import) -> list[Column | None]:
    """What each column means: as chosen, else as its name lets guess."""
    by_place = {place: column for column, place in (found.mapping or guess_mapping(found.sheet.header)).items()}
    return [by_place.get(place) for place in range(len(found.sheet.header))]


def choose_columns(import_id: str, columns: Sequence[Column | None], date_order: DateOrder, *, workspace_id: int, time_zone: str,
                   now: datetime) -> None:
    """Say what the columns mean. Raises DomainError for what is missing or double, and `bulk_confirmed` when it is too late."""
    mapping = check_mapping(columns)
    with writing() as session:
        changed = session.scalar(
            sa.update(BulkImport)
            .where(BulkImport.id == import_id, BulkImport.workspace_id == workspace_id, BulkImport.confirmed_at.is_(None))
            .values(mapping={column.value: place for column, place in mapping.items()}, date_order=date_order, time_zone=time_zone,
                    revision=BulkImport.revision + 1, expires_at=now + UNCONFIRMED_DAYS).returning(BulkImport.id))
    if changed is None:
        load_import(import_id, workspace_id, now)
        raise refuse("bulk_confirmed", "Posts are being made of this file already. Upload it again to read it otherwise.",
                     kind=ErrorKind.CONFLICT)


def preview(found: Import, ports: BulkPorts) -> list[CheckedRow]:
    """What would become of every row if it were confirmed now."""
    checked = _checked(found, found.rows(), ports)
    return with_clashes(checked, workspace_id=found.workspace_id, posts_per_day=ports.posts_per_day)


def confirm(import_id: str, *, revision: int, only_good: bool, workspace_id: int, actor_id: int, ports: BulkPorts) -> None:
    """Let the rows become posts: all of them, or the good ones. Confirming twice is confirming once.

    `revision` is what the person has looked at. Raises DomainError `rows_have_problems` when all were wanted and some can't
    be, `no_good_rows`, and `bulk_changed` when the columns were changed meanwhile.
    """
    now = ports.accounts.utcnow()
    found = load_import(import_id, workspace_id, now)
    if found.confirmed_at:
        return
    if found.mapping is None or found.revision != revision:
        raise _changed()
    problems = {c.row.number: c.problems for c in _checked(found, found.rows(), ports) if c.problems}
    if problems and not only_good:
        raise refuse("rows_have_problems", f"{_rows(len(problems))} can't become posts. Correct the file and upload it again, or"
                     " create the others.", kind=ErrorKind.CONFLICT)
    if len(problems) == len(found.sheet.rows):
        raise refuse("no_good_rows", "No row can become a post yet. Correct the file and upload it again.", kind=ErrorKind.CONFLICT)
    with writing() as session:
        done = session.scalar(
            sa.update(BulkImport).where(BulkImport.id == import_id, BulkImport.confirmed_at.is_(None), BulkImport.revision == revision)
            .values(confirmed_at=now, confirmed_by_id=actor_id, problems=_stored(problems), due_at=now, expires_at=now + CONFIRMED_DAYS)
            .returning(BulkImport.id))
    if done is None and load_import(import_id, workspace_id, now).confirmed_at is None:
        raise _changed()


def advance_bulk(import_id: str, ports: BulkPorts) -> bool:
    """Make posts of the next rows of a confirmed import, if nobody else is at it. Whether there is more to do at once."""
    found = _claim(import_id, ports.accounts.utcnow())
    if found is None:
        return False
    rows = found.rows(pending_rows(found))
    fetches, problems = _start_fetches(found, rows, ports)
    on_their_way = unfinished(fetches)
    ready = [row for row in rows if row.number not in problems and not on_their_way & set(row.urls)]
    is_waiting = len(ready) + len(problems) < len(rows)
    found = replace(found, fetches=fetches)
    unanswered, made, left = None, 0, 0
    # TikTok is asked when a row is ready for it, and never while all that can be done is to wait for files.
    for checked in _checked(found, ready, ports) if ready else ():
        if checked.account and checked.account.unanswered and checked.new and checked.new.choices.mode is PostMode.DIRECT:
            unanswered = checked.account.unanswered
        elif made == ROWS_AT_ONCE:
            left += 1
        elif refused := checked.problems or _make(found, checked, ports):
            problems[checked.row.number] = refused
        else:
            made += 1
    now = ports.accounts.utcnow()
    log.info("rows became posts", extra={"bulk_import_id": found.id, "rows": made, "refused": len(problems), "left": left})
    due_at = now if left else now + ASK_AGAIN if unanswered else now + LOOK_FOR_FILES if is_waiting else None
    return _write(found, problems=_stored({**found.problems, **problems}), due_at=due_at, waits_text=unanswered) and left > 0


def due_bulk_imports(now: datetime) -> list[str]:
    """Ids of confirmed imports that there is something to do for."""
    found = list(db.session.scalars(sa.select(BulkImport.id).where(BulkImport.due_at <= now).order_by(BulkImport.due_at)))
    let_go()
    return found


def created_posts(found: Import) -> dict[int, int]:
    """The posts that its rows have become: row's number to post's id."""
    by_key = {found.key(row.number): row.number for row in found.sheet.rows}
    rows = db.session.execute(sa.select(Post.creation_key, Post.id).where(
        Post.workspace_id == found.workspace_id, Post.creation_key.in_(by_key)))
    return {by_key[key]: post_id for key, post_id in rows}


def pending_rows(found: Import) -> set[int]:
    """Numbers of the rows that are neither posts nor refused."""
    return {row.number for row in found.sheet.rows} - created_posts(found).keys() - found.problems.keys()


def retry_files(import_id: str, *, workspace_id: int, ports: BulkPorts) -> None:
    """Fetch the files that failed once more; their rows wait for them again. Raises DomainError `no_failed_files`."""
    now = ports.accounts.utcnow()
    found = load_import(import_id, workspace_id, now)
    failed = failed_fetches(found)
    if not failed:
        raise refuse("no_failed_files", "No file of this import has failed.", kind=ErrorKind.CONFLICT)
    for media_import_id in sorted(failed):
        retry_import(media_import_id, workspace_id=workspace_id, ports=ports.imports)
    urls = {url for url, media_import_id in found.fetches.items() if media_import_id in failed}
    again = {row.number for row in found.rows(set(found.problems)) if urls & set(row.urls)}
    with writing() as session:
        session.execute(sa.update(BulkImport).where(BulkImport.id == found.id).values(
            problems=_stored({n: p for n, p in found.problems.items() if n not in again}), due_at=now))


def failed_fetches(found: Import) -> set[int]:
    """Ids of the imports of its files that have failed and may be tried again."""
    return set(db.session.scalars(sa.select(MediaImport.id).where(
        MediaImport.workspace_id == found.workspace_id, MediaImport.id.in_(set(found.fetches.values())),
        MediaImport.state == ImportState.FAILED))) if found.fetches else set()


def discard(import_id: str, *, workspace_id: int, now: datetime) -> None:
    """Forget an import that was not confirmed. Raises DomainError `bulk_confirmed`."""
    load_import(import_id, workspace_id, now)
    with writing() as session:
        gone = session.scalar(sa.delete(BulkImport).where(BulkImport.id == import_id, BulkImport.workspace_id == workspace_id,
                                                          BulkImport.confirmed_at.is_(None)).returning(BulkImport.id))
    if gone is None:
        raise refuse("bulk_confirmed", "Posts are being made of this file already. Cancel those that should not go out.",
                     kind=ErrorKind.CONFLICT)


def _checked(found: Import, rows: Sequence[Row], ports: BulkPorts) -> list[CheckedRow]:
    return check_rows(rows, workspace_id=found.workspace_id, fetches=found.fetches, new_key=found.key, consented_at=found.confirmed_at,
                      ports=ports)


def _claim(import_id: str, now: datetime) -> Import | None:
    """Keep the others away for a while; None when there is nothing to do now."""
    with writing() as session:
        claimed = session.scalar(sa.update(BulkImport).where(BulkImport.id == import_id, BulkImport.due_at <= now)
                                 .values(due_at=now + CLAIM).returning(BulkImport.id))
    row = db.session.get(BulkImport, import_id) if claimed else None
    return _import(row) if row else None


def _write(found: Import, **values: Any) -> bool:
    """Write what this run has found, unless somebody else is at it by now; who is will find the same."""
    with writing() as session:
        written = session.scalar(sa.update(BulkImport).where(BulkImport.id == found.id, BulkImport.due_at == found.due_at)
                                 .values(**values).returning(BulkImport.id))
    return written is not None


def _make(found: Import, checked: CheckedRow, ports: BulkPorts) -> tuple[Problem, ...]:
    """The row's post, or why there is none."""
    assert checked.new is not None and found.confirmed_by_id is not None and checked.account is not None
    try:
        schedule_post(checked.new, workspace_id=found.workspace_id, actor_id=found.confirmed_by_id, ports=ports.accounts,
                      creator=checked.account.creator)
    except DomainError as error:
        return error.problems
    return ()


def _start_fetches(found: Import, rows: Sequence[Row], ports: BulkPorts) -> tuple[dict[str, int], dict[int, tuple[Problem, ...]]]:
    """Begin to fetch what these rows need; returns the imports of all addresses, and the rows whose addresses are refused."""
    fetches, bad = dict(found.fetches), dict[str, tuple[Problem, ...]]()
    for url in dict.fromkeys(url for row in rows for url in row.urls if url not in fetches):
        try:
            assert found.confirmed_by_id is not None
            fetches[url] = start_import(url, workspace_id=found.workspace_id, actor_id=found.confirmed_by_id, ports=ports.imports)
        except DomainError as error:
            bad[url] = tuple(Problem(p.code, p.message, "media") for p in error.problems)
    if len(fetches) > len(found.fetches):
        _write(found, fetches=fetches)
    return fetches, {row.number: tuple(p for url in row.urls for p in bad.get(url, ())) for row in rows if bad.keys() & set(row.urls)}


def _import(row: BulkImport) -> Import:
    sheet = Sheet(tuple(row.header), tuple(SheetRow(number, tuple(cells)) for number, cells in row.rows), row.read_as)
    mapping = None if row.mapping is None else {Column(column): place for column, place in row.mapping.items()}
    problems = {int(number): tuple(Problem(*p) for p in some) for number, some in row.problems.items()}
    return Import(row.id, row.workspace_id, row.name, sheet, mapping, row.date_order, row.time_zone, row.revision, problems, row.fetches,
                  row.waits_text, row.created_at, row.confirmed_at, row.confirmed_by_id, row.due_at)


def _stored(problems: Mapping[int, Sequence[Problem]]) -> dict[str, Any]:
    return {str(number): [[p.code, p.message, p.field] for p in some] for number, some in problems.items()}


def _rows(count: int) -> str:
    return f"{count:,} row{'' if count == 1 else 's'}"


def _changed() -> DomainError:
    return refuse("bulk_changed", "The columns were changed meanwhile. Look at the rows again, then confirm.", kind=ErrorKind.CONFLICT)
