"""Where TikTok fetches photos: one prefix below PUBLIC_URL, which whoever runs Oncue verifies at TikTok as a URL property.

TikTok's rules: no redirect, the right type, and the address must live for an hour. The path must not contain the word "tiktok";
only the files by which TikTok verifies the property are named so by TikTok itself.
"""

from __future__ import annotations

from pathlib import Path

from flask import Blueprint, Response, abort, current_app, make_response, request, send_file
from werkzeug.wsgi import FileWrapper

from app.services.publishing import fetched_photo
from app.wiring import wiring

BLOCK = 256 * 1024
blueprint = Blueprint("pull", __name__)


@blueprint.get("/pull/<token>/<int:position>.<file_type>")
def photo(token: str, position: int, file_type: str) -> Response:
    """A photo, by ranges too; the address knows no login, is never guessed, and ends with its try."""
    # TikTok does not say how it fetches. A HEAD hands out no byte to make a post of, so it may look without counting as having fetched;
    # a part, however small, counts.
    found = fetched_photo(token, position, wiring().publishing, is_look=request.method == "HEAD")
    if found is None or found[1] != f"image/{file_type}":
        abort(404)
    key, content_type, size = found
    response = Response(FileWrapper(wiring().storage.open(key), BLOCK), mimetype=content_type, direct_passthrough=True)
    response.content_length = size
    response.headers["Cache-Control"] = "private, no-store"
    return make_response(response.make_conditional(request, accept_ranges=True, complete_length=size))


@blueprint.get("/pull/check.jpeg")
def check_photo() -> Response:
    """A photo like any other here, for the page that tries whether TikTok could fetch one."""
    response = send_file(check_photo_path(), mimetype="image/jpeg", max_age=0)
    response.headers["Cache-Control"] = "no-store"
    return response


@blueprint.get("/pull/tiktok<code>.txt")
@blueprint.get("/tiktok<code>.txt")
def verification(code: str) -> Response:
    """The file by which TikTok verifies that a prefix, or the whole address, is ours."""
    content = wiring().settings.verification_files.get(f"tiktok{code}.txt")
    if content is None:
        abort(404)
    return Response(content, mimetype="text/plain")


def check_photo_path() -> Path:
    return Path(current_app.static_folder or "") / "check.jpeg"
