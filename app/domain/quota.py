"""TikTok's limits on how often: sliding windows per account.

Source: TikTok, Content Posting API, endpoint references (requests a minute per user token) and content sharing guidelines
(posts per creator in 24 hours, which every app that posts directly shares).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

MINUTE, DAY = timedelta(minutes=1), timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `count` within any `window`; `code` and `text` say what waits and why."""

    count: int
    window: timedelta
    code: str
    text: str


INITS = Limit(6, MINUTE, "waits_for_minute", "TikTok takes 6 posts a minute from one account. This one waits its turn.")
CREATOR_INFOS = Limit(20, MINUTE, "waits_for_minute", "TikTok answers 20 questions a minute about one account. This post waits its turn.")
STATUSES = Limit(30, MINUTE, "waits_for_minute", "TikTok answers 30 questions a minute about one account's posts. This one waits its turn.")


def posts_a_day(count: int) -> Limit:
    """About 15, TikTok says, and it varies by creator: a setting."""
    return Limit(count, DAY, "waits_for_day",
                 f"TikTok takes about {count} posts in 24 hours from one account. This one goes out as soon as there is room.")


LOST_ANSWER = Limit(1, timedelta(minutes=10), "waits_for_answer",
                    "TikTok's answer about another post of this account was lost. This one waits until TikTok has told what became of it.")
"""Not TikTok's limit but ours: what TikTok tells next is then about that post and no other."""
UNAUDITED_CREATORS = 5
"""Creators that an app which TikTok has not audited may post for in 24 hours."""


def pending_drafts(count: int) -> Limit:
    """Drafts that may wait in a creator's inbox; posting one makes room."""
    return Limit(count, DAY, "waits_for_inbox",
                 f"{count} drafts wait in the creator's TikTok app, the most that TikTok allows. This one follows when one is posted.")


def active_creators(count: int) -> Limit:
    """Creators that the app may post for; those who had a post within the window keep going."""
    return Limit(count, DAY, "waits_for_creators",
                 f"This Oncue's TikTok app may post for {count} creators in 24 hours, and that many have had a post. "
                 "This one goes out as soon as there is room.")


def next_turn(earlier: Sequence[datetime], limit: Limit, now: datetime) -> datetime | None:
    """When one more is allowed after those `earlier` ones (in any order); None means now."""
    inside = sorted(at for at in earlier if at > now - limit.window)
    if len(inside) < limit.count:
        return None
    # Room is made when all but count - 1 of them have left the window.
    return inside[len(inside) - limit.count] + limit.window
