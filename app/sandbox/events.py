"""What the sandbox tells an app by webhook (section 10.2)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

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


def announce(world: World, event: Event) -> None:
    """Hand the event to the webhooks, if anybody listens."""
