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
    pending_drafts: int = 5
    """How many drafts may wait in a creator's inbox."""
    drafts_free_by_time: bool = True
    """Whether a draft stops counting after 24 hours, which TikTok leaves open."""
    active_creators: int = 0
    """How many creators the app may post for in 24 hours; 0 when nobody knows."""
    is_audited: bool = True
    """Whether TikTok has audited the app."""
    photo_url: Callable[[str, int, str], str] = "/pull/{}/{}.{}".format
    """The public address of a photo: token, position, file type."""
    is_stopping: Callable[[], bool] = lambda: False
    """Whether this process was told to stop; a long step then hands its target over."""
