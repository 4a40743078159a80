"""Sliding one-minute windows per token (section 13.2 and the endpoint list: 6, 20, 30 and 600 a minute)."""

from __future__ import annotations

import threading
from collections import deque

from app.sandbox.errors import ApiError

PER_MINUTE = {"init": 6, "creator_info": 20, "status": 30, "display": 600}
_WINDOW = 60.0


class RateLimiter:
    """Counts accepted requests only: a refused one does not push the window further out."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._hits: dict[tuple[str, str], deque[float]] = {}

    def hit(self, bucket: str, key: str, now: float) -> None:
        with self._lock:
            hits = self._hits.setdefault((bucket, key), deque())
            while hits and hits[0] <= now - _WINDOW:
                hits.popleft()
            if len(hits) >= PER_MINUTE[bucket]:
                raise ApiError("rate_limit_exceeded")
            hits.append(now)

    def clear(self) -> None:
        with self._lock:
            self._hits.clear()
