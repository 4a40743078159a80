"""The one place that knows how htmx asks and is answered."""

from __future__ import annotations

import json

from flask import Response, make_response, redirect, render_template, request


def wants_fragment() -> bool:
    """Whether htmx asks (a restored history entry counts as a page)."""
    return bool(request.headers.get("HX-Request")) and not request.headers.get("HX-History-Restore-Request")


def reply(page: str, fragment: str, status: int = 200, **context: object) -> Response:
    """The fragment for htmx, else the whole page around it."""
    template = fragment if wants_fragment() else page
    return make_response(render_template(template, **context), status)


def go(url: str) -> Response:
    """Lead to another page after something was done: a redirect, or htmx's word for it."""
    if wants_fragment():
        response = make_response("", 204)
        response.headers["HX-Redirect"] = url
        return response
    return make_response(redirect(url, 303))


def with_toast(response: Response, text: str, category: str = "success") -> Response:
    """Show a message without a reload."""
    response.headers["HX-Trigger"] = json.dumps({"toast": {"message": text, "category": category}})
    return response


def with_event(response: Response, name: str) -> Response:
    """Tell the page that something has happened: parts of it that listen ask for themselves."""
    response.headers["HX-Trigger"] = name
    return response
