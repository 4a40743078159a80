"""The page about the machine itself, for owners: what runs, what is late, what to do."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from flask import Blueprint, Response, abort

from app.infra.presence import Kind, Process
from app.web.access import member
from app.web.htmx import reply
from app.web.pulse import Pulse, findings, load_pulse, name_of
from app.web.times import relative

blueprint = Blueprint("system", __name__, url_prefix="/settings/system")


@dataclass(frozen=True, slots=True)
class Row:
    """One process in words."""

    name: str
    place: str
    doing: str
    seen: str
    tone: str
    label: str
    hands: int
    busy_hands: int


@blueprint.get("/")
def index() -> Response:
    """The page, and for htmx the part of it that keeps itself fresh."""
    if not member().is_owner:
        abort(403)
    pulse = load_pulse()
    return reply("system/index.html", "system/_pulse.html", pulse=pulse, findings=list(findings(pulse)),
                 rows=[_row(pulse, process) for process in pulse.processes],
                 beat=_ago(pulse.beat_at, pulse.now), due=_ago(pulse.oldest_due_at, pulse.now),
                 fetching=_ago(pulse.imports.oldest_at, pulse.now))


def _ago(at: datetime | None, now: datetime) -> str | None:
    if at is None:
        return None
    text = relative(at, now)
    return "just now" if text == "now" else text


def _row(pulse: Pulse, process: Process) -> Row:
    if process.is_silent(pulse.now):
        tone, label = "bad", "Silent"
    elif process.kind is Kind.SCHEDULER:
        tone, label = ("good", "Beats") if process.is_beating else ("neutral", "Stands by")
    else:
        tone, label = "good", "Runs"
    doing = f"{process.busy_hands} of {process.hands} hands busy" if process.hands else ""
    return Row(name_of(process), f"{process.host}, process {process.pid}", doing, _ago(process.seen_at, pulse.now) or "", tone, label,
               process.hands, process.busy_hands)
