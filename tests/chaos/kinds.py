"""What can be published, one line for each kind: how such a target is made, where it is announced and how it ends well."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace

from flask import Flask

from app.domain.lifecycle import TargetState
from app.domain.post_rules import PostMode
from tests import factories
from tests.videos import make_video

TWO_CHUNKS = 66_000_000
BIG_EVERY = 20


@dataclass
class Media:
    """What the targets show, kept once."""

    video: int
    big_video: int
    photos: tuple[int, ...]
    path: Path
    """The small video, for copies that are files of their own."""

    @classmethod
    def make(cls, app: Flask, person: SimpleNamespace, directory: Path) -> Media:
        small, big = make_video(directory / "small.mp4", seconds=1), make_video(directory / "big.mp4", seconds=1)
        _fill_up(big, TWO_CHUNKS)
        return cls(factories.make_media(app, person, small), factories.make_media(app, person, big),
                   factories.make_photos(app, person, directory), small)


@dataclass(frozen=True)
class Order:
    """One target to be made; no other has its number and its caption."""

    number: int
    account_id: int
    caption: str
    due: datetime


@dataclass(frozen=True)
class Made:
    """A target, and what marks it in the sandbox's ledger: its caption or, where TikTok is told none, its file's SHA-256."""

    target_id: int
    mark: str


Make = Callable[[Flask, SimpleNamespace, Media, Order], Made]


@dataclass(frozen=True)
class Kind:
    name: str
    make: Make
    """Schedules it by the service."""
    init: str
    """The sandbox's name of the endpoint that announces it."""
    done: TargetState
    """Its state when all went well; a draft that its creator posts becomes published."""
    is_always_told: bool
    """TikTok can be asked what became of it: nothing happens before the bytes, which need init's answer. So it never ends in doubt."""


def video_direct(app: Flask, person: SimpleNamespace, media: Media, order: Order) -> Made:
    """Every so often one that needs two chunks."""
    video = media.big_video if order.number % BIG_EVERY == BIG_EVERY - 1 else media.video
    made = factories.make_post(app, person, account_id=order.account_id, media_file_id=video, scheduled_at=order.due, caption=order.caption)
    return Made(made.target_id, order.caption)


def video_inbox(app: Flask, person: SimpleNamespace, media: Media, order: Order) -> Made:
    """TikTok is told no caption of a draft: its file is its own, by a few bytes that no player shows."""
    path = media.path.with_name(f"own{order.number}.mp4")
    path.write_bytes(media.path.read_bytes())
    _fill_up(path, path.stat().st_size + 100 + order.number)
    video = factories.make_media(app, person, path)
    made = factories.make_post(app, person, account_id=order.account_id, media_file_id=video, scheduled_at=order.due, caption=order.caption,
                               mode=PostMode.INBOX, privacy=None)
    return Made(made.target_id, hashlib.sha256(path.read_bytes()).hexdigest())


def photo_direct(app: Flask, person: SimpleNamespace, media: Media, order: Order) -> Made:
    """Three photos that TikTok fetches from the web process."""
    made = factories.make_post(app, person, account_id=order.account_id, media_file_id=media.photos, scheduled_at=order.due,
                               caption=order.caption)
    return Made(made.target_id, order.caption)


def photo_inbox(app: Flask, person: SimpleNamespace, media: Media, order: Order) -> Made:
    """The same as a draft."""
    made = factories.make_post(app, person, account_id=order.account_id, media_file_id=media.photos, scheduled_at=order.due,
                               caption=order.caption, mode=PostMode.INBOX, privacy=None)
    return Made(made.target_id, order.caption)


KINDS = (
    Kind("video_direct", video_direct, "video_init", TargetState.PUBLISHED, is_always_told=True),
    Kind("video_inbox", video_inbox, "inbox_init", TargetState.IN_INBOX, is_always_told=True),
    Kind("photo_direct", photo_direct, "content_init", TargetState.PUBLISHED, is_always_told=False),
    Kind("photo_inbox", photo_inbox, "content_init", TargetState.IN_INBOX, is_always_told=False),
)


def _fill_up(path: Path, size: int) -> None:
    """Make the file that long with a `free` box, which players skip."""
    filler = size - path.stat().st_size
    with path.open("r+b") as file:
        file.seek(0, 2)
        file.write(filler.to_bytes(4, "big") + b"free")
        file.truncate(size)
