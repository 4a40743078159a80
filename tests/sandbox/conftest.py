"""A sandbox on a real socket, with a clock that only moves when a test says so, and small real videos."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import pytest
from werkzeug.serving import make_server

from app.sandbox import SandboxConfig, create_sandbox

from .driver import START, Account, Driver
from .origin import Origin

StartSandbox = Callable[..., Driver]


def run_sandbox(config: SandboxConfig, clock: Callable[[], float]) -> Driver:
    """Serve a sandbox from a thread until `stop` is called."""
    app = create_sandbox(config, clock=clock)
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()

    def stop() -> None:
        if thread.is_alive():
            server.shutdown()
            thread.join()
            server.server_close()
            app.extensions["sandbox"].store.close()

    return Driver(f"http://127.0.0.1:{server.server_port}", app, config, stop)


@pytest.fixture
def start_sandbox(tmp_path: Path) -> Iterator[StartSandbox]:
    """Start sandboxes on real sockets; a second start in the same directory is a restart."""
    running: list[Driver] = []

    def start(clock: Callable[[], float] = lambda: START, **settings: Any) -> Driver:
        config = SandboxConfig(**{"directory": tmp_path / "sandbox", **settings})
        running.append(run_sandbox(config, clock))
        return running[-1]

    yield start
    for driver in running:
        driver.stop()


@pytest.fixture(scope="session")
def shared_sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Driver]:
    driver = run_sandbox(SandboxConfig(directory=tmp_path_factory.mktemp("sandbox")), lambda: START)
    yield driver
    driver.stop()


@pytest.fixture
def sandbox(shared_sandbox: Driver) -> Iterator[Driver]:
    """A sandbox as on its first day; for what a reset can't undo there is `start_sandbox`."""
    yield shared_sandbox
    assert shared_sandbox.http.post("/sandbox/api/reset").status_code == 200
    shared_sandbox.http.cookies.clear()


@pytest.fixture
def northbound(sandbox: Driver) -> Account:
    return sandbox.connect("northbound")


@pytest.fixture
def lumen(sandbox: Driver) -> Account:
    return sandbox.connect("lumen.studio")


MakeVideo = Callable[..., Path]


@pytest.fixture(scope="session")
def make_video(tmp_path_factory: pytest.TempPathFactory) -> MakeVideo:
    """Encode a video once per set of properties."""
    folder = tmp_path_factory.mktemp("videos")

    def make(width: int = 360, height: int = 640, rate: int = 25, seconds: float = 1, codec: str = "libx264",
             suffix: str = "mp4", comment: str = "") -> Path:
        name = hashlib.sha1(repr((width, height, rate, seconds, codec, comment)).encode()).hexdigest()[:12]
        path = folder / f"{name}.{suffix}"
        if not path.exists():
            encode(path, width, height, rate, int(seconds * rate), codec, comment)
        return path

    return make


def encode(path: Path, width: int, height: int, rate: int, frames: int, codec: str, comment: str) -> None:
    with av.open(str(path), "w") as container:
        if comment:
            container.metadata["comment"] = comment
        stream: Any = container.add_stream(codec, rate=Fraction(rate))
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        picture = av.VideoFrame(width, height, "yuv420p")
        for plane in picture.planes:
            plane.update(b"\x80" * plane.buffer_size)
        for index in range(frames):
            picture.pts = index
            picture.time_base = Fraction(1, rate)
            container.mux(stream.encode(picture))
        container.mux(stream.encode())


@pytest.fixture(scope="session")
def video(make_video: MakeVideo) -> Path:
    """A video that TikTok takes."""
    return make_video()


@pytest.fixture
def origin() -> Iterator[Origin]:
    server = Origin()
    yield server
    server.stop()


@pytest.fixture
def pulling(sandbox: Driver, origin: Origin) -> Driver:
    """A sandbox that pulls from the origin over plain HTTP."""
    sandbox.switch(allow_http_pull=True, verified_properties=origin.url + "/", rate_limits=False)
    return sandbox
