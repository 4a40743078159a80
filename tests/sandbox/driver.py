"""Speaks to a sandbox over HTTP, the way a client and a browser do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx

from app.sandbox import SandboxConfig
from tests.servers import wait_for

CALLBACK = "http://127.0.0.1:9/callback/"
ALL_SCOPES = "user.info.basic,user.info.profile,user.info.stats,video.list,video.upload,video.publish"
START = 1_790_000_000.0


@dataclass
class Account:
    """A creator as the app knows it."""

    username: str
    access: str
    refresh: str
    open_id: str
    tokens: dict[str, Any]

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.access}"}


class Driver:
    """Speaks to one sandbox over HTTP, the way a client and a browser do."""

    def __init__(self, url: str, app: Any, config: SandboxConfig, stop: Callable[[], None]) -> None:
        self.url, self.app, self.config = url, app, config
        self._stop = stop
        self.http = httpx.Client(base_url=url, trust_env=False, timeout=10, verify=False)  # no TLS: saves reading certificates

    def stop(self) -> None:
        """Shut the server down and let its storage finish; a second call does nothing."""
        self.http.close()
        self._stop()

    # control

    def switch(self, **values: object) -> None:
        assert self.http.patch("/sandbox/api/switches", json=values).status_code == 200

    def advance(self, seconds: float) -> None:
        assert self.http.post("/sandbox/api/clock", json={"advance_seconds": seconds}).status_code == 200

    def make_creator(self, username: str, **values: object) -> None:
        reply = self.http.post("/sandbox/api/creators", json={"username": username, **values})
        assert reply.status_code == 201, reply.text

    def change_creator(self, known_as: str, /, **values: object) -> None:
        reply = self.http.patch(f"/sandbox/api/creators/{known_as}", json=values)
        assert reply.status_code == 200, reply.text

    def ledger(self, **filters: str) -> dict[str, Any]:
        found: dict[str, Any] = self.http.get("/sandbox/api/ledger", params=filters).json()
        return found

    def fault(self, **values: object) -> str:
        reply = self.http.post("/sandbox/api/faults", json=values)
        assert reply.status_code == 201, reply.text
        return str(reply.json()["id"])

    # OAuth

    def request_params(self, **changes: str) -> dict[str, str]:
        params = {"client_key": self.config.client_key, "response_type": "code", "scope": ALL_SCOPES,
                  "redirect_uri": CALLBACK, "state": "s-1"}
        return {name: value for name, value in {**params, **changes}.items() if value}

    def decide(self, username: str = "northbound", decision: str = "allow", scopes: list[str] | None = None,
               **changes: str) -> dict[str, str]:
        """Answer the consent page; returns the callback's parameters, decoded."""
        params = self.request_params(**changes)
        granted = params["scope"].split(",") if scopes is None else scopes
        reply = self.http.post("/v2/auth/authorize/",
                               data={**params, "creator": username, "decision": decision, "scopes": granted})
        assert reply.status_code == 302, reply.text
        assert reply.headers["Location"].startswith(CALLBACK)
        query = parse_qs(urlsplit(reply.headers["Location"]).query, strict_parsing=True)
        return {name: values[0] for name, values in query.items()}

    def token(self, **form: str) -> httpx.Response:
        base = {"client_key": self.config.client_key, "client_secret": self.config.client_secret}
        return self.http.post("/v2/oauth/token/", data={**base, **form})

    def exchange(self, code: str, **form: str) -> httpx.Response:
        return self.token(**{"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK, **form})

    def connect(self, username: str = "northbound", scopes: str = ALL_SCOPES) -> Account:
        tokens = self.exchange(self.decide(username, scope=scopes)["code"]).json()
        return Account(username, tokens["access_token"], tokens["refresh_token"], tokens["open_id"], tokens)

    # posting

    def post(self, account: Account, path: str, body: object = None, **params: str) -> httpx.Response:
        return self.http.post(path, json=body, headers=account.headers, params=params)

    def init(self, account: Account, size: int, chunk: int = 0, count: int = 1, **info: object) -> httpx.Response:
        body = {"post_info": {"privacy_level": "PUBLIC_TO_EVERYONE", "title": "A day", **info},
                "source_info": {"source": "FILE_UPLOAD", "video_size": size, "chunk_size": chunk or size,
                                "total_chunk_count": count}}
        return self.post(account, "/v2/post/publish/video/init/", body)

    def put(self, url: str, data: bytes, first: int = 0, total: int | None = None, **headers: str) -> httpx.Response:
        last = first + len(data) - 1
        sent = {"Content-Type": "video/mp4", "Content-Range": f"bytes {first}-{last}/{total or len(data)}"}
        sent.update({name.replace("_", "-"): value for name, value in headers.items()})
        return self.http.put(url, content=data, headers=sent)

    def upload(self, account: Account, video: Path, **info: object) -> str:
        """Init and all bytes; returns the publish_id."""
        reply = self.init(account, video.stat().st_size, **info)
        assert reply.status_code == 200, reply.text
        data = reply.json()["data"]
        assert self.put(data["upload_url"], video.read_bytes()).status_code == 201
        return str(data["publish_id"])

    def publish(self, account: Account, video: Path, **info: object) -> str:
        """Upload, then let processing and moderation pass."""
        publish_id = self.upload(account, video, **info)
        self.advance(10)
        return publish_id

    def status_reply(self, account: Account, publish_id: str) -> httpx.Response:
        return self.post(account, "/v2/post/publish/status/fetch/", {"publish_id": publish_id})

    def settled(self, account: Account, publish_id: str) -> dict[str, Any]:
        """The status once the download, which runs on its own, is over and processing time has passed."""
        def is_over() -> bool:
            found = next(item for item in self.ledger(publish_id=publish_id)["publishes"])
            return found["arrived_at"] is not None or found["status"] != "PROCESSING_DOWNLOAD"
        wait_for(is_over)
        self.advance(10)
        return self.status(account, publish_id)

    def status(self, account: Account, publish_id: str) -> dict[str, Any]:
        reply = self.status_reply(account, publish_id)
        assert reply.status_code == 200, reply.text
        data: dict[str, Any] = reply.json()["data"]
        return data
