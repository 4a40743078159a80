"""A tiny server on loopback that answers whatever a test wants, for what no TikTok should ever do."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.servers import free_port


@dataclass(frozen=True)
class Seen:
    """One request as it arrived."""

    method: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    body: bytes

    @property
    def form(self) -> dict[str, str]:
        return {name: values[0] for name, values in parse_qs(self.body.decode(), keep_blank_values=True).items()}


@dataclass
class StandIn:
    """What it will answer, and what it was asked."""

    url: str
    seen: list[Seen] = field(default_factory=list)
    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    manner: str = "answer"
    """`answer`; `silence` until released; `hang_up` at once; `cut` in the middle of the answer."""
    released: threading.Event = field(default_factory=threading.Event)

    def forget(self) -> None:
        """As new; whoever is kept waiting is let go."""
        self.released.set()
        self.released = threading.Event()
        self.seen.clear()
        self.answers()

    def answers(self, body: Any = b"", status: int = 200, **headers: str) -> None:
        self.manner, self.status = "answer", status
        self.body = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}

    def answers_ok(self, data: Any = None, **more: Any) -> None:
        self.answers({"data": data if data is not None else {}, "error": {"code": "ok", "message": "", "log_id": "LOG-OK"}}, **more)

    def answers_error(self, code: str, status: int = 400, message: str = "no") -> None:
        self.answers({"data": {}, "error": {"code": code, "message": message, "log_id": "LOG-1"}}, status)

    @property
    def last(self) -> Seen:
        return self.seen[-1]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: StandInServer

    def answer(self) -> None:
        stand_in = self.server.stand_in
        parts = urlsplit(self.path)
        if stand_in.manner == "hang_up":
            self._close()
            return
        announced = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(announced)
        if len(body) < announced:  # the client gave up, maybe in an earlier test
            self._close()
            return
        stand_in.seen.append(Seen(self.command, parts.path, parse_qs(parts.query), dict(self.headers.items()), body))
        if stand_in.manner == "silence":
            released = stand_in.released
            released.wait(5)
            self._close()
            return
        self.send_response(stand_in.status)
        for name, value in stand_in.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(stand_in.body) + (100 if stand_in.manner == "cut" else 0)))
        self.send_header("Connection", "close")  # each request on a connection of its own, so that no test has another's
        self.end_headers()
        self.wfile.write(stand_in.body)
        if stand_in.manner == "cut":
            self.wfile.flush()
            self._close()

    do_GET = do_POST = do_PUT = answer  # noqa: N815 names given by http.server

    def _close(self) -> None:
        self.close_connection = True
        with contextlib.suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 named by http.server
        return None


class StandInServer(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, stand_in: StandIn, port: int) -> None:
        super().__init__(("127.0.0.1", port), Handler)
        self.stand_in = stand_in


def start() -> tuple[StandIn, StandInServer]:
    port = free_port()
    stand_in = StandIn(f"http://127.0.0.1:{port}")
    server = StandInServer(stand_in, port)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    return stand_in, server
