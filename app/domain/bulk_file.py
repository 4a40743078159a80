"""CSV files as people's spreadsheets write them: read whatever their encoding and separator, and written so that none runs a formula."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from app.domain.errors import refuse

MAX_BYTES, MAX_ROWS, MAX_COLUMNS = 2_000_000, 1000, 60
SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs"}
BOMS = ((b"\xef\xbb\xbf", "utf-8-sig", "UTF-8"), (b"\xff\xfe", "utf-16", "UTF-16"), (b"\xfe\xff", "utf-16", "UTF-16"))
FORMULA = re.compile(r"'*[=+\-@\t\r\n]")
"""How a cell begins that a spreadsheet may run, and one that was guarded against it."""
SEPARATOR_LINE = re.compile(r"sep=(.)\n")
"""Excel's own first line, which names the separator."""


@dataclass(frozen=True, slots=True)
class SheetRow:
    """One row with its number as a spreadsheet shows it: the header is row 1."""

    number: int
    cells: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Sheet:
    """A file as it was read; rows without a filled cell are left out."""

    header: tuple[str, ...]
    rows: tuple[SheetRow, ...]
    read_as: str
    """How it was understood, for the person to check."""


def read_sheet(data: bytes) -> Sheet:
    """The header and rows of a CSV file. Raises DomainError with field `file` for what can't be read, saying where and what to do."""
    if not data.strip():
        raise refuse("csv_empty", "The file is empty. Choose one with a header and a row for each post.", "file")
    if len(data) > MAX_BYTES:
        raise refuse("csv_too_large", f"The file is larger than {MAX_BYTES / 1e6:.0f} MB, the most that can be imported at once. Split it.",
                     "file")
    text, encoding = _decoded(data)
    named = SEPARATOR_LINE.match(text)
    separator = named[1] if named else _separator(text)
    records = _records(text[named.end():] if named else text, separator)
    header = tuple(unguarded(cell.strip()) or f"Column {n}" for n, cell in enumerate(next(records, []), 1))
    if len(header) > MAX_COLUMNS:
        raise refuse("csv_too_wide", f"The file has {len(header)} columns; at most {MAX_COLUMNS} can be imported. Delete those that are"
                     " not needed.", "file")
    rows = [SheetRow(number, tuple(map(unguarded, cells))) for number, cells in enumerate(records, 2) if any(c.strip() for c in cells)]
    if not rows:
        raise refuse("csv_no_rows", "The file has one line only, which is taken for the header. Add a row for each post below it.", "file")
    if len(rows) > MAX_ROWS:
        raise refuse("csv_too_many_rows", f"The file has {len(rows):,} rows; {MAX_ROWS:,} can be imported at once. Split it.", "file")
    return Sheet(header, tuple(rows), f"{encoding}, separated by {SEPARATORS.get(separator, f'“{separator}”')}")


def csv_lines(rows: Iterable[Sequence[str]], *, with_bom: bool = True) -> Iterator[str]:
    """Rows as lines of CSV; a byte order mark tells Excel that it is UTF-8. Cells that a spreadsheet would run are guarded."""
    for number, row in enumerate(rows):
        line = io.StringIO()
        csv.writer(line).writerow([guarded(cell) for cell in row])
        yield ("\ufeff" if with_bom and number == 0 else "") + line.getvalue()


def guarded(cell: str) -> str:
    """The cell as text for every spreadsheet: a quote sign before what would begin a formula. `unguarded` takes it away."""
    return f"'{cell}" if FORMULA.match(cell) else cell


def unguarded(cell: str) -> str:
    """The cell as it was before `guarded`; others stay as they are."""
    return cell[1:] if cell.startswith("'") and FORMULA.match(cell) else cell


def _decoded(data: bytes) -> tuple[str, str]:
    if data.startswith(b"PK\x03\x04"):
        raise refuse("csv_is_workbook", "This is a workbook and not a CSV file. In Excel or Numbers, export it as “CSV UTF-8” and choose"
                     " that file.", "file")
    for codec, name in _candidates(data):
        try:
            text = data.decode(codec)
        except UnicodeDecodeError:
            continue
        if "\x00" not in text:
            return text.replace("\r\n", "\n").replace("\r", "\n"), name
    raise refuse("csv_encoding", "The file is not text that can be read. Export it from your spreadsheet as “CSV UTF-8”.", "file")


def _candidates(data: bytes) -> list[tuple[str, str]]:
    for bom, codec, name in BOMS:
        if data.startswith(bom):
            return [(codec, name)]
    even, odd = data[:2000:2].count(0), data[1:2000:2].count(0)
    if even or odd:  # half of each ASCII character in UTF-16
        return [("utf-16-le" if odd > even else "utf-16-be", "UTF-16")]
    return [("utf-8", "UTF-8"), ("cp1252", "Windows-1252")]


def _separator(text: str) -> str:
    """The candidate that the first line has most of, outside quotes."""
    outside = re.sub(r'"(?:[^"]|"")*"', "", text).partition("\n")[0]
    return max(SEPARATORS, key=outside.count)


def _records(text: str, separator: str) -> Iterator[list[str]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    while True:
        first = reader.line_num + 1
        try:
            yield next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise refuse("csv_broken", f"The quotes in the row that begins in line {first} don't match. Put the whole cell in quotes and"
                         " write each quote inside it twice, or export the file from a spreadsheet.", "file") from error
