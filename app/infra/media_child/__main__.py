"""The child's side: sets its own limits, does one task, prints one JSON object.

    python -m app.infra.media_child probe FILE POSTER STRIP
    python -m app.infra.media_child convert FILE JPEG
    python -m app.infra.media_child frame FILE JPEG MILLISECONDS
"""

from __future__ import annotations

import json
import resource
import struct
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from app.infra.media_child import photos
from app.infra.media_child.answers import Unusable

MEMORY_BYTES = 3 * 2**30
CPU_SECONDS = 60
DAMAGE = (OSError, ValueError, SyntaxError, LookupError, TypeError, ArithmeticError, RuntimeError, EOFError, MemoryError, struct.error)
"""What decoders raise over hostile bytes, FFmpeg's errors included."""


def main(task: str, path: str, *arguments: str) -> None:
    """Set the limits, then look; whatever goes wrong is an answer too."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    kind = "video"
    try:
        kind = "photo" if photos.is_photo(path) else "video"
        TASKS[task](path, *arguments)
    except Unusable as error:
        answer({"problem": error.code, **error.values})
    except DAMAGE:
        answer({"problem": f"{kind}_broken"})


def answer(found: dict[str, Any]) -> None:
    """Say it at once: what the child dies of afterwards takes nothing back."""
    sys.stdout.write(json.dumps(found) + "\n")
    sys.stdout.flush()


def probe(path: str, poster_path: str, strip_path: str) -> None:
    """Facts and poster of any file, and a video's strip when it can be had."""
    if photos.is_photo(path):
        answer(photos.inspect_photo(path, poster_path))
        return
    from app.infra.media_child import videos  # FFmpeg is not needed for photos

    with videos.opened(path) as film:
        answer(videos.inspect_video(film, path, poster_path))
        with suppress(*DAMAGE):
            videos.save_strip(film, strip_path)


def convert(path: str, jpeg_path: str) -> None:
    """Make a photo that TikTok takes."""
    photos.save_for_tiktok(path, jpeg_path)
    answer({})


def frame(path: str, jpeg_path: str, milliseconds: str) -> None:
    """Take one frame of a video."""
    from app.infra.media_child import videos

    with videos.opened(path) as film:
        videos.save_frame(film, int(milliseconds) / 1000, jpeg_path)
    answer({})


TASKS: dict[str, Callable[..., None]] = {"probe": probe, "convert": convert, "frame": frame}


if __name__ == "__main__":
    main(*sys.argv[1:])
