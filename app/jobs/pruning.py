"""The periodic job that deletes what nobody needs any more."""

from __future__ import annotations

from app import clock
from app.services.pruning import prune_attempts, prune_bulk_imports, prune_webhooks
from app.wiring import wiring


def prune() -> None:
    """Delete old webhooks, the tries of posts that are long finished, and files of posts that have had their use."""
    settings, now = wiring().settings, clock.utcnow()
    prune_webhooks(keep_days=settings.keep_webhooks_days, now=now)
    prune_attempts(keep_days=settings.keep_attempts_days, now=now)
    prune_bulk_imports(now=now)
