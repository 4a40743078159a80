"""What a run is asked to do, and what it tells afterwards."""

from __future__ import annotations

import time
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Plan:
    """How much of it. `seconds` are real ones."""

    seed: int
    targets: int = 300
    accounts: int = 30
    kills: int = 60
    seconds: int = 110
    workers: int = 3
    hands: int = 6
    speed: int = 20
    settle_seconds: int = 120


@dataclass
class Report:
    """What happened; `complaints` is empty when every invariant held."""

    plan: Plan
    database: str
    states: dict[str, int] = field(default_factory=dict)
    faults: dict[str, int] = field(default_factory=dict)
    kills: int = 0
    killed_in: dict[str, int] = field(default_factory=dict)
    """What the hands of all killed workers were at."""
    acts: dict[str, int] = field(default_factory=dict)
    doubts: list[str] = field(default_factory=list)
    calls: int = 0
    limits_broken: int = 0
    reconnected: int = 0
    attempts: dict[str, int] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    complaints: list[str] = field(default_factory=list)

    def time(self, name: str, began: float) -> float:
        """Note how long that took since `began`; returns now."""
        now = time.monotonic()
        self.seconds[name] = round(now - began, 1)
        return now

    def __str__(self) -> str:
        plan = self.plan
        lines = [
            f"chaos on {self.database}, seed {plan.seed}: {plan.targets} targets on {plan.accounts} accounts, speed {plan.speed}",
            f"  seconds       {_listed(self.seconds)}",
            f"  ended as      {_listed(self.states)}",
            f"  kills         {self.kills}; hands were in {_listed(self.killed_in)}",
            f"  besides       {_listed(self.acts)}",
            f"  faults        {_listed(self.faults)}",
            f"  attempts      {_listed(self.attempts)}",
            f"  calls         {self.calls}, {self.limits_broken} of them beyond TikTok's limits",
            f"  reconnected   {self.reconnected} accounts",
            *(f"  in doubt      {doubt}" for doubt in self.doubts),
            *(f"  WRONG         {complaint}" for complaint in self.complaints),
        ]
        return "\n".join(lines)


def _listed(values: dict[str, int] | dict[str, float]) -> str:
    return ", ".join(f"{name} {value:g}" for name, value in values.items()) or "none"
