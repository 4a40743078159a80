"""Checks ahead of a post's time: when they are made, and what they compare."""

from __future__ import annotations

from datetime import datetime, timedelta

LEADS = (timedelta(hours=24), timedelta(hours=1))
"""While there is a day, and while there is an hour to act."""
RETRY = timedelta(minutes=15)
"""After a check that could not be made, because TikTok could not be asked."""


def next_due(scheduled_at: datetime, now: datetime) -> datetime:
    """When the engine has to look at a scheduled post next: at the next check ahead, or at its time."""
    return min(at for at in (*(scheduled_at - lead for lead in LEADS), scheduled_at) if at > now or at == scheduled_at)
