"""A guarded download: what people name is fetched, and nothing inside one's own network is.

A name is resolved once, every address that it has is checked, and one of these is connected to: between check and
connection there is no second question to a resolver that could answer differently. TLS and the Host header still go
by the name. Each redirect begins anew. A proxy from the environment is not used: it would resolve the name again.
"""

from __future__ import annotations

import ipaddress
import logging
import re
import socket
import ssl
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from email.utils import parsedate_to_datetime
from functools import cached_property
from typing import Any
from urllib.parse import unquote, urljoin, urlsplit

import httpcore
import httpx

from app.infra.web_address import Address, WebAddress, forbidden, is_public, parse
from app.services.ports import Begun, Fetched, FetchError

log = logging.getLogger(__name__)

Resolver = Callable[[str, int], Iterable[str]]
"""All addresses of a host; raises OSError."""
Progress = Callable[[int, int | None], None]
Opened = Callable[[int, str | None], object]

MAX_REDIRECTS = 5
CONNECT_SECONDS = 5.0
TRIED_ADDRESSES = 2
"""How many of a host's addresses are tried: often the first is IPv6, which the machine may not have."""
REDIRECTS = frozenset({301, 302, 303, 307, 308})
GONE, DENIED = frozenset({404, 410}), frozenset({401, 402, 403, 407, 451})
UNAVAILABLE = frozenset({408, 421, 425, 429})
PARTIAL, RANGE_REFUSED = 206, 416
CONTENT_RANGE = re.compile(r"bytes (\d{1,18})-\d{1,18}/(\d{1,18})")
VERSION_MAX = 300

TEXTS = {
    "url_not_found": "There is no file at this link any more. Check the link, or upload the file.",
    "url_denied": "The server does not give out this file without a login. Use a link that everybody can open.",
    "url_refused": "The server refused to send the file (HTTP {status}). Check the link in a private browser window.",
    "url_unavailable": "The server has trouble at the moment (HTTP {status}).",
    "url_is_page": "The link leads to a web page and not to the file itself. Use the link that downloads the file.",
    "url_too_large": "The file is larger than the {limit:,} bytes that Oncue takes.",
    "url_too_slow": "The server sends too slowly or not at all.",
    "url_redirects": "The link leads from one address to the next without end. Use the file's own link.",
    "url_untrusted": "The server can't prove that it is who the link says: its certificate is not valid.",
    "url_unreachable": "The server could not be reached. Check the link's host name.",
    "url_broken": "The connection broke before the whole file had arrived.",
}
TRANSIENT = frozenset({"url_unavailable", "url_too_slow", "url_unreachable", "url_broken"})


def failure(code: str, **values: Any) -> FetchError:
    """The error with that code, with its words and its word on another try."""
    return FetchError(code, TEXTS[code].format(**values), may_retry=code in TRANSIENT)


@dataclass(frozen=True, slots=True)
class Limits:
    """How much and how long."""

    max_bytes: int
    total_seconds: float = 3000
    """For everything together, redirects included."""
    idle_seconds: float = 20
    """Without a byte."""


