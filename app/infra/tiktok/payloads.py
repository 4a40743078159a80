"""The bodies that TikTok's posting endpoints take, and the headers that its upload host sends."""

from __future__ import annotations

import re
from typing import Any

from app.domain.post_rules import PostMode
from app.services.ports import PhotoInit, VideoInit


def video_init(request: VideoInit) -> dict[str, Any]:
    """Body of /v2/post/publish/video/init/ or its inbox sister for a file; every boolean is said explicitly."""
    source = {
        "source": "FILE_UPLOAD",
        "video_size": request.plan.size,
        "chunk_size": request.plan.chunk_size,
        "total_chunk_count": request.plan.count,
    }
    if request.mode is PostMode.INBOX:
        return {"source_info": source}
    assert request.privacy_level is not None
    cover = {} if request.cover_timestamp_ms is None else {"video_cover_timestamp_ms": request.cover_timestamp_ms}
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
            **cover,
        },
        "source_info": source,
    }


def photo_init(request: PhotoInit) -> dict[str, Any]:
    """Body of /v2/post/publish/content/init/; for the inbox TikTok carries over the two texts alone."""
    info: dict[str, Any] = {"title": request.title, "description": request.description}
    if request.mode is PostMode.DIRECT:
        assert request.privacy_level is not None
        info |= {
            "privacy_level": request.privacy_level.value,
            "disable_comment": not request.allow_comment,
            "auto_add_music": request.auto_add_music,
            "brand_content_toggle": False,
            "brand_organic_toggle": False,
        }
    return {
        "media_type": "PHOTO",
        "post_mode": "DIRECT_POST" if request.mode is PostMode.DIRECT else "MEDIA_UPLOAD",
        "post_info": info,
        "source_info": {"source": "PULL_FROM_URL", "photo_images": list(request.urls), "photo_cover_index": request.cover_index},
        "is_aigc": False,
    }


def received_bytes(content_range: str | None) -> int | None:
    """The number in `bytes 0-{UPLOADED_BYTES}/{TOTAL}`, or None. TikTok leaves open whether it counts or indexes."""
    match = re.fullmatch(r"bytes\s+0-(\d+)/\d+", content_range or "")
    return int(match[1]) if match else None
