"""A small real video, made on the spot with PyAV."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import cast

import av
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from PIL import Image, ImageDraw


def make_video(path: Path, *, seconds: float = 2, width: int = 360, height: int = 640, fps: int = 30, codec: str = "libx264",
               container: str | None = None, bit_rate: int = 300_000, options: dict[str, str] | None = None) -> Path:
    """A bar that moves down a changing ground; returns the path."""
    with av.open(str(path), "w", format=container) as output:
        stream = cast(VideoStream, output.add_stream(codec, rate=Fraction(fps), options=options or {}))
        stream.width, stream.height, stream.pix_fmt, stream.bit_rate = width, height, "yuv420p", bit_rate
        total = int(seconds * fps)
        for number in range(total):
            output.mux(stream.encode(_frame(number, total, width, height)))
        output.mux(stream.encode())
    return path


def _frame(number: int, total: int, width: int, height: int) -> VideoFrame:
    share = number / max(1, total - 1)
    image = Image.new("RGB", (width, height), (40 + int(150 * share), 60, 160 - int(100 * share)))
    y = int((height - 40) * share)
    ImageDraw.Draw(image).rectangle((20, y, width - 20, y + 40), fill=(250, 240, 210))
    return cast(VideoFrame, VideoFrame.from_image(image))  # type: ignore[no-untyped-call]  # PyAV leaves it untyped
