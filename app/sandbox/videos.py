"""Display API: `/v2/video/list/` and `/v2/video/query/` (section 11)."""

from __future__ import annotations

import math
import zlib
from typing import Any

from flask import Blueprint, request

from app.sandbox.checks import is_int
from app.sandbox.config import split_list
from app.sandbox.errors import INVALID, ApiError
from app.sandbox.gateway import Call, api, json_body
from app.sandbox.lifecycle import settle_all
from app.sandbox.records import Post
from app.sandbox.signed_urls import cover_url
from app.sandbox.world import World

videos = Blueprint("videos", __name__)

FIELDS = ("id", "create_time", "cover_image_url", "share_url", "video_description", "title", "duration", "height",
          "width", "embed_html", "embed_link", "like_count", "comment_count", "share_count", "view_count")
MOST = 20
_TEXT_LIMIT = 150
_HALF_LIFE = 36 * 3_600.0


@api(videos, "/v2/video/list/", "video_list", scopes=("video.list",), bucket="display")
def video_list(call: Call) -> dict[str, Any]:
    """Public posts, newest first; `fields` is in the query although the method is POST, the cursor in milliseconds."""
    fields = wanted_fields()
    body = json_body() if request.content_length else {}
    cursor, count = body.get("cursor", 0), body.get("max_count", 10)
    if not is_int(cursor) or not is_int(count) or not 1 <= count <= MOST or cursor < 0:
        raise ApiError(INVALID)
    before = cursor / 1000 if cursor else math.inf
    found = [post for post in listed(call) if post.created_at < before]
    shown = found[:count]
    last = int(shown[-1].created_at * 1000) if shown else cursor
    return {"videos": [describe(call.world, post, fields) for post in shown], "cursor": last,
            "has_more": len(found) > len(shown)}


@api(videos, "/v2/video/query/", "video_query", scopes=("video.list",), bucket="display")
def video_query(call: Call) -> dict[str, Any]:
    fields = wanted_fields()
    filters = json_body().get("filters")
    wanted = filters.get("video_ids") if isinstance(filters, dict) else None
    if not isinstance(wanted, list) or not 1 <= len(wanted) <= MOST or not all(isinstance(item, str) for item in wanted):
        raise ApiError(INVALID)
    return {"videos": [describe(call.world, post, fields) for post in listed(call) if str(post.post_id) in wanted]}


def wanted_fields() -> tuple[str, ...]:
    fields = split_list(request.args.get("fields", ""))
    if not fields or any(name not in FIELDS for name in fields):
        raise ApiError(INVALID, "The request fields are empty or incorrect")
    return fields


def listed(call: Call) -> list[Post]:
    settle_all(call.world)
    mine = call.world.posts_of(call.user.id)
    kinds = ("video", "photo") if call.switches.photos_in_video_list else ("video",)
    return [post for post in mine if post.kind in kinds and post.is_public(call.now)]


def describe(world: World, post: Post, fields: tuple[str, ...]) -> dict[str, Any]:
    creator = world.creators.get(post.creator_id)
    link = f"{world.base_url()}/@{creator.username if creator else ''}/{post.kind}/{post.post_id}"
    values: dict[str, Any] = {
        "id": str(post.post_id), "create_time": int(post.created_at), "cover_image_url": cover_url(world, post),
        "share_url": f"{link}?utm_campaign=tt4d_open_api&utm_source={world.config.client_key}",
        "video_description": post.caption[:_TEXT_LIMIT], "title": post.caption[:_TEXT_LIMIT],
        "duration": int(post.duration), "height": post.height, "width": post.width, "embed_link": link,
        "embed_html": f'<blockquote class="tiktok-embed" cite="{link}" data-video-id="{post.post_id}"></blockquote>',
        **metrics(post, world.now()),
    }
    return {name: values[name] for name in fields}


def metrics(post: Post, now: float) -> dict[str, int]:
    """Grow with age towards a level that the post's id decides, so the same moment always shows the same numbers."""
    seed = zlib.crc32(str(post.post_id).encode())
    level = 300 + seed % 40_000
    views = int(level * (1 - 0.5 ** (max(0.0, now - post.created_at) / _HALF_LIFE)))
    return {
        "view_count": views, "like_count": views * (4 + seed % 9) // 100, "comment_count": views * (1 + seed % 3) // 400,
        "share_count": views * (1 + seed % 5) // 600,
    }
