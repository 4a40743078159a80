"""What was declared about a file, beside what its bytes are."""

from __future__ import annotations

import math

import pytest

from app.domain.media_rules import DeclaredFacts, PhotoFacts, VideoFacts, declared_problems

VIDEO = VideoFacts(container="mp4", codec="h264", width=1080, height=1920, fps=30.0, duration_seconds=15.02, size_bytes=5_000_000)
PHOTO = PhotoFacts(container="jpeg", width=1080, height=1350, size_bytes=300_000)
HASH = "ab" * 32


@pytest.mark.parametrize(("facts", "declared"), [
    (VIDEO, {}),
    (PHOTO, {}),
    (VIDEO, {"content_type": "video/mp4", "size_bytes": 5_000_000, "width": 1080, "height": 1920, "duration_seconds": 15.02,
             "sha256": HASH}),
    (PHOTO, {"content_type": "image/jpeg", "size_bytes": 300_000, "width": 1080, "height": 1350, "sha256": HASH}),
    (VIDEO, {"content_type": " Video/MP4; codecs=avc1 "}), (VIDEO, {"content_type": "video/x-m4v"}),
    (PHOTO, {"content_type": "image/jpg"}), (VIDEO, {"content_type": "application/octet-stream"}), (VIDEO, {"content_type": ""}),
    (VIDEO, {"duration_seconds": 15}), (VIDEO, {"duration_seconds": 15.5}), (VIDEO, {"duration_seconds": 14.53}),
    (VIDEO, {"sha256": HASH.upper()}),
    (PhotoFacts("png", 10, 10, 10), {"content_type": "image/png"}),
    (PhotoFacts("heic", 10, 10, 10), {"content_type": "image/heif"}),
])
def test_what_is_true_is_no_problem(facts, declared):
    assert declared_problems(DeclaredFacts(**declared), facts, HASH) == []


@pytest.mark.parametrize(("facts", "declared", "code", "values"), [
    (VIDEO, {"content_type": "video/quicktime"}, "content_type", ["video/quicktime", "video/mp4"]),
    (VIDEO, {"content_type": "image/jpeg"}, "content_type", ["image/jpeg", "video/mp4"]),
    (VIDEO, {"content_type": "rubbish"}, "content_type", ["rubbish", "video/mp4"]),
    (PHOTO, {"content_type": "image/png"}, "content_type", ["image/png", "image/jpeg"]),
    (VIDEO, {"size_bytes": 4_999_999}, "size_bytes", ["4999999", "5000000"]),
    (VIDEO, {"size_bytes": 0}, "size_bytes", ["0", "5000000"]),
    (VIDEO, {"width": 1920}, "width", ["1920", "1080"]),
    (PHOTO, {"height": 1080}, "height", ["1080", "1350"]),
    (VIDEO, {"duration_seconds": 15.53}, "duration_seconds", ["15.53", "15.020"]),
    (VIDEO, {"duration_seconds": 0}, "duration_seconds", ["0", "15.020"]),
    (VIDEO, {"duration_seconds": math.nan}, "duration_seconds", ["nan", "15.020"]),
    (PHOTO, {"duration_seconds": 3}, "duration_seconds", ["3", "a picture"]),
    (PHOTO, {"sha256": "cd" * 32}, "sha256", ["cd" * 32, HASH]),
    (PHOTO, {"sha256": ""}, "sha256", [HASH]),
])
def test_what_is_not_true_is_told_with_both_values(facts, declared, code, values):
    problem, = declared_problems(DeclaredFacts(**declared), facts, HASH)
    assert (problem.code, problem.field) == (f"declared_{code}", code)
    assert all(value in problem.message for value in values)


def test_every_contradiction_is_told_at_once():
    declared = DeclaredFacts(content_type="video/webm", size_bytes=1, width=1, height=1, duration_seconds=1, sha256="0" * 64)
    assert [problem.field for problem in declared_problems(declared, VIDEO, HASH)] == [
        "content_type", "size_bytes", "width", "height", "duration_seconds", "sha256"]
