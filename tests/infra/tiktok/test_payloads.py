"""The bodies that TikTok takes and the header that its upload host sends."""

from __future__ import annotations

from dataclasses import replace

import pytest

from app.domain.post_rules import PostMode, PrivacyLevel
from app.domain.upload_plan import plan_upload
from app.infra.tiktok.payloads import photo_init, received_bytes, video_init
from app.services.ports import PhotoInit, VideoInit

REQUEST = VideoInit(PostMode.DIRECT, "Behind the counter #coffee\n☕", PrivacyLevel.FRIENDS, allow_comment=True, allow_duet=False,
                    allow_stitch=True, plan=plan_upload(150_000_000))


def test_an_init_says_everything_explicitly():
    assert video_init(REQUEST) == {
        "post_info": {
            "title": "Behind the counter #coffee\n☕", "privacy_level": "MUTUAL_FOLLOW_FRIENDS",
            "disable_comment": False, "disable_duet": True, "disable_stitch": False,
            "brand_content_toggle": False, "brand_organic_toggle": False, "is_aigc": False,
        },
        "source_info": {"source": "FILE_UPLOAD", "video_size": 150_000_000, "chunk_size": 64_000_000, "total_chunk_count": 2},
    }


@pytest.mark.parametrize("level", list(PrivacyLevel))
def test_an_audience_goes_out_under_tiktok_s_own_name(level):
    request = VideoInit(PostMode.DIRECT, "", level, False, False, False, plan_upload(1))
    assert video_init(request)["post_info"]["privacy_level"] == level.value


@pytest.mark.parametrize(("header", "received"), [
    ("bytes 0-5242879/10485760", 5_242_879),
    ("bytes 0-10485760/10485760", 10_485_760),
    ("bytes 0-0/10", 0),
    ("bytes  0-7/10", 7),
    ("bytes 0-3999999999/4000000000", 3_999_999_999),
    (None, None), ("", None), ("bytes */10", None), ("bytes 5-9/10", None), ("0-5/10", None), ("bytes 0-5", None), ("bytes 0-/10", None),
    ("bytes 0--1/10", None), ("items 0-5/10", None), ("bytes 0-5/10, bytes 0-9/10", None),
])
def test_reads_the_progress_that_the_upload_host_reports(header, received):
    assert received_bytes(header) == received


def test_the_moment_of_a_cover_is_said_only_when_one_was_chosen():
    assert video_init(replace(REQUEST, cover_timestamp_ms=0))["post_info"]["video_cover_timestamp_ms"] == 0
    chosen = video_init(replace(REQUEST, cover_timestamp_ms=7200))
    assert chosen["post_info"]["video_cover_timestamp_ms"] == 7200 and "video_cover_timestamp_ms" not in chosen["source_info"]
    assert "cover" not in str(video_init(REQUEST))
    assert "cover" not in str(video_init(replace(REQUEST, mode=PostMode.INBOX, cover_timestamp_ms=7200)))


def test_a_video_for_the_inbox_says_its_file_alone():
    request = VideoInit(PostMode.INBOX, "Not sent", None, True, True, True, plan_upload(10))
    assert video_init(request) == {
        "source_info": {"source": "FILE_UPLOAD", "video_size": 10, "chunk_size": 10, "total_chunk_count": 1}}


URLS = ("https://oncue.example.com/pull/t/0.jpeg", "https://oncue.example.com/pull/t/1.webp")


def test_photos_are_posted_with_every_choice_said():
    body = photo_init(PhotoInit(PostMode.DIRECT, "Title", "Text", PrivacyLevel.FRIENDS, True, True, URLS, 1))
    assert body == {
        "media_type": "PHOTO", "post_mode": "DIRECT_POST", "is_aigc": False,
        "post_info": {"title": "Title", "description": "Text", "privacy_level": "MUTUAL_FOLLOW_FRIENDS", "disable_comment": False,
                      "auto_add_music": True, "brand_content_toggle": False, "brand_organic_toggle": False},
        "source_info": {"source": "PULL_FROM_URL", "photo_images": list(URLS), "photo_cover_index": 1}}


def test_photos_for_the_inbox_bring_their_texts_alone():
    body = photo_init(PhotoInit(PostMode.INBOX, "Title", "Text", None, True, True, URLS, 0))
    assert (body["post_mode"], body["post_info"]) == ("MEDIA_UPLOAD", {"title": "Title", "description": "Text"})
