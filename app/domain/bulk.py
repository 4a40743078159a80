"""Posts in bulk: which column of a file means what, and what its rows say."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TypeVar

from app.domain.bulk_file import Sheet, SheetRow
from app.domain.bulk_times import DateOrder, read_instant, read_zone
from app.domain.errors import DomainError, Problem, raise_if
from app.domain.media_rules import MediaKind
from app.domain.post_rules import PRIVACY_LABELS, PostMode, PrivacyLevel, TargetChoices


class Column(StrEnum):
    """What a column of a file may hold; the values are the headers of template and export."""

    ACCOUNT = "account"
    DATE = "date"
    TIME = "time"
    DATETIME = "datetime"
    TIME_ZONE = "time_zone"
    CAPTION = "caption"
    TITLE = "title"
    MEDIA = "media"
    COVER = "cover"
    PRIVACY = "privacy"
    ALLOW_COMMENT = "allow_comment"
    ALLOW_DUET = "allow_duet"
    ALLOW_STITCH = "allow_stitch"
    AUTO_ADD_MUSIC = "auto_add_music"
    MODE = "mode"


C = Column
T = TypeVar("T")
Mapped = Mapping[Column, int]
"""The place of the column that holds each of them."""

TEMPLATE_COLUMNS = tuple(column for column in Column if column is not C.DATETIME)
LABELS = {
    C.ACCOUNT: "Account", C.DATE: "Date", C.TIME: "Time", C.DATETIME: "Date and time in one", C.TIME_ZONE: "Time zone",
    C.CAPTION: "Caption", C.TITLE: "Title (photos)", C.MEDIA: "Media", C.COVER: "Cover",
    C.PRIVACY: "Who can see it", C.ALLOW_COMMENT: "Allow comments",
    C.ALLOW_DUET: "Allow duets", C.ALLOW_STITCH: "Allow stitches", C.AUTO_ADD_MUSIC: "Add music (photos)", C.MODE: "Direct or inbox",
}
HEADERS = {
    C.ACCOUNT: "account accountname username handle profile profilename tiktok tiktokaccount tiktokusername channel creator page",
    C.DATE: "date day publishdate postdate postingdate scheduledate scheduleddate",
    C.TIME: "time clock hour",
    C.DATETIME: "datetime dateandtime when schedule scheduled scheduledat scheduledfor scheduledatetime scheduletime scheduledtime"
                " publishat publishtime publishdatetime posttime postat postingtime dispatchat timestamp",
    C.TIME_ZONE: "timezone tz zone",
    C.CAPTION: "caption captions text message description postcaption posttext content body copy post",
    C.TITLE: "title phototitle posttitle headline",
    C.MEDIA: "media file files filename filenames video videos image images photo photos picture pictures mediafile mediafiles mediaurl"
             " mediaurls videourl videofile imageurl imageurls photourl url asset assets attachment attachments",
    C.COVER: "cover coverphoto coverimage covertimestamp thumbnail",
    C.PRIVACY: "privacy privacylevel privacystatus audience visibility whocansee whocanseeit whocanseethisvideo",
    C.ALLOW_COMMENT: "allowcomment allowcomments comment comments commentsallowed commentsenabled",
    C.ALLOW_DUET: "allowduet allowduets duet duets",
    C.ALLOW_STITCH: "allowstitch allowstitches stitch stitches",
    C.AUTO_ADD_MUSIC: "autoaddmusic addmusic automusic",
    C.MODE: "mode postmode postingmode directorinbox",
}
YES, NO = frozenset({"yes", "y", "true", "1", "on", "x"}), frozenset({"", "no", "n", "false", "0", "off"})
AUDIENCES = {
    **{level.value.casefold(): level for level in PrivacyLevel}, **{label.casefold(): level for level, label in PRIVACY_LABELS.items()},
    "public": PrivacyLevel.PUBLIC, "mutual_friends": PrivacyLevel.FRIENDS, "mutual friends": PrivacyLevel.FRIENDS,
    "private": PrivacyLevel.ONLY_ME, "self": PrivacyLevel.ONLY_ME, "only_me": PrivacyLevel.ONLY_ME,
}
MODES = {"": PostMode.DIRECT, "direct": PostMode.DIRECT, "direct_post": PostMode.DIRECT, "inbox": PostMode.INBOX,
         "media_upload": PostMode.INBOX}
URL = re.compile(r"https?://\S+", re.IGNORECASE)
SECONDS = re.compile(r"(?:(\d{1,2}):)?(\d{1,4}(?:\.\d{1,3})?)\s*s?")


@dataclass(frozen=True, slots=True)
class Row:
    """What one row says, as far as it can be told from the file alone. Problems and warnings have the column as their field."""

    number: int
    account: str
    scheduled_at: datetime | None
    caption: str
    title: str
    media: tuple[str, ...]
    """Names in the library, or addresses, in their order."""
    cover: str
    choices: TargetChoices
    problems: tuple[Problem, ...]
    warnings: tuple[Problem, ...]

    @property
    def urls(self) -> tuple[str, ...]:
        return tuple(m for m in self.media if is_url(m))


def guess_mapping(header: Sequence[str]) -> dict[Column, int]:
    """What the columns seem to be by their names; the first of several that fit."""
    found: dict[Column, int] = {}
    for place, name in enumerate(header):
        plain = re.sub(r"[\W_]", "", name.casefold())
        column = next((c for c, names in HEADERS.items() if plain in names.split()), None)
        if column and column not in found:
            found[column] = place
    if C.DATETIME in found and C.DATE in found:  # “Publish time” beside a date is the time alone
        place = found.pop(C.DATETIME)
        found.setdefault(C.TIME, place)
    return found


def check_mapping(columns: Sequence[Column | None]) -> dict[Column, int]:
    """The mapping of a file whose columns mean that, in their order. Raises DomainError with a problem for each one missing or double."""
    problems = [Problem("column_twice", f"“{LABELS[c]}” is chosen for {columns.count(c)} columns. Leave it at one.", c.value)
                for c in Column if columns.count(c) > 1]
    if C.ACCOUNT not in columns:
        problems.append(Problem("column_missing", "No column says which account a post is for. Choose one.", C.ACCOUNT.value))
    if C.MEDIA not in columns:
        problems.append(Problem("column_missing", "No column names the video or the photos. Choose one.", C.MEDIA.value))
    if C.DATETIME not in columns and C.DATE not in columns:
        problems.append(Problem("column_missing", "No column says when a post goes out. Choose a date and a time, or one with both.",
                                C.DATE.value))
    if C.DATETIME in columns and (C.DATE in columns or C.TIME in columns):
        problems.append(Problem("column_twice", f"There are columns for the time and one for “{LABELS[C.DATETIME]}”. Leave one away.",
                                C.DATETIME.value))
    raise_if(problems)
    return {column: place for place, column in enumerate(columns) if column is not None}


def read_rows(sheet: Sheet, mapping: Mapped, zone: str, order: DateOrder = DateOrder.AS_WRITTEN) -> list[Row]:
    """All rows in their order. `zone` is where times are meant that say no other."""
    return [_read_row(row, len(sheet.header), mapping, zone, order) for row in sheet.rows]


def is_url(text: str) -> bool:
    """Whether it names a file on the web, and not one in the library."""
    return URL.fullmatch(text) is not None


def read_cover(text: str, kind: MediaKind, media: Sequence[str]) -> tuple[int, int | None]:
    """The place of the cover among the photos, and the moment of a video in milliseconds, that a cell names; empty means the first.

    Raises DomainError with field `cover`.
    """
    if not text:
        return 0, None
    if kind is MediaKind.VIDEO:
        if not (found := SECONDS.fullmatch(text)):
            raise _bad_cover(f"“{text}” is not a moment of the video. Write its seconds, like 2.5.")
        return 0, int(int(found[1] or 0) * 60_000 + float(found[2]) * 1000)
    if text in media:
        return media.index(text), None
    if text.isascii() and text.isdecimal() and 1 <= int(text[:4]) <= len(media):
        return int(text[:4]) - 1, None
    raise _bad_cover(f"“{text}” is none of the {len(media)} photos. Write its number, 1 for the first, or its name.")


def _bad_cover(text: str) -> DomainError:
    return DomainError(Problem("cover_not_found", text, C.COVER.value))


class _Cells:
    """The cells of a row by their meaning, and what is found wrong with them on the way."""

    def __init__(self, row: SheetRow, mapping: Mapped) -> None:
        self._row, self._mapping = row, mapping
        self.problems: list[Problem] = []
        self.warnings: list[Problem] = []

    def raw(self, column: Column) -> str:
        place = self._mapping.get(column)
        return self._row.cells[place] if place is not None and place < len(self._row.cells) else ""

    def text(self, column: Column) -> str:
        return self.raw(column).strip()

    def one_of(self, column: Column, known: Mapping[str, T], allowed: str) -> T | None:
        cell = self.text(column)
        found = known.get(cell.casefold())
        if found is None:
            self.problems.append(Problem(f"{column}_unknown", f"“{cell}” is not known here. Write {allowed}.", column.value))
        return found

    def is_on(self, column: Column) -> bool:
        cell = self.text(column).casefold()
        if cell not in YES | NO:
            self.problems.append(Problem("yes_or_no", f"“{self.text(column)}” is neither yes nor no. Write yes, or leave it empty for no.",
                                         column.value))
        return cell in YES

    def tried(self, read: Callable[[], T]) -> T | None:
        try:
            return read()
        except DomainError as error:
            self.problems += error.problems
            return None


def _read_row(row: SheetRow, width: int, mapping: Mapped, zone: str, order: DateOrder) -> Row:
    cells = _Cells(row, mapping)
    if any(cell.strip() for cell in row.cells[width:]):
        cells.problems.append(Problem("row_too_long", f"This row has {len(row.cells)} cells, the header {width}. Put cells that hold the"
                                      " separator in quotes."))
    if not cells.text(C.ACCOUNT):
        cells.problems.append(Problem("account_missing", "There is no account. Write its @name.", C.ACCOUNT.value))
    media = tuple(name.strip() for name in cells.text(C.MEDIA).split("|") if name.strip())
    if not media:
        cells.problems.append(Problem("media_missing", "There is no file. Write its name in the library, or its address; several photos"
                                      " with | between them.", C.MEDIA.value))
    scheduled_at = _read_time(cells, zone, order)
    choices = _read_choices(cells)
    title, caption = cells.text(C.TITLE), cells.raw(C.CAPTION)
    return Row(row.number, cells.text(C.ACCOUNT), scheduled_at, caption, title, media, cells.text(C.COVER), choices,
               tuple(cells.problems), tuple(cells.warnings))


def _read_time(cells: _Cells, zone: str, order: DateOrder) -> datetime | None:
    found = cells.tried(lambda: read_zone(cells.text(C.TIME_ZONE) or zone))
    if found is None:
        return None
    read = cells.tried(lambda: read_instant(cells.text(C.DATETIME) or cells.text(C.DATE), cells.text(C.TIME), found, order))
    if read is None:
        return None
    if read[1]:
        cells.warnings.append(read[1])
    return read[0]


def _read_choices(cells: _Cells) -> TargetChoices:
    mode = cells.one_of(C.MODE, MODES, "direct or inbox") or PostMode.DIRECT
    privacy = None
    if cells.text(C.PRIVACY):
        privacy = cells.one_of(C.PRIVACY, AUDIENCES, f"one of: {', '.join(PRIVACY_LABELS.values())}")
    choices = TargetChoices(privacy, cells.is_on(C.ALLOW_COMMENT), cells.is_on(C.ALLOW_DUET), cells.is_on(C.ALLOW_STITCH),
                            cells.is_on(C.AUTO_ADD_MUSIC), mode)
    if mode is PostMode.INBOX and (privacy or choices.allow_comment or choices.allow_duet or choices.allow_stitch):
        cells.warnings.append(Problem("inbox_ignores", "What goes to the inbox gets its audience and interactions in TikTok's own app;"
                                      " these are ignored.", C.PRIVACY.value))
    return choices
