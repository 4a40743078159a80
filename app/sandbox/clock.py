"""The sandbox's time: the machine's, moved forward or stopped on request, so that tests never wait."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

Clock = Callable[[], float]


class MovableClock:
    """Seconds since the epoch; `advance` jumps ahead, `freeze` holds time still between jumps."""

    def __init__(self, source: Clock = time.time) -> None:
        self._source = source
        self._lock = threading.Lock()
        self.offset = 0.0
        self.frozen_at: float | None = None

    def now(self) -> float:
        with self._lock:
            return self.frozen_at if self.frozen_at is not None else self._source() + self.offset

    def advance(self, seconds: float) -> None:
        with self._lock:
            if self.frozen_at is not None:
                self.frozen_at += seconds
            self.offset += seconds

    def freeze(self, frozen: bool) -> None:
        """Stop, or run on from where it stood."""
        with self._lock:
            if frozen and self.frozen_at is None:
                self.frozen_at = self._source() + self.offset
            elif not frozen and self.frozen_at is not None:
                self.offset = self.frozen_at - self._source()
                self.frozen_at = None

    def reset(self) -> None:
        with self._lock:
            self.offset, self.frozen_at = 0.0, None
