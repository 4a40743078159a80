"""How HTTP failures become TikTokErrors, for the API and the login alike."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import httpx

from app.services.ports import TikTokError

CONNECT_SECONDS = 5


def timeout(seconds: float) -> httpx.Timeout:
    """So long for an answer; a connection is made soon or not at all."""
    return httpx.Timeout(seconds, connect=min(CONNECT_SECONDS, seconds))


@contextmanager
def translated() -> Iterator[None]:
    """Turns what httpx raises into errors that tell whether TikTok can have received anything."""
    try:
        yield
    except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol) as error:
        raise TikTokError("unreachable", message=type(error).__name__) from error
    except httpx.TimeoutException as error:
        raise TikTokError("timeout", message=type(error).__name__) from error
    except httpx.HTTPStatusError as error:
        raise TikTokError("unreadable", http_status=error.response.status_code) from error
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise TikTokError("broken", message=type(error).__name__) from error
