"""One run on one database: everything goes wrong at once, is left to settle, and is compared with the sandbox's ledger."""

from __future__ import annotations

import contextlib
import os
import random
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import psycopg
import sqlalchemy as sa
from sqlalchemy.orm import Session

from app import clock
from app.domain.lifecycle import TargetState
from app.domain.retry import FOLLOW_FOR
from app.models import PostTarget, PublishAttempt, Step, TikTokAccount
from tests import servers
from tests.chaos import faults
from tests.chaos.killing import Killer
from tests.chaos.leaks import leaks, used_secrets
from tests.chaos.report import Plan, Report
from tests.chaos.scene import Scene
from tests.chaos.stage import Stage
from tests.chaos.truth import Ledger, Row, complaints
from tests.house import ROOT

OUTPUT = ROOT / "output" / "chaos"
DUE_SHARE = 0.8
"""The share of the run in which targets become due; the rest is for retries under fire."""
AFTERMATH = timedelta(hours=1)
ALL_CALLS = 20_000


@contextlib.contextmanager
def _database(name: str) -> Iterator[tuple[str, Callable[[], None]]]:
    """Its address, and what restarts it."""
    if name == "sqlite":
        yield "", lambda: None
        return
    with servers.postgres() as maintenance:
        url = servers.create_database(maintenance, "chaos")
        with psycopg.connect(maintenance) as connection:
            directory = connection.execute("SHOW data_directory").fetchone()[0]
        owner = "postgres" if os.getuid() == 0 else None
        command = [servers.postgres_binary("pg_ctl"), "-D", directory, "-w", "-m", "immediate", "restart"]
        yield url, lambda: subprocess.run(command, check=True, user=owner, cwd=directory, stdout=subprocess.DEVNULL)


def run(plan: Plan, database: str) -> Report:
    """Play the plan on `sqlite` or `postgresql`."""
    report = Report(plan, database)
    with (tempfile.TemporaryDirectory(prefix="oncue-chaos-") as directory, servers.redis() as redis_url,
          _database(database) as (database_url, restart_database)):
        stage = Stage(Path(directory), OUTPUT / database, database_url, redis_url, plan.speed, plan.workers, plan.hands,
                      log_format="json" if database == "sqlite" else "text")
        try:
            began = time.monotonic()
            stage.start()
            dice = random.Random(plan.seed)
            scene = Scene(stage, dice)
            try:
                play = Play(plan, report, stage, scene, dice, restart_database)
                accounts = scene.connect(plan.accounts)
                scene.schedule(accounts, plan.targets, timedelta(seconds=plan.seconds * plan.speed * DUE_SHARE), plan.seed, Path(directory))
                began = report.time("prepared", began)
                play.storm()
                began = report.time("storm", began)
                play.settle()
                play.judge()
                report.time("settled", began)
            finally:
                scene.close()
        finally:
            stage.stop()
        report.complaints += leaks(stage.logs, used_secrets(stage.instance))
    (stage.logs / "report.txt").write_text(f"{report}\n")
    return report


