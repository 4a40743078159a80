"""The four ways of a post to TikTok, each with what it needs and how it ends."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace

from flask import Flask

from app.domain.media_rules import MediaKind
from app.domain.post_rules import PostMode, PrivacyLevel
from tests import factories, videos


@dataclass(frozen=True)
class Flow:
    """A kind of post and the way it goes; `init` is the sandbox's name of the call that begins it."""

    kind: MediaKind
    mode: PostMode
    init: str

    def __str__(self) -> str:
        return f"{self.kind}-{self.mode}"

    def make_media(self, app: Flask, person: SimpleNamespace, directory: Path) -> tuple[int, ...]:
        """One short video, or three photos."""
        if self.kind is MediaKind.PHOTO:
            return factories.make_photos(app, person, directory)
        path = directory / "clip.mp4"
        path.write_bytes(videos.short_clip())
        return (factories.make_media(app, person, path),)

    def schedule(self, app: Flask, person: SimpleNamespace, account_id: int, media: tuple[int, ...], scheduled_at: datetime) -> int:
        """A post with a caption of its own; returns its target's id."""
        is_direct = self.mode is PostMode.DIRECT
        return int(factories.make_post(
            app, person, account_id=account_id, media_file_id=media, scheduled_at=scheduled_at, mode=self.mode,
            caption=f"{self} {secrets.token_hex(4)}", privacy=PrivacyLevel.PUBLIC if is_direct else None,
            title="On cue" if self.kind is MediaKind.PHOTO else "").target_id)


FLOWS = (
    Flow(MediaKind.VIDEO, PostMode.DIRECT, "video_init"),
    Flow(MediaKind.VIDEO, PostMode.INBOX, "inbox_init"),
    Flow(MediaKind.PHOTO, PostMode.DIRECT, "content_init"),
    Flow(MediaKind.PHOTO, PostMode.INBOX, "content_init"),
)
