"""The ledger as JSON for tests and as a page for people."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, abort, render_template, request

from app.sandbox.gateway import get_ledger, json_response
from app.sandbox.ledger import describe_post
from app.sandbox.lifecycle import settle_all
from app.sandbox.records import Publish
from app.sandbox.world import World, get_world

ledger_pages = Blueprint("ledger_pages", __name__)

_PAGE_CALLS = 100


@ledger_pages.get("/sandbox/api/ledger")
def ledger_json() -> Response:
    """Filters: publish_id, username, endpoint. `calls_limit`, `posts_limit` and their offsets page the lists."""
    world = get_world()
    settle_all(world)
    calls, posts, publishes = find(world)
    return json_response({
        "counters": get_ledger().counters(),
        "calls_total": len(calls), "calls": [vars(call) for call in window(calls, "calls", 200)],
        "publishes_total": len(publishes),
        "publishes": [describe_publish(world, item) for item in window(publishes, "publishes", 1_000)],
        "posts_total": len(posts),
        "posts": [describe_post(world, post, world.base_url()) for post in window(posts, "posts", 1_000)],
    })


@ledger_pages.get("/ledger")
def ledger_page() -> str:
    world = get_world()
    settle_all(world)
    calls, posts, publishes = find(world)
    return render_template(
        "ledger.html", calls=calls[:_PAGE_CALLS], calls_total=len(calls), counters=get_ledger().counters(),
        posts=[describe_post(world, post, world.base_url()) for post in posts[:_PAGE_CALLS]], posts_total=len(posts),
        publishes=[describe_publish(world, item) for item in publishes[:_PAGE_CALLS]],
        publishes_total=len(publishes), filters=request.args,
    )


def find(world: World) -> tuple[list[Any], list[Any], list[Any]]:
    """Calls, posts and publishes that match the query's filters, newest first."""
    publish_id, username = request.args.get("publish_id", ""), request.args.get("username", "")
    calls = get_ledger().calls(publish_id=publish_id, username=username, endpoint=request.args.get("endpoint", ""))
    creator = world.creator(username)
    creator_id = creator.id if creator else username

    def matches(item: Any) -> bool:
        return (not publish_id or item.publish_id == publish_id) and (not username or item.creator_id == creator_id)

    posts = [post for post in world.posts if matches(post)]
    publishes = [item for item in world.publishes if matches(item)]
    posts.sort(key=lambda post: (post.created_at, post.post_id), reverse=True)
    publishes.reverse()
    return calls, posts, publishes


def window(items: list[Any], name: str, default: int) -> list[Any]:
    start = number(f"{name}_offset", 0)
    return items[start:start + number(f"{name}_limit", default)]


def number(name: str, default: int) -> int:
    text = request.args.get(name, str(default))
    if not text.isdecimal():
        abort(400)
    return int(text)


def describe_publish(world: World, publish: Publish) -> dict[str, Any]:
    creator = world.creators.get(publish.creator_id)
    return {
        "publish_id": publish.publish_id, "username": creator.username if creator else "", "kind": publish.kind,
        "direct": publish.direct, "source": publish.source, "status": publish.status,
        "fail_reason": publish.fail_reason, "created_at": publish.created_at, "arrived_at": publish.arrived_at,
        "finished_at": publish.finished_at, "received": publish.received, "video_size": publish.video_size,
        "sha256": publish.sha256, "media": publish.media, "post_ids": [str(item) for item in publish.post_ids],
        "caption": publish.post_info.get("title", ""), "description": publish.post_info.get("description", ""),
        "discarded": publish.discarded, "stuck": publish.stuck, "withhold_id": publish.withhold_id,
    }
