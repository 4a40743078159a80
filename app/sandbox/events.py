"""What the sandbox tells an app by webhook (sections 10.1, 10.2)."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from app.sandbox.records import Delivery

if TYPE_CHECKING:
    from app.sandbox.world import World


@dataclass(frozen=True)
class Event:
    """One event, due at `at`."""

    name: str
    creator_id: str
    at: float
    publish_id: str = ""
    direct: bool = True
    reason: str | int | None = None
    post_id: int | None = None

    def content(self) -> dict[str, Any]:
        """The keys of section 10.2; `publish_type` is INBOX_SHARE for drafts, `post_id` a string."""
        found: dict[str, Any] = {}
        if self.publish_id:
            found["publish_id"] = self.publish_id
            found["publish_type"] = "DIRECT_PUBLISH" if self.direct else "INBOX_SHARE"
        if self.reason is not None:
            found["reason"] = self.reason
        if self.post_id is not None:
            found["post_id"] = str(self.post_id)
        return found


def announce(world: World, event: Event) -> None:
    """Queue the event for the app's callback, if one is set."""
    queue_webhook(world, event.name, event.creator_id, event.at, event.content())


def queue_webhook(world: World, name: str, creator_id: str, at: float, content: dict[str, Any]) -> None:
    switches = world.switches
    if not switches.webhooks or not switches.webhook_url:
        return
    body = envelope(world.config.client_key, name, int(at), world.open_id(creator_id), content)
    with world.lock:
        for _ in range(max(1, switches.webhook_copies)):
            delivery = Delivery(secrets.token_hex(8), name, body, at, at)
            world.deliveries.save(delivery.id, delivery)


def envelope(client_key: str, name: str, create_time: int, open_id: str, content: dict[str, Any]) -> str:
    """`content` is JSON inside a string: a reader has to parse twice."""
    return _compact({"client_key": client_key, "event": name, "create_time": create_time, "user_openid": open_id,
                     "content": _compact(content)})


def _compact(value: object) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
