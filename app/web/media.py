"""Uploads, and the pictures and videos behind the login."""

from __future__ import annotations

from typing import IO, cast

from flask import Blueprint, Request, Response, make_response, render_template, request
from werkzeug.wsgi import FileWrapper

from app.domain.errors import DomainError, ErrorKind, refuse
from app.domain.media_rules import CONTENT_TYPES, MediaKind, duration_text
from app.models import MediaFile
from app.services import media
from app.services.ports import IncomingFile
from app.services.storage_quota import check_room_now
from app.web.access import member
from app.web.errors import STATUS
from app.web.pictures import picture
from app.wiring import wiring

BLOCK = 256 * 1024
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
    """Take one video ahead of its post, with progress; answers with the composer's part for it."""
    try:
        media_id = take_video()
    except DomainError as error:
        return make_response(render_template("media/_refused.html", problems=error.problems), STATUS[error.kind])
    found = media.load_media(member().workspace_id, media_id)
    return make_response(render_template("media/_chosen.html", media=found, duration=duration_text(found.duration_seconds or 0)), 201)


@blueprint.get("/<int:media_id>/poster")
def poster(media_id: int) -> Response:
    return picture(media.load_media(member().workspace_id, media_id).poster_key)


@blueprint.get("/<int:media_id>/video")
def video(media_id: int) -> Response:
    """The video itself, by ranges."""
    return send_bytes(media.load_media(member().workspace_id, media_id))


@blueprint.get("/<int:media_id>/photo")
def photo(media_id: int) -> Response:
    """The photo itself, as it came."""
    return send_bytes(media.load_media(member().workspace_id, media_id))


def send_bytes(found: MediaFile) -> Response:
    """A file as it is stored, or the part of it that is asked for. An ended one is not found."""
    if found.ended_at is not None:
        raise refuse("media_ended", f"{found.name} has been deleted from the library.", kind=ErrorKind.NOT_FOUND)
    body = FileWrapper(wiring().storage.open(found.storage_key), BLOCK)  # the server's own wrapper would read up to where a range begins
    response = Response(body, mimetype=CONTENT_TYPES.get(found.container, f"image/{found.container}"), direct_passthrough=True)
    response.content_length = found.size_bytes
    response.set_etag(found.sha256)
    response.headers["Cache-Control"] = "private, max-age=3600"
    return make_response(response.make_conditional(request, accept_ranges=True, complete_length=found.size_bytes))


def take_video() -> int:
    """Keep the video of this request; returns the media file's id. Raises DomainError with every problem."""
    file = request.files.get("file")
    if file is None or not file.filename:
        raise refuse("video_missing", "Choose a video file first.", "media")
    incoming = cast(IncomingFile, file.stream)  # StreamingRequest makes them
    check_room_now(workspace_id=member().workspace_id, size_bytes=incoming.size_bytes, quota_bytes=wiring().settings.media_quota_bytes)
    return media.keep_media(incoming=incoming, name=file.filename, workspace_id=member().workspace_id,
                            actor_id=member().user_id, ports=wiring().media, kinds=(MediaKind.VIDEO,))
