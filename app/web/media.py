"""Uploads, and the pictures and videos behind the login."""

from __future__ import annotations

from typing import IO, Any, cast

from flask import Blueprint, Request, Response, flash, make_response, redirect, render_template, request, url_for
from werkzeug.wsgi import wrap_file

from app.domain.errors import DomainError, refuse
from app.domain.media_rules import CONTAINERS, duration_text
from app.services import media
from app.services.ports import IncomingFile
from app.web.access import member
from app.web.errors import STATUS
from app.web.pictures import picture
from app.wiring import wiring

blueprint = Blueprint("media", __name__, url_prefix="/media")


class StreamingRequest(Request):
    """Uploads go straight into storage's incoming directory, hashed on the way; nothing is held in memory."""

    def _get_file_stream(self, total_content_length: int | None, content_type: str | None,
                         filename: str | None = None, content_length: int | None = None) -> IO[bytes]:
        incoming = cast(IO[bytes], wiring().storage.incoming())
        # Closed, and with it gone, at the end of the request, however that comes about.
        self.__dict__.setdefault("incoming_files", []).append(incoming)
        return incoming

    def close(self) -> None:
        for incoming in self.__dict__.pop("incoming_files", []):
            incoming.close()
        super().close()


@blueprint.post("/")
def upload() -> Response:
    """Take one video. Answers with the composer's media part; without JavaScript, with the composer."""
    file = request.files.get("file")
    scripted = request.headers.get("X-Requested-With") == "XMLHttpRequest"
    try:
        if file is None or not file.filename:
            raise refuse("video_missing", "Choose a video file first.", "media")
        incoming: IncomingFile = file.stream  # type: ignore[assignment]  # StreamingRequest makes them
        media_id = media.keep_video(incoming=incoming, name=file.filename, workspace_id=member().workspace_id,
                                    actor_id=member().user_id, ports=wiring().media)
    except DomainError as error:
        if scripted:
            return make_response(render_template("media/_refused.html", problems=error.problems), STATUS[error.kind])
        for problem in error.problems:
            flash(problem.message, "error")
        return _back_to_composer(None)
    if not scripted:
        return _back_to_composer(media_id)
    found = media.load_media(member().workspace_id, media_id)
    return make_response(render_template("media/_chosen.html", media=found, duration=duration_text(found.duration_seconds)), 201)


@blueprint.get("/<int:media_id>/poster")
def poster(media_id: int) -> Response:
    return picture(media.load_media(member().workspace_id, media_id).poster_key)


@blueprint.get("/<int:media_id>/video")
def video(media_id: int) -> Response:
    """The video itself, by ranges."""
    found = media.load_media(member().workspace_id, media_id)
    body = wrap_file(request.environ, wiring().storage.open(found.storage_key))
    response = Response(body, mimetype=CONTAINERS[found.container], direct_passthrough=True)
    response.content_length = found.size_bytes
    response.set_etag(found.sha256)
    response.headers["Cache-Control"] = "private, max-age=3600"
    return make_response(response.make_conditional(request, accept_ranges=True, complete_length=found.size_bytes))


def _back_to_composer(media_id: int | None) -> Response:
    kept: dict[str, Any] = {k: v for k in ("account_id", "date") if (v := request.form.get(k))}
    return make_response(redirect(url_for("posts.new", media_id=media_id, **kept), 303))
