"""Looks into an uploaded file in a process of its own, under limits, and never believes its name.

The child decodes hostile input: it may die or hang, and takes nothing with it.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from app.domain.errors import Problem
from app.domain.media_rules import PhotoFacts, VideoFacts
from app.services.ports import Probe

TIMEOUT_SECONDS = 90

MESSAGES = {
    "not_media": "This is not a video file, whatever its name says. Choose an MP4, MOV or WebM video.",
    "no_video": "There is no picture in this file, only sound or text. Choose an MP4, MOV or WebM video.",
    "truncated": "The file is incomplete: it ends before the video does. Export or copy it again, then upload it anew.",
    "too_many_pixels": "This picture has more than 100 million pixels. Make it smaller, then upload it anew.",
    "broken": "The file is damaged and can't be played. Export or copy it again, then upload it anew.",
}


def probe_media(path: str) -> Probe:
    """Facts and poster of the video or photo at `path`, or the one problem that makes it unusable."""
    with tempfile.TemporaryDirectory(prefix="oncue-probe-") as directory:
        poster = Path(directory, "poster.jpg")
        try:
            done = subprocess.run(
                [sys.executable, "-m", "app.infra.media_probe_child", path, str(poster)],
                capture_output=True, timeout=TIMEOUT_SECONDS, check=False, cwd=Path(__file__).parents[2],
            )
            found = json.loads(done.stdout)
        except (subprocess.TimeoutExpired, ValueError):
            return _unusable("broken")
        if "problem" in found:
            return _unusable(found["problem"])
        facts = VideoFacts(**found) if "fps" in found else PhotoFacts(**found)
        return Probe(facts, poster.read_bytes(), None)


def _unusable(what: str) -> Probe:
    return Probe(None, None, Problem(f"video_{what}", MESSAGES[what], "media"))
