"""The face towards people: HTML pages and the fragments that htmx swaps."""

from __future__ import annotations

from flask import Flask

from app.web import (
    access,
    accounts,
    assets,
    auth,
    bulk,
    calendar,
    errors,
    feeds,
    health,
    hooks,
    imports,
    library,
    media,
    posts,
    presigned,
    pull,
    reach,
    security,
    settings,
    shell,
    system,
    uploads,
)


def init_app(app: Flask) -> None:
    """Attach the pages. The order of the first two matters: who may not be here must not even send a body."""
    app.request_class = media.StreamingRequest
    access.init_app(app)
    security.init_app(app)
    assets.init_app(app)
    shell.init_app(app)
    errors.init_app(app)
    for module in (auth, health, hooks, pull, calendar, posts, bulk, media, uploads, presigned, imports, library,
                   accounts, settings, system, reach, feeds):
        app.register_blueprint(module.blueprint)
