"""Whether this process is alive."""

from __future__ import annotations

from flask import Blueprint

blueprint = Blueprint("health", __name__)


@blueprint.get("/healthz")
def healthz() -> dict[str, str]:
    """The process answers; says nothing about database or Redis."""
    return {"status": "ok"}
