"""What creators do in their TikTok app: post or discard drafts, change or delete posts, disconnect the app."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.sandbox import caps
from app.sandbox.creators import privacy_options
from app.sandbox.events import Event, announce
from app.sandbox.lifecycle import complete, settle
from app.sandbox.records import PUBLIC, PUBLISH_COMPLETE, Post, Publish
from app.sandbox.world import World


class DraftError(ValueError):
    """Why the creator can't do this."""


def find_draft(world: World, publish_id: str) -> Publish:
    publish = world.publishes.get(publish_id)
    if publish is None or publish.direct:
        raise DraftError(f"no draft {publish_id}")
    settle(world, publish)
    return publish


def drafts_of(world: World, creator_id: str) -> list[Publish]:
    """What waits in a creator's inbox, newest first."""
    now = world.now()
    found = [item for item in world.publishes if item.creator_id == creator_id and caps.is_waiting(world, item, now)]
    return sorted(found, key=lambda item: item.created_at, reverse=True)


def post_draft(world: World, publish_id: str, chosen: Mapping[str, Any]) -> Post:
    """The creator posts the draft; doing so again makes a second post with an id of its own (section 9)."""
    publish = find_draft(world, publish_id)
    creator = world.creators.get(publish.creator_id)
    with world.lock:
        posted_before = publish.status == PUBLISH_COMPLETE and not publish.discarded
        if creator is None or not (posted_before or caps.is_waiting(world, publish, world.now())):
            raise DraftError("the draft does not wait in the inbox")
        level = chosen.get("privacy_level") or privacy_options(creator)[0]
        if level not in privacy_options(creator):
            raise DraftError(f"privacy_level must be one of {', '.join(privacy_options(creator))}")
        texts = {name: str(chosen[name]) for name in ("title", "description") if chosen.get(name)}
        return complete(world, publish, world.now(), {**texts, "privacy_level": level})


def discard_draft(world: World, publish_id: str) -> None:
    publish = find_draft(world, publish_id)
    with world.lock:
        if not caps.is_waiting(world, publish, world.now()):
            raise DraftError("the draft does not wait in the inbox")
        publish.discarded = True
        world.save_publish(publish)


def change_visibility(world: World, post: Post, privacy_level: str) -> None:
    """Only its owner can, in the app; becoming public gives the id, ceasing to be takes it back (sections 9, 10.2)."""
    now = world.now()
    with world.lock:
        was_public = post.is_public(now)
        post.privacy_level = privacy_level
        if privacy_level != PUBLIC:
            post.public_at = None
        elif post.public_at is None:
            post.public_at = now
        world.posts.save(str(post.post_id), post)
    tell_visibility(world, post, was_public)


def delete_post(world: World, post: Post) -> None:
    with world.lock:
        was_public = post.is_public(world.now())
        post.deleted = True
        world.posts.save(str(post.post_id), post)
    tell_visibility(world, post, was_public)


def tell_visibility(world: World, post: Post, was_public: bool) -> None:
    """The second event's name is misspelt on TikTok's wire, the first one's is not."""
    now = world.now()
    if post.is_public(now) == was_public:
        return
    name = "no_longer_publicaly_available" if was_public else "publicly_available"
    publish = world.publishes.get(post.publish_id)
    announce(world, Event(f"post.publish.{name}", post.creator_id, now, post.publish_id,
                          direct=publish is None or publish.direct, post_id=post.post_id))
