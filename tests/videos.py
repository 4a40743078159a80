"""Small real videos, made with PyAV."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
from PIL import Image, ImageDraw


def make_video(path: Path, *, seconds: float = 2, width: int = 360, height: int = 640, fps: int = 30, codec: str = "libx264",
               container: str | None = None, bit_rate: int = 300_000, options: dict[str, str] | None = None) -> Path:
    """A moving bar on a changing ground; returns the path."""
    with av.open(str(path), "w", format=container) as output:
        stream = output.add_stream(codec, rate=Fraction(fps), options=options or {})
        stream.width, stream.height, stream.pix_fmt, stream.bit_rate = width, height, "yuv420p", bit_rate
        total = int(seconds * fps)
        for number in range(total):
            image = Image.new("RGB", (width, height), (40 + 150 * number // total, 60, 160 - 100 * number // total))
            y = (height - 40) * number // max(1, total - 1)
            ImageDraw.Draw(image).rectangle((20, y, width - 20, y + 40), fill=(250, 240, 210))
            for packet in stream.encode(av.VideoFrame.from_image(image)):
                output.mux(packet)
        for packet in stream.encode():
            output.mux(packet)
    return path
