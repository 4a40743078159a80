"""What TikTok takes as a video or a photo, and how to say what is wrong with a file.

Source: TikTok, Content Posting API, media transfer guide, video and photo restrictions.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from app.domain.errors import Problem


class MediaKind(StrEnum):
    VIDEO = "video"
    PHOTO = "photo"


CONTAINERS = {"mp4": "video/mp4", "mov": "video/quicktime", "webm": "video/webm"}
"""Containers that TikTok takes, with the content type of their upload."""
CODECS = {"h264": "H.264", "hevc": "H.265", "vp8": "VP8", "vp9": "VP9"}
PHOTO_TYPES = {"jpeg": "image/jpeg", "webp": "image/webp"}
"""Formats of photos that TikTok takes, with their content type; PNG is refused."""
CONVERTIBLE_TYPES = {"png": "image/png", "heic": "image/heic", "avif": "image/avif", "gif": "image/gif", "bmp": "image/bmp"}
"""Formats of photos that are kept to be converted, with their content type."""
CONTENT_TYPES = {**CONTAINERS, **PHOTO_TYPES, **CONVERTIBLE_TYPES}
ALSO_CALLED = {
    "image/jpg": "image/jpeg", "image/pjpeg": "image/jpeg", "image/heif": "image/heic", "image/x-ms-bmp": "image/bmp",
    "video/x-m4v": "video/mp4", "video/x-matroska": "video/mkv", "video/x-msvideo": "video/avi", "video/mp2t": "video/mpegts",
    "video/3gpp": "video/3gp", "video/x-flv": "video/flv",
}
"""Other names of content types that programs send for the same thing."""
SAYS_NOTHING = frozenset({"", "application/octet-stream", "binary/octet-stream"})
DURATION_TOLERANCE_SECONDS = 0.5
"""Programs round, and count sound that runs on a little, or don't."""
MIN_FPS, MAX_FPS = 23.0, 60.0
MIN_SIDE, MAX_SIDE = 360, 4096
MAX_BYTES = 4_000_000_000
MAX_SECONDS = 600
FPS_TOLERANCE = 0.05
"""A file that says 60 often averages 60.01; TikTok's own limit is a round number."""


PHOTO_MAX_BYTES = 20_000_000
PHOTO_UPLOAD_MAX_BYTES = 100_000_000
"""Larger than TikTok takes, to be converted."""
CONVERTIBLE = frozenset({"photo_format", "photo_dimensions", "photo_size", "photo_rotated"})
GOOD_SIDE = 720
"""Pixels of the shorter side below which a phone's screen shows the difference."""
PHOTO_MAX_SHORT_SIDE, PHOTO_MAX_LONG_SIDE = 1080, 1920
"""TikTok says "maximum 1080p"; observed: the shorter side counts. Both bounds together are safe."""


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
    audio_codec: str | None = None
    is_rotated: bool = False


@dataclass(frozen=True, slots=True)
class PhotoFacts:
    """What the probe found in a picture's bytes: pixels as shown (rotation applied)."""

    container: str
    width: int
    height: int
    size_bytes: int
    is_rotated: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclaredFacts:
    """What somebody said about a file before it came; None where nothing was said. Pixels as shown, SHA-256 in hex."""

    content_type: str | None = None
    size_bytes: int | None = None
    width: int | None = None
    height: int | None = None
    duration_seconds: float | None = None
    sha256: str | None = None


def declared_problems(declared: DeclaredFacts, facts: VideoFacts | PhotoFacts, sha256: str) -> list[Problem]:
    """Each contradiction between what was declared and what the bytes are, as `declared_<name>` with both values."""
    duration = facts.duration_seconds if isinstance(facts, VideoFacts) else None
    found: list[Problem | None] = [
        _contradicted_type(declared.content_type, facts),
        _contradiction("size_bytes", declared.size_bytes, facts.size_bytes, "bytes"),
        _contradiction("width", declared.width, facts.width, "pixels wide as shown"),
        _contradiction("height", declared.height, facts.height, "pixels high as shown"),
        _contradicted_duration(declared.duration_seconds, duration),
        _contradiction("sha256", declared.sha256 and declared.sha256.lower(), sha256.lower(), "as its SHA-256"),
    ]
    return [problem for problem in found if problem is not None]


