"""Identifiers in the shapes that TikTok's have (sections 1.3, 1.4, 4.3, 9, 13.3)."""

from __future__ import annotations

import hashlib
import hmac
import itertools
import random
import secrets
import time
from base64 import urlsafe_b64encode

_sequence = itertools.count(random.SystemRandom().randrange(1 << 20))


def log_id(now: float) -> str:
    """Timestamp and twenty hex digits, as in 202210112248442CB9319E1FB30C1073F3."""
    return time.strftime("%Y%m%d%H%M%S", time.gmtime(now)) + f"{random.getrandbits(80):020X}"


def snowflake(now: float) -> int:
    """A 19-digit id far beyond 2**53 whose upper half is the time, as post ids have; never twice in one process."""
    return (int(now) << 32) | ((next(_sequence) * 4_097 + 74_696) & 0xFFFFFFFF)


def authorisation_code() -> str:
    """Contains `*` and `!`, so a client that does not decode the redirect's query exchanges something else."""
    return f"{secrets.token_urlsafe(32)}*0!6410"


def access_token() -> str:
    return f"act.{secrets.token_urlsafe(36)}!4523.u1"


def refresh_token() -> str:
    return f"rft.{secrets.token_urlsafe(36)}!4521.u1"


def open_id(creator_id: str, client_key: str) -> str:
    """Unique per (user, app); starts with `-000` as real ones do."""
    return "-000" + _digest(creator_id, client_key, 32)


def union_id(creator_id: str) -> str:
    """The same person across the apps of one developer."""
    return _digest(creator_id, "union", 36)


def _digest(text: str, key: str, length: int) -> str:
    raw = hmac.new(key.encode(), text.encode(), hashlib.sha256).digest()
    return urlsafe_b64encode(raw).decode()[:length]
