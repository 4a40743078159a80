"""Videos into Oncue: speed beside that of a plain socket sink on the same disk, and the web process's memory by the file's size."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from tests.bench.scene import report
from tests.house import ROOT, House
from tests.servers import NO_TLS
from tests.videos import fill_up, make_video

MB, MIB = 1_000_000, 2**20
SIZE, SMALL, LARGE = 500 * MB, 10 * MB, 2_000 * MB
ROUNDS = 3
BOUNDARY = "oncue-bench"


class Uploader:
    """A signed-in browser that sends whole files; a video's bytes go from its file into the socket and nowhere else."""

    def __init__(self, house: House) -> None:
        self._port = house.port
        self._http = httpx.Client(base_url=house.url, verify=NO_TLS)
        login = house.demo_login()
        self._http.post("/login", data={"email": login["email"], "password": login["password"], "csrf_token": self._token("/login")})
        self._csrf = self._token("/calendar")

    def _token(self, path: str) -> str:
        found = re.search(r'csrf_token" value="([^"]+)"', self._http.get(path).text)
        assert found, f"no token on {path}"
        return found[1]

    def by_tus(self, path: Path, *, keep: bool = True) -> float:
        """One PATCH; seconds until the answer. Without `keep` one more byte was announced: all are taken, and nothing is made of them."""
        size, headers = path.stat().st_size, {"Tus-Resumable": "1.0.0", "X-CSRFToken": self._csrf}
        begun = self._http.post("/media/uploads", headers={**headers, "Upload-Length": str(size + (not keep))})
        assert begun.status_code == 201, begun.text
        url = begun.headers["location"]
        seconds = self._send("PATCH", url, 204, path, {**headers, "Upload-Offset": "0", "Content-Type": "application/offset+octet-stream"})
        if not keep:
            self._http.delete(url, headers=headers)
        return seconds

    def by_form(self, path: Path) -> float:
        """The form of a browser without JavaScript; seconds until the answer."""
        head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="{path.name}"\r\nContent-Type: video/mp4\r\n\r\n'
        headers = {"X-CSRFToken": self._csrf, "Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
        return self._send("POST", "/media/", 201, path, headers, head.encode(), f"\r\n--{BOUNDARY}--\r\n".encode())

    def _send(self, method: str, url: str, status: int, path: Path, headers: dict[str, str], before: bytes = b"",
              behind: bytes = b"") -> float:
        values = {"Host": f"localhost:{self._port}", "Cookie": "; ".join(f"{k}={v}" for k, v in self._http.cookies.items()),
                  "Content-Length": str(len(before) + path.stat().st_size + len(behind)), "Connection": "close", **headers}
        lines = [f"{method} {httpx.URL(url).raw_path.decode()} HTTP/1.1", *(f"{name}: {value}" for name, value in values.items())]
        with path.open("rb") as file, socket.create_connection(("127.0.0.1", self._port)) as connection:
            started = time.perf_counter()
            connection.sendall("\r\n".join([*lines, "", ""]).encode() + before)
            connection.sendfile(file)
            connection.sendall(behind)
            answer = connection.recv(MIB)
            seconds = time.perf_counter() - started
        assert f" {status} ".encode() in answer.split(b"\r\n")[0], answer
        return seconds


@contextmanager
def plain_sink(path: Path) -> Iterator[Callable[[Path], float]]:
    """Sends a file to a process that only writes it; returns seconds until that says it is on disk."""
    with subprocess.Popen([sys.executable, "-m", "tests.bench.sink", str(path)], cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        port = int(process.stdout.readline())

        def send(source: Path) -> float:
            with source.open("rb") as file, socket.create_connection(("127.0.0.1", port)) as connection:
                started = time.perf_counter()
                connection.sendfile(file)
                connection.shutdown(socket.SHUT_WR)
                assert connection.recv(1) == b"!"
                return time.perf_counter() - started
        try:
            yield send
        finally:
            process.kill()


def peak(pids: list[int]) -> int:
    """The most memory that these processes have had resident since `forget_peak`, in bytes."""
    return sum(int(found[1]) * 1024 for pid in pids if (found := re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())))


def forget_peak(pids: list[int]) -> None:
    for pid in pids:
        Path(f"/proc/{pid}/clear_refs").write_text("5")


def processor_seconds(pids: list[int]) -> float:
    """What these processes have used of processors, in their own code and in the kernel."""
    used = (Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13] for pid in pids)
    return sum(int(ticks) for both in used for ticks in both) / os.sysconf("SC_CLK_TCK")


def run(house: House) -> None:
    """In turns: what else the machine does slows all of them."""
    uploader, web = Uploader(house), house.pids("wsgi:app")
    with tempfile.TemporaryDirectory(dir=house.instance) as name:
        directory = Path(name)
        clip = make_video(directory / "clip.mp4")
        _speed(uploader, fill_up(clip, directory / "video.mp4", SIZE), directory / "sunk.mp4", web)
        small, large = fill_up(clip, directory / "small.mp4", SMALL), fill_up(clip, directory / "large.mp4", LARGE)
        for way, send in {"tus": uploader.by_tus, "form": uploader.by_form}.items():
            peaks = []
            for path in (small, large):
                forget_peak(web)
                send(path)
                peaks.append(peak(web))
            report(f"memory of the web process, {way}: at most {peaks[0] / MIB:.1f} MiB for {SMALL // MB} MB and {peaks[1] / MIB:.1f} MiB "
                   f"for {LARGE // MB:,} MB; difference {(peaks[1] - peaks[0]) / MIB:+.1f} MiB (8 at most expected)")


def _speed(uploader: Uploader, video: Path, sunk: Path, web: list[int]) -> None:
    ways: dict[str, Callable[[Path], float]] = {
        "tus, the bytes alone": lambda path: uploader.by_tus(path, keep=False), "tus, hashed, probed and kept": uploader.by_tus,
        "form, likewise": uploader.by_form}
    plain: list[float] = []
    taken: dict[str, list[float]] = {name: [] for name in ways}
    busy: dict[str, list[float]] = {name: [] for name in ways}
    with plain_sink(sunk) as sink:
        for _ in range(ROUNDS):
            plain.append(sink(video))
            for name, send in ways.items():
                before = processor_seconds(web)
                taken[name].append(send(video))
                busy[name].append(processor_seconds(web) - before)
    report(f"{SIZE // MB} MB in, each flushed to disk, best of {ROUNDS}: a plain socket sink {SIZE / MIB / min(plain):.0f} MiB/s")
    for name, times in taken.items():
        report(f"  {name}: {SIZE / MIB / min(times):.0f} MiB/s, ratio {min(plain) / min(times):.2f}; "
               f"{min(busy[name]):.2f} s of the web process's processor time")
