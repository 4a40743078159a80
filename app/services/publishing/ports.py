"""What the engine needs from outside."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from app.services.accounts import AccountPorts
from app.services.ports import Cipher, Clock, Storage, TikTok


@dataclass(frozen=True, slots=True)
class PublishingPorts:
    accounts: AccountPorts
    tiktok: TikTok
    cipher: Cipher
    storage: Storage
    utcnow: Clock
    posts_per_day: int = 15
    """How many posts TikTok takes from one account in 24 hours."""
    is_stopping: Callable[[], bool] = lambda: False
    """Whether this process was told to stop; a long step then hands its target over."""
