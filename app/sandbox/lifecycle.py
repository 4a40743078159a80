"""What time does to a publish (section 9), computed from the clock whenever somebody looks.

There is no background work: the moment a state changed is a sum of stored times, so it is the same whoever looks when.
"""

from __future__ import annotations

import threading

from app.sandbox import ids
from app.sandbox.config import split_list
from app.sandbox.events import Event, announce
from app.sandbox.media import probe, sha256_of, video_fail_reason
from app.sandbox.records import (
    FAILED,
    PUBLIC,
    PUBLISH_COMPLETE,
    SELF_ONLY,
    SEND_TO_USER_INBOX,
    Post,
    Publish,
)
from app.sandbox.world import World

_INSPECTION_LOCKS = tuple(threading.Lock() for _ in range(32))
_INBOX_MAX_SECONDS = 600.0  # section 8: ten minutes is the longest for the inbox upload


def settle(world: World, publish: Publish) -> None:
    """Bring one publish to the state it has now."""
    now = world.now()
    if not publish.is_processing or publish.stuck or publish.arrived_at is None:
        return
    due = publish.arrived_at + publish.processing_seconds
    if now < due:
        return
    with _INSPECTION_LOCKS[hash(publish.publish_id) % len(_INSPECTION_LOCKS)]:
        if not publish.is_processing:
            return
        reason = publish.forced_reason or inspect(world, publish)
        with world.lock:
            if publish.is_processing:
                finish(world, publish, reason, due)


def settle_all(world: World) -> None:
    """Bring every unfinished publish up to date; for pages and lists that show all of them."""
    for publish in list(world.unfinished.values()):
        settle(world, publish)


def inspect(world: World, publish: Publish) -> str:
    """The reason why TikTok refuses these bytes or this text, or nothing."""
    text = f"{publish.post_info.get('title', '')} {publish.post_info.get('description', '')}".lower()
    if any(word.lower() in text for word in split_list(world.switches.spam_text_words)):
        return "spam_risk_text"
    if publish.kind == "photo":
        return ""  # pictures were judged as they were pulled
    path = world.media_dir / publish.files[0]
    facts = probe(path)
    publish.media = facts.as_json()
    publish.sha256 = sha256_of(path)
    if any(word.lower() in facts.tags.lower() for word in split_list(world.switches.spam_file_words)):
        return "spam_risk"
    creator = world.creators.get(publish.creator_id)
    longest = float(creator.max_seconds) if creator and publish.direct else _INBOX_MAX_SECONDS
    return video_fail_reason(facts, longest, world.switches.min_video_seconds)


def finish(world: World, publish: Publish, reason: str, at: float) -> None:
    if reason:
        fail(world, publish, reason, at)
    elif publish.direct:
        complete(world, publish, at)
    else:
        publish.status = SEND_TO_USER_INBOX
        publish.finished_at = at
        world.save_publish(publish)
        announce(world, Event("post.publish.inbox_delivered", publish.creator_id, at, publish.publish_id, direct=False))


def fail(world: World, publish: Publish, reason: str, at: float) -> None:
    with world.lock:
        publish.status = FAILED
        publish.fail_reason = reason
        publish.finished_at = at
        world.save_publish(publish)
    announce(world, Event("post.publish.failed", publish.creator_id, at, publish.publish_id, publish.direct,
                          reason=reason))


def complete(world: World, publish: Publish, at: float, privacy_level: str = "") -> Post:
    """The post appears; its id becomes public only after moderation and only when everybody may see it."""
    info = publish.post_info
    level = privacy_level or str(info.get("privacy_level", PUBLIC))
    if publish.direct and not world.switches.audited:
        level = SELF_ONLY  # section 13.1: whatever an unaudited app asked for
    public_at = at + world.switches.moderation_seconds if level == PUBLIC else None
    media = publish.media
    post = Post(
        post_id=ids.snowflake(at), publish_id=publish.publish_id, creator_id=publish.creator_id, kind=publish.kind,
        privacy_level=level, caption=str(info.get("title", "")), description=str(info.get("description", "")),
        options=post_options(world, publish), bytes=publish.video_size, sha256=publish.sha256, created_at=at,
        public_at=public_at, files=list(publish.files), content_type=publish.content_type,
        duration=float(media.get("seconds", 0)), width=int(media.get("width", 0)), height=int(media.get("height", 0)),
        withhold_id=publish.withhold_id,
    )
    with world.lock:
        world.posts.save(str(post.post_id), post)
        publish.post_ids.append(post.post_id)
        publish.status = PUBLISH_COMPLETE
        publish.finished_at = publish.finished_at or at
        world.save_publish(publish)
    announce(world, Event("post.publish.complete", publish.creator_id, at, publish.publish_id, publish.direct))
    if public_at is not None and not publish.withhold_id:
        announce(world, Event("post.publish.publicly_available", publish.creator_id, public_at, publish.publish_id,
                              publish.direct, post_id=post.post_id))
    return post


def post_options(world: World, publish: Publish) -> dict[str, object]:
    """The options as they take effect: TikTok forces off what the account forbids (section 4.1)."""
    creator = world.creators.get(publish.creator_id)
    options = {key: value for key, value in publish.post_info.items()
               if key not in ("title", "description", "privacy_level")}
    if creator is not None and publish.direct:
        forced = {
            "disable_comment": creator.comment_disabled,
            "disable_duet": creator.private or creator.duet_disabled,
            "disable_stitch": creator.private or creator.stitch_disabled,
        }
        names = [name for name in forced if publish.kind == "video" or name == "disable_comment"]
        options.update({name: bool(options.get(name)) or forced[name] for name in names})
    return options


def visible_ids(world: World, publish: Publish) -> list[int]:
    """`publicaly_available_post_id` as it stands now."""
    now = world.now()
    found = []
    for post_id in publish.post_ids:
        post = world.posts.get(str(post_id))
        if post is None or post.withhold_id or publish.withhold_id:
            continue
        if post.is_public(now) or (world.switches.ids_for_private_posts and not post.deleted):
            found.append(post_id)
    return found
