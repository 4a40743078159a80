"""Looks into an uploaded file in a process of its own, under limits, and never believes its name."""

from __future__ import annotations

import tempfile
from pathlib import Path

from app.domain.media_rules import PhotoFacts, VideoFacts
from app.infra.media_decoding import Unusable, problem_of, run_child
from app.services.ports import Probe


def probe_media(path: str) -> Probe:
    """Facts, poster and strip of the video or photo at `path`, or the one problem that makes it unusable."""
    with tempfile.TemporaryDirectory(prefix="oncue-probe-") as directory:
        poster, strip = Path(directory, "poster.jpg"), Path(directory, "strip.jpg")
        try:
            found = run_child("probe", path, str(poster), str(strip))
            facts = VideoFacts(**found) if "fps" in found else PhotoFacts(**found)
            return Probe(facts, poster.read_bytes(), None, strip.read_bytes() if strip.exists() else None)
        except Unusable as error:
            return Probe(None, None, error.problem)
        except (TypeError, OSError):
            return Probe(None, None, problem_of("video_broken", {}, path))
