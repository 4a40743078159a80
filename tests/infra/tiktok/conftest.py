"""Clients at a server that misbehaves on request, and client and login of a person who has just connected at the sandbox."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import httpx
import pytest

from app.infra.tiktok.client import TikTokClient
from app.infra.tiktok.oauth import TikTokLogin
from app.infra.tiktok.transport import timeout
from app.settings import SANDBOX_CLIENT_KEY, SANDBOX_CLIENT_SECRET
from tests.infra.stand_in import StandIn
from tests.servers import Sandbox

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
CALLBACK = "http://localhost:8000/accounts/connected"
SCOPES = ("user.info.basic", "user.info.profile", "video.publish", "video.upload", "video.list")


class Connected:
    """A login and a client of the sandbox."""

    def __init__(self, tiktok: Sandbox, **changes: object) -> None:
        self.sandbox = tiktok
        values = {"client_key": SANDBOX_CLIENT_KEY, "client_secret": SANDBOX_CLIENT_SECRET, "auth_url": tiktok.url, "api_url": tiktok.url,
                  "scopes": SCOPES, "pkce": "off", "utcnow": lambda: NOW}
        self.login = TikTokLogin(**{**values, **changes})
        self.client = TikTokClient(api_url=tiktok.url, web_url=tiktok.url, upload_hosts=[tiktok.url.removeprefix("http://")])

    def callback(self, creator: str = "northbound", verifier: str | None = None, **consent: object) -> httpx.QueryParams:
        url = self.login.authorization_url(state="s" * 20, redirect_uri=CALLBACK, verifier=verifier, ask_again=True)
        return httpx.URL(self.sandbox.consent(url, creator, **consent)).params

    def grant(self, creator: str = "northbound", **consent: object):
        return self.login.exchange(code=self.callback(creator, **consent)["code"], redirect_uri=CALLBACK, verifier=None)

    def close(self) -> None:
        self.client.close()
        self.login._http.close()


@pytest.fixture(scope="session")
def one_connected(sandbox_server: Sandbox) -> Iterator[Connected]:
    found = Connected(sandbox_server)
    yield found
    found.close()


@pytest.fixture
def connected(tiktok: Sandbox, one_connected: Connected) -> Connected:
    """Client and login, as the settings make them, at an empty sandbox."""
    one_connected.client._http.timeout = timeout(20)
    return one_connected


@pytest.fixture
def connect(tiktok: Sandbox) -> Iterator[type[Connected]]:
    """Makes logins with other settings."""
    made: list[Connected] = []

    def make(**changes: object) -> Connected:
        made.append(Connected(tiktok, **changes))
        return made[-1]

    yield make
    for each in made:
        each.close()


@pytest.fixture(scope="session")
def one_client(stand_in_server: StandIn) -> Iterator[TikTokClient]:
    host = stand_in_server.url.removeprefix("http://")
    client = TikTokClient(api_url=stand_in_server.url, web_url="https://www.tiktok.com", upload_hosts=[host])
    yield client
    client.close()


@pytest.fixture
def client(stand_in: StandIn, one_client: TikTokClient) -> TikTokClient:
    """A client of the stand-in, as patient as it is made."""
    one_client._http.timeout = timeout(20)
    return one_client
