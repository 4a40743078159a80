"""Routes of the media library."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import cast
from urllib.parse import quote

from flask import Blueprint, Response, flash, make_response, render_template, request, url_for
from werkzeug.datastructures import FileStorage

from app import clock
from app.domain.errors import DomainError, ErrorKind, Problem, refuse
from app.queries.media import find_media
from app.services import library, media, media_imports
from app.services.ports import IncomingFile
from app.services.storage_quota import check_room_now
from app.web.access import member
from app.web.errors import STATUS, flash_problem
from app.web.forms import apply_problems
from app.web.htmx import go, wants_fragment, with_event
from app.web.library.forms import FileForm, ImportForm, read_filter, read_page
from app.web.library.page import (
    KIND_LABELS,
    ORDER_LABELS,
    STATE_LABELS,
    MediaPage,
    SpaceView,
    load_imports,
    load_list,
    load_space_view,
    make_media_page,
)
from app.web.media import send_bytes
from app.wiring import wiring

blueprint = Blueprint("library", __name__, url_prefix="/library")

LABELS = {"kind_labels": KIND_LABELS, "order_labels": ORDER_LABELS, "state_labels": STATE_LABELS}


@blueprint.get("/")
def index() -> Response:
    if wants_fragment():
        found = load_list(member().workspace_id, read_filter(request.args), read_page(request.args))
        return make_response(render_template("library/_grid.html", files=found))
    return _index(ImportForm(formdata=None))


@blueprint.post("/")
def add() -> Response:
    """Without JavaScript a file comes with the form itself."""
    files = [file for file in request.files.getlist("file") if file.filename]
    problems = [problem for file in files for problem in _take(file)] if files else [
        Problem("media_missing", "Choose a file first.", "media")]
    if problems:
        return _index(ImportForm(formdata=None), problems)
    flash("The file is in the library." if len(files) == 1 else f"{len(files)} files are in the library.", "success")
    return go(url_for("library.index"))


@blueprint.get("/space")
def space() -> Response:
    """The room that files take: asked for when the page is there already, because every file counts."""
    return make_response(render_template("library/_space.html", room=_room()))


@blueprint.get("/imports")
def imports() -> Response:
    """The imports, as they are now; says when one has arrived since the page counted them."""
    found = load_imports(member().workspace_id, member().time_zone, clock.utcnow())
    response = make_response(render_template("library/_imports.html", imports=found))
    before = request.args.get("running", type=int)
    return with_event(response, "library:changed") if before is not None and before > found.running else response


@blueprint.post("/imports")
def start_import() -> Response:
    form, who = ImportForm(), member()
    if form.validate():
        try:
            media_imports.start_import(form.url.data or "", workspace_id=who.workspace_id, actor_id=who.user_id,
                                       ports=wiring().media_imports)
        except DomainError as error:
            apply_problems(form, error)
        else:
            flash("The file is being fetched. You may leave this page.", "success")
            return go(url_for("library.index"))
    return _index(form)


@blueprint.post("/imports/<int:import_id>/retry")
def retry_import(import_id: int) -> Response:
    try:
        media_imports.retry_import(import_id, workspace_id=member().workspace_id, ports=wiring().media_imports)
    except DomainError as error:
        return _after_import(error)
    return _after_import()


@blueprint.post("/imports/<int:import_id>/dismiss")
def dismiss_import(import_id: int) -> Response:
    try:
        library.dismiss_import(import_id, workspace_id=member().workspace_id)
    except DomainError as error:
        return _after_import(error)
    return _after_import()


@blueprint.get("/<int:media_file_id>")
def show(media_file_id: int) -> Response:
    page = _load(media_file_id)
    file = page.card.media
    return make_response(render_template("library/show.html", page=page,
                                         form=FileForm(formdata=None, name=file.name, alt_text=file.alt_text)))


@blueprint.post("/<int:media_file_id>")
def change(media_file_id: int) -> Response:
    """Both fields are tried, so that both say what is wrong."""
    form, who, now = FileForm(), member(), clock.utcnow()
    if form.validate():
        try:
            library.rename_media(media_file_id, workspace_id=who.workspace_id, actor_id=who.user_id, name=form.name.data or "", now=now)
        except DomainError as error:
            _beside(form, error)
        try:
            library.set_alt_text(media_file_id, workspace_id=who.workspace_id, actor_id=who.user_id, now=now,
                                 alt_text=form.alt_text.data or "")
        except DomainError as error:
            _beside(form, error)
    if form.errors:
        return make_response(render_template("library/show.html", page=_load(media_file_id), form=form), 422)
    flash("Saved.", "success")
    return go(url_for("library.show", media_file_id=media_file_id))


@blueprint.post("/<int:media_file_id>/convert")
def convert(media_file_id: int) -> Response:
    who = member()
    try:
        made = media.convert_photo(media_file_id, workspace_id=who.workspace_id, actor_id=who.user_id, ports=wiring().media)
    except DomainError as error:
        if error.kind is ErrorKind.NOT_FOUND:
            raise
        return flash_problem(error, url_for("library.show", media_file_id=media_file_id))
    flash("This is the converted photo. The original is kept.", "success")
    return go(url_for("library.show", media_file_id=made))


@blueprint.get("/<int:media_file_id>/download")
def download(media_file_id: int) -> Response:
    found = media.load_media(member().workspace_id, media_file_id)
    response = send_bytes(found)
    response.headers["Content-Disposition"] = f"attachment; filename*=UTF-8''{quote(found.name, safe='')}"
    return response


@blueprint.get("/<int:media_file_id>/delete")
def confirm_delete(media_file_id: int) -> Response:
    return make_response(render_template("library/delete.html", page=_load(media_file_id)))


@blueprint.post("/<int:media_file_id>/delete")
def delete(media_file_id: int) -> Response:
    who = member()
    try:
        library.delete_media(media_file_id, workspace_id=who.workspace_id, actor_id=who.user_id, ports=wiring().media)
    except DomainError as error:
        if error.kind is ErrorKind.NOT_FOUND:
            raise
        return flash_problem(error, url_for("library.confirm_delete", media_file_id=media_file_id))
    flash("The file is deleted.", "success")
    return go(url_for("library.index"))


def _index(form: ImportForm, refused: Sequence[Problem] = ()) -> Response:
    """The whole page; with what was refused in it, if something was."""
    who = member()
    status = STATUS[ErrorKind.INVALID] if refused or form.errors else 200
    return make_response(render_template(
        "library/index.html", files=load_list(who.workspace_id, read_filter(request.args), read_page(request.args)),
        room=_room() if "space" in request.args else None, form=form, refused=refused,
        imports=load_imports(who.workspace_id, who.time_zone, clock.utcnow()), upload_max_bytes=wiring().settings.upload_max_bytes,
        **LABELS), status)


def _room() -> SpaceView:
    return load_space_view(member().workspace_id, wiring().settings.media_quota_bytes)


def _after_import(refused: DomainError | None = None) -> Response:
    """The list anew for htmx; else the page that it stands on, which says what was refused."""
    if refused and refused.kind is ErrorKind.NOT_FOUND:
        raise refused
    if wants_fragment():
        found = load_imports(member().workspace_id, member().time_zone, clock.utcnow())
        return make_response(render_template("library/_imports.html", imports=found))
    return flash_problem(refused, url_for("library.index")) if refused else go(url_for("library.index"))


def _take(file: FileStorage) -> tuple[Problem, ...]:
    """Keep one file of this request; returns why it can't be."""
    incoming, who, name = cast(IncomingFile, file.stream), member(), file.filename or ""  # StreamingRequest makes them
    try:
        check_room_now(workspace_id=who.workspace_id, size_bytes=incoming.size_bytes, quota_bytes=wiring().settings.media_quota_bytes)
        media.keep_media(incoming=incoming, name=name, workspace_id=who.workspace_id, actor_id=who.user_id,
                         ports=wiring().media)
    except DomainError as error:
        return tuple(replace(problem, message=f"{media.display_name(name)}: {problem.message}") for problem in error.problems)
    return ()


def _load(media_file_id: int) -> MediaPage:
    found = find_media(member().workspace_id, media_file_id)
    if found is None:
        raise refuse("media_not_found", "This file does not exist, or it belongs to another workspace.", kind=ErrorKind.NOT_FOUND)
    return make_media_page(found, member().time_zone, clock.utcnow())


def _beside(form: FileForm, error: DomainError) -> None:
    if error.kind is ErrorKind.NOT_FOUND:
        raise error
    apply_problems(form, error)
