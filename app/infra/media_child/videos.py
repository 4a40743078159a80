"""Videos: what FFmpeg finds in them, and frames of them as JPEGs."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import av
import av.error
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from PIL import Image

from app.infra.media_child.answers import Unusable

END_TOLERANCE_SECONDS = 2.0
MAX_PIXELS = 100_000_000
FORMATS = "mov,matroska,webm,avi,flv,asf,mpeg,mpegts,ogg,mp3,wav,flac,aac"
"""Formats of one file each: a playlist or a list of parts could make the probe read other files."""
CONTAINER_BY_BRAND = {"qt  ": "mov"}
NAME_LENGTH = 16
"""Characters of a codec's name; a few of sound's are longer than anybody keeps."""
POSTER_SIDE = 640
STRIP_FRAMES, STRIP_WIDTH = 10, 90
STRIP_SECONDS = 5.0
"""For the whole strip. When frames are slow to reach, each is taken from as near its moment as there is time for."""


@dataclass(frozen=True)
class Film:
    """An opened file with its moving picture; `origin` is where its time begins, in seconds."""

    container: InputContainer
    stream: VideoStream
    duration: float

    @property
    def origin(self) -> float:
        return float((self.stream.start_time or 0) * (self.stream.time_base or 0))


class Reader:
    """Goes through a film's frames, forward by decoding or in a leap to a keyframe, whichever is less work."""

    def __init__(self, film: Film) -> None:
        self._film = film
        self._frames: Iterator[VideoFrame] | None = None
        self._shown: VideoFrame | None = None
        self._next: VideoFrame | None = None

    def frame_at(self, seconds: float, until: float | None = None) -> VideoFrame | None:
        """The frame that is shown at this moment, or the last one before `until` that was reached on the way to it."""
        if until is not None and time.monotonic() > until:
            return None
        moment = self._film.origin + seconds
        try:
            return self._advance(moment, until)
        except (av.error.FFmpegError, EOFError):
            self._frames = None
            raise

    def _advance(self, moment: float, until: float | None) -> VideoFrame | None:
        frames = self._leap(moment)
        while True:
            self._next = self._next or next(frames, None)
            if self._next is None or (self._shown is not None and (self._next.time is None or self._next.time > moment)):
                return self._shown
            self._shown, self._next = self._next, None
            if until is not None and time.monotonic() > until:
                return self._shown

    def _leap(self, moment: float) -> Iterator[VideoFrame]:
        stream = self._film.stream
        mark = int(moment / (stream.time_base or Fraction(1, av.time_base)))
        if self._frames is None or self._is_worth_a_leap(mark):
            self._film.container.seek(mark, stream=stream)
            self._frames, self._shown, self._next = self._film.container.decode(stream), None, None
        return self._frames

    def _is_worth_a_leap(self, mark: int) -> bool:
        index = self._film.stream.index_entries
        if self._shown is None or self._shown.pts is None or not len(index):
            return True
        nearest = index.search_timestamp(mark)
        return nearest >= 0 and index[nearest].timestamp > self._shown.pts


@contextmanager
def opened(path: str) -> Iterator[Film]:
    """The film in a file, not yet decoded. Raises Unusable when there is none."""
    av.logging.set_level(av.logging.PANIC)
    with open_container(path) as container:
        if not container.streams:
            raise Unusable("video_broken")
        if not container.streams.video or not _has_moving_picture(container.streams.video[0], container):
            raise Unusable("video_no_video")
        stream = container.streams.video[0]
        stream.thread_type = "NONE"
        coded = stream.codec_context
        if coded.width * coded.height > MAX_PIXELS:
            raise Unusable("video_too_many_pixels", width=coded.width, height=coded.height)
        yield Film(container, stream, _duration(container, stream))


def inspect_video(film: Film, path: str, poster_path: str) -> dict[str, Any]:
    """The facts of `domain.media_rules.VideoFacts`; writes the poster. Raises Unusable."""
    container, stream = film.container, film.stream
    frame = _frame_near(container, stream, min(film.duration / 10, 1.0))
    _check_end(film)
    turned = frame.rotation % 180 != 0
    width, height = (frame.height, frame.width) if turned else (frame.width, frame.height)
    _save_frame(frame, poster_path)
    sound = container.streams.audio[0].codec if container.streams.audio else None
    return {
        "container": container_name(container, path),
        "codec": stream.codec.canonical_name[:NAME_LENGTH],
        "width": width,
        "height": height,
        "fps": float(stream.average_rate or stream.guessed_rate or 0) or 1.0,
        "duration_seconds": film.duration,
        "size_bytes": os.path.getsize(path),
        "audio_codec": sound.canonical_name[:NAME_LENGTH] if sound else None,
        "is_rotated": frame.rotation % 360 != 0,
    }


