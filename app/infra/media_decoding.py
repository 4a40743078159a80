"""Starts the process that opens uploaded files: it may die or hang, and takes nothing with it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from app.domain.errors import Problem
from app.domain.media_rules import photo_too_large

TIMEOUT_SECONDS = 90
KEPT_ENVIRONMENT = ("PATH", "LD_LIBRARY_PATH", "PYTHONPATH", "TMPDIR", "LANG", "TZ")
"""The child needs no secret, so it is given none."""

WHAT_TO_CHOOSE = "Choose an MP4, MOV or WebM video, or a JPEG, WebP, PNG or HEIC photo."
AGAIN = "Export or copy it again, then upload it anew."
MESSAGES = {
    "video_not_media": f"This is not a video file or a photo, whatever its name says. {WHAT_TO_CHOOSE}",
    "video_no_video": f"There is no moving picture in this file, only sound or text. {WHAT_TO_CHOOSE}",
    "video_truncated": f"The file is incomplete: it ends before the video does. {AGAIN}",
    "video_too_many_pixels": "The video has {width:,} × {height:,} pixels. TikTok takes up to 4,096 a side; 1080 × 1920 is best.",
    "video_broken": f"The file is damaged and can't be played. {AGAIN}",
    "photo_truncated": f"The picture is incomplete: the file ends before it does. {AGAIN}",
    "photo_too_many_pixels": "The picture has {width:,} × {height:,} pixels, and Oncue opens up to 100 million together. Make it smaller,"
                             " then upload it anew.",
    "photo_broken": f"The picture is damaged and can't be shown. {AGAIN}",
    "photo_animated": "This picture moves, and TikTok shows only still photos and videos. Export it as an MP4 video, or one frame of it as"
                      " JPEG.",
    "photo_unsupported": "This is a {kind} picture, which Oncue can't open. Export it as JPEG, then upload that.",
}


class Unusable(Exception):
    """The file can't be used, for the reason that `problem` gives."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.code)
        self.problem = problem


def run_child(task: str, path: str, *arguments: str) -> dict[str, Any]:
    """The child's answer to one task. Raises Unusable for a file that is no good, and for one that kills or stops the child."""
    command = [sys.executable, "-m", "app.infra.media_child", task, path, *arguments]
    environment = {name: os.environ[name] for name in KEPT_ENVIRONMENT if name in os.environ}
    try:
        said = subprocess.run(command, capture_output=True, timeout=TIMEOUT_SECONDS, check=False, cwd=Path(__file__).parents[2],
                              env=environment).stdout
    except subprocess.TimeoutExpired as error:
        said = error.stdout or b""
    try:
        # What it died of after its answer is not worth a good file.
        found = json.loads(said.partition(b"\n")[0])
        problem = found.get("problem")
        if problem is not None:
            raise Unusable(problem_of(problem, found, path))
    except (ValueError, AttributeError, LookupError):
        raise Unusable(problem_of("video_broken", {}, path)) from None
    return dict(found)


def problem_of(code: str, values: dict[str, Any], path: str) -> Problem:
    """The words for one of the child's codes."""
    if code == "photo_too_large":
        return photo_too_large(os.path.getsize(path))
    return Problem(code, MESSAGES[code].format(**values), "media")
