"""The end of an authorisation, whoever ends it (sections 1.6, 9, 10.2)."""

from __future__ import annotations

from app.sandbox.events import Event, announce
from app.sandbox.lifecycle import fail
from app.sandbox.world import World


def remove_authorization(world: World, creator_id: str, reason: int) -> bool:
    """Kill the creator's tokens and what is still being published; false when there was nothing to remove.

    `reason` is the number that `authorization.removed` carries.
    """
    now = world.now()
    with world.lock:
        had_grant = world.grants.get(creator_id) is not None
        world.grants.remove(creator_id)
        for token in world.tokens_of(creator_id):
            token.revoked = True
            world.tokens.save(token.access, token)
        for publish in list(world.unfinished.values()):
            if publish.creator_id == creator_id and publish.is_processing:
                fail(world, publish, "auth_removed", now)
    if had_grant:  # the tokens are already dead when the webhook arrives
        announce(world, Event("authorization.removed", creator_id, now, reason=reason))
    return had_grant
