"""Slows down guessing of passwords: a count per address and browser's IP in Redis."""

from __future__ import annotations

import hashlib

from flask import request
from redis import Redis, RedisError

from app.domain.errors import ErrorKind, refuse
from app.wiring import wiring

TRIES = 10
WINDOW_SECONDS = 15 * 60


class Throttle:
    """Allows so many failures within the window; without Redis it lets through rather than lock everyone out."""

    def __init__(self, redis: Redis, name: str) -> None:
        self._redis = redis
        self._key = f"oncue:throttle:{hashlib.sha256(name.encode()).hexdigest()[:32]}"

    def check(self) -> None:
        """Raises DomainError `login_too_often`."""
        try:
            tries, wait = int(self._redis.get(self._key) or 0), self._redis.ttl(self._key)
        except RedisError:
            return
        if tries >= TRIES:
            raise refuse("login_too_often", f"Too many tries. Wait {max(1, int(wait) // 60)} min, then try again.",
                         kind=ErrorKind.UNAVAILABLE)

    def count(self) -> None:
        try:
            with self._redis.pipeline() as pipe:
                pipe.set(self._key, 0, ex=WINDOW_SECONDS, nx=True)
                pipe.incr(self._key)
                pipe.execute()
        except RedisError:
            return

    def forget(self) -> None:
        try:
            self._redis.delete(self._key)
        except RedisError:
            return


def login_throttle(email: str) -> Throttle:
    return Throttle(wiring().redis, f"login:{email.strip().lower()}:{request.remote_addr}")
