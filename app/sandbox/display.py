"""`/v2/user/info/` (section 2): only the fields that were asked for, each under its scope."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, request

from app.sandbox import ids
from app.sandbox.config import split_list
from app.sandbox.errors import INVALID, ApiError
from app.sandbox.gateway import Call, api, require_rate, require_token
from app.sandbox.records import Creator
from app.sandbox.signed_urls import avatar_url
from app.sandbox.world import World

display = Blueprint("display", __name__)

_BASIC = ("open_id", "union_id", "avatar_url", "avatar_url_100", "avatar_large_url", "display_name")
_PROFILE = ("bio_description", "profile_deep_link", "profile_web_link", "is_verified", "username")
_STATS = ("follower_count", "following_count", "likes_count", "video_count")
SCOPE_OF = {
    **dict.fromkeys(_BASIC, "user.info.basic"), **dict.fromkeys(_PROFILE, "user.info.profile"),
    **dict.fromkeys(_STATS, "user.info.stats"),
}


@api(display, "/v2/user/info/", "user_info", method="GET")
def user_info(call: Call) -> dict[str, Any]:
    require_token(call)
    wanted = split_list(request.args.get("fields", ""))
    if not wanted or any(name not in SCOPE_OF for name in wanted):
        raise ApiError(INVALID, "The request fields are empty or incorrect")
    missing = {SCOPE_OF[name] for name in wanted} - set(call.grant.scopes)
    if missing:
        refuse_fields(call, missing)
    require_rate(call, "display")
    user = describe_user(call.world, call.user)
    blank = [name for name in wanted if SCOPE_OF[name] in missing]
    return {"user": {name: type(user[name])() if name in blank else user[name] for name in wanted}}


def refuse_fields(call: Call, missing: set[str]) -> None:
    """Section 2, UNCONFIRMED: by default 401 without the basic scope, 400 when only an extra one is missing."""
    rule = call.switches.user_info_missing_scope
    if rule == "split":
        rule = "scope_not_authorized" if "user.info.basic" in missing else "scope_permission_missed"
    if rule != "blank":
        raise ApiError(rule)


def describe_user(world: World, creator: Creator) -> dict[str, Any]:
    now = world.now()
    public = [post for post in world.posts_of(creator.id) if post.is_public(now)]
    link = f"{world.base_url()}/@{creator.username}"
    picture = avatar_url(world, creator)
    return {
        "open_id": world.open_id(creator.id), "union_id": ids.union_id(creator.id), "avatar_url": picture,
        "avatar_url_100": avatar_url(world, creator, 100), "avatar_large_url": avatar_url(world, creator, 720),
        "display_name": creator.nickname, "bio_description": creator.bio, "profile_deep_link": link,
        "profile_web_link": link, "is_verified": creator.verified, "username": creator.username,
        "follower_count": creator.follower_count, "following_count": creator.following_count,
        "likes_count": 37 * len(public), "video_count": len(public),
    }
