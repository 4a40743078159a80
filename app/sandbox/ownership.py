"""Which URLs may be pulled (sections 7.2, 7.3)."""

from __future__ import annotations

import ipaddress
from urllib.parse import SplitResult, urlsplit

from app.sandbox.config import split_list
from app.sandbox.errors import BAD_SOURCE, INVALID, ApiError
from app.sandbox.switches import Switches


def check_pull_url(url: str, switches: Switches) -> None:
    """https, a domain name, and under a verified property."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ApiError(INVALID, BAD_SOURCE)
    if parts.scheme == "http" and not switches.allow_http_pull:
        raise ApiError(INVALID, BAD_SOURCE)
    if is_ip(parts.hostname) and not switches.allow_ip_pull:
        raise ApiError("url_ownership_unverified")
    if not any(covers(item, url, parts) for item in split_list(switches.verified_properties)):
        raise ApiError("url_ownership_unverified")


def is_ip(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def covers(item: str, url: str, parts: SplitResult) -> bool:
    """A domain covers its paths and subdomains; a prefix ends with `/` and covers exactly what starts with it."""
    if "://" in item:
        return item.endswith("/") and url.startswith(item)
    host = (parts.hostname or "").lower()
    return host == item.lower() or (host.endswith("." + item.lower()) and not is_ip(host))
