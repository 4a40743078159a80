"""Whether this process is alive, whether Oncue is ready, and the pulse that every page shows."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from flask import Blueprint, Response, jsonify, make_response, render_template
from redis import RedisError
from sqlalchemy.exc import SQLAlchemyError

from app import clock
from app.models import db
from app.queries.due import oldest_due_at
from app.web.shell import BEAT_LATE
from app.wiring import wiring

blueprint = Blueprint("health", __name__)


@blueprint.get("/healthz")
def healthz() -> dict[str, str]:
    """The process answers; says nothing about database or Redis."""
    return {"status": "ok"}


@blueprint.get("/readyz")
def readyz() -> Response:
    """200 when database and Redis answer and the beat is younger than 30 s, else 503; says which, and how old."""
    found = {"database": _database_answers(), "redis": _redis_answers(), **_pulse()}
    is_ready = found["database"] and found["redis"] and found["beat"] == "ok"
    response = jsonify(status="ready" if is_ready else "not ready", **found)
    response.status_code = 200 if is_ready else 503
    return response


@blueprint.get("/heartbeat")
def heartbeat() -> Response:
    """The pulse's fragment, which asks for itself."""
    return make_response(render_template("partials/_heartbeat.html"))


def _database_answers() -> bool:
    try:
        return db.session.scalar(sa.select(1)) == 1
    except SQLAlchemyError:
        return False


def _redis_answers() -> bool:
    try:
        return bool(wiring().redis.ping())
    except RedisError:
        return False


def _pulse() -> dict[str, object]:
    now, pulse = clock.utcnow(), wiring().tasks.pulse()
    ages = {name: None if at is None else round((now - at).total_seconds(), 1) for name, at in
            (("beat_age_seconds", pulse.beat_at), ("scheduler_age_seconds", pulse.scheduler_at), ("oldest_due_seconds", _oldest()))}
    is_late = pulse.beat_at is None or now - pulse.beat_at > BEAT_LATE
    return {"beat": "late" if is_late else "ok", "hands": pulse.hands, **ages}


def _oldest() -> datetime | None:
    try:
        return oldest_due_at(clock.utcnow())
    except SQLAlchemyError:
        return None
