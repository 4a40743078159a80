"""Things that go wrong on request."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from flask import Response

if TYPE_CHECKING:
    from app.sandbox.gateway import Call


class Faults:
    """No faults yet."""

    def around(self, call: Call, work: Callable[[], Response]) -> Response:
        return work()

    def clear(self) -> None:
        """Forget all faults."""
