"""The engine: what a target does next, one leased step at a time."""

from app.services.publishing.engine import advance
from app.services.publishing.ports import PublishingPorts
from app.services.publishing.targets import move
from app.services.publishing.verdicts import confirm_live, publish_again

__all__ = ["PublishingPorts", "advance", "confirm_live", "move", "publish_again"]
