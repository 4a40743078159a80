"""A whole Oncue as its README starts it: `flask up` on free ports and a directory of its own."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
from flask import Flask

from tests.log_guard import Guard
from tests.servers import Sandbox, free_port, wait_for

ROOT = Path(__file__).parent.parent


@dataclass
class House:
    """One instance; `environment` adds settings."""

    instance: Path
    environment: dict[str, str] = field(default_factory=dict)
    port: int = field(default_factory=free_port)
    sandbox_port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}"

    @property
    def sandbox(self) -> Sandbox:
        return Sandbox(f"http://127.0.0.1:{self.sandbox_port}")

    @property
    def log(self) -> str:
        return (self.instance.parent / "up.log").read_text(errors="replace")

    @property
    def settings(self) -> dict[str, str]:
        """The environment of this instance's processes."""
        inherited = {k: v for k, v in os.environ.items() if not k.startswith(("ONCUE_", "TIKTOK_", "SANDBOX_"))}
        return {**inherited, "ONCUE_INSTANCE": str(self.instance), "ONCUE_PORT": str(self.port), "SANDBOX_PORT": str(self.sandbox_port),
                "SANDBOX_PROCESSING_SECONDS": "1", **self.environment}

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run `flask ARGUMENTS` on this instance."""
        return subprocess.run([sys.executable, "-m", "flask", "--app", "wsgi", *arguments], cwd=ROOT, env=self.settings,
                              capture_output=True, text=True, check=False, timeout=200)

    def start(self) -> House:
        with (self.instance.parent / "up.log").open("ab") as log:
            self.process = subprocess.Popen([sys.executable, "-m", "flask", "--app", "wsgi", "up"], cwd=ROOT, env=self.settings,
                                            stdout=log, stderr=log, start_new_session=True)
        process = self.process

        def is_up() -> bool:
            assert process.poll() is None, self.log
            self.sandbox.get("/sandbox/api/ledger")
            return httpx.get(f"{self.url}/healthz").is_success and "Oncue is up" in self.log
        wait_for(is_up, seconds=60, every=0.1)
        return self

    def stop(self, how: signal.Signals = signal.SIGINT) -> int:
        """End it as Ctrl-C does; returns the exit status."""
        assert self.process is not None
        self.process.send_signal(how)
        status = self.process.wait(timeout=30)
        self.check_log()
        return status

    def check_log(self) -> None:
        """Fails when one of its processes has written a secret; the demo login is meant to be read."""
        guard = Guard()
        with contextlib.suppress(FileNotFoundError):  # in production it makes none
            guard.secrets.update(json.loads((self.instance / "secrets.json").read_text()).values())
        guard.secrets.update(value for name, value in self.environment.items() if name in ("SECRET_KEY", "TOKEN_KEYS"))
        found = guard.leaks(self.log.splitlines())
        assert not found, "a process logged a secret:\n" + "\n".join(found)

    def processes(self) -> dict[int, str]:
        """Whatever still runs for this instance: command lines by process id."""
        found = {}
        for entry in Path("/proc").iterdir():
            with contextlib.suppress(OSError):
                if entry.name.isdigit() and str(self.instance).encode() in (entry / "environ").read_bytes():
                    found[int(entry.name)] = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        return found

    def pids(self, words: str) -> list[int]:
        """Process ids of those whose command line has these words."""
        return [pid for pid, command in self.processes().items() if words in command]

    def demo_login(self) -> dict[str, str]:
        found: dict[str, str] = json.loads((self.instance / "demo-login.json").read_text())
        return found


@contextlib.contextmanager
def flask_process(app: Flask, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """`flask ARGUMENTS` beside a test, on its application's database, Redis and sandbox; killed at the end."""
    settings = app.extensions["oncue"].settings
    environment = {
        **os.environ, "ONCUE_INSTANCE": str(settings.instance_dir), "DATABASE_URL": settings.database_url, "REDIS_URL": settings.redis_url,
        "SECRET_KEY": str(settings.secret_key), "TOKEN_KEYS": ",".join(settings.token_keys), "SANDBOX_PORT": str(settings.sandbox_port),
    }
    process = subprocess.Popen([sys.executable, "-m", "flask", "--app", "wsgi", *arguments], cwd=ROOT, env=environment)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@contextlib.contextmanager
def running_house(instance: Path, **environment: str) -> Iterator[House]:
    house = House(instance, environment).start()
    try:
        yield house
    finally:
        if house.process is not None and house.process.poll() is None:
            house.stop(signal.SIGTERM)
