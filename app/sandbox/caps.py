"""The rolling 24-hour caps (sections 5, 13.1): posts per creator, posting creators per app, drafts that wait."""

from __future__ import annotations

from app.sandbox.records import FAILED, PUBLISH_COMPLETE, SEND_TO_USER_INBOX, Creator, Publish
from app.sandbox.world import World

_DAY = 86_400.0


def direct_refusal(world: World, creator: Creator, now: float) -> str:
    """The code that stops this creator from posting directly now, or nothing."""
    if creator.banned:
        return "spam_risk_user_banned_from_posting"
    if creator.capped or (world.switches.caps and posts_in_a_day(world, creator, now) >= world.switches.posts_per_day):
        return "spam_risk_too_many_posts"
    if world.switches.caps and not fits_user_cap(world, creator, now):
        return "reached_active_user_cap"
    return ""


def inbox_refusal(world: World, creator: Creator, now: float) -> str:
    """Section 5: the drafts' table has neither the post cap nor the app's user cap."""
    if creator.banned:
        return "spam_risk_user_banned_from_posting"
    if world.switches.caps and pending_shares(world, creator, now) >= world.switches.pending_shares:
        return "spam_risk_too_many_pending_share"
    return ""


def posts_in_a_day(world: World, creator: Creator, now: float) -> int:
    """Direct posts that arrived, or still may: an upload nobody finished does not count."""
    recent = world.recent_publishes(creator.id, now - _DAY)
    return sum(1 for item in recent if item.direct and item.status != FAILED and item.arrived_at is not None)


def posted_in_a_day(world: World, creator: Creator, now: float) -> int:
    """Direct posts that are out."""
    recent = world.recent_publishes(creator.id, now - _DAY)
    return sum(1 for item in recent if item.direct and item.status == PUBLISH_COMPLETE)


def pending_shares(world: World, creator: Creator, now: float) -> int:
    """Drafts delivered and neither posted nor discarded."""
    since = now - _DAY if world.switches.pending_frees_by_time else 0.0
    recent = world.recent_publishes(creator.id, since)
    return sum(1 for item in recent if is_waiting(world, item, now) or (
        not item.direct and item.is_processing and item.arrived_at is not None))


def is_waiting(world: World, publish: Publish, now: float) -> bool:
    """A draft in the creator's inbox, neither posted nor discarded nor too old."""
    lifetime = world.switches.draft_seconds
    delivered = publish.status == SEND_TO_USER_INBOX and not publish.discarded
    return delivered and not (lifetime and now >= (publish.finished_at or now) + lifetime)


def fits_user_cap(world: World, creator: Creator, now: float) -> bool:
    """Creators who posted inside the window keep posting; a further one needs a free place."""
    switches = world.switches
    active = {key for key, at in list(world.active_at.items()) if at > now - _DAY}
    limit = switches.active_users_per_day if switches.audited else switches.unaudited_users_per_day
    return creator.id in active or len(active) < limit
