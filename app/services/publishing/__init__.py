"""The engine: what a target does next, one leased step at a time."""

from app.services.publishing.engine import advance
from app.services.publishing.ports import PublishingPorts
from app.services.publishing.targets import move

__all__ = ["PublishingPorts", "advance", "move"]
