"""What is really inside the bytes, and whether TikTok would take it (section 8)."""

from __future__ import annotations

import hashlib
import io
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import av
import av.error
from av.container import InputContainer
from av.video.stream import VideoStream
from PIL import Image

CODECS = ("h264", "hevc", "vp8", "vp9")
FRAME_RATES = (23.0, 60.0)
SIDES = (360, 4096)
PICTURE_SUFFIXES = {"JPEG": ".jpg", "WEBP": ".webp"}
PICTURE_BYTES = 20 * 1024**2
PICTURE_SIDE = 1080
_RATE_SLACK = 0.05  # a container's average rate is rounded: a 60 fps file may say 60.03
_BLOCK = 1 << 20


@dataclass(frozen=True)
class VideoFacts:
    """What PyAV finds; `container` is empty when it is not one of TikTok's."""

    container: str
    codec: str
    width: int
    height: int
    seconds: float
    frame_rate: float
    tags: str

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


NOTHING = VideoFacts("", "", 0, 0, 0.0, 0.0, "")
_KNOWN: dict[str, VideoFacts] = {}
_KNOWN_LIMIT = 1_000


def sha256_of(*paths: Path) -> str:
    """Of the files' bytes one after the other."""
    digest = hashlib.sha256()
    for path in paths:
        with path.open("rb") as file:
            while block := file.read(_BLOCK):
                digest.update(block)
    return digest.hexdigest()


def probe(path: Path, sha256: str) -> VideoFacts:
    """Open the file and decode one frame: a header alone proves nothing about a truncated file.

    The same bytes are looked at once only: a thousand posts of one test video shall not cost a thousand decoders.
    """
    known = _KNOWN.get(sha256)
    if known is not None:
        return known
    try:
        with av.open(str(path)) as container:
            facts = _facts(container, path)
    except (av.error.FFmpegError, ValueError, OSError, StopIteration, EOFError):
        facts = NOTHING
    if len(_KNOWN) >= _KNOWN_LIMIT:
        _KNOWN.clear()
    _KNOWN[sha256] = facts
    return facts


def _facts(container: InputContainer, path: Path) -> VideoFacts:
    if not container.streams.video:
        return NOTHING
    stream = container.streams.video[0]
    seconds = _seconds(container, stream)
    rate = float(stream.average_rate or stream.guessed_rate or 0)
    frame = next(container.decode(stream))
    tags = " ".join(str(value) for value in container.metadata.values())
    return VideoFacts(_container_name(container.format.name, path), stream.codec_context.name, frame.width,
                      frame.height, seconds, rate, tags)


def _seconds(container: InputContainer, stream: VideoStream) -> float:
    if stream.duration is not None and stream.time_base is not None:
        return float(stream.duration * stream.time_base)
    return (container.duration or 0) / 1_000_000


def _container_name(formats: str, path: Path) -> str:
    """FFmpeg lumps families together; brand and document type tell WebM from Matroska and MP4 from 3GP."""
    with path.open("rb") as file:
        head = file.read(64)
    if "matroska" in formats:
        return "webm" if b"webm" in head else ""
    if "mp4" not in formats or head[8:10] == b"3g":
        return ""
    return "mov" if head[4:8] != b"ftyp" or head[8:12] == b"qt  " else "mp4"


def video_fail_reason(facts: VideoFacts, max_seconds: float, min_seconds: float) -> str:
    """The first of the four checks that fails (section 9), or nothing."""
    codec = facts.codec.removeprefix("lib").removesuffix("-vp9")
    if not facts.container or codec not in (*CODECS, "vpx"):
        return "file_format_check_failed"
    if not min_seconds <= facts.seconds <= max_seconds:
        return "duration_check_failed"
    if not FRAME_RATES[0] - _RATE_SLACK <= facts.frame_rate <= FRAME_RATES[1] + _RATE_SLACK:
        return "frame_rate_check_failed"
    if not all(SIDES[0] <= side <= SIDES[1] for side in (facts.width, facts.height)):
        return "picture_size_check_failed"
    return ""


def picture_format(path: Path) -> str:
    """JPEG, WEBP, another format's name, or nothing when it is no picture."""
    try:
        with Image.open(path) as image:
            return image.format or ""
    except (OSError, ValueError, Image.DecompressionBombError):
        return ""


def picture_suffix(path: Path) -> str:
    return PICTURE_SUFFIXES.get(picture_format(path), ".bin")


def picture_facts(path: Path) -> dict[str, Any]:
    """Format, size and digest of one picture of a carousel."""
    facts = {"format": picture_format(path), "width": 0, "height": 0, "bytes": path.stat().st_size,
             "sha256": sha256_of(path)}
    if facts["format"]:
        with Image.open(path) as image:
            facts["width"], facts["height"] = image.size
    return facts


def photo_fail_reason(pictures: list[dict[str, Any]]) -> str:
    """One bad picture fails the whole carousel (section 8); 1080p means the shorter side."""
    for facts in pictures:
        if facts["format"] not in PICTURE_SUFFIXES or facts["bytes"] > PICTURE_BYTES:
            return "file_format_check_failed"
        if min(facts["width"], facts["height"]) > PICTURE_SIDE:
            return "picture_size_check_failed"
    return ""


def cover_frame(path: Path, at_ms: int) -> bytes:
    """A JPEG of the frame at `at_ms`; an invalid time gives the first frame (section 4.1)."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        chosen = None
        for frame in container.decode(stream):
            if chosen is None or (frame.time or 0) * 1000 <= at_ms:
                chosen = frame
            if (frame.time or 0) * 1000 >= at_ms or (frame.time or 0) > 30:
                break
        if chosen is None:
            raise ValueError("no frame")
        image = chosen.to_image()  # type: ignore[no-untyped-call]  # PyAV's stub says Any
    image.thumbnail((540, 960))
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=82)
    return buffer.getvalue()