def resolve(host: str, port: int) -> list[str]:
    """The addresses that the system's resolver knows, its favourite first."""
    return [str(found[4][0]) for found in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


class WebFetcher:
    """Fetches over http and https. `allowed_hosts` ("host:port") may be anywhere; they go the same way as all others.

    `resolver`, `network` and `tls` are the outside: the system's, unless others are given.
    """

    def __init__(self, limits: Limits, allowed_hosts: Collection[str] = (), *, resolver: Resolver = resolve,
                 network: httpcore.NetworkBackend | None = None, tls: ssl.SSLContext | None = None) -> None:
        self._limits = limits
        self._allowed = frozenset(host.lower() for host in allowed_hosts)
        self._resolver = resolver
        self._network = network or httpcore.SyncBackend()
        self._given_tls = tls

    def check(self, url: str) -> None:
        """Refuse what is no web address, or not a public one, as its host resolves now."""
        self._resolve(parse(url, self._allowed))

    def fetch(self, url: str, write: Callable[[bytes], object], progress: Progress = lambda _received, _total: None,
              begun: Begun | None = None, opened: Opened = lambda _first, _version: None) -> Fetched:
        """Stream what `url` leads to into `write`, following redirects; raises FetchError, and whatever the callables raise.

        With `begun` the rest of that version is asked for; `opened` hears whether it comes, or the file from its beginning.
        """
        deadline = _Deadline(self._limits.total_seconds, self._limits.idle_seconds)
        here = parse(url, self._allowed)
        for _ in range(MAX_REDIRECTS + 1):
            progress(begun.size_bytes if begun else 0, None)
            with self._get(here, deadline, begun) as response:
                if begun is not None and response.status in (PARTIAL, RANGE_REFUSED) and _first_byte(response) != begun.size_bytes:
                    begun = None  # not the rest that was asked for: from the beginning, at the same address
                    continue
                if response.status not in REDIRECTS:
                    size = self._receive(response, write, progress, opened, is_rest=begun is not None)
                    return Fetched(_name(here), size)
                location = _header(response, b"location")
            here = parse(urljoin(here.url, location), self._allowed)
        raise failure("url_redirects")

    @contextmanager
    def _get(self, to: WebAddress, deadline: _Deadline, begun: Begun | None) -> Iterator[httpcore.Response]:
        addresses = self._resolve(to)
        origin = httpcore.Origin(to.scheme.encode(), to.host.encode(), to.port)
        connection = httpcore.HTTPConnection(origin, ssl_context=self._tls if to.scheme == "https" else None,
                                             network_backend=_Pinned(self._network, addresses, deadline))
        # Compressed answers could grow without end; videos and photos are compressed in themselves.
        headers = [("Host", to.netloc), ("User-Agent", "Oncue"), ("Accept", "*/*"), ("Accept-Encoding", "identity"),
                   ("Connection", "close")]
        if begun is not None:
            headers += [("Range", f"bytes={begun.size_bytes}-"), ("If-Range", begun.version)]
        request = httpcore.Request("GET", httpcore.URL(scheme=to.scheme.encode(), host=to.host.encode(), port=to.port,
                                                       target=to.target.encode()), headers=headers)
        with _translated(), closing(connection):
            response = connection.handle_request(request)
            with closing(response):
                yield response

    def _resolve(self, to: WebAddress) -> tuple[str, ...]:
        """The addresses to connect to: all of them are allowed, or none is."""
        if to.literal is not None:
            return (str(to.literal),)  # checked when it was read
        try:
            found = [_address(text) for text in self._resolver(to.host, to.port)]
        except (OSError, UnicodeError):
            raise failure("url_unreachable") from None
        if not found:
            raise failure("url_unreachable")
        if not to.is_allowed and not all(map(is_public, found)):
            log.warning("a name that leads inside was refused", extra={"host": to.host})
            raise forbidden()
        return tuple(map(str, dict.fromkeys(found)))

    def _receive(self, response: httpcore.Response, write: Callable[[bytes], object], progress: Progress, opened: Opened, *,
                 is_rest: bool) -> int:
        received = _first_byte(response) if is_rest and response.status == PARTIAL else 0
        _check_status(200 if received else response.status)
        if _header(response, b"content-type").partition(";")[0].strip().lower() in ("text/html", "application/xhtml+xml"):
            raise failure("url_is_page")
        if _header(response, b"content-encoding").lower() not in ("", "identity"):
            raise failure("url_refused", status=response.status)
        stated = _header(response, b"content-length")
        total = received + int(stated) if stated.isdecimal() and stated.isascii() else None
        self._check_size(total or 0)
        progress(received, total)
        opened(received, _version(response))
        for block in response.iter_stream():
            received += len(block)
            self._check_size(received)
            write(block)
            progress(received, total)
        return received

    def _check_size(self, size: int) -> None:
        if size > self._limits.max_bytes:
            raise failure("url_too_large", limit=self._limits.max_bytes)

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        return self._given_tls or httpx.create_ssl_context()  # the authorities that calls to TikTok trust


class _Deadline:
    """The time that is left, shared by everything that one fetch waits for."""

    def __init__(self, total_seconds: float, idle_seconds: float) -> None:
        self._ends = time.monotonic() + total_seconds
        self._idle = idle_seconds

    def wait(self, at_most: float | None = None) -> float:
        """How long the next wait may take. Raises FetchError when the time is over."""
        left = self._ends - time.monotonic()
        if left <= 0:
            raise failure("url_too_slow")
        return min(left, self._idle, at_most or left)


class _Pinned(httpcore.NetworkBackend):
    """Connects to addresses that were checked, whatever the name resolves to by now."""

    def __init__(self, network: httpcore.NetworkBackend, addresses: Sequence[str], deadline: _Deadline) -> None:
        self._network = network
        self._addresses = addresses[:TRIED_ADDRESSES]
        self._deadline = deadline

    def connect_tcp(self, host: str, port: int, timeout: float | None = None, local_address: str | None = None,
                    socket_options: Any = None) -> httpcore.NetworkStream:
        for number, address in enumerate(self._addresses, 1):
            try:
                stream = self._network.connect_tcp(address, port, timeout=self._deadline.wait(CONNECT_SECONDS))
                return _Timed(stream, self._deadline)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                if number == len(self._addresses):
                    raise
        raise failure("url_unreachable")


class _Timed(httpcore.NetworkStream):
    """A connection that no single wait outlasts the deadline on: one byte a minute is not progress."""

    def __init__(self, stream: httpcore.NetworkStream, deadline: _Deadline) -> None:
        self._stream = stream
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, self._deadline.wait())

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, self._deadline.wait())

    def close(self) -> None:
        self._stream.close()

    def start_tls(self, ssl_context: ssl.SSLContext, server_hostname: str | None = None,
                  timeout: float | None = None) -> httpcore.NetworkStream:
        return _Timed(self._stream.start_tls(ssl_context, server_hostname, self._deadline.wait()), self._deadline)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except httpcore.ConnectError as error:
        # Its text is all that is left of the handshake's own error.
        raise failure("url_untrusted" if "CERTIFICATE_VERIFY_FAILED" in str(error) else "url_unreachable") from error
    except httpcore.ConnectTimeout as error:
        raise failure("url_unreachable") from error
    except httpcore.TimeoutException as error:
        raise failure("url_too_slow") from error
    except (httpcore.NetworkError, httpcore.ProtocolError) as error:
        raise failure("url_broken") from error


