"""The authorise page of Login Kit (sections 1.1 to 1.3): who decides what an app may do, and the way back to the app."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

from flask import Blueprint, Response, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from app.sandbox import ids
from app.sandbox.config import split_list
from app.sandbox.creators import CreatorError, new_creator
from app.sandbox.records import Code, Creator, Grant
from app.sandbox.world import World, get_world

authorize = Blueprint("authorize", __name__)

FIXED_SCOPE = "user.info.basic"  # section 1.8: added automatically with Login Kit
SCOPE_TEXTS = {
    "user.info.basic": "See your name and profile picture",
    "user.info.profile": "See your username, bio and profile link",
    "user.info.stats": "See your follower, like and video counts",
    "video.list": "See your public videos and how they do",
    "video.upload": "Send drafts to your inbox, for you to edit and post",
    "video.publish": "Post to your profile",
}
PARAMETERS = ("client_key", "response_type", "scope", "redirect_uri", "state", "disable_auto_auth", "code_challenge",
              "code_challenge_method")
_HEX_DIGEST = re.compile(r"[0-9a-f]{64}")
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_COOKIE = "sandbox_creator"


class BadRequest(Exception):
    """A mistake in the request; `parameter` is what TikTok's own error page would name."""

    def __init__(self, parameter: str, reason: str) -> None:
        super().__init__(parameter)
        self.parameter = parameter
        self.reason = reason


@dataclass(frozen=True)
class AuthRequest:
    """A checked authorise request."""

    redirect_uri: str
    scopes: tuple[str, ...]
    state: str
    challenge: str
    auto_auth: bool
    parameters: dict[str, str]


@authorize.get("/v2/auth/authorize/")
def show() -> BaseResponse:
    world = get_world()
    wanted = read_request(world, request.args)
    chosen = world.creator(request.args.get("creator", "") or request.cookies.get(_COOKIE, ""))
    if chosen is not None and may_skip_consent(world, wanted, chosen):
        return send_back(wanted, grant(world, wanted, chosen, list(wanted.scopes)))
    return page(world, wanted, chosen)


@authorize.post("/v2/auth/authorize/")
def decide() -> BaseResponse:
    world = get_world()
    wanted = read_request(world, request.form)
    if request.form.get("decision") != "allow":
        return send_back(wanted, {"error": "access_denied", "error_description": "User cancelled the authorization"})
    creator = world.creator(request.form.get("creator", ""))
    if creator is None:
        return page(world, wanted, None, "Choose an account first.")
    targets = split_list(world.switches.target_users)
    if targets and creator.username not in targets:  # section 1.3: an app in sandbox mode, a user who is not its target
        return send_back(wanted, {"error": "access_denied", "error_type": "non_sandbox_target",
                                  "error_description": "The user is not a target user of this sandbox"})
    ticked = {FIXED_SCOPE, *request.form.getlist("scopes")}
    granted = [scope for scope in wanted.scopes if scope in ticked]
    response = send_back(wanted, grant(world, wanted, creator, granted))
    response.set_cookie(_COOKIE, creator.username, samesite="Lax", httponly=True)
    return response


@authorize.post("/v2/auth/authorize/creators/")
def add_creator() -> BaseResponse:
    world = get_world()
    wanted = read_request(world, request.form)
    try:
        creator = creator_from_form(world)
    except CreatorError as error:
        return page(world, wanted, None, str(error))
    query = urlencode({**wanted.parameters, "disable_auto_auth": "1", "creator": creator.username})
    return redirect(f"{url_for('authorize.show')}?{query}", 303)


def creator_from_form(world: World) -> Creator:
    """Make the account that a page's form describes."""
    form = request.form
    username = form.get("username", "").strip().lstrip("@").lower()
    seconds = form.get("max_seconds", "") or "600"
    with world.lock:
        if world.creator(username) is not None:
            raise CreatorError(f"@{username} exists already")
        if not seconds.isdecimal():
            raise CreatorError("max_seconds must be a number")
        creator = new_creator({
            "username": username, "nickname": form.get("nickname", "").strip() or username,
            "private": "private" in form, "comment_disabled": "comment_disabled" in form,
            "max_seconds": int(seconds),
        }, world.now())
        return world.save_creator(creator)


