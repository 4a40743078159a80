"""Small real videos and photos."""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path

from PIL import Image

from app.demo_video import make_video

__all__ = ["fill_up", "make_photo", "make_video", "short_clip"]
BLOCK = bytes(range(256)) * 4096


@cache
def short_clip() -> bytes:
    """Two seconds of 360 × 640 H.264 at 30 frames per second, made once in a run."""
    with tempfile.TemporaryDirectory() as directory:
        return make_video(Path(directory, "clip.mp4")).read_bytes()


def make_photo(path: Path, number: int = 0, size: tuple[int, int] = (360, 640)) -> Path:
    """A JPEG of one colour, another for each number."""
    Image.new("RGB", size, (number * 40 % 256, 90, 160)).save(path, "JPEG")
    return path


def fill_up(video: Path, path: Path, size: int) -> Path:
    """That MP4 at `path`, still playable, with a `free` box behind it that makes it so many bytes."""
    with path.open("wb") as file:
        file.write(video.read_bytes())
        file.write((size - file.tell()).to_bytes(4, "big") + b"free")
        while (left := size - file.tell()) > 0:
            file.write(BLOCK[:left])
    return path