def _contradicted_type(declared: str | None, facts: VideoFacts | PhotoFacts) -> Problem | None:
    said = (declared or "").partition(";")[0].strip().lower()
    if said in SAYS_NOTHING:
        return None
    kind = "video" if isinstance(facts, VideoFacts) else "image"
    return _contradiction("content_type", ALSO_CALLED.get(said, said), CONTENT_TYPES.get(facts.container, f"{kind}/{facts.container}"),
                          "as its type")


def _contradicted_duration(declared: float | None, found: float | None) -> Problem | None:
    if declared is None or (found is not None and abs(declared - found) <= DURATION_TOLERANCE_SECONDS):
        return None
    return _contradiction("duration_seconds", f"{declared:g}", "none, for it is a picture" if found is None else f"{found:.3f}", "seconds")


def _contradiction(name: str, declared: object | None, found: object, what: str) -> Problem | None:
    if declared is None or declared == found:
        return None
    return Problem(f"declared_{name}", f"Declared were {declared} {what}; the file has {found}. Declare what the file has, or send the file"
                   " that was meant.", name)


def file_problems(facts: VideoFacts | PhotoFacts) -> list[Problem]:
    """Each reason why TikTok would refuse this file."""
    return list(video_problems(facts) if isinstance(facts, VideoFacts) else photo_problems(facts))


def is_convertible(problems: Iterable[Problem]) -> bool:
    """Whether all that is wrong with a photo is mended by making a JPEG of it that TikTok takes."""
    return {problem.code for problem in problems} <= CONVERTIBLE


def file_warnings(facts: VideoFacts | PhotoFacts) -> Iterator[Problem]:
    """What TikTok takes but its viewers may not like."""
    what = "video" if isinstance(facts, VideoFacts) else "photo"
    if isinstance(facts, VideoFacts) and facts.width > facts.height:
        yield Problem("video_letterboxed", f"It is wider than tall ({facts.width} × {facts.height}). TikTok shows it small, with bars"
                      " above and below; 9:16 fills the screen.", "media")
    if min(facts.width, facts.height) < GOOD_SIDE:
        yield Problem(f"{what}_low_resolution", f"It has only {facts.width} × {facts.height} pixels and may look blurred; 1080 × 1920 is"
                      " best.", "media")


def photo_problems(facts: PhotoFacts) -> Iterator[Problem]:
    """Each reason why TikTok would refuse this photo; one bad photo makes it refuse the whole post."""
    if facts.container not in PHOTO_TYPES:
        yield _photo_problem("format", f"This is a {facts.container.upper()} picture. TikTok takes JPEG and WebP; convert it.")
    short, long = sorted((facts.width, facts.height))
    if short > PHOTO_MAX_SHORT_SIDE or long > PHOTO_MAX_LONG_SIDE:
        yield _photo_problem("dimensions", f"It is {facts.width} × {facts.height} pixels. TikTok takes up to 1080 × 1920; convert it.")
    if facts.is_rotated:
        yield _photo_problem("rotated", "It is not upright in its bytes and only says how to turn it, which TikTok may not do; convert it.")
    if facts.size_bytes > PHOTO_UPLOAD_MAX_BYTES:
        yield photo_too_large(facts.size_bytes)
    elif facts.size_bytes > PHOTO_MAX_BYTES:
        yield _photo_problem("size", f"It has {size_text(facts.size_bytes)}. TikTok takes up to 20 MB for a photo; convert it.")


def photo_too_large(size_bytes: int) -> Problem:
    """The refusal of a photo that is too large even to be converted."""
    return _photo_problem("too_large", f"It has {size_text(size_bytes)}. Oncue converts photos of up to 100 MB, and TikTok takes up to"
                          " 20 MB; export it with more compression.")


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
        yield _problem("size", f"It has {size_text(facts.size_bytes)}. TikTok takes up to 4 GB; export it with a lower bit rate.")


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


def size_text(size_bytes: int) -> str:
    """20_000_001 -> '20.1 MB': rounded up, so that what is over a limit never reads as the limit."""
    unit, name = (10**9, "GB") if size_bytes >= 10**9 else (10**6, "MB")
    return f"{math.ceil(size_bytes * 10 / unit) / 10:g} {name}"


def _problem(what: str, message: str) -> Problem:
    return Problem(f"video_{what}", message, "media")


def _photo_problem(what: str, message: str) -> Problem:
    return Problem(f"photo_{what}", message, "media")