def _check_status(status: int) -> None:
    if status in GONE:
        raise failure("url_not_found")
    if status in DENIED:
        raise failure("url_denied")
    if status in UNAVAILABLE or status >= 500:
        raise failure("url_unavailable", status=status)
    if status != 200:
        raise failure("url_refused", status=status)


def _first_byte(response: httpcore.Response) -> int:
    """Where a partial answer begins; 0, where no rest begins, when it does not say so."""
    found = CONTENT_RANGE.fullmatch(_header(response, b"content-range"))
    return int(found[1]) if found and response.status == PARTIAL else 0


def _version(response: httpcore.Response) -> str | None:
    """What the rest of this very file can be asked for by: an ETag that is not weak, or a date that is old enough to be as good."""
    if _header(response, b"accept-ranges").lower() == "none":
        return None
    etag, modified = _header(response, b"etag"), _header(response, b"last-modified")
    if re.fullmatch(r'"[\x21\x23-\x7e]*"', etag) and len(etag) <= VERSION_MAX:
        return etag
    try:
        is_old = parsedate_to_datetime(_header(response, b"date")) - parsedate_to_datetime(modified) >= timedelta(seconds=1)
    except (ValueError, TypeError):  # not dates, or one without its zone
        return None
    return modified if is_old and modified.isascii() and len(modified) <= VERSION_MAX else None


def _address(text: str) -> Address:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        raise forbidden() from None


def _header(response: httpcore.Response, name: bytes) -> str:
    """The header's value, empty when it is missing."""
    return next((value.decode("utf-8", "replace").strip() for key, value in response.headers if key.lower() == name), "")


def _name(at: WebAddress) -> str:
    return unquote(urlsplit(at.target).path.rpartition("/")[2])
