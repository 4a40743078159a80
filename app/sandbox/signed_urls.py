"""URLs that expire, as TikTok's avatar (two hours) and cover URLs (six hours) do (sections 3, 11)."""

from __future__ import annotations

from flask import abort, request

from app.sandbox.records import Creator, Post
from app.sandbox.world import World


def avatar_url(world: World, creator: Creator, size: int = 240) -> str:
    expires = int(world.now()) + world.switches.avatar_url_seconds
    return f"{world.base_url()}/avatar/{creator.id}/{size}.png?x-expires={expires}"


def cover_url(world: World, post: Post) -> str:
    expires = int(world.now()) + world.switches.cover_url_seconds
    return f"{world.base_url()}/cover/{post.post_id}.jpg?x-expires={expires}"


def refuse_expired(world: World) -> None:
    """403 once the time in the URL has passed; the sandbox's own pages ask without one."""
    expires = request.args.get("x-expires", "")
    if expires and not (expires.isdecimal() and int(expires) > world.now()):
        abort(403)
