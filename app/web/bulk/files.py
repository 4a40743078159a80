"""CSV files that Oncue hands out: the template, an export, and the rows that could not become posts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from flask import Response, stream_with_context

from app.domain.bulk import TEMPLATE_COLUMNS
from app.domain.bulk_file import csv_lines
from app.domain.bulk_times import written_time
from app.domain.errors import Problem
from app.domain.lifecycle import TargetState
from app.domain.post_rules import PRIVACY_LABELS
from app.queries.export import ExportRow, Wanted, targets_after
from app.services.bulk import Import
from app.services.transactions import let_go
from app.web.cards import STATE_WORDS

BATCH = 500
EXPORTED = (*(column.value for column in TEMPLATE_COLUMNS), "state", "published", "permalink", "problem", "scheduled_utc")
PROBLEM = "problem"


def csv_response(rows: Iterable[Sequence[str]], name: str) -> Response:
    """The rows as a download, sent as they come."""
    response = Response(stream_with_context(csv_lines(rows)), mimetype="text/csv")
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def template_rows(account: str, today: date, zone: str) -> list[tuple[str, ...]]:
    """A header and two examples, a week ahead: a video posted directly, and photos for the inbox."""
    day = today + timedelta(days=7)
    video = {"account": account, "date": f"{day}", "time": "09:30", "time_zone": zone, "caption": "Behind the counter at 6 am #coffeetok",
             "media": "clip.mp4", "cover": "1.5", "privacy": "Everyone", "allow_comment": "yes", "allow_duet": "no", "allow_stitch": "no",
             "mode": "direct"}
    photos = {"account": account, "date": f"{day + timedelta(days=1)}", "time": "18:00", "caption": "Three ways to fold a napkin",
              "title": "Napkins", "media": "one.jpg|two.jpg|https://example.com/three.jpg", "cover": "2", "mode": "inbox"}
    header = tuple(column.value for column in TEMPLATE_COLUMNS)
    return [header, *(tuple(row.get(name, "") for name in header) for row in (video, photos))]


def export_rows(workspace_id: int, wanted: Wanted, zone: ZoneInfo) -> Iterator[tuple[str, ...]]:
    """A header and one row for each target. The database is asked for some at a time and let go while they are sent."""
    yield EXPORTED
    after = 0
    while True:
        batch = targets_after(workspace_id, wanted, after, BATCH)
        let_go()
        yield from (_export_row(row, zone) for row in batch)
        if len(batch) < BATCH:
            return
        after = batch[-1].target_id


def refused_rows(found: Import, problems: Mapping[int, Sequence[Problem]]) -> Iterator[Sequence[str]]:
    """The rows with problems as they were written, and what is wrong in one more column."""
    kept = [place for place, name in enumerate(found.sheet.header) if name != PROBLEM]
    yield [*(found.sheet.header[place] for place in kept), PROBLEM]
    for row in found.sheet.rows:
        if row.number in problems:
            cells = [row.cells[place] if place < len(row.cells) else "" for place in kept]
            yield [*cells, " ".join(problem.message for problem in problems[row.number])]


def _export_row(row: ExportRow, zone: ZoneInfo) -> tuple[str, ...]:
    day, clock, zone_name = written_time(row.scheduled_at, zone)
    cover = f"{row.cover_timestamp_ms / 1000:g}" if row.cover_timestamp_ms is not None else str(row.cover or "")
    return (
        row.account, day, clock, zone_name, row.caption, row.title, "|".join(row.media), cover,
        PRIVACY_LABELS[row.privacy_level] if row.privacy_level else "", *map(_yes, (row.allow_comment, row.allow_duet, row.allow_stitch,
                                                                                    row.auto_add_music)),
        row.mode.value, STATE_WORDS[row.state], _iso(row.published_at), row.permalink or "", _problem(row), _iso(row.scheduled_at),
    )


def _yes(value: bool) -> str:
    return "yes" if value else "no"


def _iso(instant: datetime | None) -> str:
    return f"{instant:%Y-%m-%dT%H:%M:%SZ}" if instant else ""


def _problem(row: ExportRow) -> str:
    return row.problem_text or "" if row.state is not TargetState.PUBLISHED else ""
