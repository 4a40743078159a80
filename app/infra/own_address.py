"""Oncue's own public address, asked as TikTok asks it: without following redirects, and not for long."""

from __future__ import annotations

import ipaddress
import ssl
import threading
import time
from collections.abc import Callable
from typing import TypeVar
from urllib.parse import urlsplit

import httpx

from app.domain.reach import Answer, Standing
from app.infra.fetch import Resolver, resolve
from app.infra.web_address import Address, is_public, parse
from app.services.ports import FetchError

BODY_MAX = 100_000
Result = TypeVar("Result")


class OwnAddressOverHttp:
    """All requests of one object share `total_seconds`, looking up the name included."""

    def __init__(self, base_url: str, *, total_seconds: float = 5.0, each_seconds: float = 2.0, resolver: Resolver = resolve) -> None:
        self._base_url = base_url
        self._ends = time.monotonic() + total_seconds
        self._each = each_seconds
        self._resolver = resolver

    def standing(self) -> Standing:
        host = urlsplit(self._base_url).hostname or ""
        if _is_ip(host):
            return Standing.ADDRESS
        try:
            parse(f"https://{host}/", ())
        except FetchError:
            return Standing.INSIDE
        try:
            found: list[Address] = self._in_time(lambda: [ipaddress.ip_address(text) for text in self._resolver(host, 443)], [])
        except (OSError, ValueError):
            return Standing.NOT_FOUND
        if not found:
            return Standing.NOT_FOUND
        return Standing.PUBLIC if all(map(is_public, found)) else Standing.LEADS_INSIDE

    def get(self, path: str, *, first_bytes: int | None = None) -> Answer:
        headers = {"User-Agent": "Oncue", "Accept-Encoding": "identity", "Connection": "close"}
        if first_bytes is not None:
            headers["Range"] = f"bytes=0-{first_bytes - 1}"
        return self._in_time(lambda: self._ask(self._base_url + path, headers), Answer(trouble="it took too long."))

    def _ask(self, url: str, headers: dict[str, str]) -> Answer:
        try:
            # No proxy of the environment: it would see another way than the one that leads here.
            with httpx.Client(timeout=self._each, trust_env=False, follow_redirects=False) as client, \
                    client.stream("GET", url, headers=headers) as response:
                body = b""
                for block in response.iter_raw():
                    body += block
                    if len(body) > BODY_MAX:
                        break
                return Answer(response.status_code, {name.lower(): value for name, value in response.headers.items()}, body)
        except httpx.TimeoutException:
            return Answer(trouble="it took too long.")
        except httpx.ConnectError as error:
            is_untrusted = isinstance(error.__cause__, ssl.SSLError) or "CERTIFICATE" in str(error)
            return Answer(trouble="its certificate is not valid." if is_untrusted else "nobody can be connected to there.")
        except (httpx.HTTPError, httpx.InvalidURL):
            return Answer(trouble="the connection broke.")

    def _in_time(self, work: Callable[[], Result], late: Result) -> Result:
        """In a thread of its own, for a resolver knows no time-out; who is late is not waited for."""
        result: list[Result] = []
        failure: list[Exception] = []

        def run() -> None:
            try:
                result.append(work())
            except (OSError, ValueError) as error:  # the resolver's; requests have words for theirs
                failure.append(error)
        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        thread.join(max(self._ends - time.monotonic(), 0))
        if failure:
            raise failure[0]
        return result[0] if result else late


def _is_ip(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
