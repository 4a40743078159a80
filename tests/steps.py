"""The engine by hand: one step of a target, as a worker makes it, and what can be seen of it afterwards."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from flask import Flask

from app.models import Event, PostTarget, PublishAttempt, db
from app.services.publishing import PublishingPorts, advance
from tests import factories


def step(app: Flask, target_id: int, ports: PublishingPorts | None = None) -> PostTarget:
    """One step; returns the target afterwards."""
    with app.app_context():
        advance(target_id, ports or factories.wired(app).publishing)
    return load(app, target_id)


def load(app: Flask, target_id: int) -> PostTarget:
    with app.app_context():
        target = db.session.get_one(PostTarget, target_id)
        db.session.expunge(target)
        return target


def attempts(app: Flask, target_id: int) -> Sequence[PublishAttempt]:
    """The record of each try, in order."""
    with app.app_context():
        found = db.session.scalars(sa.select(PublishAttempt).where(PublishAttempt.target_id == target_id).order_by(PublishAttempt.id)).all()
        db.session.expunge_all()
        return found


def tries(app: Flask, target_id: int) -> list[tuple[str, str | None]]:
    """Step and code of each try, in order."""
    return [(attempt.step.value, attempt.code) for attempt in attempts(app, target_id)]


def events(app: Flask, post_id: int) -> list[str]:
    with app.app_context():
        return list(db.session.scalars(sa.select(Event.kind).where(Event.post_id == post_id).order_by(Event.id)))


def settle(app: Flask, target_id: int, frozen: Any, minutes: int = 30) -> PostTarget:
    """Steps, each when it falls due, until nothing is in flight any more."""
    for _ in range(minutes * 12):
        target = step(app, target_id)
        if target.state.value not in ("scheduled", "publishing", "processing") and not (target.state == "unconfirmed" and target.due_at):
            return target
        frozen.advance(seconds=5)
    raise AssertionError(f"target {target_id} is still {target.state.value}: {tries(app, target_id)}")
