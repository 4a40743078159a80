"""The sandbox under gunicorn, as it is really run: `app.sandbox.wsgi:app` made from the environment."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from app.sandbox import SandboxConfig
from tests.servers import wait_for

from .driver import Driver


@pytest.fixture
def under_gunicorn(tmp_path: Path) -> Iterator[Driver]:
    environ = {**os.environ, "SANDBOX_DIR": str(tmp_path / "sandbox"), "SANDBOX_PROCESSING_SECONDS": "0",
               "SANDBOX_MODERATION_SECONDS": "0", "SANDBOX_URL": ""}
    log = tmp_path / "log"
    with log.open("w") as errors, subprocess.Popen(
            [sys.executable, "-m", "gunicorn", "app.sandbox.wsgi:app", "--workers", "1", "--threads", "16",
             "--bind", "127.0.0.1:0"], env=environ, stderr=errors) as server:
        driver = Driver(wait_for_address(log), None, SandboxConfig(tmp_path), lambda: None)
        yield driver
        driver.stop()
        server.terminate()
        assert server.wait(10) == 0
    assert "Traceback" not in log.read_text()


def wait_for_address(log: Path) -> str:
    for _ in range(200):
        match = re.search(r"Listening at: (http://127\.0\.0\.1:\d+)", log.read_text())
        if match:
            return match[1]
        time.sleep(0.05)
    raise AssertionError(log.read_text())


def test_bytes_arrive_whole_and_large_files_are_examined_aside(under_gunicorn: Driver, video: Path) -> None:
    sandbox, account = under_gunicorn, under_gunicorn.connect("northbound")
    data = video.read_bytes() + os.urandom(66_000_000)
    half = len(data) // 2
    init = sandbox.init(account, len(data), half, 2).json()["data"]
    assert sandbox.put(init["upload_url"], data[:half], 0, len(data)).status_code == 206
    assert sandbox.put(init["upload_url"], data[:half], 0, len(data)).status_code == 416
    assert sandbox.put(init["upload_url"], data[half:], half, len(data)).status_code == 201
    publish = wait_for(lambda: (found := sandbox.ledger(publish_id=init["publish_id"])["publishes"][0])["status"] != "PROCESSING_UPLOAD"
                       and found)
    assert publish["sha256"] == hashlib.sha256(data).hexdigest()
    assert (publish["status"], publish["media"]["width"]) == ("PUBLISH_COMPLETE", 360)


@pytest.mark.parametrize("kind", ["abort", "cut", "hang", "accept_then_timeout"])
def test_broken_connections(under_gunicorn: Driver, kind: str) -> None:
    sandbox, account = under_gunicorn, under_gunicorn.connect("northbound")
    sandbox.fault(match="upload", kind=kind, seconds=0.1, bytes=3_000_000)
    data = sandbox.init(account, 9_000_000).json()["data"]
    started = time.monotonic()
    with pytest.raises(httpx.TransportError):
        sandbox.put(data["upload_url"], bytes(9_000_000))
    assert time.monotonic() - started < 5
    done = kind == "accept_then_timeout"
    assert sandbox.put(data["upload_url"], bytes(9_000_000)).status_code == (416 if done else 201)
