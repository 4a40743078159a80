"""All processes of one Oncue on an accelerated clock, each with a log file of its own, killed and begun anew on demand."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from tests.chaos.clock import SharedClock
from tests.chaos.process import CLOCK
from tests.house import ROOT
from tests.servers import Sandbox, free_port, wait_for

BEAT_HANDS = 2


@dataclass
class Stage:
    """What the processes share. `directory` is theirs alone and is thrown away; `logs` is kept."""

    directory: Path
    logs: Path
    database_url: str
    redis_url: str
    speed: float
    workers: int
    hands: int
    log_format: str = "text"
    port: int = field(default_factory=free_port)
    sandbox_port: int = field(default_factory=free_port)
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.clock = SharedClock.make(self.directory / "clock", self.speed)
        self.sandbox = Sandbox(f"http://127.0.0.1:{self.sandbox_port}")
        self.instance = self.directory / "instance"

    @property
    def settings(self) -> dict[str, str]:
        """The environment of every process. Time-outs are real seconds: times the speed they are what is shipped."""
        inherited = {k: v for k, v in os.environ.items() if not k.startswith(("ONCUE_", "TIKTOK_", "SANDBOX_", "CHAOS_"))}
        return {
            **inherited, CLOCK: str(self.directory / "clock"), "ONCUE_INSTANCE": str(self.instance), "ONCUE_PORT": str(self.port),
            "PUBLIC_URL": f"http://localhost:{self.port}", "SANDBOX_PORT": str(self.sandbox_port), "DATABASE_URL": self.database_url,
            "REDIS_URL": self.redis_url, "PUBLISH_HANDS": str(self.hands), "LOG_FORMAT": self.log_format,
            "TIKTOK_TIMEOUT_SECONDS": "1", "TIKTOK_UPLOAD_TIMEOUT_SECONDS": "4",
            "TIKTOK_POSTS_PER_DAY": "1000", "TIKTOK_PENDING_DRAFTS": "1000",
            "SANDBOX_POSTS_PER_DAY": "1000", "SANDBOX_PENDING_SHARES": "1000",
            "SANDBOX_PROCESSING_SECONDS": "15", "SANDBOX_MODERATION_SECONDS": "20", "SANDBOX_WEBHOOK_COPIES": "2",
            "SANDBOX_WEBHOOK_OUT_OF_ORDER": "1", "SANDBOX_ALLOW_HTTP_PULL": "1", "SANDBOX_VERIFIED_PROPERTIES": "localhost",
            "PYTHONUNBUFFERED": "1",
        }

    @property
    def publishers(self) -> list[str]:
        return [f"publish.{number}" for number in range(1, self.workers + 1)]

    def start(self) -> None:
        self.instance.mkdir()
        self.logs.mkdir(parents=True, exist_ok=True)
        for old in self.logs.glob("*.log"):
            old.unlink()
        self._spawn("migrate", "-m", "flask", "--app", "wsgi", "db", "upgrade")
        self._spawn("sandbox", "-m", "flask", "--app", "wsgi", "sandbox")
        assert self.processes.pop("migrate").wait(60) == 0, (self.logs / "migrate.log").read_text()
        wait_for(lambda: self.sandbox.get("/sandbox/api/clock"), seconds=30)
        behind = self.clock().timestamp() - self.sandbox.post("/sandbox/api/clock", speed=self.speed)["now"]
        self.clock.jump(-behind)
        for name in ("web", "scheduler", "beat", *self.publishers):
            self.spawn(name)
        wait_for(lambda: httpx.get(f"http://127.0.0.1:{self.port}/healthz").is_success, seconds=30)

    def spawn(self, name: str) -> None:
        """Begin a process of ours (anew)."""
        role = {"web": ["web"], "scheduler": ["scheduler"], "beat": ["worker", "beat", str(BEAT_HANDS)]}
        self._spawn(name, "-m", "tests.chaos.process", *role.get(name, ["worker", "publish", str(self.hands)]))

    def pause(self, name: str) -> int:
        """Hold a process where it is, to be looked at; returns its pid."""
        self.processes[name].send_signal(signal.SIGSTOP)
        return self.processes[name].pid

    def go_on(self, name: str) -> None:
        self.processes[name].send_signal(signal.SIGCONT)

    def kill(self, name: str) -> None:
        """As the kernel does when memory runs out: no handler, no goodbye."""
        self.processes[name].kill()
        self.processes[name].wait()

    def jump(self, seconds: float) -> None:
        """Let time pass at once, here and at TikTok; what has passed by itself meanwhile needs no jump."""
        if seconds <= 0:
            return
        self.sandbox.advance(seconds)
        self.clock.jump(seconds)

    def stop(self) -> None:
        for process in self.processes.values():
            process.terminate()
        for process in self.processes.values():
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(8)
            process.kill()
            process.wait()
        self.clock.close()

    def _spawn(self, name: str, *arguments: str) -> None:
        with (self.logs / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen([sys.executable, *arguments], cwd=ROOT, env=self.settings, stdout=log, stderr=log,
                                                    stdin=subprocess.DEVNULL)
