"""Small HTTP servers on loopback: one that files are pulled from, one that webhooks arrive at."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Origin:
    """Serves what `files` holds: bytes, or a status with headers; `seen` are the requests."""

    def __init__(self) -> None:
        self.files: dict[str, bytes | tuple[int, dict[str, str], bytes]] = {}
        self.seen: list[tuple[str, str, dict[str, str]]] = []
        self.posts: list[tuple[dict[str, str], bytes]] = []
        self.answers: list[int] = []  # statuses for the next POSTs, 200 when empty
        self.gate = threading.Event()
        self.gate.set()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        self.url = f"http://localhost:{self._server.server_port}"

    def stop(self) -> None:
        self.gate.set()
        self._server.shutdown()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        origin = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *args: Any) -> None:
                pass

            def do_HEAD(self) -> None:
                self.answer(with_body=False)

            def do_GET(self) -> None:
                self.answer(with_body=True)

            def answer(self, *, with_body: bool) -> None:
                origin.seen.append((self.command, self.path, {key.lower(): value for key, value in self.headers.items()}))
                found = origin.files.get(self.path.partition("?")[0], (404, {}, b""))
                status, headers, body = found if isinstance(found, tuple) else (200, {}, found)
                self.send_response(status)
                for name, value in {"Content-Length": str(len(body)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                origin.gate.wait(10)
                if with_body:
                    self.wfile.write(body)

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                origin.posts.append((dict(self.headers.items()), body))
                self.send_response(origin.answers.pop(0) if origin.answers else 200)
                self.send_header("Content-Length", "0")
                self.end_headers()

        return Handler
