"""The people around the engine: an owner who schedules and cancels, and creators who connect and post their drafts."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import sqlalchemy as sa
from flask import Flask
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from app import clock
from app.domain.errors import DomainError
from app.domain.lifecycle import TargetState
from app.factory import create_app
from app.models import Connection, PostTarget, TikTokAccount, db
from app.services import posts, scheduling
from app.settings import Settings
from tests import factories
from tests.chaos.kinds import KINDS, Kind, Media, Order
from tests.chaos.stage import Stage

T = TypeVar("T")
DATABASE_AWAY_SECONDS = 15
WAVES = 6
"""Few due times for many posts: the hands are busy, as on the hour in life."""
LEAD = timedelta(minutes=40)
"""The time to write all posts in; it is skipped afterwards."""


class Scene:
    """An application of the harness's own, on the same database and the same clock."""

    def __init__(self, stage: Stage, dice: random.Random) -> None:
        clock.set_source(stage.clock)
        self.stage = stage
        self.dice = dice
        self.app: Flask = create_app(Settings.from_env({**stage.settings, "LOG_LEVEL": "ERROR"}))
        logging.getLogger().handlers[:] = []
        self.wiring = factories.wired(self.app)
        self.person = factories.make_person(self.app, "Riva Santos", "riva@example.com", "Europe/Berlin")
        self.made: dict[int, tuple[Kind, str]] = {}
        """Kind and mark of each target."""
        self.reconnected = 0

    def close(self) -> None:
        clock.set_source(None)
        with self.app.app_context():
            db.session.remove()
            db.engine.dispose()
        self.wiring.tiktok.close()
        self.wiring.login.close()
        self.wiring.redis.close()

    def read(self, query: Callable[[Session], T]) -> T:
        """The query's answer, also when the database is just being restarted."""
        deadline = time.monotonic() + DATABASE_AWAY_SECONDS
        while True:
            try:
                with self.app.app_context():
                    return query(db.session())
            except OperationalError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)

    def connect(self, count: int) -> list[int]:
        return factories.connect_creators(self.app, self.person, self.stage.sandbox, count)

    def schedule(self, accounts: list[int], count: int, within: timedelta, seed: int, directory: Path) -> None:
        """So many targets of all kinds in turn, due in waves within that span, the first of them now."""
        media = Media.make(self.app, self.person, directory)
        start = clock.utcnow() + LEAD
        for number in range(count):
            kind = KINDS[number % len(KINDS)]
            due = start + within * (self.dice.randrange(WAVES) / WAVES)
            order = Order(number, accounts[number % len(accounts)], f"chaos {seed} number {number:04d} #{kind.name}", due)
            made = kind.make(self.app, self.person, media, order)
            self.made[made.target_id] = kind, made.mark
        self.stage.jump((start - clock.utcnow()).total_seconds())

    def cancel_one(self) -> None:
        """The owner takes a post off the schedule, if the engine is not faster."""
        waiting = self.read(lambda session: session.scalars(sa.select(PostTarget.id).where(
            PostTarget.state == TargetState.SCHEDULED)).all())
        if waiting:
            self._as_owner(posts.cancel_target, self.dice.choice(waiting))

    def give_missed_ones_a_new_time(self) -> None:
        """The owner reads why a post was held and moves it."""
        missed = self.read(lambda session: session.scalars(sa.select(PostTarget.id).where(PostTarget.state == TargetState.MISSED)).all())
        for target_id in missed:
            self._as_owner(scheduling.move_target, target_id, scheduled_at=clock.utcnow() + timedelta(minutes=10))

    def reconnect_lost_accounts(self) -> None:
        """A creator whose token was lost on its way connects again."""
        lost = self.read(lambda session: session.scalars(sa.select(TikTokAccount.username).where(
            TikTokAccount.connection != Connection.CONNECTED)).all())
        for username in lost:
            try:
                factories.connect_account(self.app, self.person, self.stage.sandbox, username)
                self.reconnected += 1
            except (DomainError, OperationalError):
                continue  # a fault or a restart hit this one, too

    def post_a_draft(self) -> None:
        """A creator posts one of the drafts in the inbox."""
        drafts = self.stage.sandbox.get("/sandbox/api/drafts")["drafts"]
        if drafts:
            self.stage.sandbox.post(f"/sandbox/api/drafts/{self.dice.choice(drafts)['publish_id']}/post")

    def states(self) -> dict[str, int]:
        found = self.read(lambda session: session.execute(sa.select(PostTarget.state, sa.func.count()).group_by(PostTarget.state)).all())
        return {state.value: count for state, count in sorted(found, key=lambda row: -row[1])}

    def quiet_until(self) -> datetime | None:
        """When the engine next has something to do, if it has nothing to do now and no hand holds a target."""
        now = clock.utcnow()
        due, leased = self.read(lambda session: session.execute(sa.select(
            sa.func.min(PostTarget.due_at), sa.func.max(PostTarget.lease_until))).one())
        return due if due is not None and due > now and leased is None else None

    def _as_owner(self, use_case: Callable[..., Any], target_id: int, **values: Any) -> None:
        with self.app.app_context():
            try:
                use_case(workspace_id=self.person.workspace_id, actor_id=self.person.user_id, target_id=target_id, now=clock.utcnow(),
                         **values)
            except (DomainError, OperationalError):
                return  # it has begun meanwhile, or the database is away
