"""Uploads that go on after a broken connection: tus 1.0 (https://tus.io/protocols/resumable-upload) and a fragment with the result."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator

from flask import Blueprint, Response, abort, make_response, render_template, request, url_for
from werkzeug.exceptions import ClientDisconnected
from werkzeug.http import http_date

from app.domain.errors import DomainError
from app.services import media, uploads
from app.web.access import member
from app.web.errors import STATUS
from app.web.media import KINDS, chosen, fragment
from app.wiring import wiring

blueprint = Blueprint("uploads", __name__, url_prefix="/media/uploads")

VERSION = "1.0.0"
EXTENSIONS = "creation,termination,expiration,checksum"
FIRST_BLOCK_BYTES = 65_536
"""Small, so that even a connection that breaks at once leaves something to go on with."""
BLOCK_BYTES = 262_144
"""With less, gunicorn copies what it has read ahead again for each block: 64 KiB took twice the processor time. A break loses a block."""
STALL_SECONDS = 30
"""After so long without a byte a connection counts as broken: until then it keeps the upload from whoever wants to go on with it."""
METADATA_MAX = 2000
TUS_STATUS = {"upload_expired": 410, "upload_too_large": 413, "upload_too_long": 413, "quota_full": 413, "upload_busy": 423,
              "upload_checksum": 460}


@blueprint.before_request
def check_version() -> Response | None:
    if request.method in ("GET", "OPTIONS") or request.headers.get("Tus-Resumable") == VERSION:
        return None
    return make_response("", 412, {"Tus-Version": VERSION})


@blueprint.after_request
def add_version(response: Response) -> Response:
    response.headers["Tus-Resumable"] = VERSION
    return response


@blueprint.errorhandler(DomainError)
def refused(error: DomainError) -> Response:
    status = TUS_STATUS.get(error.code, STATUS[error.kind])
    return make_response(render_template("media/_refused.html", problems=error.problems), status)


@blueprint.route("", methods=["OPTIONS"])
def options() -> Response:
    return make_response("", 204, {"Tus-Version": VERSION, "Tus-Extension": EXTENSIONS, "Tus-Max-Size": str(wiring().uploads.max_bytes),
                                   "Tus-Checksum-Algorithm": ",".join(uploads.CHECKSUMS)})


@blueprint.post("", provide_automatic_options=False)
def create() -> Response:
    metadata = request.headers.get("Upload-Metadata", "")
    if len(metadata) > METADATA_MAX:
        abort(400)
    upload = uploads.begin_upload(size_bytes=_number("Upload-Length"), name=_metadata(metadata).get("filename", ""),
                                  client_metadata=metadata, workspace_id=member().workspace_id, actor_id=member().user_id,
                                  ports=wiring().uploads)
    return make_response("", 201, {"Location": url_for("uploads.append", upload_id=upload.id), **_expiry(upload)})


@blueprint.route("/<upload_id>", methods=["HEAD"])
def progress(upload_id: str) -> Response:
    upload = uploads.load_upload(upload_id, member().workspace_id, wiring().uploads)
    metadata = {"Upload-Metadata": upload.client_metadata} if upload.client_metadata else {}
    return make_response("", 200, {"Upload-Offset": str(upload.offset), "Upload-Length": str(upload.size_bytes), **metadata,
                                   **_expiry(upload)})


@blueprint.patch("/<upload_id>")
def append(upload_id: str) -> Response:
    if request.mimetype != "application/offset+octet-stream":
        abort(415)
    checksum = None
    if header := request.headers.get("Upload-Checksum"):
        checksum = uploads.parse_checksum(header) or abort(400)
    upload = uploads.append_bytes(upload_id, workspace_id=member().workspace_id, offset=_number("Upload-Offset"), blocks=arriving_blocks(),
                                  checksum=checksum, kinds=KINDS, ports=wiring().uploads)
    return make_response("", 204, {"Upload-Offset": str(upload.offset), **_expiry(upload)})


@blueprint.delete("/<upload_id>")
def terminate(upload_id: str) -> Response:
    uploads.end_upload(upload_id, workspace_id=member().workspace_id, ports=wiring().uploads)
    return make_response("", 204)


@blueprint.post("/<upload_id>")
def overridden(upload_id: str) -> Response:
    """For clients whose network lets only GET and POST through."""
    methods = {"PATCH": append, "DELETE": terminate, "HEAD": progress}
    found = methods.get(request.headers.get("X-HTTP-Method-Override", ""))
    return found(upload_id) if found else abort(400)


@blueprint.get("/<upload_id>/result")
def result(upload_id: str) -> Response:
    """The composer's part for a file that is in, or why it can't be posted; 202 while it is looked at, 409 before its last byte."""
    try:
        upload = uploads.finished_upload(upload_id, workspace_id=member().workspace_id, kinds=KINDS, ports=wiring().uploads)
    except DomainError as error:
        if error.code != "upload_busy":
            raise
        return make_response("", 202)
    if upload.problems:
        return make_response(render_template("media/_refused.html", problems=upload.problems), 422)
    if upload.media_file_id is None:
        abort(409)
    found = media.load_media(member().workspace_id, upload.media_file_id)
    return make_response(fragment(chosen(found, is_known=found.created_at < upload.created_at)))


def arriving_blocks() -> Iterator[bytes]:
    """The body as it arrives, ending where the connection breaks: whatever came is worth keeping."""
    connection = request.environ.get("gunicorn.socket") or request.environ.get("werkzeug.socket")
    if connection is not None:
        connection.settimeout(STALL_SECONDS)
    size = FIRST_BLOCK_BYTES
    try:
        while block := request.stream.read(size):
            yield block
            size = BLOCK_BYTES
    except (ClientDisconnected, OSError):
        return


def _number(header: str) -> int:
    text = request.headers.get(header, "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 19 else abort(400)


def _metadata(header: str) -> dict[str, str]:
    """Keys with their values: `filename Y2xpcC5tcDQ=,is_draft`."""
    pairs = [pair.strip().partition(" ") for pair in header.split(",") if pair.strip()]
    try:
        return {key: base64.b64decode(value, validate=True).decode("utf-8", "replace") for key, _, value in pairs}
    except binascii.Error:
        abort(400)


def _expiry(upload: uploads.Progress) -> dict[str, str]:
    return {"Upload-Expires": http_date(upload.expires_at)}
