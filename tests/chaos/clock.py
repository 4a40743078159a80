"""A clock that runs faster than the machine's and is the same in every process: a small file that all of them map."""

from __future__ import annotations

import mmap
import struct
import time
from datetime import UTC, datetime
from pathlib import Path

LAYOUT = struct.Struct("ddd")
AHEAD = struct.Struct("d")


class SharedClock:
    """`begun` + the real seconds since then times `speed` + `ahead`, by which it has jumped."""

    def __init__(self, path: Path) -> None:
        with path.open("r+b") as file:
            self._shared = mmap.mmap(file.fileno(), LAYOUT.size)

    @classmethod
    def make(cls, path: Path, speed: float) -> SharedClock:
        path.write_bytes(LAYOUT.pack(time.time(), speed, 0.0))
        return cls(path)

    def __call__(self) -> datetime:
        begun, speed, ahead = LAYOUT.unpack(self._shared[:])
        return datetime.fromtimestamp(begun + (time.time() - begun) * speed + ahead, UTC)

    def jump(self, seconds: float) -> None:
        """Let that time pass at once, for everybody."""
        ahead = LAYOUT.unpack(self._shared[:])[2] + seconds
        self._shared[LAYOUT.size - AHEAD.size:] = AHEAD.pack(ahead)

    def close(self) -> None:
        self._shared.close()
