"""What the engine needs from outside."""

from __future__ import annotations

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
