"""All that exists in one sandbox: accounts, grants, tokens, publishes, posts; in memory, with a copy in SQLite."""

from __future__ import annotations

import shutil
import threading
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import fields
from typing import Any, Generic, TypeVar

from flask import current_app, request

from app.sandbox import ids
from app.sandbox.clock import Clock, MovableClock
from app.sandbox.config import SandboxConfig
from app.sandbox.creators import default_creators
from app.sandbox.records import FAILED, Code, Creator, Delivery, Grant, Post, Publish, Token
from app.sandbox.store import Store
from app.sandbox.switches import Switches

Record = TypeVar("Record")


class Table(Generic[Record]):
    """Records of one kind by key; `save` after each change, under the world's lock."""

    def __init__(self, store: Store, kind: str, record_type: type[Record]) -> None:
        self._store = store
        self._kind = kind
        self._type = record_type
        self._rows: dict[str, Record] = {}

    def load(self) -> None:
        known = {item.name for item in fields(self._type)}  # type: ignore[arg-type]  # a dataclass type, which the annotation of a plain type hides
        for key, body in self._store.load(self._kind):
            self._rows[key] = self._type(**{name: value for name, value in body.items() if name in known})

    def get(self, key: str) -> Record | None:
        return self._rows.get(key)

    def save(self, key: str, record: Record) -> Record:
        self._rows[key] = record
        self._store.save(self._kind, key, record)
        return record

    def remove(self, key: str) -> None:
        if self._rows.pop(key, None) is not None:
            self._store.delete(self._kind, key)

    def clear(self) -> None:
        for key in list(self._rows):
            self.remove(key)

    def __iter__(self) -> Iterator[Record]:
        return iter(list(self._rows.values()))

    def __len__(self) -> int:
        return len(self._rows)


