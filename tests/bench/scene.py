"""A connected creator and a person on a running instance, for benchmarks."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace

from flask import Flask

from app.factory import create_app
from app.models import Member, PostTarget, User, db
from app.settings import Settings
from tests import factories
from tests.house import House
from tests.servers import wait_for


class Scene:
    """The running instance's own database and sandbox, through the services."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.app: Flask = create_app(Settings.from_env({**house.settings, "LOG_LEVEL": "ERROR"}))
        with self.app.app_context():
            user = db.session.query(User).one()
            workspace_id = db.session.query(Member.workspace_id).filter_by(user_id=user.id).scalar()
            self.person = SimpleNamespace(user_id=user.id, workspace_id=workspace_id)

    def connect(self, count: int) -> list[int]:
        return factories.connect_creators(self.app, self.person, self.house.sandbox, count)

    def wait_until(self, target_id: int, condition: Callable[[PostTarget], bool], seconds: float = 120) -> PostTarget:
        """The target, once it fulfils the condition."""
        def look() -> PostTarget | None:
            with self.app.app_context():
                target = db.session.get_one(PostTarget, target_id)
                db.session.expunge(target)
                return target if condition(target) else None
        found: PostTarget = wait_for(look, seconds=seconds, every=0.05)
        return found


def percentile(values: list[float], share: float) -> float:
    """The value below which that share of the values lies (nearest rank)."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def report(text: str) -> None:
    """One line of the result."""
    print(text, flush=True)  # noqa: T201 a benchmark's result is its output
