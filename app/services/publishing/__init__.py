"""The engine: what a target does next, one leased step at a time."""

from app.services.publishing.engine import advance
from app.services.publishing.ports import PublishingPorts
from app.services.publishing.pull import fetched_photo
from app.services.publishing.targets import FORGOTTEN, move
from app.services.publishing.verdicts import confirm_live, publish_again

__all__ = ["FORGOTTEN", "PublishingPorts", "advance", "confirm_live", "fetched_photo", "move", "publish_again"]
