"""What was asked of the sandbox and what came of it, so that a test can count.

Lines of calls are bounded, the counters are not: they stay exact however long the sandbox runs.
"""

from __future__ import annotations

import itertools
import threading
from collections import deque
from typing import Any

from app.sandbox.records import ApiCall, Post
from app.sandbox.store import Store
from app.sandbox.world import World

KEPT_CALLS = 20_000


class Ledger:
    """Calls with counters per endpoint and outcome."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._calls: deque[ApiCall] = deque()
        self._counters: dict[str, dict[str, int]] = {}
        for _, body in store.load("call"):
            self._calls.append(ApiCall(**body))
        for name, outcomes in store.load("counter"):
            self._counters[name] = outcomes
        last = self._calls[-1].seq if self._calls else 0
        self._sequence = itertools.count(last + 1)

    def add(self, **values: Any) -> ApiCall:
        """Write one line down; keyword arguments are the fields of ApiCall but `seq`."""
        with self._lock:
            call = ApiCall(seq=next(self._sequence), **values)
            self._calls.append(call)
            self._store.save("call", f"{call.seq:012d}", call)
            if len(self._calls) > KEPT_CALLS:
                self._store.delete("call", f"{self._calls.popleft().seq:012d}")
            self._count(call)
        return call

    def _count(self, call: ApiCall) -> None:
        outcomes = dict(self._counters.get(call.endpoint, {}))  # a copy: the store may be writing the old one
        outcome = f"{call.status} {call.error_code}".strip()
        outcomes["total"] = outcomes.get("total", 0) + 1
        outcomes[outcome] = outcomes.get(outcome, 0) + 1
        self._counters[call.endpoint] = outcomes
        self._store.save("counter", call.endpoint, outcomes)

    def counters(self) -> dict[str, dict[str, int]]:
        with self._lock:
            return {name: dict(outcomes) for name, outcomes in sorted(self._counters.items())}

    def calls(self, **wanted: str) -> list[ApiCall]:
        """Lines whose fields equal what is asked, newest first."""
        with self._lock:
            lines = list(self._calls)
        lines.reverse()
        filters = {name: value for name, value in wanted.items() if value}
        return [line for line in lines if all(str(getattr(line, name)) == value for name, value in filters.items())]

    def clear(self) -> None:
        with self._lock:
            for call in self._calls:
                self._store.delete("call", f"{call.seq:012d}")
            for name in self._counters:
                self._store.delete("counter", name)
            self._calls.clear()
            self._counters.clear()


def describe_post(world: World, post: Post, base_url: str) -> dict[str, Any]:
    """A post as the ledger shows it; ids are strings here, for readers that would round a number."""
    creator = world.creators.get(post.creator_id)
    username = creator.username if creator else ""
    publish = world.publishes.get(post.publish_id)
    return {
        "post_id": str(post.post_id), "publish_id": post.publish_id, "username": username, "kind": post.kind,
        "caption": post.caption, "description": post.description, "privacy_level": post.privacy_level,
        "options": post.options, "bytes": post.bytes, "sha256": post.sha256, "created_at": post.created_at,
        "public_at": post.public_at, "is_public": post.is_public(world.now()), "deleted": post.deleted,
        "duration": post.duration, "width": post.width, "height": post.height, "images": publish.media.get("images", []) if publish else [],
        "url": f"{base_url}/@{username}/{post.kind}/{post.post_id}",
    }
