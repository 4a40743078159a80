"""Kills of worker processes, each told with the steps that their hands were in."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.models import PublishAttempt, Step
from tests.chaos.process import hands_of
from tests.chaos.scene import Scene
from tests.chaos.stage import Stage

IDLE, BETWEEN, UNSEEN = "idle", "between calls", "unseen"
AIM_SECONDS = 1.5
FROZEN_SECONDS = 4.5
"""Longer than a lease, which is three real seconds here: who wakes up then must find that it has lost its targets."""


@dataclass
class Killer:
    """Kills publish workers. Every second kill is aimed at the step that was hit least, the others are blind."""

    stage: Stage
    scene: Scene
    dice: random.Random
    hands: Counter[str] = field(default_factory=Counter)
    """What the hands of all killed workers were at."""
    kills: list[Counter[str]] = field(default_factory=list)
    buried: set[int] = field(default_factory=set)
    """Attempts that nobody will end any more."""
    frozen: list[str] = field(default_factory=list)
    thaws: list[threading.Timer] = field(default_factory=list)

    def kill_one(self) -> None:
        wanted = min(Step, key=lambda step: self.hands[step.value]).value if len(self.kills) % 2 else None
        name, found, rows = self._aim(lambda hands: UNSEEN not in hands and (wanted is None or wanted in hands))
        self.stage.kill(name)
        self.stage.spawn(name)
        self.kills.append(found)
        self.hands.update(found)
        self.buried |= rows

    def freeze_one(self) -> None:
        """Stop a worker amid its work for FROZEN_SECONDS, as a suspended machine does; it is not killed before it is thawed."""
        name, *_ = self._aim(lambda hands: bool(hands.keys() & {step.value for step in Step}))
        self.frozen.append(name)
        # By a thread of its own: whoever acts next may have to wait for what the frozen worker holds.
        self.thaws.append(threading.Timer(FROZEN_SECONDS, self._thaw, [name]))
        self.thaws[-1].start()

    def all_thawed(self) -> None:
        for thaw in self.thaws:
            thaw.join()

    def _thaw(self, name: str) -> None:
        self.stage.go_on(name)
        self.frozen.remove(name)

    def _aim(self, is_wanted: Callable[[Counter[str]], bool]) -> tuple[str, Counter[str], set[int]]:
        """Some worker, held where it is: soon one whose hands are at what is wanted, in the end any."""
        deadline = time.monotonic() + AIM_SECONDS
        while True:
            name = self.dice.choice([name for name in self.stage.publishers if name not in self.frozen] or self.frozen)
            hands, rows = self._look_at(self.stage.pause(name))
            if is_wanted(hands) or time.monotonic() > deadline:
                return name, hands, rows
            if name not in self.frozen:
                self.stage.go_on(name)

    def _look_at(self, pid: int) -> tuple[Counter[str], set[int]]:
        """What each hand of that process is at, and the attempts that it has begun."""
        told = [file.read_text() for file in hands_of(self.stage.directory / "clock").glob(f"{pid}.*")]
        targets = [int(text) for text in told if text]
        hands: Counter[str] = Counter({IDLE: len(told) - len(targets)} if len(told) > len(targets) else {})
        open_steps = self.scene.read(lambda session: self._open_steps(session, targets))
        hands.update(open_steps[target][0] if target in open_steps else BETWEEN for target in targets)
        if not hands:
            hands[UNSEEN] += 1  # it has only just begun
        return hands, {row for _, row in open_steps.values()}

    def _open_steps(self, session: Session, targets: list[int]) -> dict[int, tuple[str, int]]:
        rows = session.execute(sa.select(PublishAttempt.target_id, PublishAttempt.step, PublishAttempt.id).where(
            PublishAttempt.target_id.in_(targets), PublishAttempt.finished_at.is_(None)).order_by(PublishAttempt.id)).all()
        return {row.target_id: (row.step.value, row.id) for row in rows if row.id not in self.buried}
