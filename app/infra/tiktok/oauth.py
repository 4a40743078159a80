"""TikTok's login by Authlib, with TikTok's deviations from OAuth 2.

Source: TikTok, Login Kit for Web and Desktop, and token management: `client_key` instead of `client_id`,
comma-separated scopes, errors with HTTP 200, codes that arrive encoded, a hexadecimal PKCE challenge.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

import httpx
from authlib.common.errors import AuthlibBaseError
from authlib.common.security import generate_token
from authlib.oauth2.client import OAuth2Client

from app.infra.tiktok.transport import timeout, translated
from app.services.ports import TikTokError, TokenGrant

Auth = Callable[[httpx.Request], httpx.Request]


def _no_auth(request: httpx.Request) -> httpx.Request:
    # TikTok wants its client key and secret in the form, where Authlib's own methods don't put them.
    return request


class TikTokLogin:
    """The consent page's address, and the token endpoint."""

    def __init__(self, *, client_key: str, client_secret: str, auth_url: str, api_url: str, scopes: Iterable[str],
                 pkce: str, utcnow: Callable[[], datetime], timeout_seconds: float = 20,
                 transport: httpx.BaseTransport | None = None) -> None:
        self._client_key = client_key
        self._client_secret = client_secret
        self._authorize_url = f"{auth_url}/v2/auth/authorize/"
        self._token_url = f"{api_url}/v2/oauth/token/"
        self._revoke_url = f"{api_url}/v2/oauth/revoke/"
        self._scope = ",".join(scopes)
        self._uses_pkce = pkce == "hex"
        self._utcnow = utcnow
        self._http = httpx.Client(timeout=timeout(timeout_seconds), transport=transport, trust_env=False)

    def close(self) -> None:
        self._http.close()

    def new_verifier(self) -> str | None:
        """A PKCE verifier to keep in the session, when the setting asks for PKCE."""
        return generate_token(64) if self._uses_pkce else None

    def authorization_url(self, *, state: str, redirect_uri: str, verifier: str | None, ask_again: bool) -> str:
        """Where to send the creator; `ask_again` shows the consent page even if consent was given before."""
        extra: dict[str, Any] = {"client_key": self._client_key, "disable_auto_auth": int(ask_again)}
        if verifier:
            extra |= {"code_challenge": hashlib.sha256(verifier.encode()).hexdigest(), "code_challenge_method": "S256"}
        url, _ = self._oauth().create_authorization_url(
            self._authorize_url, state=state, redirect_uri=redirect_uri, scope=self._scope, **extra
        )
        parts = urlsplit(url)
        query = [(name, value) for name, value in parse_qsl(parts.query) if name != "client_id"]
        return str(parts._replace(query=urlencode(query)).geturl())

    def exchange(self, *, code: str, redirect_uri: str, verifier: str | None) -> TokenGrant:
        """Tokens for the code of a callback."""
        form = {"code_verifier": verifier} if verifier else {}
        return self._grant(lambda oauth: oauth.fetch_token(
            self._token_url, grant_type="authorization_code", code=_decoded(code), redirect_uri=redirect_uri,
            auth=_no_auth, **self._credentials(), **form,
        ))

    def refresh(self, refresh_token: str) -> TokenGrant:
        """A new pair; the refresh token may have changed and then replaces the old one for good."""
        return self._grant(lambda oauth: oauth.refresh_token(
            self._token_url, refresh_token=refresh_token, auth=_no_auth, **self._credentials(),
        ))

    def revoke(self, access_token: str) -> None:
        """Take the permission back at TikTok. An empty body is success."""
        with translated():
            response = self._http.post(self._revoke_url, data={**self._credentials(), "token": access_token})
        if response.content.strip() not in (b"", b"{}"):
            error = _body(response).get("error")
            raise TikTokError(error if isinstance(error, str) else "unreadable", **_marks(response))

    def _oauth(self, answers: list[httpx.Response] | None = None) -> OAuth2Client:
        """Authlib's client; what the token endpoint answers is put into `answers`, for its log id."""
        oauth = OAuth2Client(self._http, client_id=self._client_key)

        def keep(response: httpx.Response) -> httpx.Response:
            if answers is not None:
                answers.append(response)
            return response

        for hook in ("access_token_response", "refresh_token_response"):
            oauth.register_compliance_hook(hook, keep)
        return oauth

    def _credentials(self) -> dict[str, str]:
        return {"client_key": self._client_key, "client_secret": self._client_secret}

    def _grant(self, ask: Callable[[OAuth2Client], dict[str, Any]]) -> TokenGrant:
        now = self._utcnow()
        answers: list[httpx.Response] = []
        try:
            with translated():
                token = ask(self._oauth(answers))
            return TokenGrant(
                open_id=token["open_id"],
                access_token=token["access_token"],
                refresh_token=token["refresh_token"],
                access_expires_at=now + timedelta(seconds=int(token["expires_in"])),
                refresh_expires_at=now + timedelta(seconds=int(token["refresh_expires_in"])),
                scopes=tuple(s for s in token.get("scope", "").split(",") if s),
            )
        except AuthlibBaseError as error:
            code = error.error if isinstance(error.error, str) and error.error else "unreadable"
            raise TikTokError(code, message=str(error.description or ""), **_marks(*answers)) from error
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise TikTokError("unreadable", message=f"not a token: {type(error).__name__}", **_marks(*answers)) from error


def _body(response: httpx.Response) -> dict[str, Any]:
    try:
        body = response.json()
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def _marks(*answers: httpx.Response) -> dict[str, Any]:
    """Status and log id of the answer, if there was one, for the error made of it."""
    marks: dict[str, Any] = {}
    for answer in answers:
        marks = {"http_status": answer.status_code, "log_id": _body(answer).get("log_id") or answer.headers.get("x-tt-logid")}
    return marks


def _decoded(code: str) -> str:
    # The framework has decoded the query once; TikTok is known to encode the code itself as well.
    return unquote(code)
