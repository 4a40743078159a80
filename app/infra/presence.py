"""Which schedulers and workers are alive, by their own word in Redis. When it is emptied they say so again at once."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from redis import Redis, RedisError

PROCESSES_KEY = "oncue:processes"
REPORT_EVERY = timedelta(seconds=1)
SILENT_AFTER = timedelta(seconds=10)
"""Whoever has said nothing for so long is dead, or stuck."""
FORGOTTEN_AFTER = timedelta(minutes=2)


class Kind(StrEnum):
    SCHEDULER = "scheduler"
    WORKER = "worker"


@dataclass(frozen=True, slots=True)
class Process:
    """One process as it described itself when it was last seen."""

    kind: Kind
    host: str
    pid: int
    seen_at: datetime
    queues: tuple[str, ...] = ()
    hands: int = 0
    busy_hands: int = 0
    is_beating: bool = False
    """Of the schedulers one beats; the others stand by."""

    def is_silent(self, now: datetime) -> bool:
        return now - self.seen_at > SILENT_AFTER


class Presence:
    """Where processes report; without Redis nothing is reported and nobody is known."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    def report_scheduler(self, now: datetime, *, is_beating: bool) -> None:
        self._report(Process(Kind.SCHEDULER, socket.gethostname(), os.getpid(), now, is_beating=is_beating))

    def report_worker(self, now: datetime, *, queues: Sequence[str], hands: int, busy_hands: int) -> None:
        self._report(Process(Kind.WORKER, socket.gethostname(), os.getpid(), now, tuple(queues), hands, busy_hands))

    def leave(self) -> None:
        """This process ends of its own will."""
        with suppress(RedisError):
            self._redis.hdel(PROCESSES_KEY, _name(socket.gethostname(), os.getpid()))

    def everyone(self, now: datetime) -> tuple[Process, ...]:
        """Those seen lately, also the silent ones, schedulers first; forgets who has been silent for long."""
        try:
            known = {name: _read(raw) for name, raw in self._redis.hgetall(PROCESSES_KEY).items()}
            if gone := [name for name, process in known.items() if now - process.seen_at > FORGOTTEN_AFTER]:
                self._redis.hdel(PROCESSES_KEY, *gone)
        except RedisError:
            return ()
        lately = (process for name, process in known.items() if name not in gone)
        return tuple(sorted(lately, key=lambda p: (p.kind, p.queues, p.host, p.pid)))

    def _report(self, process: Process) -> None:
        with suppress(RedisError):
            self._redis.hset(PROCESSES_KEY, _name(process.host, process.pid),
                             json.dumps({**asdict(process), "seen_at": process.seen_at.timestamp()}))


def _name(host: str, pid: int) -> str:
    return f"{host}:{pid}"


def _read(raw: str | bytes) -> Process:
    values: dict[str, Any] = json.loads(raw)
    return Process(**{**values, "kind": Kind(values["kind"]), "queues": tuple(values["queues"]),
                      "seen_at": datetime.fromtimestamp(values["seen_at"], UTC)})