def save_strip(film: Film, path: str) -> None:
    """Frames at evenly spaced moments, side by side, upright, each 90 pixels wide; nothing when there are none."""
    begun, reader, found = time.monotonic(), Reader(film), list[Image.Image | None]()
    for number in range(STRIP_FRAMES):
        moment = (number + 0.5) / STRIP_FRAMES * film.duration
        frame = None
        # One moment that can't be reached is no reason to have no strip.
        with suppress(av.error.FFmpegError, EOFError):
            frame = reader.frame_at(moment, begun + STRIP_SECONDS * (number + 1) / STRIP_FRAMES)
        found.append(_small(frame) if frame else None)
    pictures = [picture for picture in found if picture]
    if not pictures:
        return
    last, height = pictures[0], pictures[0].height
    strip = Image.new("RGB", (STRIP_FRAMES * STRIP_WIDTH, height))
    for number, picture in enumerate(found):
        last = picture or last
        strip.paste(last, (number * STRIP_WIDTH, 0))
    strip.save(f"{path}.part", "JPEG", quality=80)
    os.replace(f"{path}.part", path)


def save_frame(film: Film, seconds: float, path: str) -> None:
    """The very frame that is shown at this moment, or the last one. Raises Unusable."""
    frame = Reader(film).frame_at(min(seconds, film.duration))
    if frame is None:
        raise Unusable("video_truncated")
    _save_frame(frame, path)


def open_container(path: str) -> InputContainer:
    """The opened file. Raises Unusable when it is none that FFmpeg knows."""
    try:
        # Only local files, and only formats that name no others: an upload must not make the probe read or call elsewhere.
        return av.open(path, options={"protocol_whitelist": "file", "format_whitelist": FORMATS})
    except (av.error.InvalidDataError, av.error.ArgumentError):
        # An MP4 whose index was cut off still begins as one.
        with open(path, "rb") as file:
            raise Unusable("video_truncated" if file.read(12)[4:8] == b"ftyp" else "video_not_media") from None


def container_name(container: InputContainer, path: str) -> str:
    """mp4, mov or webm, or FFmpeg's name for anything else; FFmpeg reads each family by one name."""
    names = container.format.name.split(",")
    if "mp4" in names:
        brand = container.metadata.get("major_brand", "")
        return CONTAINER_BY_BRAND.get(brand, "3gp" if brand.startswith("3g") else "mp4")
    if "webm" in names:
        with open(path, "rb") as file:
            return "webm" if b"webm" in file.read(64) else "mkv"
    return names[0][:NAME_LENGTH]


def _has_moving_picture(stream: VideoStream, container: InputContainer) -> bool:
    # FFmpeg reads text as terminal art, pictures as one-frame videos, and covers of songs as streams.
    still = container.format.name in {"tty", "image2", "gif"} or container.format.name.endswith("_pipe")
    return not still and not (int(stream.disposition) & 0x400)


def _duration(container: InputContainer, stream: VideoStream) -> float:
    seconds = 0.0
    if stream.duration and stream.time_base:
        seconds = float(stream.duration * stream.time_base)
    elif container.duration:
        seconds = container.duration / av.time_base
    if seconds <= 0:
        raise Unusable("video_broken")
    return seconds


def _frame_near(container: InputContainer, stream: VideoStream, seconds: float) -> VideoFrame:
    # Some formats seek to where no picture begins; then the first one has to do.
    for start in (seconds, 0.0):
        container.seek(int(start * av.time_base))
        for frame in container.decode(stream):
            return frame
    raise Unusable("video_truncated")


def _check_end(film: Film) -> None:
    # An index at the front of the file promises frames that a cut-off copy does not hold.
    film.container.seek(int(max(0.0, film.duration - END_TOLERANCE_SECONDS) * av.time_base))
    last = Fraction(0)
    for packet in film.container.demux(film.stream):
        if packet.is_corrupt:
            raise Unusable("video_truncated")
        if packet.pts is not None and packet.time_base is not None:
            last = max(last, (packet.pts + (packet.duration or 0)) * packet.time_base)
    if float(last) - film.origin < film.duration - END_TOLERANCE_SECONDS:
        raise Unusable("video_truncated")


def _save_frame(frame: VideoFrame, path: str) -> None:
    image = _upright(frame, frame.to_image())  # type: ignore[no-untyped-call]  # PyAV leaves it untyped
    image.thumbnail((POSTER_SIDE, POSTER_SIDE))
    image.convert("RGB").save(path, "JPEG", quality=82)


def _small(frame: VideoFrame) -> Image.Image:
    """The frame as it stands in the strip; scaled by FFmpeg, which is quick with large ones."""
    turned = frame.rotation % 180 != 0
    shape = frame.width / frame.height if turned else frame.height / frame.width
    height = min(max(1, round(STRIP_WIDTH * shape)), STRIP_WIDTH * 12)
    width, height = (height, STRIP_WIDTH) if turned else (STRIP_WIDTH, height)
    scaled = frame.reformat(width=width, height=height, format="rgb24")
    return _upright(frame, scaled.to_image())  # type: ignore[no-untyped-call]  # as above


def _upright(frame: VideoFrame, image: Image.Image) -> Image.Image:
    return image.rotate(frame.rotation, expand=True) if frame.rotation else image
