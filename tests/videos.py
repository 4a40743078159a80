"""Small real videos and photos."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from app.demo_video import make_video

__all__ = ["make_photo", "make_video"]


def make_photo(path: Path, number: int = 0, size: tuple[int, int] = (360, 640)) -> Path:
    """A JPEG of one colour, another for each number."""
    Image.new("RGB", size, (number * 40 % 256, 90, 160)).save(path, "JPEG")
    return path
