"""What TikTok takes as a video, at and on both sides of each limit."""

from __future__ import annotations

from dataclasses import replace

import pytest

from app.domain.media_rules import CODECS, CONTAINERS, VideoFacts, duration_problem, duration_text, video_problems

GOOD = VideoFacts(container="mp4", codec="h264", width=1080, height=1920, fps=30.0, duration_seconds=15.0, size_bytes=5_000_000)


def codes(**changes) -> list[str]:
    return [problem.code for problem in video_problems(replace(GOOD, **changes))]


@pytest.mark.parametrize("facts", [
    {},
    {"container": "mov"}, {"container": "webm"},
    {"codec": "hevc"}, {"codec": "vp8"}, {"codec": "vp9"},
    {"fps": 23.0}, {"fps": 24000 / 1001}, {"fps": 24.0}, {"fps": 25.0}, {"fps": 30000 / 1001}, {"fps": 50.0},
    {"fps": 60000 / 1001}, {"fps": 60.0}, {"fps": 60.01},
    {"width": 360, "height": 360}, {"width": 4096, "height": 4096}, {"width": 4096, "height": 360},
    {"duration_seconds": 600.0}, {"duration_seconds": 0.1},
    {"size_bytes": 4_000_000_000}, {"size_bytes": 1},
])
def test_takes_what_lies_within_the_limits_the_limits_included(facts):
    assert codes(**facts) == []


@pytest.mark.parametrize(("facts", "expected"), [
    ({"container": "mkv"}, ["video_container"]),
    ({"container": "avi"}, ["video_container"]),
    ({"container": "3gp"}, ["video_container"]),
    ({"codec": "mpeg4"}, ["video_codec"]),
    ({"codec": "av1"}, ["video_codec"]),
    ({"codec": "prores"}, ["video_codec"]),
    ({"fps": 22.9}, ["video_frame_rate"]),
    ({"fps": 15.0}, ["video_frame_rate"]),
    ({"fps": 60.1}, ["video_frame_rate"]),
    ({"fps": 120.0}, ["video_frame_rate"]),
    ({"width": 359}, ["video_dimensions"]),
    ({"height": 359}, ["video_dimensions"]),
    ({"width": 4097}, ["video_dimensions"]),
    ({"height": 4097}, ["video_dimensions"]),
    ({"duration_seconds": 600.1}, ["video_duration"]),
    ({"size_bytes": 4_000_000_001}, ["video_size"]),
    ({"container": "avi", "codec": "mpeg4", "fps": 15.0, "width": 320, "height": 240, "duration_seconds": 700.0,
      "size_bytes": 5_000_000_000},
     ["video_container", "video_codec", "video_frame_rate", "video_dimensions", "video_duration", "video_size"]),
])
def test_names_each_reason_why_tiktok_would_refuse_it(facts, expected):
    assert codes(**facts) == expected


@pytest.mark.parametrize(("facts", "words"), [
    ({"container": "mkv"}, ["mkv", "MP4, MOV and WebM"]),
    ({"codec": "mpeg4"}, ["mpeg4", "H.264, H.265, VP8 and VP9"]),
    ({"fps": 15.0}, ["15", "23 to 60"]),
    ({"width": 200, "height": 300}, ["200 × 300", "360 to 4,096"]),
    ({"duration_seconds": 725.0}, ["12:05", "10 minutes"]),
    ({"size_bytes": 4_100_000_000}, ["4 GB"]),
])
def test_says_what_was_found_and_what_is_allowed(facts, words):
    problem, = video_problems(replace(GOOD, **facts))
    assert problem.field == "media"
    assert all(word in problem.message for word in words)


def test_every_container_that_is_taken_has_the_content_type_of_its_upload():
    assert CONTAINERS == {"mp4": "video/mp4", "mov": "video/quicktime", "webm": "video/webm"}
    assert set(CODECS) == {"h264", "hevc", "vp8", "vp9"}


@pytest.mark.parametrize(("seconds", "limit", "refused"), [(60.0, 60, False), (60.01, 60, True), (59.9, 60, False), (601, 600, True)])
def test_a_creator_s_own_limit_is_inclusive(seconds, limit, refused):
    problem = duration_problem(seconds, limit, "Das Kabinett")
    assert (problem is not None) == refused


def test_a_creator_s_own_limit_is_named_with_the_creator():
    problem = duration_problem(75.0, 60, "Das Kabinett")
    assert problem.code == "video_too_long_for_creator"
    assert "Das Kabinett" in problem.message and "1:00" in problem.message and "1:15" in problem.message


@pytest.mark.parametrize(("seconds", "text"), [(0, "0:00"), (9.99, "0:09"), (60, "1:00"), (65.2, "1:05"), (600, "10:00"), (3725, "62:05")])
def test_durations_read_as_minutes_and_seconds(seconds, text):
    assert duration_text(seconds) == text
