"""Real servers for the tests, on free ports or sockets of their own, stopped with the run."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psycopg
from redis import Redis
from werkzeug.serving import WSGIRequestHandler, make_server

from app.processes import redis_server
from app.sandbox import SandboxConfig, create_sandbox
from app.settings import SANDBOX_CLIENT_KEY, SANDBOX_CLIENT_SECRET

NO_TLS = ssl.create_default_context()
"""Made once: without it every call reads the certificates anew, which takes longer than the call."""
S3_ACCESS_KEY_ID = "storage-key"
S3_SECRET_ACCESS_KEY = "storage secret that stands nowhere"
POSTGRES_GLOB = "/usr/lib/postgresql/*/bin"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def postgres_binary(name: str) -> str:
    """Debian keeps the server's programs off the PATH."""
    for directory in sorted(Path("/").glob(POSTGRES_GLOB.lstrip("/")), reverse=True):
        if (directory / name).exists():
            return str(directory / name)
    found = shutil.which(name)
    assert found, "PostgreSQL's server programs are needed for the tests: apt-get install postgresql"
    return found


def _owner() -> str | None:
    """initdb refuses to run as root; Debian's package made this user."""
    return "postgres" if os.getuid() == 0 else None


@contextlib.contextmanager
def postgres() -> Iterator[str]:
    """A PostgreSQL of its own; yields the address of its maintenance database."""
    root = Path(tempfile.mkdtemp(prefix="oncue-pg-"))
    owner, port = _owner(), free_port()
    if owner:
        shutil.chown(root, owner)
    run: dict[str, Any] = {"user": owner, "cwd": root, "stdout": subprocess.DEVNULL}
    subprocess.run([postgres_binary("initdb"), "-D", str(root / "data"), "-U", "oncue", "-A", "trust", "-E", "UTF8"], check=True, **run)
    options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=off -c max_connections=200"
    control = [postgres_binary("pg_ctl"), "-D", str(root / "data"), "-w"]
    subprocess.run([*control, "-o", options, "-l", str(root / "log"), "start"], check=True, **run)
    try:
        yield f"postgresql://oncue@127.0.0.1:{port}/postgres"
    finally:
        subprocess.run([*control, "-m", "immediate", "stop"], check=False, **run)
        shutil.rmtree(root, ignore_errors=True)


def create_database(maintenance_url: str, name: str) -> str:
    """A new empty database on that server; returns its address."""
    with psycopg.connect(maintenance_url, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
    return maintenance_url.rsplit("/", 1)[0] + f"/{name}"


@contextlib.contextmanager
def redis() -> Iterator[str]:
    """A Redis of its own on a UNIX socket; yields its address."""
    directory = tempfile.mkdtemp(prefix="oncue-redis-")
    path = f"{directory}/redis.sock"
    process = subprocess.Popen([redis_server(), "--port", "0", "--unixsocket", path, "--dir", directory, "--save", ""],
                               stdout=subprocess.DEVNULL)
    try:
        client = Redis(unix_socket_path=path)
        wait_for(lambda: os.path.exists(path) and client.ping())
        yield f"unix://{path}"
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
        shutil.rmtree(directory, ignore_errors=True)


def wait_for(condition: Any, seconds: float = 15, every: float = 0.02) -> Any:
    """The condition's first true value within that time; fails loudly otherwise."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError, httpx.HTTPError):
            if value := condition():
                return value
        time.sleep(every)
    raise AssertionError(f"{condition} was not true within {seconds} s")


class QuietHandler(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"

    def log(self, *_args: Any) -> None:
        return None


@dataclass(frozen=True)
class Sandbox:
    """The sandbox TikTok as a test sees it: its address and its control API."""

    url: str

    def get(self, path: str, **params: Any) -> Any:
        return self._checked(httpx.get(self.url + path, params=params, verify=NO_TLS))

    def post(self, path: str, **body: Any) -> Any:
        return self._checked(httpx.post(self.url + path, json=body, verify=NO_TLS))

    def switch(self, **switches: Any) -> None:
        self._checked(httpx.patch(f"{self.url}/sandbox/api/switches", json=switches, verify=NO_TLS))

    def patch_creator(self, username: str, **changes: Any) -> None:
        self._checked(httpx.patch(f"{self.url}/sandbox/api/creators/{username}", json=changes, verify=NO_TLS))

    def advance(self, seconds: float) -> None:
        self.post("/sandbox/api/clock", advance_seconds=seconds)

    def reset(self) -> None:
        self.post("/sandbox/api/reset")

    def posts(self, **filters: Any) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.get("/sandbox/api/ledger", **filters)["posts"]
        return found

    def calls(self, endpoint: str) -> list[dict[str, Any]]:
        return [call for call in self.get("/sandbox/api/ledger", endpoint=endpoint)["calls"] if call["endpoint"] == endpoint]

    def consent(self, authorization_url: str, creator: str = "northbound", decision: str = "allow",
                scopes: list[str] | None = None) -> str:
        """Answer the consent page as its form does; returns the address that TikTok redirects to."""
        request = httpx.URL(authorization_url)
        asked = request.params["scope"].split(",")
        form = {**request.params, "creator": creator, "decision": decision, "scopes": asked if scopes is None else scopes}
        answer = httpx.post(f"{self.url}/v2/auth/authorize/", data=form, verify=NO_TLS)
        assert answer.status_code in (302, 303), answer.text
        return answer.headers["location"]

    @staticmethod
    def _checked(answer: httpx.Response) -> Any:
        assert answer.is_success, f"{answer.request.url}: {answer.status_code} {answer.text}"
        return answer.json()


@contextlib.contextmanager
def sandbox(directory: Path) -> Iterator[Sandbox]:
    """The sandbox on a port of its own, over real HTTP, in a thread of the test run."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    app = create_sandbox(SandboxConfig(directory=directory, url=url, client_key=SANDBOX_CLIENT_KEY, client_secret=SANDBOX_CLIENT_SECRET))
    with serve(app, port):
        yield Sandbox(url)


@contextlib.contextmanager
def serve(app: Any, port: int) -> Iterator[None]:
    """A WSGI application over real HTTP, in a thread of the test run."""
    server = make_server("127.0.0.1", port, app, threaded=True, request_handler=QuietHandler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@dataclass(frozen=True)
class Bucket:
    """An empty bucket of a real S3 server, and a client of Oncue's own making for it."""

    endpoint_url: str
    name: str
    client: Any
    heard: list[tuple[str, Callable[..., object]]] = field(default_factory=list)

    def hear(self, event: str, listener: Callable[..., object]) -> None:
        """Tell of what the client does until the end of the test; the client serves others after it."""
        self.heard.append((event, listener))
        self.client.meta.events.register(event, listener)

    def hear_no_more(self) -> None:
        for event, listener in self.heard:
            self.client.meta.events.unregister(event, listener)

    @property
    def environ(self) -> dict[str, str]:
        """The settings that lead to it."""
        return {"S3_ENDPOINT_URL": self.endpoint_url, "S3_BUCKET": self.name, "S3_ACCESS_KEY_ID": S3_ACCESS_KEY_ID,
                "S3_SECRET_ACCESS_KEY": S3_SECRET_ACCESS_KEY}


@contextlib.contextmanager
def s3() -> Iterator[str]:
    """A local S3 over real HTTP, in a thread of the test run; yields its address."""
    from moto.server import ThreadedMotoServer  # takes a second, which only the tests of storage should wait for

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        yield f"http://{host}:{port}"
    finally:
        server.stop()
