"""What TikTok takes as a video, and how to say what is wrong with a file.

Source: TikTok, Content Posting API, media transfer guide, video restrictions.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from app.domain.errors import Problem

CONTAINERS = {"mp4": "video/mp4", "mov": "video/quicktime", "webm": "video/webm"}
"""Containers that TikTok takes, with the content type of their upload."""
CODECS = {"h264": "H.264", "hevc": "H.265", "vp8": "VP8", "vp9": "VP9"}
MIN_FPS, MAX_FPS = 23.0, 60.0
MIN_SIDE, MAX_SIDE = 360, 4096
MAX_BYTES = 4_000_000_000
MAX_SECONDS = 600
FPS_TOLERANCE = 0.05
"""A file that says 60 often averages 60.01; TikTok's own limit is a round number."""


@dataclass(frozen=True, slots=True)
class VideoFacts:
    """What the probe found in the bytes: pixels as shown (rotation applied), frames per second, seconds."""

    container: str
    codec: str
    width: int
    height: int
    fps: float
    duration_seconds: float
    size_bytes: int


def video_problems(facts: VideoFacts) -> Iterator[Problem]:
    """Each reason why TikTok would refuse this video, with what was found, what is allowed and what to do."""
    if facts.container not in CONTAINERS:
        yield _problem("container", f"This is a {facts.container} file. TikTok takes MP4, MOV and WebM; export it as MP4.")
    if facts.codec not in CODECS:
        yield _problem("codec", f"The picture is coded as {facts.codec}. TikTok takes H.264, H.265, VP8 and VP9; export it with H.264.")
    if not MIN_FPS - FPS_TOLERANCE <= facts.fps <= MAX_FPS + FPS_TOLERANCE:
        yield _problem("frame_rate", f"It has {facts.fps:.4g} frames per second. TikTok takes 23 to 60; export it with 30.")
    if not (MIN_SIDE <= facts.width <= MAX_SIDE and MIN_SIDE <= facts.height <= MAX_SIDE):
        yield _problem(
            "dimensions",
            f"It is {facts.width} × {facts.height} pixels. Each side must have 360 to 4,096; 1080 × 1920 is best.",
        )
    if facts.duration_seconds > MAX_SECONDS:
        yield _problem("duration", f"It runs {duration_text(facts.duration_seconds)}. TikTok takes 10 minutes at most; shorten it.")
    if facts.size_bytes > MAX_BYTES:
        yield _problem("size", "It is larger than 4 GB, the most that TikTok takes; export it with a lower bit rate.")


def duration_problem(duration_seconds: float, max_seconds: int, nickname: str) -> Problem | None:
    """The refusal for a video that is longer than this creator may post, or None."""
    if duration_seconds <= max_seconds:
        return None
    return _problem(
        "too_long_for_creator",
        f"{nickname} may post videos of up to {duration_text(max_seconds)}; this one runs "
        f"{duration_text(duration_seconds)}. Shorten it to {max_seconds} s.",
    )


def duration_text(seconds: float) -> str:
    """65.2 -> '1:05'."""
    whole = int(seconds)
    return f"{whole // 60}:{whole % 60:02d}"


def _problem(what: str, message: str) -> Problem:
    return Problem(f"video_{what}", message, "media")
