"""What time does to a publish (section 9), computed from the clock whenever somebody looks.

There is no background work: the moment a state changed is a sum of stored times, so it is the same whoever looks when.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Mapping

from app.sandbox import caps, ids
from app.sandbox.config import split_list
from app.sandbox.events import Event, announce
from app.sandbox.media import VideoFacts, photo_fail_reason, picture_facts, probe, sha256_of, video_fail_reason
from app.sandbox.records import (
    FAILED,
    PUBLIC,
    PUBLISH_COMPLETE,
    SELF_ONLY,
    SEND_TO_USER_INBOX,
    Creator,
    Post,
    Publish,
)
from app.sandbox.world import World

_INSPECTION_LOCKS = tuple(threading.Lock() for _ in range(32))
_INBOX_MAX_SECONDS = 600.0  # section 8: ten minutes is the longest for the inbox upload
_LARGE = 64_000_000
_LOW_PRIORITY = 15  # the next upload goes first
_examined_aside: set[str] = set()


def begin_processing(world: World, publish: Publish) -> None:
    """All bytes are here: from now on only time passes."""
    publish.arrived_at = world.now()
    publish.processing_seconds = world.switches.processing_seconds
    if publish.video_size > _LARGE:  # reading gigabytes takes longer than a client waits for a status
        _examined_aside.add(publish.publish_id)
        threading.Thread(target=_examine_aside, args=(world, publish), daemon=True).start()


def _examine_aside(world: World, publish: Publish) -> None:
    with contextlib.suppress(OSError, AttributeError):  # a priority of its own, where threads have one
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _LOW_PRIORITY)
    try:
        with contextlib.suppress(FileNotFoundError):
            examine(world, publish)
    finally:
        _examined_aside.discard(publish.publish_id)


def settle(world: World, publish: Publish) -> None:
    """Bring one publish to the state it has now."""
    now = world.now()
    if not publish.is_processing or publish.stuck:
        return
    if publish.arrived_at is None:
        give_up_pull(world, publish, now)
        return
    due = publish.arrived_at + publish.processing_seconds
    if now < due or publish.publish_id in _examined_aside:
        return
    with _INSPECTION_LOCKS[hash(publish.publish_id) % len(_INSPECTION_LOCKS)]:
        if not publish.is_processing:
            return
        try:
            reason = publish.forced_reason or inspect(world, publish)
        except FileNotFoundError:
            return  # it failed for another reason meanwhile, and its bytes are gone
        with world.lock:
            if publish.is_processing:
                finish(world, publish, reason, due)


def settle_all(world: World) -> None:
    """Bring every unfinished publish up to date; for pages and lists that show all of them."""
    for publish in list(world.unfinished.values()):
        settle(world, publish)


def give_up_pull(world: World, publish: Publish, now: float) -> None:
    """Section 7.2: one hour after the task started TikTok stops downloading."""
    deadline = publish.created_at + world.switches.pull_seconds
    if publish.source == "PULL_FROM_URL" and now >= deadline:
        with world.lock:
            if publish.is_processing and publish.arrived_at is None:
                fail(world, publish, f"{publish.kind}_pull_failed", deadline)


def inspect(world: World, publish: Publish) -> str:
    """The reason why TikTok refuses these bytes or this text, or nothing."""
    text = f"{publish.post_info.get('title', '')} {publish.post_info.get('description', '')}".lower()
    if any(word.lower() in text for word in split_list(world.switches.spam_text_words)):
        return "spam_risk_text"
    creator = world.creators.get(publish.creator_id)
    if publish.direct and creator is not None:
        refusal = late_refusal(world, publish, creator)
        if refusal:
            return refusal
    if not publish.sha256:
        examine(world, publish)
    if publish.kind == "photo":
        return photo_fail_reason(publish.media["images"])
    facts = VideoFacts(**publish.media)
    if any(word.lower() in facts.tags.lower() for word in split_list(world.switches.spam_file_words)):
        return "spam_risk"
    longest = float(creator.max_seconds) if creator and publish.direct else _INBOX_MAX_SECONDS
    return video_fail_reason(facts, longest, world.switches.min_video_seconds)


def late_refusal(world: World, publish: Publish, creator: Creator) -> str:
    """A ban or the cap can strike between init and post, and is then the fail_reason (section 9)."""
    if creator.banned:
        return "spam_risk_user_banned_from_posting"
    posted = caps.posted_in_a_day(world, creator, publish.arrived_at or publish.created_at)
    if creator.capped or (world.switches.caps and posted >= world.switches.posts_per_day):
        return "spam_risk_too_many_posts"
    return ""


def examine(world: World, publish: Publish) -> None:
    """Look at the real bytes."""
    paths = [world.media_dir / name for name in publish.files]
    digest = sha256_of(*paths)
    if publish.kind == "photo":
        publish.media = {"images": [picture_facts(path) for path in paths]}
    else:
        publish.media = probe(paths[0], digest).as_json()
    publish.sha256 = digest


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
    for name in publish.files:  # nobody will ask for these bytes again, and they may be gigabytes
        (world.media_dir / name).unlink(missing_ok=True)
    announce(world, Event("post.publish.failed", publish.creator_id, at, publish.publish_id, publish.direct,
                          reason=reason))


def complete(world: World, publish: Publish, at: float, chosen: Mapping[str, object] | None = None) -> Post:
    """The post appears; its id becomes public only after moderation and only when everybody may see it.

    `chosen` is what a creator decided in the editor, for a draft.
    """
    info = {**publish.post_info, **(chosen or {})}
    level = str(info.get("privacy_level", PUBLIC))
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
