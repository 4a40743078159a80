"""Uploads, and the pictures and videos behind the login."""

from __future__ import annotations

from dataclasses import dataclass
from typing import IO, cast

from flask import Blueprint, Request, Response, make_response, render_template, request
from werkzeug.wsgi import FileWrapper

from app import clock
from app.domain.errors import DomainError, ErrorKind, Problem, refuse
from app.domain.media_rules import CONTENT_TYPES, MediaKind, duration_text, file_problems, file_warnings, is_convertible
from app.models import MediaFile
from app.services import media
from app.services.ports import IncomingFile
from app.services.storage_quota import check_room_now
from app.web.access import member
from app.web.errors import STATUS
from app.web.pictures import picture
from app.wiring import wiring

BLOCK = 256 * 1024
KINDS = tuple(MediaKind)
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


@dataclass(frozen=True, slots=True)
class ChosenMedia:
    """A file as the composer shows it: what TikTok would refuse, and what its viewers may not like."""

    media: MediaFile
    problems: tuple[Problem, ...]
    warnings: tuple[Problem, ...]
    is_known: bool = False
    """It was there before it was uploaded once more."""
    error: str = ""
    """Why it could not be converted."""

    @property
    def duration(self) -> str:
        return duration_text(self.media.duration_seconds or 0)

    @property
    def may_convert(self) -> bool:
        return bool(self.problems) and self.media.kind is MediaKind.PHOTO and is_convertible(self.problems)


def chosen(found: MediaFile, *, is_known: bool = False, error: str = "") -> ChosenMedia:
    facts = media.facts_of(found)
    return ChosenMedia(found, tuple(file_problems(facts)), tuple(file_warnings(facts)), is_known, error)


def fragment(shown: ChosenMedia) -> str:
    """The composer's part for a file: a video with its cover picker, or a photo's tile."""
    template = "media/_chosen.html" if shown.media.kind is MediaKind.VIDEO else "media/_photo.html"
    return render_template(template, chosen=shown)


@blueprint.post("/")
def upload() -> Response:
    """Take files ahead of their post, at once; answers with the composer's part for each, and with what is wrong with the others."""
    began_at = clock.utcnow()
    media_ids, problems = take_files()
    found = [media.load_media(member().workspace_id, media_id) for media_id in media_ids]
    parts = [fragment(chosen(each, is_known=each.created_at < began_at)) for each in found]
    if problems:
        parts.append(render_template("media/_refused.html", problems=problems))
    return make_response("".join(parts), STATUS[ErrorKind.INVALID] if problems else 201)


@blueprint.post("/<int:media_id>/convert")
def convert(media_id: int) -> Response:
    """Answers with the tile of the photo that TikTok takes, or with the same one and why there is none."""
    who = member()
    try:
        media_id, status = media.convert_photo(media_id, workspace_id=who.workspace_id, actor_id=who.user_id, ports=wiring().media), 200
        error = ""
    except DomainError as refusal:
        if refusal.kind is ErrorKind.NOT_FOUND:
            raise
        status, error = STATUS[ErrorKind.INVALID], refusal.message
    return make_response(fragment(chosen(media.load_media(who.workspace_id, media_id), error=error)), status)


@blueprint.get("/<int:media_id>/poster")
def poster(media_id: int) -> Response:
    return picture(media.load_media(member().workspace_id, media_id).poster_key)


@blueprint.get("/<int:media_id>/strip")
def strip(media_id: int) -> Response:
    """Ten frames of a video, side by side."""
    key = media.load_media(member().workspace_id, media_id).strip_key
    if key is None:
        raise refuse("picture_missing", "This file has no frames to choose from.", kind=ErrorKind.NOT_FOUND)
    return picture(key)


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
    mimetype = CONTENT_TYPES.get(found.container, "application/octet-stream")
    response = Response(body, mimetype=mimetype, direct_passthrough=True)
    response.content_length = found.size_bytes
    response.set_etag(found.sha256)
    response.headers["Cache-Control"] = "private, max-age=3600"
    return make_response(response.make_conditional(request, accept_ranges=True, complete_length=found.size_bytes))


def take_files() -> tuple[list[int], list[Problem]]:
    """Keep the files of this request; returns the media files' ids in their order, and what is wrong with the rest."""
    files = [file for file in request.files.getlist("file") if file.filename]
    if not files:
        return [], [Problem("media_missing", "Choose a video file or photos first.", "media")]
    media_ids, problems = [], []
    for file in files:
        incoming, name = cast(IncomingFile, file.stream), file.filename or ""  # StreamingRequest makes them
        try:
            check_room_now(workspace_id=member().workspace_id, size_bytes=incoming.size_bytes,
                           quota_bytes=wiring().settings.media_quota_bytes)
            media_ids.append(media.keep_media(incoming=incoming, name=name, workspace_id=member().workspace_id,
                                              actor_id=member().user_id, ports=wiring().media, kinds=KINDS))
        except DomainError as error:
            named = f"{media.display_name(name)}: " if len(files) > 1 else ""
            problems += [Problem(problem.code, named + problem.message, problem.field) for problem in error.problems]
    return media_ids, problems
