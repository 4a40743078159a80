"""Builds the web application, which is also the context of jobs and commands."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from flask import Flask
from flask_migrate import Migrate
from jinja2 import StrictUndefined

from app import cli, web
from app.instance import completed
from app.log import configure_logging
from app.models import db
from app.settings import Settings
from app.wiring import wire

ROOT = Path(__file__).parent.parent
FORM_FIELDS_MAX = 2_000_000
UPLOAD_OVERHEAD = 1_000_000


def create_app(settings: Settings | None = None) -> Flask:
    """An application with these settings, or those of the environment. Connects to nothing yet."""
    settings = completed(settings or Settings.from_env())
    configure_logging(settings.log_level, settings.log_format)
    app = Flask("app", root_path=str(ROOT), template_folder="templates", static_folder="static",
                instance_path=str(settings.instance_dir.resolve()))
    app.config.update(
        SECRET_KEY=str(settings.secret_key),
        SQLALCHEMY_DATABASE_URI=settings.sqlalchemy_url,
        SQLALCHEMY_ENGINE_OPTIONS=_engine_options(settings),
        PERMANENT_SESSION_LIFETIME=timedelta(days=settings.session_days),
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SECURE=settings.base_url.startswith("https://"),
        SESSION_COOKIE_NAME="oncue_session",
        MAX_CONTENT_LENGTH=settings.upload_max_bytes + UPLOAD_OVERHEAD,
        MAX_FORM_MEMORY_SIZE=FORM_FIELDS_MAX,
        WTF_CSRF_TIME_LIMIT=None,  # a form left open overnight still works; the token ends with the session
    )
    app.jinja_env.undefined = StrictUndefined
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    db.init_app(app)
    Migrate(app, db, directory=str(ROOT / "migrations"), render_as_batch=True, compare_type=True)
    wire(app, settings)
    web.init_app(app)
    cli.init_app(app)
    return app


def _engine_options(settings: Settings) -> dict[str, object]:
    if settings.sqlalchemy_url.startswith("sqlite"):
        return {"connect_args": {"timeout": 15, "check_same_thread": False}}
    # A restarted database leaves dead connections behind; the ping finds out before a job does.
    return {"pool_pre_ping": True, "pool_size": 5, "max_overflow": max(settings.web_threads, settings.publish_hands)}
