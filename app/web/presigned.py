"""Uploads by programs: ask for an address, PUT the bytes there, confirm. JSON, for a session that is signed in.

Only the PUT is public: its address is the permission. Whoever guesses at addresses is refused before the database is asked.
"""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, make_response, request, url_for

from app.services import presigned
from app.services.presigned import Stage
from app.services.uploads import Progress
from app.web import json_errors
from app.web.access import member
from app.web.security import csrf
from app.web.uploads import arriving_blocks
from app.wiring import wiring

blueprint = Blueprint("presigned", __name__, url_prefix="/media/presigned")
json_errors.init_blueprint(blueprint, {
    "body_malformed": 400, "field_malformed": 400, "field_unknown": 400, "upload_incomplete": 400, "upload_length_missing": 411,
    "upload_size_differs": 400, "upload_too_large": 413, "upload_too_long": 413, "quota_full": 413, "upload_type": 415,
    "upload_type_differs": 415, "uploads_too_many": 429, "upload_expired": 410, "upload_url_expired": 410, "upload_url_used": 409,
})


@blueprint.post("")
def ask() -> Response:
    fields = json_errors.body_fields(name=str, content_type=str, size_bytes=int, declared=dict)
    ticket = presigned.ask(**fields, workspace_id=member().workspace_id, actor_id=member().user_id, ports=wiring().presigned)
    upload = {"method": ticket.method, "url": ticket.url, "headers": ticket.headers, "expires_at": ticket.expires_at.isoformat()}
    answer = make_response({**_view(ticket.upload_id), "upload": upload}, 201)
    answer.headers["Location"] = url_for("presigned.status", upload_id=ticket.upload_id)
    return answer


@blueprint.put("/<upload_id>/content")
def content(upload_id: str) -> Response:
    """The bytes; 204 when all of them are on disk."""
    presigned.check_address(upload_id, expires=request.args.get("expires", ""), signature=request.args.get("signature", ""),
                            ports=wiring().presigned)
    presigned.receive(upload_id, content_type=request.headers.get("Content-Type", ""), size_bytes=request.content_length,
                      blocks=arriving_blocks(), ports=wiring().presigned)
    return make_response("", 204)


csrf.exempt(content)  # the address says who may; there is no session


@blueprint.post("/<upload_id>/confirm")
def confirm(upload_id: str) -> Response:
    """200 with the media file's id, or 422 with what is wrong with the file."""
    fields = json_errors.body_fields(declared=dict)
    found = presigned.confirm(upload_id, **fields, workspace_id=member().workspace_id, ports=wiring().presigned)
    return json_errors.problem_response(422, found.problems) if found.problems else make_response(_view(upload_id))


@blueprint.get("/<upload_id>")
def status(upload_id: str) -> Response:
    return make_response(_view(upload_id))


@blueprint.delete("/<upload_id>")
def end(upload_id: str) -> Response:
    presigned.end(upload_id, workspace_id=member().workspace_id, ports=wiring().presigned)
    return make_response("", 204)


def _view(upload_id: str) -> dict[str, Any]:
    found: tuple[Progress, Stage] = presigned.look_at(upload_id, workspace_id=member().workspace_id, ports=wiring().presigned)
    upload, stage = found
    return {"id": upload.id, "state": stage, "name": upload.name, "content_type": upload.content_type, "size_bytes": upload.size_bytes,
            "expires_at": upload.expires_at.isoformat(), "media_file_id": upload.media_file_id,
            "problems": json_errors.as_json(upload.problems)}
