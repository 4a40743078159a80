"""A server that misbehaves on request."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.infra import stand_in as stand_ins


@pytest.fixture(scope="session")
def stand_in_server() -> Iterator[stand_ins.StandIn]:
    found, server = stand_ins.start()
    yield found
    server.shutdown()
    server.server_close()


@pytest.fixture
def stand_in(stand_in_server: stand_ins.StandIn) -> Iterator[stand_ins.StandIn]:
    """Answers what the test tells it to, and remembers what it was asked."""
    stand_in_server.forget()
    yield stand_in_server
    stand_in_server.forget()
