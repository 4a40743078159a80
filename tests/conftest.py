"""Fixtures: real databases, a real Redis, a real sandbox, and people."""

from __future__ import annotations

import logging
import os
import secrets
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from argon2 import PasswordHasher as Argon2
from flask import Flask
from flask.testing import FlaskClient
from flask_migrate import upgrade
from redis import Redis

from app import clock
from app.factory import create_app
from app.infra.crypto import PasswordHasher
from app.infra.storage import s3
from app.instance import new_secrets
from app.models import db
from app.settings import Secret, Settings
from tests import factories, log_guard, servers, videos

os.environ.setdefault("TZ", "UTC")
SECRETS = new_secrets()
CHEAP = Argon2(time_cost=1, memory_cost=8, parallelism=1)
log_guard.GUARD.secrets.update((*SECRETS.values(), servers.S3_SECRET_ACCESS_KEY))


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(log_guard)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What mostly waits comes first: one process watches a post go live while the other works."""
    here = Path(__file__).parent
    items.sort(key=lambda item: not (item.path.is_relative_to(here / "browser") or item.path == here / "chaos" / "test_chaos.py"))


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    with servers.redis() as url:
        yield url


@pytest.fixture
def redis(redis_url: str) -> Iterator[Redis]:
    """A client of the run's Redis, which is empty before and afterwards."""
    client = Redis.from_url(redis_url)
    client.flushall()
    yield client
    client.flushall()
    client.close()


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    with servers.postgres() as url:
        yield url


@pytest.fixture(scope="session")
def sandbox_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[servers.Sandbox]:
    with servers.sandbox(tmp_path_factory.mktemp("sandbox")) as sandbox:
        yield sandbox


@pytest.fixture(scope="session")
def s3_url() -> Iterator[str]:
    with servers.s3() as url:
        yield url


@pytest.fixture(scope="session")
def s3_client(s3_url: str) -> Iterator[Any]:
    """Made once: boto3 reads megabytes of descriptions for each."""
    client = s3.connect(endpoint_url=s3_url, region="us-east-1", access_key_id=servers.S3_ACCESS_KEY_ID,
                        secret_access_key=servers.S3_SECRET_ACCESS_KEY)
    yield client
    client.close()


@pytest.fixture
def s3_bucket(s3_url: str, s3_client: Any) -> Iterator[servers.Bucket]:
    """A bucket of the test's own on a local S3, over real HTTP."""
    bucket = servers.Bucket(s3_url, f"oncue-{secrets.token_hex(8)}", s3_client)
    s3_client.create_bucket(Bucket=bucket.name)
    yield bucket
    bucket.hear_no_more()


@pytest.fixture
def tiktok(sandbox_server: servers.Sandbox) -> servers.Sandbox:
    """The sandbox, empty, with nothing to wait for."""
    sandbox_server.reset()
    sandbox_server.switch(processing_seconds=0, moderation_seconds=0)
    return sandbox_server


def make_settings(instance_dir: Path, database_url: str, redis_url: str, sandbox_url: str) -> Settings:
    return Settings(
        instance_dir=instance_dir, database_url=database_url, redis_url=redis_url, secret_key=Secret(SECRETS["SECRET_KEY"]),
        token_keys=(Secret(SECRETS["TOKEN_KEYS"]),), port=servers.free_port(), sandbox_port=int(sandbox_url.rsplit(":", 1)[1]),
        log_level="WARNING",
    )


def make_app(settings: Settings) -> Flask:
    """An application on a freshly migrated database."""
    app = create_app(settings)
    app.testing = True
    # argon2 costs what guessing shall cost, a third of a second of both processors at times: most tests only need somebody to sign in.
    app.extensions["oncue"] = replace(factories.wired(app), passwords=PasswordHasher(CHEAP))
    with app.app_context():
        upgrade()
    logging.getLogger().handlers[:] = []  # pytest captures by itself
    log_guard.GUARD.listen()
    return app


def close_app(app: Flask) -> None:
    """Give back every connection, so that none is found open at the end."""
    with app.app_context():
        db.session.remove()
        db.engine.dispose()
    wiring = app.extensions["oncue"]
    wiring.tiktok.close()
    wiring.login.close()
    wiring.redis.close()
    wiring.storage.close()


