"""What the pages of the library show: files as cards, the room they take, imports with their progress."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import url_for

from app.domain.errors import Problem
from app.domain.lifecycle import NEEDS_MEDIA
from app.domain.media_rules import MediaKind, duration_text, file_problems, file_warnings, is_convertible
from app.models import ImportState, MediaFile
from app.queries.media import (
    ImportRow,
    MediaDetail,
    MediaFilter,
    MediaOrder,
    MediaRow,
    MediaState,
    MediaUse,
    Space,
    list_imports,
    list_media,
    load_space,
)
from app.services.media import facts_of
from app.web.cards import Card, make_card
from app.web.library.forms import write_filter
from app.web.times import ShownTime, shown

PER_PAGE = 60
SHOWN_BY_BROWSERS = frozenset({"jpeg", "webp", "png", "gif"})
STATE_LABELS = {MediaState.UNUSED: "Unused", MediaState.SCHEDULED: "Scheduled", MediaState.PUBLISHED: "Published",
                MediaState.CONVERTIBLE: "Needs conversion", MediaState.ENDED: "Deleted"}
KIND_LABELS = {MediaKind.VIDEO: "Videos", MediaKind.PHOTO: "Photos"}
ORDER_LABELS = {MediaOrder.NEWEST: "Newest first", MediaOrder.NAME: "By name", MediaOrder.LARGEST: "Largest first"}


@dataclass(frozen=True, slots=True)
class Badge:
    """A state in a word, a colour and an icon."""

    label: str
    tone: str
    icon: str


USE_BADGES = {
    MediaUse.UNUSED: Badge("Unused", "neutral", "circle"), MediaUse.SCHEDULED: Badge("Scheduled", "info", "clock"),
    MediaUse.PUBLISHED: Badge("Published", "good", "check"), MediaUse.ENDED: Badge("Deleted", "neutral", "trash-2"),
}
UNFIT = Badge("Can't be posted yet", "warn", "triangle-alert")
CONVERTED = Badge("Original, converted", "neutral", "images")


@dataclass(frozen=True, slots=True)
class MediaCard:
    """A file as the library shows it; `length` is a video's duration, or that it is a photo."""

    row: MediaRow
    length: str
    badge: Badge
    problems: tuple[Problem, ...]
    warnings: tuple[Problem, ...]

    @property
    def media(self) -> MediaFile:
        return self.row.media

    @property
    def is_ended(self) -> bool:
        return self.row.use is MediaUse.ENDED

    @property
    def is_photo(self) -> bool:
        return self.media.kind is MediaKind.PHOTO

    @property
    def is_postable(self) -> bool:
        return not self.problems and not self.is_ended

    @property
    def is_convertible(self) -> bool:
        return bool(self.problems) and self.is_photo and is_convertible(self.problems) and not self.is_ended and not self.row.converted_id

    @property
    def can_be_shown(self) -> bool:
        return not self.is_ended and (not self.is_photo or self.media.container in SHOWN_BY_BROWSERS)


@dataclass(frozen=True, slots=True)
class Pages:
    """Where in the list this page is, and the way to its neighbours."""

    number: int
    pages: int
    previous_url: str | None
    next_url: str | None


@dataclass(frozen=True, slots=True)
class LibraryList:
    """The files that were asked for; `url` asks for them again."""

    chosen: MediaFilter
    cards: tuple[MediaCard, ...]
    total: int
    pages: Pages
    url: str

    @property
    def is_filtered(self) -> bool:
        return bool(self.chosen.words or self.chosen.kind or self.chosen.state)


@dataclass(frozen=True, slots=True)
class SpaceView:
    """The room that files take; without a quota `percent` is None."""

    space: Space
    quota_bytes: int
    percent: int | None


@dataclass(frozen=True, slots=True)
class ImportView:
    """A file on its way, how far it is, and what went wrong."""

    row: ImportRow
    address: str
    """The link as people read it: without its scheme."""
    percent: int | None
    is_failed: bool
    started: ShownTime


@dataclass(frozen=True, slots=True)
class ImportList:
    imports: tuple[ImportView, ...]
    running: int


@dataclass(frozen=True, slots=True)
class MediaPage:
    """Everything that the page of one file shows."""

    detail: MediaDetail
    card: MediaCard
    uses: tuple[Card, ...]
    added: ShownTime
    ended: ShownTime | None

    @property
    def needed_by(self) -> tuple[Card, ...]:
        """The posts because of which it can't be deleted."""
        return tuple(use for use in self.uses if use.row.state in NEEDS_MEDIA)


def load_list(workspace_id: int, chosen: MediaFilter, number: int) -> LibraryList:
    """One page of files; one that lies beyond the last is the last."""
    found = list_media(workspace_id, chosen, limit=PER_PAGE, offset=(number - 1) * PER_PAGE)
    pages = max(-(-found.total // PER_PAGE), 1)
    if number > pages:
        return load_list(workspace_id, chosen, pages)
    around = Pages(number, pages, _url(chosen, number - 1) if number > 1 else None, _url(chosen, number + 1) if number < pages else None)
    return LibraryList(chosen, tuple(make_media_card(row) for row in found.rows), found.total, around, _url(chosen, number))


def load_space_view(workspace_id: int, quota_bytes: int) -> SpaceView:
    space = load_space(workspace_id)
    return SpaceView(space, quota_bytes, min(100 * space.used_bytes // quota_bytes, 100) if quota_bytes else None)


def load_imports(workspace_id: int, zone: str, now: datetime) -> ImportList:
    rows = list_imports(workspace_id)
    return ImportList(tuple(_import(row, zone, now) for row in rows), sum(row.state is not ImportState.FAILED for row in rows))


def make_media_card(row: MediaRow) -> MediaCard:
    """The card of a file, judged by the rules as they are now."""
    facts = facts_of(row.media)
    problems = tuple(file_problems(facts))
    badge = USE_BADGES[row.use]
    if problems and row.use is not MediaUse.ENDED:
        badge = CONVERTED if row.converted_id else UNFIT
    length = "Photo" if row.media.duration_seconds is None else duration_text(row.media.duration_seconds)
    return MediaCard(row, length, badge, problems, tuple(file_warnings(facts)))


def make_media_page(detail: MediaDetail, zone: str, now: datetime) -> MediaPage:
    media = detail.row.media
    return MediaPage(detail, make_media_card(detail.row), tuple(make_card(target, zone, now) for target in detail.targets),
                     shown(media.created_at, zone, now), shown(media.ended_at, zone, now) if media.ended_at else None)


def _import(row: ImportRow, zone: str, now: datetime) -> ImportView:
    percent = min(100 * row.received_bytes // row.total_bytes, 100) if row.total_bytes else None
    return ImportView(row, row.url.partition("://")[2] or row.url, percent, row.state is ImportState.FAILED,
                      shown(row.created_at, zone, now))


def _url(chosen: MediaFilter, number: int) -> str:
    arguments: dict[str, Any] = {**write_filter(chosen), **({"page": number} if number > 1 else {})}
    return url_for("library.index", **arguments)
