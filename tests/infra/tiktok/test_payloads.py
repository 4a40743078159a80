"""The bodies that TikTok takes and the header that its upload host sends."""

from __future__ import annotations

import pytest

from app.domain.post_rules import PrivacyLevel
from app.domain.upload_plan import plan_upload
from app.infra.tiktok.payloads import received_bytes, video_init
from app.services.ports import VideoInit

REQUEST = VideoInit("Behind the counter #coffee\n☕", PrivacyLevel.FRIENDS, allow_comment=True, allow_duet=False, allow_stitch=True,
                    plan=plan_upload(150_000_000))


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
    request = VideoInit("", level, False, False, False, plan_upload(1))
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
