"""Forms of the media library, and what its address says of the files that are asked for."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import TypeVar

from wtforms import StringField, TextAreaField

from app.domain.media_rules import MediaKind
from app.queries.media import MediaFilter, MediaOrder, MediaState
from app.web.forms import Form

WORDS_MAX = 200
PAGE_MAX = 1_000_000
Member = TypeVar("Member", bound=StrEnum)


class FileForm(Form):
    name = StringField("Name")
    alt_text = TextAreaField("Alt text")


class ImportForm(Form):
    url = StringField("Link to a file")


def read_filter(arguments: Mapping[str, str]) -> MediaFilter:
    """What the address asks for; a value that means nothing counts as none."""
    words = arguments.get("q", "").replace("\x00", "").strip()[:WORDS_MAX]
    return MediaFilter(words, _member(MediaKind, arguments.get("kind")), _member(MediaState, arguments.get("state")),
                       _member(MediaOrder, arguments.get("sort")) or MediaOrder.NEWEST)


def write_filter(chosen: MediaFilter) -> dict[str, str]:
    """The arguments of an address that asks for these files, without those that change nothing."""
    order = "" if chosen.order is MediaOrder.NEWEST else chosen.order
    found = {"q": chosen.words, "kind": chosen.kind or "", "state": chosen.state or "", "sort": order}
    return {name: value for name, value in found.items() if value}


def read_page(arguments: Mapping[str, str]) -> int:
    """The number of the page, from 1."""
    text = arguments.get("page", "")
    return min(max(int(text), 1), PAGE_MAX) if text.isascii() and text.isdecimal() and len(text) < 9 else 1


def _member(members: type[Member], value: str | None) -> Member | None:
    return next((member for member in members if member.value == value), None)
