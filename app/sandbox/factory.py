"""The sandbox's application."""

from __future__ import annotations

import atexit
import secrets
import time

from flask import Flask

from app.sandbox.authorize import authorize
from app.sandbox.clock import Clock
from app.sandbox.config import SandboxConfig
from app.sandbox.control import control
from app.sandbox.control_creators import creator_actions
from app.sandbox.control_page import control_page
from app.sandbox.display import display
from app.sandbox.faults import Faults
from app.sandbox.ledger import Ledger
from app.sandbox.ledger_pages import ledger_pages
from app.sandbox.limits import RateLimiter
from app.sandbox.oauth import oauth
from app.sandbox.pages import pages, register_filters
from app.sandbox.photos import photos
from app.sandbox.posting import posting
from app.sandbox.pull import Puller
from app.sandbox.uploads import uploads
from app.sandbox.videos import videos
from app.sandbox.webhooks import Dispatcher
from app.sandbox.world import World


def create_sandbox(config: SandboxConfig, clock: Clock = time.time) -> Flask:
    """Build one sandbox; `clock` gives seconds since the epoch and can still be moved through the control API."""
    app = Flask("app.sandbox", static_url_path="/sandbox/static")
    app.config["SESSION_COOKIE_NAME"] = "sandbox_session"  # cookies ignore ports: `session` may be the app's next door
    app.secret_key = secrets.token_bytes(32)  # signs nothing but the control page's messages
    world = World(config, clock)
    app.extensions["sandbox"] = world
    app.extensions["sandbox_limits"] = RateLimiter()
    app.extensions["sandbox_ledger"] = Ledger(world.store)
    app.extensions["sandbox_faults"] = Faults()
    app.extensions["sandbox_puller"] = puller = Puller(world)
    app.extensions["sandbox_webhooks"] = Dispatcher(world)
    for blueprint in (authorize, oauth, display, videos, posting, photos, uploads, pages, ledger_pages, control,
                      control_page, creator_actions):
        app.register_blueprint(blueprint)
    register_filters(app)
    puller.resume()
    atexit.register(world.store.close)
    return app
