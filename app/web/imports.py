"""Files that are fetched from links: begun, looked at and begun again, as JSON."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from flask import Blueprint, Response, make_response, url_for

from app import clock
from app.domain.errors import ErrorKind, refuse
from app.queries.imports import load_import
from app.services import media_imports
from app.web import json_errors
from app.web.access import member
from app.wiring import wiring

blueprint = Blueprint("imports", __name__, url_prefix="/media/imports")
json_errors.init_blueprint(blueprint, {"body_malformed": 400, "field_malformed": 400, "field_unknown": 400})


@blueprint.post("")
def begin() -> Response:
    fields = json_errors.body_fields(url=str)
    import_id = media_imports.start_import(fields["url"], workspace_id=member().workspace_id, actor_id=member().user_id,
                                           ports=wiring().media_imports)
    answer = make_response(_view(import_id), 202)
    answer.headers["Location"] = url_for("imports.status", import_id=import_id)
    return answer


@blueprint.get("/<int:import_id>")
def status(import_id: int) -> Response:
    return make_response(_view(import_id))


@blueprint.post("/<int:import_id>/retry")
def again(import_id: int) -> Response:
    media_imports.retry_import(import_id, workspace_id=member().workspace_id, ports=wiring().media_imports)
    return make_response(_view(import_id), 202)


def _view(import_id: int) -> dict[str, Any]:
    found = load_import(member().workspace_id, import_id, clock.utcnow())
    if found is None:
        raise refuse("import_not_found", "There is no such import.", kind=ErrorKind.NOT_FOUND)
    instants = {name: None if at is None else at.isoformat() for name, at in (("created_at", found.created_at), ("due_at", found.due_at))}
    return {**asdict(found), **instants}