@dataclass
class Play:
    """The acts of one run."""

    plan: Plan
    report: Report
    stage: Stage
    scene: Scene
    dice: random.Random
    restart_database: Callable[[], None]

    def __post_init__(self) -> None:
        self.killer = Killer(self.stage, self.scene, self.dice)

    def storm(self) -> None:
        """Faults are on; at moments that the seed chooses something is killed, emptied or restarted, or somebody acts."""
        acts = self._acts()
        faults.begin(self.stage.sandbox, self.dice)
        began = time.monotonic()
        for moment, name, act in sorted(acts, key=lambda act: act[0]):
            time.sleep(max(0.0, began + moment * self.plan.seconds - time.monotonic()))
            act()
            self.report.acts[name] = self.report.acts.get(name, 0) + 1
        self.killer.all_thawed()
        patience = began + 2 * self.plan.seconds
        while time.monotonic() < patience and faults.hits(self.stage.sandbox) < self.plan.targets // 8:
            time.sleep(0.2)  # on a busy machine the calls come late
        self.report.faults = faults.end(self.stage.sandbox)
        self.report.kills, self.report.killed_in = self.report.acts.pop("kill"), dict(self.killer.hands.most_common())

    def _acts(self) -> list[tuple[float, str, Callable[[], object]]]:
        def some(name: str, count: int, act: Callable[[], object]) -> list[tuple[float, str, Callable[[], object]]]:
            return [(self.dice.uniform(0.03, 1), name, act) for _ in range(count)]

        redis, people = self.scene.wiring.redis, max(4, self.plan.targets // 20)
        found = [
            *some("kill", self.plan.kills, self.killer.kill_one), *some("emptied Redis", 2, redis.flushall),
            *some("killed scheduler", 2, lambda: self._kill("scheduler")), *some("killed beat", 1, lambda: self._kill("beat")),
            *some("killed web", 1, lambda: self._kill("web")), *some("canceled", people, self.scene.cancel_one),
            *some("moved", 2, self.scene.give_missed_ones_a_new_time), *some("posted drafts", people, self.scene.post_a_draft),
            *some("looked after accounts", people, self.scene.reconnect_lost_accounts),
        ]
        found += some("froze a worker", 2 + self.plan.kills // 20, self.killer.freeze_one)
        if self.report.database != "sqlite":
            found += some("restarted database", 2, self.restart_database)
        return found

    def _kill(self, name: str) -> None:
        self.stage.kill(name)
        self.stage.spawn(name)

    def settle(self) -> None:
        """No more faults: time jumps to whatever is next, until nothing is left to do."""
        self.scene.wiring.redis.flushall()
        self.report.acts["emptied Redis"] += 1
        deadline = time.monotonic() + self.plan.settle_seconds
        stop_at = clock.utcnow() + 2 * FOLLOW_FOR
        while time.monotonic() < deadline and self.scene.read(self._is_anything_left):
            self.scene.reconnect_lost_accounts()
            following = self.scene.quiet_until()
            if following is not None and following < stop_at:
                self.stage.jump((following - clock.utcnow()).total_seconds())
            time.sleep(0.1)
        self.report.states = self.scene.states()
        self.stage.jump(AFTERMATH.total_seconds())  # whatever TikTok still has in hand becomes a post now, or never

    @staticmethod
    def _is_anything_left(session: Session) -> bool:
        return bool(session.scalar(sa.select(sa.func.count()).where(
            PostTarget.due_at.is_not(None), PostTarget.state != TargetState.IN_INBOX)))

    def judge(self) -> None:
        """Every target against the ledger."""
        rows = self.scene.read(self._rows)
        raw = self.stage.sandbox.get("/sandbox/api/ledger", calls_limit=ALL_CALLS, posts_limit=ALL_CALLS, publishes_limit=ALL_CALLS)
        ledger = Ledger(raw, {row.mark for row in rows})
        self.report.calls = raw["calls_total"]
        self.report.limits_broken = sum(1 for call in ledger.calls if call["error_code"] == "rate_limit_exceeded" and not call["fault"])
        self.report.reconnected = self.scene.reconnected
        self.report.doubts = [f"{row}: {ledger.swallowed(row)}" for row in rows if row.state is TargetState.UNCONFIRMED]
        self.report.complaints += complaints(rows, ledger)

    def _rows(self, session: Session) -> list[Row]:
        by_step = sa.select(PublishAttempt.step, sa.func.count()).group_by(PublishAttempt.step)
        self.report.attempts = {step.value: count for step, count in session.execute(by_step)}
        inits: dict[int, list[tuple[object, object, str | None]]] = {}
        for row in session.scalars(sa.select(PublishAttempt).where(PublishAttempt.step == Step.INIT).order_by(PublishAttempt.id)):
            inits.setdefault(row.target_id, []).append((row.started_at, row.finished_at, row.code))
        found = session.execute(sa.select(PostTarget, TikTokAccount.username).join(
            TikTokAccount, TikTokAccount.id == PostTarget.account_id).order_by(PostTarget.id)).all()
        return [Row(target.id, *self.scene.made[target.id], username, target.state, target.problem_code, target.publish_id,
                    target.tiktok_post_id, target.due_at, tuple(inits.get(target.id, ())))  # type: ignore[arg-type]  # as selected
                for target, username in found]
