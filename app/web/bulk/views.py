"""What the pages of an import show: columns with samples, rows with what is wrong beside the cell, and what became of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from app.domain.bulk import LABELS, Column, Row
from app.domain.bulk_times import DateOrder
from app.domain.errors import Problem
from app.domain.post_rules import PRIVACY_LABELS, PostMode
from app.services.bulk import Import, columns_of
from app.services.bulk_checks import CheckedRow, MediaFacts
from app.web.times import ShownTime, shown

ORDER_WORDS = {
    DateOrder.AS_WRITTEN: "Only if they can be read in one way", DateOrder.DAY_FIRST: "Day first: 5 June",
    DateOrder.MONTH_FIRST: "Month first: May 6",
}
CELLS = {
    "account": "account", "account_id": "account", "date": "when", "time": "when", "datetime": "when", "time_zone": "when",
    "scheduled_local": "when", "media": "media", "cover": "media", "cover_timestamp_ms": "media", "caption": "caption", "title": "caption",
    "privacy": "settings", "privacy_level": "settings", "allow_comment": "settings", "allow_duet": "settings", "allow_stitch": "settings",
    "auto_add_music": "settings", "mode": "settings",
}
"""Where a problem stands; those of the whole row stand with its number."""
INTERACTIONS = (("allow_comment", "comments"), ("allow_duet", "duets"), ("allow_stitch", "stitches"), ("auto_add_music", "added music"))
SAMPLES = 3
ROWS_WHILE_WORKING = 50


@dataclass(frozen=True, slots=True)
class ColumnView:
    """A column of the file, some of what is in it, and what it is taken for."""

    place: int
    name: str
    samples: tuple[str, ...]
    chosen: str


@dataclass(frozen=True, slots=True)
class RowView:
    """One row as a table shows it; `problems` and `warnings` are by cell."""

    number: int
    account: str
    time: ShownTime | None
    media: tuple[MediaFacts, ...]
    caption: str
    title: str
    settings: str
    problems: Mapping[str, tuple[str, ...]]
    warnings: Mapping[str, tuple[str, ...]]
    state: str
    """ready, waits, refused or created."""
    post_id: int | None = None


@dataclass(frozen=True, slots=True)
class Preview:
    """All rows, or those that something is to be said about."""

    rows: tuple[RowView, ...]
    total: int
    good: int
    warned: int
    unused: tuple[str, ...]
    """Columns that nothing is read from."""

    @property
    def bad(self) -> int:
        return self.total - self.good


@dataclass(frozen=True, slots=True)
class Progress:
    """What has become of the rows so far; while there is work left, `rows` are some of those that are not posts yet."""

    rows: tuple[RowView, ...]
    left_out: int
    counts: Mapping[str, int]
    waits_text: str | None
    is_working: bool
    has_failed_files: bool


def column_views(found: Import, columns: Sequence[Column | None] | None = None) -> list[ColumnView]:
    """Every column with samples of what is in it."""
    chosen = columns_of(found) if columns is None else columns
    return [ColumnView(place, name, _samples(found, place), chosen[place] or "") for place, name in enumerate(found.sheet.header)]


def make_preview(found: Import, checked: Sequence[CheckedRow], zone: str, now: datetime, *, only_noted: bool) -> Preview:
    """What would become of the rows."""
    rows = [_checked_row(c, zone, now) for c in checked]
    mapped = set((found.mapping or {}).values())
    return Preview(
        rows=tuple(row for row in rows if row.problems or row.warnings or not only_noted), total=len(rows),
        good=sum(row.state != "refused" for row in rows), warned=sum(bool(row.warnings) for row in rows),
        unused=tuple(name for place, name in enumerate(found.sheet.header) if place not in mapped))


def make_progress(found: Import, created: Mapping[int, int], zone: str, now: datetime, *, has_failed_files: bool) -> Progress:
    """What has become of the rows of a confirmed import."""
    rows = tuple(_made_row(row, found, created, zone, now) for row in found.rows())
    counts = {state: sum(row.state == state for row in rows) for state in ("created", "waits", "ready", "refused")}
    is_working = found.due_at is not None
    # The page asks for itself every few seconds then: it must not be heavy.
    shown_rows = tuple(row for row in rows if row.state != "created")[:ROWS_WHILE_WORKING] if is_working else rows
    return Progress(shown_rows, len(rows) - len(shown_rows), counts, found.waits_text, is_working, has_failed_files)


def _samples(found: Import, place: int) -> tuple[str, ...]:
    cells = (row.cells[place].strip() for row in found.sheet.rows if place < len(row.cells))
    return tuple(dict.fromkeys(cell for cell in cells if cell))[:SAMPLES]


def _checked_row(checked: CheckedRow, zone: str, now: datetime) -> RowView:
    state = "refused" if checked.problems else "ready" if checked.new else "waits"
    account = checked.account.name if checked.account else checked.row.account
    return _row(checked.row, account, checked.media, state, checked.problems, checked.warnings, zone, now)


def _made_row(row: Row, found: Import, created: Mapping[int, int], zone: str, now: datetime) -> RowView:
    problems = found.problems.get(row.number, ())
    state = "created" if row.number in created else "refused" if problems else "waits" if row.urls else "ready"
    media = tuple(MediaFacts(name, None) for name in row.media)
    return _row(row, row.account, media, state, problems, (), zone, now, created.get(row.number))


def _row(row: Row, account: str, media: tuple[MediaFacts, ...], state: str, problems: Iterable[Problem], warnings: Iterable[Problem],
         zone: str, now: datetime, post_id: int | None = None) -> RowView:
    return RowView(
        row.number, account, shown(row.scheduled_at, zone, now) if row.scheduled_at else None, media, row.caption, row.title,
        _settings(row), _by_cell(problems), _by_cell(warnings), state, post_id)


def _settings(row: Row) -> str:
    choices = row.choices
    if choices.mode is PostMode.INBOX:
        return "To the creator's inbox"
    allowed = [word for name, word in INTERACTIONS if getattr(choices, name)]
    audience = PRIVACY_LABELS[choices.privacy_level] if choices.privacy_level else "–"
    return f"{audience}; {', '.join(allowed)}" if allowed else audience


def _by_cell(problems: Iterable[Problem]) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for problem in problems:
        cell = CELLS.get(problem.field or "", "row")
        found[cell] = (*found.get(cell, ()), problem.message)
    return found


COLUMN_CHOICES = tuple((column.value, LABELS[column]) for column in Column)
ORDER_CHOICES = tuple((order.value, words) for order, words in ORDER_WORDS.items())