@pytest.fixture(scope="session")
def sqlite_app(tmp_path_factory: pytest.TempPathFactory, redis_url: str, sandbox_server: servers.Sandbox) -> Iterator[Flask]:
    app = make_app(make_settings(tmp_path_factory.mktemp("sqlite"), "", redis_url, sandbox_server.url))
    yield app
    close_app(app)


@pytest.fixture(scope="session")
def postgres_app(tmp_path_factory: pytest.TempPathFactory, redis_url: str, sandbox_server: servers.Sandbox,
                 postgres_url: str) -> Iterator[Flask]:
    url = servers.create_database(postgres_url, "oncue_tests")
    app = make_app(make_settings(tmp_path_factory.mktemp("postgres"), url, redis_url, sandbox_server.url))
    yield app
    close_app(app)


@pytest.fixture(params=["sqlite", "postgresql"])
def app(request: pytest.FixtureRequest) -> Iterator[Flask]:
    """The application, on each database in turn, emptied afterwards. Every commit is a real one."""
    app: Flask = request.getfixturevalue("sqlite_app" if request.param == "sqlite" else "postgres_app")
    redis: Redis = app.extensions["oncue"].redis
    redis.flushall()
    yield app
    clock.set_source(None)
    with app.app_context():
        db.session.rollback()
        if request.param == "sqlite":
            for table in reversed(db.metadata.sorted_tables):
                db.session.execute(table.delete())
        else:
            names = ", ".join(t.name for t in db.metadata.sorted_tables)
            db.session.execute(db.text(f"TRUNCATE {names} RESTART IDENTITY CASCADE"))
        db.session.commit()


@pytest.fixture
def served(app: Flask, tiktok: servers.Sandbox) -> Iterator[str]:
    """The application over HTTP at its public address, where the sandbox fetches photos and sends its webhooks; yields the address."""
    url = factories.wired(app).settings.base_url
    with servers.serve(app, factories.wired(app).settings.port):
        hooks = f"{url.replace('localhost', '127.0.0.1')}/hooks/events"
        tiktok.switch(allow_http_pull=True, verified_properties="localhost", webhook_url=hooks)
        yield url
        tiktok.switch(webhook_url="")


@pytest.fixture
def ctx(app: Flask) -> Iterator[Flask]:
    """The application with a context of its own, for tests that call services and queries."""
    with app.app_context():
        yield app


class MovableClock:
    """Our clock and the sandbox's, moved together."""

    def __init__(self, sandbox: servers.Sandbox) -> None:
        self.now = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
        self._sandbox = sandbox

    def __call__(self) -> datetime:
        return self.now

    def meet(self) -> None:
        """Set our clock by the sandbox's, for what both sign and date."""
        self.now = datetime.fromtimestamp(int(self._sandbox.get("/sandbox/api/clock")["now"]), UTC)

    def advance(self, **span: float) -> None:
        self.now += timedelta(**span)
        self._sandbox.advance(timedelta(**span).total_seconds())


@pytest.fixture
def frozen(app: Flask, tiktok: servers.Sandbox) -> MovableClock:
    """Time stands still at 2026-11-20 12:00 UTC until the test moves it."""
    source = MovableClock(tiktok)
    clock.set_source(source)
    return source


@pytest.fixture(scope="session")
def video_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seconds of 360 × 640 H.264 at 30 frames per second."""
    path = tmp_path_factory.mktemp("videos") / "clip.mp4"
    path.write_bytes(videos.short_clip())
    return path


@pytest.fixture
def alice(app: Flask) -> SimpleNamespace:
    """The owner of a workspace in Berlin."""
    return factories.make_person(app, "Alice Owner", "alice@example.com", "Europe/Berlin")


@pytest.fixture
def bob(app: Flask, alice: SimpleNamespace) -> SimpleNamespace:
    """The owner of another workspace: a stranger to Alice."""
    return factories.make_person(app, "Bob Stranger", "bob@example.com", "America/New_York")


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """A browser without JavaScript, signed out."""
    return app.test_client()