class World:
    """One sandbox's state. `lock` guards every change and is never held during file work or HTTP."""

    def __init__(self, config: SandboxConfig, clock: Clock | None = None) -> None:
        self.config = config
        self.lock = threading.RLock()
        self.media_dir = config.directory / "media"
        self.media_dir.mkdir(parents=True, exist_ok=True)
        self.clock = MovableClock(clock) if clock else MovableClock()
        self.store = Store(config.directory / "sandbox.sqlite3", self.lock)
        self.creators = Table(self.store, "creator", Creator)
        self.grants = Table(self.store, "grant", Grant)
        self.codes = Table(self.store, "code", Code)
        self.tokens = Table(self.store, "token", Token)
        self.publishes = Table(self.store, "publish", Publish)
        self.posts = Table(self.store, "post", Post)
        self.deliveries = Table(self.store, "delivery", Delivery)
        self._index()
        self._load()

    # -- start and reset -----------------------------------------------------------------------------------------------

    def _index(self) -> None:
        self._by_username: dict[str, Creator] = {}
        self._by_refresh: dict[str, Token] = {}
        self._by_upload: dict[str, Publish] = {}
        self._publishes_of: dict[str, list[Publish]] = defaultdict(list)
        self.active_at: dict[str, float] = {}  # creator id -> last accepted direct post, for the app's user cap
        self.unfinished: dict[str, Publish] = {}

    def _load(self) -> None:
        meta = dict(self.store.load("meta"))
        self.switches = Switches().changed(self.config.switches)
        self._patched: dict[str, object] = meta.get("switches", {})
        self.switches = self.switches.changed(self._patched)
        self.clock.advance(meta.get("clock", {}).get("offset", 0.0))
        tables: list[Table[Any]] = [self.creators, self.grants, self.codes, self.tokens, self.publishes, self.posts,
                                    self.deliveries]
        for table in tables:
            table.load()
        for creator in self.creators:
            self._by_username[creator.username] = creator
        for token in self.tokens:
            self._by_refresh[token.refresh] = token
        for publish in self.publishes:
            self._index_publish(publish)
        if not len(self.creators):
            self._add_default_creators()

    def _add_default_creators(self) -> None:
        for creator in default_creators(self.now()):
            self.save_creator(creator)

    def reset(self, *, keep_creators: bool = False, keep_switches: bool = False) -> None:
        """Forget posts, publishes, tokens and files; accounts, switches and clock too unless they are kept."""
        with self.lock:
            for publish in self.publishes:
                publish.status = FAILED  # stops a download that is still running from bringing it back
            gone: list[Table[Any]] = [self.codes, self.publishes, self.posts, self.deliveries]
            if not keep_creators:
                gone += [self.creators, self.grants, self.tokens]
            for table in gone:
                table.clear()
            if not keep_switches:
                self._patched = {}
                self.switches = Switches().changed(self.config.switches)
                self.store.delete("meta", "switches")
                self.clock.reset()
                self.store.delete("meta", "clock")
            self._index()
            for creator in self.creators:
                self._by_username[creator.username] = creator
            for token in self.tokens:
                self._by_refresh[token.refresh] = token
            if not len(self.creators):
                self._add_default_creators()
        shutil.rmtree(self.media_dir, ignore_errors=True)
        self.media_dir.mkdir(parents=True, exist_ok=True)

    # -- time and choices ----------------------------------------------------------------------------------------------

    def now(self) -> float:
        return self.clock.now()

    def advance(self, seconds: float) -> None:
        self.clock.advance(seconds)
        self.store.save("meta", "clock", {"offset": self.clock.offset})

    def change_switches(self, values: Mapping[str, object]) -> Switches:
        with self.lock:
            self.switches = self.switches.changed(values)
            self._patched = {**self._patched, **values}
            self.store.save("meta", "switches", self._patched)
            return self.switches

    def base_url(self) -> str:
        return self.config.url or request.host_url.rstrip("/")

    # -- accounts ------------------------------------------------------------------------------------------------------

    def creator(self, username: str) -> Creator | None:
        return self._by_username.get(username)

    def save_creator(self, creator: Creator, *, old_username: str = "") -> Creator:
        with self.lock:
            if old_username:
                self._by_username.pop(old_username, None)
            self._by_username[creator.username] = creator
            return self.creators.save(creator.id, creator)

    def add_token(self, token: Token) -> Token:
        with self.lock:
            self._by_refresh[token.refresh] = token
            return self.tokens.save(token.access, token)

    def token_of_refresh(self, refresh: str) -> Token | None:
        return self._by_refresh.get(refresh)

    def tokens_of(self, creator_id: str) -> list[Token]:
        return [token for token in self.tokens if token.creator_id == creator_id]

    def open_id(self, creator_id: str) -> str:
        return ids.open_id(creator_id, self.config.client_key)

    # -- publishes and posts -------------------------------------------------------------------------------------------

    def _index_publish(self, publish: Publish) -> None:
        if publish.upload_id:
            self._by_upload[publish.upload_id] = publish
        self._publishes_of[publish.creator_id].append(publish)
        if publish.direct:
            last = self.active_at.get(publish.creator_id, 0.0)
            self.active_at[publish.creator_id] = max(last, publish.created_at)
        if publish.is_processing or publish.status == "SEND_TO_USER_INBOX":
            self.unfinished[publish.publish_id] = publish

    def add_publish(self, publish: Publish) -> Publish:
        with self.lock:
            self._index_publish(publish)
            return self.publishes.save(publish.publish_id, publish)

    def save_publish(self, publish: Publish) -> None:
        if not publish.is_processing and publish.status != "SEND_TO_USER_INBOX":
            self.unfinished.pop(publish.publish_id, None)
        self.publishes.save(publish.publish_id, publish)

    def publish_of_upload(self, upload_id: str) -> Publish | None:
        return self._by_upload.get(upload_id)

    def recent_publishes(self, creator_id: str, since: float) -> list[Publish]:
        """A creator's publishes made after `since`, newest first."""
        found = []
        for publish in reversed(self._publishes_of[creator_id]):
            if publish.created_at <= since:
                break
            found.append(publish)
        return found

    def posts_of(self, creator_id: str) -> list[Post]:
        """A creator's posts, newest first."""
        mine = [post for post in self.posts if post.creator_id == creator_id and not post.deleted]
        return sorted(mine, key=lambda post: post.post_id, reverse=True)


def get_world() -> World:
    """The sandbox of the running request."""
    world: Any = current_app.extensions["sandbox"]
    assert isinstance(world, World)
    return world
