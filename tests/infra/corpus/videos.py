"""Films of each codec, container, frame rate, size, rotation and length, whole and cut off."""

from __future__ import annotations

import io
import random
import struct
import tempfile
import zipfile
from collections.abc import Callable
from fractions import Fraction
from functools import cache, partial
from pathlib import Path
from typing import Any

import av

from tests.infra.corpus.sample import Sample, film

LOW = ("video_low_resolution",)
LONG, SIZE = "video_duration", "video_dimensions"
CONTAINER, CODEC, RATE = "video_container", "video_codec", "video_frame_rate"


def _kind(name: str, codec: str, facts: str, *problems: str, size: tuple[int, int] = (360, 640), **how: Any) -> Sample:
    container, coded, *sound = facts.split()
    expected = {"container": container, "codec": coded, "audio_codec": sound[0] if sound else None, "width": size[0], "height": size[1],
                "is_rotated": False}
    return Sample(name, partial(film, codec=codec, size=size, **how), expected, problems, _warnings(*size))


def _warnings(width: int, height: int) -> tuple[str, ...]:
    return (*(("video_letterboxed",) if width > height else ()), *(LOW if min(width, height) < 720 else ()))


KINDS = (
    _kind("best.mp4", "libx264", "mp4 h264 aac", size=(720, 1280), sound="aac", fps=30),
    _kind("hevc.mp4", "libx265", "mp4 hevc"),
    _kind("hevc-10-bit.mp4", "libx265", "mp4 hevc", pixels="yuv420p10le"),
    _kind("vp9.mp4", "libvpx-vp9", "mp4 vp9"),
    _kind("av1.mp4", "libsvtav1", "mp4 av1", CODEC),
    _kind("mpeg4.mp4", "mpeg4", "mp4 mpeg4", CODEC),
    _kind("h264-10-bit.mp4", "libx264", "mp4 h264", pixels="yuv420p10le"),
    _kind("h264-444.mp4", "libx264", "mp4 h264", pixels="yuv444p"),
    _kind("apple.m4v", "libx264", "mp4 h264"),
    _kind("fragmented.mp4", "libx264", "mp4 h264", options={"movflags": "frag_keyframe+empty_moov"}),
    _kind("faststart.mp4", "libx264", "mp4 h264", options={"movflags": "faststart"}),
    _kind("h264.mov", "libx264", "mov h264 pcm_s16le", sound="pcm_s16le"),
    _kind("prores.mov", "prores_ks", "mov prores", CODEC, pixels="yuv422p10le"),
    _kind("mjpeg.mov", "mjpeg", "mov mjpeg", CODEC, pixels="yuvj420p"),
    _kind("animation.mov", "qtrle", "mov qtrle", CODEC, pixels="rgb24"),
    _kind("vp8.webm", "libvpx", "webm vp8 opus", sound="libopus"),
    _kind("vp9.webm", "libvpx-vp9", "webm vp9"),
    _kind("av1.webm", "libsvtav1", "webm av1", CODEC),
    _kind("h264.mkv", "libx264", "mkv h264 mp3", CONTAINER, sound="libmp3lame"),
    _kind("mpeg4.avi", "mpeg4", "avi mpeg4", CONTAINER, CODEC),
    _kind("raw.avi", "rawvideo", "avi rawvideo", CONTAINER, CODEC, frames=2),
    _kind("h264.ts", "libx264", "mpegts h264", CONTAINER),
    _kind("mpeg1.mpg", "mpeg1video", "mpeg mpeg1video", CONTAINER, CODEC),
    _kind("h264.3gp", "libx264", "3gp h264", CONTAINER),
    _kind("h263.3gp", "h263", "3gp h263", CONTAINER, CODEC, size=(704, 576)),
    _kind("flash.flv", "flv", "flv flv1", CONTAINER, CODEC),
    _kind("h264.flv", "libx264", "flv h264", CONTAINER),
    _kind("wmv2.wmv", "wmv2", "asf wmv2", CONTAINER, CODEC),
    _kind("mp4-called.webm", "libx264", "mp4 h264", container="mp4"),
    _kind("webm-called.mp4", "libvpx", "webm vp8", container="webm"),
    _kind("one-frame.mp4", "libx264", "mp4 h264", frames=1),
)

RATES = (
    *(Sample(f"rate-{name}.mp4", partial(film, fps=Fraction(rate), frames=3), {"fps": float(Fraction(rate))}, problems, LOW)
      for name, rate, problems in (
          ("10", "10", (RATE,)), ("22.9", "22.9", (RATE,)), ("23", "23", ()), ("23.976", "24000/1001", ()), ("24", "24", ()),
          ("59.94", "60000/1001", ()), ("60", "60", ()), ("60.01", "60.01", ()), ("120", "120", (RATE,)))),
    Sample("rate-varies.mp4", partial(film, moments=[0, 20, 40, 90, 160, 200, 210, 240]), {"fps": 8 / 0.28}, (), LOW),
    Sample("rate-sinks.mp4", partial(film, moments=[0, 40, 80, 1000, 2000, 3000, 3040]), {}, (RATE,), LOW),
)

