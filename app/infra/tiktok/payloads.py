"""The bodies that TikTok's posting endpoints take, and the headers that its upload host sends."""

from __future__ import annotations

import re
from typing import Any

from app.services.ports import VideoInit


def video_init(request: VideoInit) -> dict[str, Any]:
    """Body of /v2/post/publish/video/init/ for a file; every boolean is said explicitly."""
    return {
        "post_info": {
            "title": request.caption,
            "privacy_level": request.privacy_level.value,
            "disable_comment": not request.allow_comment,
            "disable_duet": not request.allow_duet,
            "disable_stitch": not request.allow_stitch,
            "brand_content_toggle": False,
            "brand_organic_toggle": False,
            "is_aigc": False,
        },
        "source_info": {
            "source": "FILE_UPLOAD",
            "video_size": request.plan.size,
            "chunk_size": request.plan.chunk_size,
            "total_chunk_count": request.plan.count,
        },
    }


def received_bytes(content_range: str | None) -> int | None:
    """The number in `bytes 0-{UPLOADED_BYTES}/{TOTAL}`, or None. TikTok leaves open whether it counts or indexes."""
    match = re.fullmatch(r"bytes\s+0-(\d+)/\d+", content_range or "")
    return int(match[1]) if match else None
