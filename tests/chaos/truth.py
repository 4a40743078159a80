"""What Oncue says against what the sandbox holds, target by target. Pure: rows and a ledger in, complaints out."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.domain.lifecycle import TargetState
from tests.chaos.kinds import Kind

S = TargetState
NO_POST = (S.SCHEDULED, S.FAILED, S.MISSED, S.CANCELED, S.DRAFT)
UNDER_WAY = (S.PUBLISHING, S.PROCESSING)
SWALLOWING = ("accept_then_timeout", "accept_then_error", "hang", "abort", "cut")
"""Faults after which a client can't know whether its call was carried out."""
AT_THE_INBOX = ("SEND_TO_USER_INBOX", "PUBLISH_COMPLETE")
CLOCK_SLACK = 5.0
PATIENCE_MS = 1_000
"""How long an answer of the API is waited for here; a busy machine can be slower than that without any fault."""


@dataclass(frozen=True)
class Row:
    """A target as Oncue has it at the end."""

    id: int
    kind: Kind
    mark: str
    """Its own caption or its own file's SHA-256, by which the ledger's items are recognised."""
    username: str
    state: TargetState
    problem_code: str | None
    publish_id: str | None
    tiktok_post_id: str | None
    due_at: datetime | None
    inits: tuple[tuple[datetime, datetime | None, str | None], ...]
    """Beginning, end and code of every try to announce it."""

    def __str__(self) -> str:
        return (f"target {self.id} ({self.kind.name}, {self.mark!r}): {self.state.value}, problem {self.problem_code}, "
                f"publish {self.publish_id}, due {self.due_at}")


class Ledger:
    """The sandbox's, by the targets' marks."""

    def __init__(self, raw: dict[str, Any], marks: set[str]) -> None:
        self._marks = marks
        self.posts: dict[str, list[dict[str, Any]]] = defaultdict(list)
        self.drafts: dict[str, list[dict[str, Any]]] = defaultdict(list)
        self.calls: list[dict[str, Any]] = raw["calls"]
        for post in raw["posts"]:
            self.posts[self._mark_of(post)].append(post)
        for publish in raw["publishes"]:
            if not publish["direct"] and publish["status"] in AT_THE_INBOX:
                self.drafts[self._mark_of(publish)].append(publish)

    def _mark_of(self, item: dict[str, Any]) -> str:
        texts = [str(item.get(name, "")) for name in ("caption", "description", "sha256")]
        return next((text for text in texts if text in self._marks), texts[0])

    def swallowed(self, row: Row) -> str | None:
        """Why nobody could know what became of one of the target's inits; None when its answers all arrived."""
        for begun, ended, code in row.inits:
            if ended is None:
                return "the end of its init was never written: the worker was killed, or the database was away"
            for call in self.calls if code != "ok" else ():
                at_that_time = begun.timestamp() - CLOCK_SLACK <= call["at"] <= ended.timestamp() + CLOCK_SLACK
                is_its_own = (call["endpoint"], call["username"]) == (row.kind.init, row.username) and at_that_time
                if is_its_own and call["fault"] in SWALLOWING:
                    return f"init was hit by {call['fault']} (log id {call['log_id']})"
                if is_its_own and call["duration_ms"] >= PATIENCE_MS:
                    return f"init was answered after {call['duration_ms']:.0f} ms, too late (log id {call['log_id']})"
        return None


def complaints(rows: list[Row], ledger: Ledger) -> list[str]:
    """Everything that is not as it must be."""
    found = [f"{row}: {text}" for row in rows for text in _of_one(row, ledger)]
    strangers = (ledger.posts.keys() | ledger.drafts.keys()) - {row.mark for row in rows}
    found += [f"the sandbox holds what nobody scheduled: {mark!r}" for mark in strangers]
    return found


def _of_one(row: Row, ledger: Ledger) -> list[str]:
    posts, drafts = ledger.posts[row.mark], ledger.drafts[row.mark]
    found = []
    if len(posts) > 1 or len(drafts) > 1:
        found.append(f"twice at TikTok: {[item['publish_id'] for item in posts or drafts]}")
    if row.state in UNDER_WAY or (row.state is S.SCHEDULED):
        found.append("has not come to an end")
    if row.state in NO_POST and (posts or drafts):
        found.append(f"is at TikTok: {(posts or drafts)[0]['publish_id']}")
    if row.state is S.PUBLISHED and not posts:
        found.append("is not at TikTok")
    if row.state is S.PUBLISHED and len(posts) == 1 and posts[0]["is_public"] and row.tiktok_post_id != posts[0]["post_id"]:
        found.append(f"has the post id {row.tiktok_post_id}, TikTok has {posts[0]['post_id']}")
    if row.state is S.IN_INBOX and (row.kind.done is not S.IN_INBOX or not drafts or posts):
        found.append(f"is not a draft that waits: {len(drafts)} drafts, {len(posts)} posts")
    if row.state is S.UNCONFIRMED and (row.kind.is_always_told or not ledger.swallowed(row)):
        found.append("is in doubt, though TikTok's answers all arrived")
    return found
