"""The probe's child process: prints one JSON object about a file and writes its poster.

Run as `python -m app.infra.media_probe_child FILE POSTER`; imports nothing of the application.
"""

from __future__ import annotations

import json
import os
import resource
import sys
from fractions import Fraction
from typing import Any

import av
import av.error
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from PIL import Image, ImageOps

MEMORY_BYTES = 3 * 2**30
CPU_SECONDS = 60
POSTER_SIDE = 640
END_TOLERANCE_SECONDS = 2.0
FORMATS = "mov,matroska,webm,avi,flv,asf,mpeg,mpegts,ogg,mp3,wav,flac,aac"
"""Formats of one file each: a playlist or a list of parts could make the probe read other files."""
PHOTO_FORMATS = ("JPEG", "PNG", "WEBP")
PHOTO_MAX_PIXELS = 100_000_000
"""Looked at before anything is decoded: a small file can unfold to gigabytes."""
CONTAINER_BY_BRAND = {"qt  ": "mov"}


class Unusable(Exception):
    """The file can't be a post; the argument is a key of the parent's messages."""


def main(path: str, poster_path: str) -> None:
    """Set the limits, then look; whatever goes wrong is an answer too."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    av.logging.set_level(av.logging.PANIC)
    try:
        found = inspect(path, poster_path)
    except Unusable as error:
        found = {"problem": str(error)}
    except (av.error.FFmpegError, ValueError, MemoryError, EOFError):
        found = {"problem": "broken"}
    sys.stdout.write(json.dumps(found))


def inspect(path: str, poster_path: str) -> dict[str, Any]:
    """The facts of `domain.media_rules.PhotoFacts` or VideoFacts. Raises Unusable."""
    return inspect_photo(path, poster_path) if is_photo(path) else inspect_video(path, poster_path)


def inspect_video(path: str, poster_path: str) -> dict[str, Any]:
    """The facts of a file that FFmpeg reads as a video. Raises Unusable."""
    with open_container(path) as container:
        if not container.streams.video or not _has_moving_picture(container.streams.video[0], container):
            raise Unusable("no_video")
        stream = container.streams.video[0]
        stream.thread_type = "NONE"
        duration = _duration(container, stream)
        frame = _frame_near(container, stream, min(duration / 10, 1.0))
        _check_end(container, stream, duration)
        turned = frame.rotation % 180 != 0
        width, height = (frame.height, frame.width) if turned else (frame.width, frame.height)
        save_poster(frame, poster_path)
        return {
            "container": container_name(container, path),
            "codec": stream.codec_context.name,
            "width": width,
            "height": height,
            "fps": float(stream.average_rate or stream.guessed_rate or 0) or 1.0,
            "duration_seconds": duration,
            "size_bytes": os.path.getsize(path),
        }


def is_photo(path: str) -> bool:
    """Whether the bytes begin as one of the still pictures that Pillow reads for us."""
    with open(path, "rb") as file:
        head = file.read(12)
    return head.startswith((b"\xff\xd8\xff", b"\x89PNG\r\n")) or (head[:4] == b"RIFF" and head[8:] == b"WEBP")


def inspect_photo(path: str, poster_path: str) -> dict[str, Any]:
    """The facts of `domain.media_rules.PhotoFacts`. Raises Unusable."""
    Image.MAX_IMAGE_PIXELS = None  # the limit below says more than a warning
    try:
        with Image.open(path, formats=PHOTO_FORMATS) as image:
            if image.width * image.height > PHOTO_MAX_PIXELS:
                raise Unusable("too_many_pixels")
            container = str(image.format).lower()
            image.load()
            upright = ImageOps.exif_transpose(image)
    except (OSError, SyntaxError):
        raise Unusable("broken") from None
    width, height = upright.size
    save_picture(upright, poster_path)
    return {"container": container, "width": width, "height": height, "size_bytes": os.path.getsize(path)}


def open_container(path: str) -> InputContainer:
    """The opened file. Raises Unusable when it is none that FFmpeg knows."""
    try:
        # Only local files, and only formats that name no others: an upload must not make the probe read or call elsewhere.
        return av.open(path, options={"protocol_whitelist": "file", "format_whitelist": FORMATS})
    except (av.error.InvalidDataError, av.error.ArgumentError):
        # An MP4 whose index was cut off still begins as one.
        with open(path, "rb") as file:
            raise Unusable("truncated" if file.read(12)[4:8] == b"ftyp" else "not_media") from None


def container_name(container: InputContainer, path: str) -> str:
    """mp4, mov or webm, or FFmpeg's name for anything else; FFmpeg reads each family by one name."""
    names = container.format.name.split(",")
    if "mp4" in names:
        brand = container.metadata.get("major_brand", "")
        return CONTAINER_BY_BRAND.get(brand, "3gp" if brand.startswith("3g") else "mp4")
    if "webm" in names:
        with open(path, "rb") as file:
            return "webm" if b"webm" in file.read(64) else "mkv"
    return names[0]


def _has_moving_picture(stream: VideoStream, container: InputContainer) -> bool:
    # FFmpeg reads text as terminal art, pictures as one-frame videos, and covers of songs as streams.
    still = container.format.name in {"tty", "image2", "gif"} or container.format.name.endswith("_pipe")
    return not still and not (int(stream.disposition) & 0x400)


def _duration(container: InputContainer, stream: VideoStream) -> float:
    if stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base)
    if container.duration:
        return container.duration / av.time_base
    raise Unusable("broken")


def _frame_near(container: InputContainer, stream: VideoStream, seconds: float) -> VideoFrame:
    # Some formats seek to where no picture begins; then the first one has to do.
    for start in (seconds, 0.0):
        container.seek(int(start * av.time_base))
        for frame in container.decode(stream):
            return frame
    raise Unusable("truncated")


def _check_end(container: InputContainer, stream: VideoStream, duration: float) -> None:
    # An index at the front of the file promises frames that a cut-off copy does not hold.
    container.seek(int(max(0.0, duration - END_TOLERANCE_SECONDS) * av.time_base))
    last = Fraction(0)
    for packet in container.demux(stream):
        if packet.is_corrupt:
            raise Unusable("truncated")
        if packet.pts is not None and packet.time_base is not None:
            last = max(last, (packet.pts + (packet.duration or 0)) * packet.time_base)
    start = (stream.start_time or 0) * (stream.time_base or 0)
    if float(last - start) < duration - END_TOLERANCE_SECONDS:
        raise Unusable("truncated")


def save_poster(frame: VideoFrame, path: str) -> None:
    """A JPEG of the frame, upright, at most 640 pixels a side."""
    image = frame.to_image()  # type: ignore[no-untyped-call]  # PyAV leaves it untyped
    if frame.rotation:
        image = image.rotate(frame.rotation, expand=True)
    save_picture(image, path)


def save_picture(image: Image.Image, path: str) -> None:
    """A JPEG of the picture, at most 640 pixels a side."""
    image = image.copy()
    image.thumbnail((POSTER_SIDE, POSTER_SIDE))
    image.convert("RGB").save(path, "JPEG", quality=82)


if __name__ == "__main__":
    main(*sys.argv[1:])
