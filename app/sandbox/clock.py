"""The sandbox's time: the machine's, moved forward, sped up or stopped on request, so that tests never wait."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

Clock = Callable[[], float]


class MovableClock:
    """Seconds since the epoch; `advance` jumps ahead, `freeze` holds time still between jumps, `run_at` makes it pass faster."""

    def __init__(self, source: Clock = time.time) -> None:
        self._source = source
        self._lock = threading.Lock()
        self.speed = 1.0
        self.frozen_at: float | None = None
        self._offset = 0.0
        self._sped_up_at = 0.0  # by the source; since then every second of it counts `speed` times

    @property
    def offset(self) -> float:
        """How far it is ahead of its source."""
        with self._lock:
            return self._offset_at(self._source())

    def now(self) -> float:
        with self._lock:
            return self.frozen_at if self.frozen_at is not None else self._running()

    def advance(self, seconds: float) -> None:
        with self._lock:
            if self.frozen_at is not None:
                self.frozen_at += seconds
            self._offset += seconds

    def freeze(self, frozen: bool) -> None:
        """Stop, or run on from where it stood."""
        with self._lock:
            if frozen and self.frozen_at is None:
                self.frozen_at = self._running()
            elif not frozen and self.frozen_at is not None:
                self._sped_up_at = self._source()
                self._offset = self.frozen_at - self._sped_up_at
                self.frozen_at = None

    def run_at(self, speed: float) -> None:
        """From now on `speed` seconds pass in each of the source's."""
        with self._lock:
            source = self._source()
            self._offset, self._sped_up_at, self.speed = self._offset_at(source), source, speed

    def reset(self) -> None:
        with self._lock:
            self._offset, self.frozen_at, self.speed = 0.0, None, 1.0

    def _running(self) -> float:
        source = self._source()
        return source + self._offset_at(source)

    def _offset_at(self, source: float) -> float:
        return self._offset + (source - self._sped_up_at) * (self.speed - 1) if self.speed != 1 else self._offset
