"""Where TikTok fetches photos: one prefix below PUBLIC_URL, which whoever runs Oncue verifies at TikTok as a URL property.

TikTok's rules: no redirect, the right type, and the address must live for an hour. The path must not contain the word "tiktok".
"""

from __future__ import annotations

from flask import Blueprint, Response, abort, make_response, request
from werkzeug.wsgi import FileWrapper

from app.services.publishing import fetched_photo
from app.wiring import wiring

BLOCK = 256 * 1024
blueprint = Blueprint("pull", __name__, url_prefix="/pull")


@blueprint.get("/<token>/<int:position>.<file_type>")
def photo(token: str, position: int, file_type: str) -> Response:
    """A photo, by ranges too; the address knows no login, is never guessed, and ends with its try."""
    found = fetched_photo(token, position, wiring().publishing)
    if found is None or found[1] != f"image/{file_type}":
        abort(404)
    key, content_type, size = found
    response = Response(FileWrapper(wiring().storage.open(key), BLOCK), mimetype=content_type, direct_passthrough=True)
    response.content_length = size
    response.headers["Cache-Control"] = "private, no-store"
    return make_response(response.make_conditional(request, accept_ranges=True, complete_length=size))
