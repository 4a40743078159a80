"""The periodic job that deletes what nobody needs any more."""

from __future__ import annotations

from app import clock
from app.services.library import end_published_media, finish_ended
from app.services.pruning import prune_attempts, prune_bulk_imports, prune_imports, prune_webhooks
from app.wiring import wiring


def prune() -> None:
    """Delete what has had its use: old webhooks and tries, imports that ended long ago, files of posts, media."""
    settings, now = wiring().settings, clock.utcnow()
    prune_webhooks(keep_days=settings.keep_webhooks_days, now=now)
    prune_attempts(keep_days=settings.keep_attempts_days, now=now)
    prune_imports(now=now)
    prune_bulk_imports(now=now)
    finish_ended(wiring().media)
    end_published_media(wiring().media)
