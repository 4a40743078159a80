"""Two applications that differ only in how much is in them."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from flask import Flask

from tests import servers
from tests.conftest import close_app, make_app, make_settings


def pairs() -> Iterator[tuple[str, Flask, Flask, servers.Sandbox]]:
    """Two empty applications side by side, with the sandbox that they share: on SQLite, then on PostgreSQL."""
    with tempfile.TemporaryDirectory() as directory, servers.redis() as redis, servers.sandbox(Path(directory, "sandbox")) as tiktok, \
            servers.postgres() as server:
        for name, urls in (("SQLite", ("", "")), ("PostgreSQL", [servers.create_database(server, which) for which in ("few", "many")])):
            with ExitStack() as stack:
                few, many = (stack.enter_context(_application(Path(directory, name, which), url, redis, tiktok))
                             for which, url in zip(("few", "many"), urls, strict=True))
                yield name, few, many, tiktok


@contextmanager
def _application(directory: Path, database: str, redis: str, tiktok: servers.Sandbox) -> Iterator[Flask]:
    directory.mkdir(parents=True)
    app = make_app(make_settings(directory, database, redis, tiktok.url))
    try:
        yield app
    finally:
        close_app(app)
