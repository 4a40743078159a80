"""Token exchange, refresh and revoke (sections 1.4 to 1.7): flat JSON, errors with HTTP 200 unless switched."""

from __future__ import annotations

import hashlib
import hmac
from typing import Any

from flask import Blueprint, Response, request

from app.sandbox import ids
from app.sandbox.errors import OAuthError
from app.sandbox.gateway import Call, endpoint, json_response
from app.sandbox.grants import remove_authorization
from app.sandbox.records import Code, Token
from app.sandbox.world import World

oauth = Blueprint("oauth", __name__)

_DEVELOPER_REVOKED = 5  # section 1.6


@endpoint(oauth, "/v2/oauth/token/", "token")
def token(call: Call) -> Response:
    try:
        return json_response(describe_token(call, issue(call)))
    except OAuthError as error:
        return oauth_error(call, error)


@endpoint(oauth, "/v2/oauth/revoke/", "revoke")
def revoke(call: Call) -> Response:
    try:
        access = form_value("token")
        require_client(call.world)
        found = call.world.tokens.get(access)
        if found is None or found.revoked:
            raise OAuthError("invalid_request", "The token is invalid.")
    except OAuthError as error:
        return oauth_error(call, error)
    call.creator = call.world.creators.get(found.creator_id)
    remove_authorization(call.world, found.creator_id, _DEVELOPER_REVOKED)
    return Response(b"", 200)


def issue(call: Call) -> Token:
    if request.mimetype != "application/x-www-form-urlencoded":
        raise OAuthError("invalid_request", "The request must be application/x-www-form-urlencoded.")
    kind = form_value("grant_type")
    if kind == "authorization_code":
        return exchange(call)
    if kind == "refresh_token":
        return refresh(call)
    raise OAuthError("unsupported_grant_type", "The grant type is not supported.")


def exchange(call: Call) -> Token:
    """The code is looked at before the client: a dead code hides a wrong client_key (section 1.4, observed)."""
    world = call.world
    with world.lock:
        code = world.codes.get(form_value("code"))
        if code is None or code.used or code.expires_at <= call.now:
            raise OAuthError("invalid_grant", "Authorization code is expired.")
        require_client(world)
        require_same_redirect(code)
        require_verifier(code)
        code.used = True
        world.codes.save(code.code, code)
        call.creator = world.creators.get(code.creator_id)
        return world.add_token(new_token(call, code.creator_id, code.scopes))


def refresh(call: Call) -> Token:
    world, switches = call.world, call.switches
    with world.lock:
        old = world.token_of_refresh(form_value("refresh_token"))
        if old is None or old.revoked or not refresh_is_alive(call, old):
            raise OAuthError("invalid_grant", "Refresh token is invalid or expired.")
        require_client(world)
        call.creator = world.creators.get(old.creator_id)
        fresh = new_token(call, old.creator_id, old.scopes)
        if not switches.refresh_extends_lifetime:
            fresh.refresh_expires_at = old.refresh_expires_at
        if switches.rotate_refresh_tokens:
            old.replaced_at = call.now if old.replaced_at is None else old.replaced_at
            world.tokens.save(old.access, old)
        else:
            fresh.refresh = old.refresh
        return world.add_token(fresh)


def refresh_is_alive(call: Call, token: Token) -> bool:
    if token.refresh_expires_at <= call.now:
        return False
    return token.replaced_at is None or call.now < token.replaced_at + call.switches.refresh_grace_seconds


def new_token(call: Call, creator_id: str, scopes: list[str]) -> Token:
    return Token(
        ids.access_token(), ids.refresh_token(), creator_id, list(scopes),
        call.now + call.switches.access_token_seconds, call.now + call.switches.refresh_token_seconds,
    )


def describe_token(call: Call, token: Token) -> dict[str, Any]:
    call.error_code = "ok"
    return {
        "access_token": token.access, "expires_in": int(token.access_expires_at - call.now),
        "open_id": call.world.open_id(token.creator_id),
        "refresh_expires_in": int(token.refresh_expires_at - call.now), "refresh_token": token.refresh,
        "scope": ",".join(token.scopes), "token_type": "Bearer",
    }


def form_value(name: str) -> str:
    value = request.form.get(name, "")
    if not value:
        raise OAuthError("invalid_request", f"The request parameters are malformed: {name} is missing.")
    return value


def require_client(world: World) -> None:
    key, secret = request.form.get("client_key", ""), request.form.get("client_secret", "")
    if not key or not secret:
        raise OAuthError("invalid_request", f"{'Client secret' if key else 'Client key'} is missed in request.")
    config = world.config
    same_key = hmac.compare_digest(key.encode(), config.client_key.encode())
    same_secret = hmac.compare_digest(secret.encode(), config.client_secret.encode())
    if not (same_key and same_secret):
        raise OAuthError("invalid_client", "Client key or secret is incorrect.")


def require_same_redirect(code: Code) -> None:
    if request.form.get("redirect_uri", "") != code.redirect_uri:
        raise OAuthError("invalid_request", "Redirect_uri is not matched with the uri when requesting code.")


def require_verifier(code: Code) -> None:
    """A verifier without a challenge is tolerated (section 1.1, observed)."""
    digest = hashlib.sha256(request.form.get("code_verifier", "").encode()).hexdigest()
    if code.challenge and not hmac.compare_digest(digest, code.challenge):
        raise OAuthError("invalid_request", "Code verifier or code challenge is invalid.")


def oauth_error(call: Call, error: OAuthError) -> Response:
    call.error_code = error.error
    body = {"error": error.error, "error_description": error.description, "log_id": call.log_id}
    return json_response(body, call.switches.oauth_error_status)
