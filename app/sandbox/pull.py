"""Fetching what an app wants pulled (section 7.2): over real HTTP, from loopback only, without following redirects."""

from __future__ import annotations

import contextlib
import http.client
import ipaddress
import logging
import ssl
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from app.sandbox.lifecycle import begin_processing, fail, settle
from app.sandbox.media import picture_suffix
from app.sandbox.records import Publish
from app.sandbox.switches import Switches
from app.sandbox.world import World

_BLOCK = 1 << 18
_SOCKET_SECONDS = 20.0
_LARGEST = {"video": 4 * 1024**3, "photo": 64 * 1024**2}  # a picture over 20 MB has to arrive to be judged

log = logging.getLogger(__name__)


class PullError(Exception):
    """The URL gave no file."""


@dataclass(frozen=True)
class Answer:
    """An open response."""

    status: int
    content_type: str
    blocks: Iterator[bytes]


class Puller:
    """Downloads in a few threads; an init answers at once, as TikTok's does."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._pool = ThreadPoolExecutor(4, thread_name_prefix="sandbox-pull")

    def submit(self, publish: Publish) -> None:
        self._pool.submit(self._run, publish)

    def resume(self) -> None:
        """After a restart: what was being downloaded is downloaded again."""
        for publish in list(self._world.unfinished.values()):
            if publish.source == "PULL_FROM_URL" and publish.is_processing and publish.arrived_at is None:
                self.submit(publish)

    def _run(self, publish: Publish) -> None:
        try:
            self._pull(publish)
        except (PullError, OSError, http.client.HTTPException) as error:
            log.info("pull failed: %s", error)
            for leftover in self._world.media_dir.glob(f"{file_stem(publish)}.*"):
                leftover.unlink(missing_ok=True)
            with self._world.lock:
                if publish.is_processing:
                    fail(self._world, publish, f"{publish.kind}_pull_failed", self._world.now())
        except Exception:
            log.exception("pull of %s", publish.publish_id)

    def _pull(self, publish: Publish) -> None:
        files, size = [], 0
        for index, url in enumerate(publish.urls):
            target = self._world.media_dir / f"{file_stem(publish)}.{index}"
            path, content_type = self._fetch(publish, url, target)
            files.append(path.name)
            size += path.stat().st_size
        with self._world.lock:
            if not publish.is_processing:
                return  # cancelled meanwhile
            publish.files, publish.video_size, publish.received = files, size, size
            publish.content_type = content_type
            begin_processing(self._world, publish)
            self._world.save_publish(publish)
        settle(self._world, publish)

    def _fetch(self, publish: Publish, url: str, path: Path) -> tuple[Path, str]:
        switches = self._world.switches
        if switches.fetcher_sends_head:
            with open_url(url, "HEAD", switches):
                pass
        with open_url(url, "GET", switches) as answer:
            if answer.status not in (200, 206):
                raise PullError(f"status {answer.status}")  # any 3xx is invalid: no redirects
            self._store(publish, answer, path)
        if publish.kind == "photo":
            path = path.rename(path.with_name(path.name + picture_suffix(path)))
        return path, answer.content_type

    def _store(self, publish: Publish, answer: Answer, path: Path) -> None:
        deadline = publish.created_at + self._world.switches.pull_seconds
        size = 0
        with path.open("wb") as file:
            for block in answer.blocks:
                file.write(block)
                size += len(block)
                publish.received += len(block)
                late = self._world.now() >= deadline
                if size > _LARGEST[publish.kind] or late or not publish.is_processing:
                    raise PullError("too large, too late or cancelled")


def file_stem(publish: Publish) -> str:
    return publish.publish_id.rsplit(".", 1)[-1]


@contextlib.contextmanager
def open_url(url: str, method: str, switches: Switches) -> Iterator[Answer]:
    """One request without redirects. What TikTok's fetcher sends is UNCONFIRMED, so it is made of switches."""
    parts = urlsplit(url)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    headers = {"User-Agent": switches.fetcher_user_agent, "Accept": "*/*"}
    if switches.fetcher_sends_range and method == "GET":
        headers["Range"] = "bytes=0-"
    with contextlib.closing(connect(parts)) as connection:
        connection.request(method, target, headers=headers)
        with connection.getresponse() as response:
            yield Answer(response.status, response.headers.get_content_type(), blocks_of(response))


def blocks_of(response: http.client.HTTPResponse) -> Iterator[bytes]:
    expected, received = response.length, 0
    while block := response.read(_BLOCK):
        received += len(block)
        yield block
    if expected is not None and received < expected:
        raise PullError("the connection ended early")


def connect(parts: SplitResult) -> http.client.HTTPConnection:
    """To loopback only, whatever the name says."""
    port = parts.port or (443 if parts.scheme == "https" else 80)
    address = loopback_address(parts.hostname or "")
    if parts.scheme == "http":
        return http.client.HTTPConnection(address, port, timeout=_SOCKET_SECONDS)
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # a certificate on loopback is self-signed and protects nothing
    return http.client.HTTPSConnection(address, port, timeout=_SOCKET_SECONDS, context=context)


def loopback_address(host: str) -> str:
    """Decided from the name alone: asking a name server would already be a call to the outside."""
    if host == "localhost" or host.endswith(".localhost"):
        return "127.0.0.1"
    try:
        if ipaddress.ip_address(host).is_loopback:
            return host
    except ValueError:
        pass
    raise PullError(f"{host} is not on this machine")
