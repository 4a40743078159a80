"""Whether this process is alive, whether Oncue is ready, and the pulse that every page shows."""

from __future__ import annotations

from datetime import datetime

from flask import Blueprint, Response, jsonify, make_response, render_template

from app.infra.presence import Process
from app.web.pulse import Pulse, load_pulse

blueprint = Blueprint("health", __name__)


@blueprint.get("/healthz")
def healthz() -> dict[str, str]:
    """The process answers; says nothing about database or Redis."""
    return {"status": "ok"}


@blueprint.get("/readyz")
def readyz() -> Response:
    """200 when database and Redis answer and the beat is younger than 30 s, else 503; says which, and how old.

    Anybody may ask: no names of machines, no ids.
    """
    pulse = load_pulse()
    response = jsonify(
        status="ready" if pulse.is_ready else "not ready", database=pulse.database, redis=pulse.redis,
        beat="late" if pulse.is_beat_late else "ok", beat_age_seconds=_age(pulse, pulse.beat_at),
        oldest_due_seconds=_age(pulse, pulse.oldest_due_at),
        schedulers=[{"beating": p.is_beating, **_seen(pulse, p)} for p in pulse.schedulers],
        workers=[{"queues": p.queues, "hands": p.hands, "busy_hands": p.busy_hands, **_seen(pulse, p)} for p in pulse.workers],
    )
    response.status_code = 200 if pulse.is_ready else 503
    return response


@blueprint.get("/heartbeat")
def heartbeat() -> Response:
    """The pulse's fragment, which asks for itself."""
    return make_response(render_template("partials/_heartbeat.html"))


def _seen(pulse: Pulse, process: Process) -> dict[str, object]:
    return {"seen_seconds": _age(pulse, process.seen_at), "silent": process.is_silent(pulse.now)}


def _age(pulse: Pulse, at: datetime | None) -> float | None:
    return None if at is None else round((pulse.now - at).total_seconds(), 1)