def read_request(world: World, values: Mapping[str, str]) -> AuthRequest:
    """Check the request in the order in which a reader meets its parameters; BadRequest names the first wrong one."""
    if values.get("client_key") != world.config.client_key:
        raise BadRequest("client_key", "No app has this client_key.")
    redirect_uri = values.get("redirect_uri", "")
    problem = redirect_problem(world, redirect_uri)
    if problem:
        raise BadRequest("redirect_uri", problem)
    if values.get("response_type") != "code":
        raise BadRequest("response_type", "It is always “code”.")
    scopes = read_scopes(world, values.get("scope", ""))
    if not values.get("state"):
        raise BadRequest("state", "It is missing.")
    absent = "0" if world.switches.auto_auth_when_absent else "1"
    return AuthRequest(
        redirect_uri, scopes, values["state"], read_challenge(world, values),
        (values.get("disable_auto_auth") or absent) == "0",
        {name: values[name] for name in PARAMETERS if name in values},
    )


def redirect_problem(world: World, uri: str) -> str:
    """Why a redirect URI can't be used (section 1.2), or nothing."""
    parts = urlsplit(uri)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return "It must be an absolute URI."
    if parts.query or parts.fragment or "#" in uri or "?" in uri:
        return "It must be static: no query, no fragment."
    if len(uri) >= 512:
        return "It must be shorter than 512 characters."
    if "tiktok" in parts.path.lower():
        return "Its path must not contain the word “tiktok”."
    registered = world.config.redirect_uris
    if registered and uri not in registered:
        return "It is not one of the app's registered URIs."
    if not registered and parts.hostname not in _LOOPBACK:
        return "No URI is registered, so it has to be on loopback."
    return ""


def read_scopes(world: World, text: str) -> tuple[str, ...]:
    scopes = split_list(text)  # section 1.8: commas; a blank-separated list is one unknown scope
    enabled = split_list(world.switches.enabled_scopes)
    wrong = [scope for scope in scopes if scope not in enabled]
    if not scopes or wrong:
        raise BadRequest("scope", f"Not enabled on the app: {', '.join(wrong)}" if wrong else "It is missing.")
    return scopes if FIXED_SCOPE in scopes else (FIXED_SCOPE, *scopes)


def read_challenge(world: World, values: Mapping[str, str]) -> str:
    """Section 1.1: the challenge is the hex SHA-256 of the verifier, not RFC 7636's base64url."""
    challenge = values.get("code_challenge", "")
    if not challenge and not world.switches.require_pkce:
        return ""
    if values.get("code_challenge_method") != "S256" or not _HEX_DIGEST.fullmatch(challenge):
        raise BadRequest("code_challenge", "It must be the hex SHA-256 digest of the verifier, with method S256.")
    return challenge


def may_skip_consent(world: World, wanted: AuthRequest, creator: Creator) -> bool:
    """With `disable_auto_auth=0` a valid session whose grant covers the request goes straight back."""
    existing = world.grants.get(creator.id)
    return wanted.auto_auth and existing is not None and set(wanted.scopes) <= set(existing.scopes)


def grant(world: World, wanted: AuthRequest, creator: Creator, scopes: list[str]) -> dict[str, str]:
    """Write the grant down and return the callback's parameters."""
    now = world.now()
    code = Code(ids.authorisation_code(), creator.id, scopes, wanted.redirect_uri, wanted.challenge,
                now + world.switches.code_seconds)
    with world.lock:
        world.codes.save(code.code, code)
        world.grants.save(creator.id, Grant(creator.id, scopes, now, world.open_id(creator.id)))
    return {"code": code.code, "scopes": ",".join(scopes)}


def send_back(wanted: AuthRequest, answer: Mapping[str, str]) -> BaseResponse:
    """To the app, everything URL-encoded: `*` and `!` of the code arrive as %2A and %21."""
    return redirect(f"{wanted.redirect_uri}?{urlencode({**answer, 'state': wanted.state})}", 302)


def page(world: World, wanted: AuthRequest, chosen: Creator | None, problem: str = "") -> Response:
    context: dict[str, Any] = {
        "wanted": wanted, "creators": list(world.creators), "chosen": chosen, "problem": problem,
        "scope_texts": SCOPE_TEXTS, "fixed_scope": FIXED_SCOPE,
        "app_host": urlsplit(wanted.redirect_uri).netloc,
    }
    return make_response(render_template("authorize.html", **context), 422 if problem else 200)


@authorize.errorhandler(BadRequest)
def show_problem(error: BadRequest) -> tuple[str, int]:
    """Section 1.3: a wrong request never reaches the callback; the page names one parameter."""
    return render_template("authorize_error.html", parameter=error.parameter, reason=error.reason), 400