SIZES = tuple(
    Sample(f"size-{width}x{height}.mp4", partial(film, size=(width, height), fps=30, frames=2), {"width": width, "height": height},
           problems, _warnings(width, height))
    for width, height, problems in (
        (358, 640, (SIZE,)), (360, 360, ()), (4096, 360, ()), (4098, 360, (SIZE,)), (360, 4098, (SIZE,)), (1280, 720, ()), (4096, 4096, ()),
    )
)


def with_matrix(content: bytes, matrix: tuple[int, int, int, int]) -> bytes:
    """A film with another matrix in its track header, as phones write it."""
    start = content.index(b"tkhd") + 4 + 40
    a, b, c, d = (part * 0x10000 for part in matrix)
    return content[:start] + struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 0x40000000) + content[start + 36:]


def turned(path: Path, matrix: tuple[int, int, int, int]) -> None:
    path.write_bytes(with_matrix(_clip(), matrix))


TURNED = tuple(
    Sample(f"turned-{degrees}.mp4", partial(turned, matrix=matrix), {"width": width, "height": height, "is_rotated": degrees > 0}, (),
           _warnings(width, height))
    for degrees, matrix, width, height in (
        (0, (1, 0, 0, 1), 360, 640), (90, (0, 1, -1, 0), 640, 360), (180, (-1, 0, 0, -1), 360, 640), (270, (0, -1, 1, 0), 640, 360),
    )
)


def looped(path: Path, seconds: int) -> None:
    """One second of film, its packets written again and again: long, and quickly made."""
    with av.open(io.BytesIO(_film_of_a_second())) as source, av.open(str(path), "w") as output:
        stream = source.streams.video[0]
        copy = output.add_stream_from_template(stream)
        packets = [(bytes(packet), packet.pts, packet.dts, packet.is_keyframe) for packet in source.demux(stream) if packet.size]
        second = int(1 / stream.time_base)
        for number in range(seconds):
            for content, pts, dts, is_keyframe in packets:
                packet = av.Packet(content)
                packet.pts, packet.dts, packet.time_base = pts + number * second, dts + number * second, stream.time_base
                packet.stream, packet.is_keyframe = copy, is_keyframe
                output.mux(packet)


LENGTHS = (
    Sample("ten-minutes.mp4", partial(looped, seconds=600), {"duration_seconds": 600.0}, (), LOW),
    Sample("over-ten-minutes.mp4", partial(looped, seconds=601), {"duration_seconds": 601.0}, (LONG,), LOW),
)


@cache
def _clip(name: str = "clip.mp4", frames: int = 10, is_front_indexed: bool = False) -> bytes:
    with tempfile.TemporaryDirectory() as directory:
        codec, fps = ("libvpx", 5) if name.endswith("webm") else ("libx264", 25)
        return film(Path(directory, name), codec, frames=frames, fps=fps, options={"movflags": "faststart"} if is_front_indexed else {}
                    ).read_bytes()


def _film_of_a_second() -> bytes:
    return _clip("second.mp4", frames=25)


def _front_indexed() -> bytes:
    """Eight seconds, so that what is cut off is more than the tolerance at the end."""
    return _clip("front.mp4", frames=200, is_front_indexed=True)


def _written(make: Callable[[], bytes]) -> Callable[[Path], object]:
    return lambda path: path.write_bytes(make())


def _cut(make: Callable[[], bytes], share: float) -> Callable[[Path], object]:
    return _written(lambda: (whole := make())[:int(len(whole) * share)])


def _damaged() -> bytes:
    content = bytearray(_clip())
    middle = len(content) // 2
    content[middle:middle + 40] = random.Random(3).randbytes(40)
    return bytes(content)


def _archived() -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("evil.sh", "#!/bin/sh\n")
    return archive.getvalue()


CUT = (
    *(Sample(f"cut-at-{share}.mp4", _cut(_clip, share), refused="video_truncated") for share in (0.01, 0.1, 0.5, 0.99)),
    *(Sample(f"indexed-in-front-cut-at-{share}.mp4", _cut(_front_indexed, share), refused="video_truncated") for share in (0.1, 0.5, 0.7)),
    Sample("indexed-in-front-whole.mp4", _written(_front_indexed), {"duration_seconds": 8.0}, (), LOW),
    Sample("cut.webm", _cut(lambda: _clip("long.webm", frames=40), 0.5), refused="video_truncated"),
    Sample("cut.flv", _cut(lambda: _clip("clip.flv"), 0.6), refused="video_truncated"),
    Sample("cut.ts", _cut(lambda: _clip("clip.ts"), 0.6), {"container": "mpegts"}, (CONTAINER,), LOW),
    Sample("only-a-head.mp4", _written(lambda: b"\x00\x00\x00\x20ftypisom\x00\x00\x02\x00isomiso2avc1mp41"), refused="video_truncated"),
    Sample("damaged-in-the-middle.mp4", _written(_damaged), {"codec": "h264"}, (), LOW),
    Sample("noise-in-the-index.mp4", _written(lambda: (whole := _clip())[:whole.index(b"moov") + 12] + random.Random(2).randbytes(2000)),
           refused="video_broken"),
    Sample("film-and-page.mp4", _written(lambda: _clip() + b"<html><script>alert(1)</script></html>"), {"container": "mp4"}, (), LOW),
    Sample("film-and-archive.mp4", _written(lambda: _clip() + _archived()), {"container": "mp4"}, (), LOW),
)

VIDEOS = (*KINDS, *RATES, *SIZES, *TURNED, *LENGTHS, *CUT)
