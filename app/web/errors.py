"""Every error as a page that says what happened and what to do next."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from flask import Flask, Response, flash, make_response, redirect, render_template, request, url_for
from flask_login import current_user
from flask_wtf.csrf import CSRFError
from sqlalchemy.exc import DataError
from werkzeug.exceptions import HTTPException

from app.domain.errors import DomainError, ErrorKind
from app.models import db

log = logging.getLogger(__name__)

STATUS = {ErrorKind.INVALID: 422, ErrorKind.FORBIDDEN: 403, ErrorKind.NOT_FOUND: 404, ErrorKind.CONFLICT: 409,
          ErrorKind.UNAVAILABLE: 503}


@dataclass(frozen=True, slots=True)
class ErrorPage:
    """What an error page shows."""

    status: int
    title: str
    text: str
    action_label: str
    action_url: str


TEXTS = {
    400: ("That request did not make sense", "Part of what your browser sent was missing or damaged. Go back and try again."),
    401: ("You have been signed out", "Sign in again; then repeat what you just did."),
    403: ("That is not open to you", "Your login does not allow this."),
    404: ("There is nothing here", "The page does not exist, or it belongs to another workspace."),
    405: ("That can't be done here", "The address exists, but not for this kind of request."),
    409: ("Somebody was faster", "It changed meanwhile. Go back to see how it is now."),
    413: ("That is too large", "The file is larger than this Oncue takes. Export the video with a lower bit rate."),
    415: ("That kind of content is not taken here", "Go back and use the page's own form."),
    422: ("That can't be done like this", "Go back and check what you entered."),
    429: ("That was too often", "Wait a minute, then try again."),
    500: ("Something went wrong on our side", "Nothing was lost. Try again; if it happens once more, the log says why."),
    503: ("That can't be reached right now", "Try again in a minute."),
}


def init_app(app: Flask) -> None:
    app.register_error_handler(CSRFError, _csrf)
    app.register_error_handler(DomainError, _domain)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(DataError, _out_of_range)
    app.register_error_handler(OverflowError, _out_of_range)
    app.register_error_handler(Exception, _unexpected)


def _csrf(_error: CSRFError) -> Response:
    return _page(400, "This form is out of date", "You signed in or out since it was opened. Reload the page and send it again.")


def _domain(error: DomainError) -> Response:
    status = STATUS[error.kind]
    return _page(status, TEXTS[status][0], error.message)


def _http(error: HTTPException) -> Response:
    status = error.code or 500
    if status in (301, 302, 303, 304, 307, 308):
        return make_response(error.get_response())
    response = _page(status, *TEXTS.get(status, TEXTS[500 if status >= 500 else 400]))
    if status == 405:
        response.headers.extend({k: v for k, v in error.get_response().headers.items() if k == "Allow"})
    return response


def _out_of_range(_error: Exception) -> Response:
    # An id that no column can hold: each database says so in its own way, and nothing can be there.
    db.session.rollback()
    return _page(404, *TEXTS[404])


def _unexpected(error: Exception) -> Response:
    db.session.rollback()
    log.error("unexpected error", exc_info=error, extra={"method": request.method, "path": request.path})
    return _page(500, *TEXTS[500])


def _page(status: int, title: str, text: str) -> Response:
    signed_out = status == 401 or not (current_user and current_user.is_authenticated)
    label, endpoint = ("Sign in", "auth.login") if signed_out else ("To the calendar", "calendar.month")
    page = ErrorPage(status, title, text, label, url_for(endpoint))
    response = make_response(render_template("errors/error.html", page=page), status)
    return response


def flash_problem(error: DomainError, to: str) -> Response:
    """Say a refusal on the page that the person comes from."""
    flash(error.message, "error")
    return make_response(redirect(to, 303))
