"""One file of the corpus, and what makes films."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from PIL import Image


@dataclass(frozen=True)
class Sample:
    """A file and its verdict: `refused` by the probe with this code, or facts, with the codes of their problems and warnings."""

    name: str
    make: Callable[[Path], object]
    facts: dict[str, Any] = field(default_factory=dict)
    problems: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    refused: str | None = None

    @property
    def is_good(self) -> bool:
        return not self.refused and not self.problems


def film(path: Path, codec: str = "libx264", *, container: str | None = None, fps: Fraction | int = 25, frames: int = 5,
         size: tuple[int, int] = (360, 640), pixels: str = "yuv420p", sound: str | None = None, options: dict[str, str] | None = None,
         moments: list[int] | None = None) -> Path:
    """A short video whose colour changes; `moments` (in thousandths of a second) replace its even pace."""
    quick = {"libx264": {"preset": "ultrafast"}, "libx265": {"preset": "ultrafast", "x265-params": "log-level=none"},
             "libsvtav1": {"preset": "13", "svtav1-params": "lp=1"}, "libvpx": {"deadline": "realtime", "cpu-used": "16"},
             "libvpx-vp9": {"deadline": "realtime", "cpu-used": "8"}}
    with av.open(str(path), "w", format=container, options=options or {}) as output:
        stream = output.add_stream(codec, rate=Fraction(fps), options=quick.get(codec, {}))
        stream.width, stream.height, stream.pix_fmt = *size, pixels
        if moments:
            stream.codec_context.time_base = Fraction(1, 1000)
        voice = _voice(output, sound) if sound else None
        for number in range(len(moments) if moments else frames):
            frame = av.VideoFrame.from_image(Image.new("RGB", size, (number * 9 % 256, 90, 120))).reformat(format=pixels)
            frame.pts, frame.time_base = (moments[number], Fraction(1, 1000)) if moments else (number, 1 / Fraction(fps))
            output.mux(stream.encode(frame))
        output.mux(stream.encode())
        if voice:
            _be_silent(output, voice)
    return path


def _voice(output: Any, codec: str) -> Any:
    stream = output.add_stream(codec, rate=48_000, layout="mono")
    stream.codec_context.time_base = Fraction(1, 48_000)
    stream.codec_context.open()
    return stream


def _be_silent(output: Any, stream: Any) -> None:
    samples = stream.codec_context.frame_size or 960
    for number in range(5):
        frame = av.AudioFrame(format=stream.codec_context.format.name, layout="mono", samples=samples)
        for plane in frame.planes:
            plane.update(bytes(plane.buffer_size))
        frame.sample_rate, frame.pts, frame.time_base = 48_000, number * samples, Fraction(1, 48_000)
        output.mux(stream.encode(frame))
    output.mux(stream.encode())


def song(path: Path, codec: str, container: str | None = None) -> Path:
    """A tenth of a second of silence, without a picture."""
    with av.open(str(path), "w", format=container) as output:
        _be_silent(output, _voice(output, codec))
    return path
