"""The way in for every API call: faults, the bearer token, scopes, limits, the envelope, and the ledger."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from flask import Blueprint, Response, current_app, request

from app.sandbox import ids
from app.sandbox.body import drain
from app.sandbox.errors import INVALID, ApiError
from app.sandbox.faults import Fault, Faults
from app.sandbox.ledger import Ledger
from app.sandbox.limits import RateLimiter
from app.sandbox.records import Creator, Token
from app.sandbox.switches import Switches
from app.sandbox.world import World, get_world

Json = Mapping[str, Any]


@dataclass
class Call:
    """One API request on its way through."""

    name: str
    world: World
    now: float
    switches: Switches
    log_id: str
    started: float = field(default_factory=time.perf_counter)
    token: Token | None = None
    creator: Creator | None = None
    publish_id: str = ""
    error_code: str = ""
    fault: str = ""

    @property
    def user(self) -> Creator:
        """The creator of the admitted token."""
        assert self.creator is not None
        return self.creator

    @property
    def grant(self) -> Token:
        """The admitted token."""
        assert self.token is not None
        return self.token


def limiter() -> RateLimiter:
    found: RateLimiter = current_app.extensions["sandbox_limits"]
    return found


def get_ledger() -> Ledger:
    found: Ledger = current_app.extensions["sandbox_ledger"]
    return found


def get_faults() -> Faults:
    found: Faults = current_app.extensions["sandbox_faults"]
    return found


def endpoint(blueprint: Blueprint, rule: str, name: str, method: str = "POST") -> Callable[..., Any]:
    """Register a handler of `Call` under an API name: that name is what faults match and what the ledger shows."""

    def decorate(handler: Callable[[Call], Response]) -> Callable[[Call], Response]:
        def view() -> Response:
            world = get_world()
            now = world.now()
            call = Call(name, world, now, world.switches, ids.log_id(now))
            identify(call)
            fault = get_faults().take(call)
            response = work(call, handler, fault)
            response.headers["x-tt-logid"] = call.log_id  # section 13.3
            record(call, 0 if fault and fault.never_arrives else response.status_code)
            return fault.deliver(call, response) if fault else response

        blueprint.add_url_rule(rule, name, view, methods=[method], provide_automatic_options=False)
        return handler

    return decorate


def work(call: Call, handler: Callable[[Call], Response], fault: Fault | None) -> Response:
    """The handler's answer, or what a fault makes of it."""
    if fault is None:
        return handler(call)
    instead = fault.before(call)
    if instead is None:
        return fault.after_work(call, handler(call))
    if call.name == "upload" and not fault.never_arrives:
        drain()
    return instead


def api(blueprint: Blueprint, rule: str, name: str, *, scopes: Iterable[str] = (), bucket: str = "",
        method: str = "POST") -> Callable[..., Any]:
    """Register a handler that returns `data` or raises ApiError, answered in the envelope of section 13.3.

    With `scopes` the token, one of the scopes and the rate are checked first; without, the handler does so itself.
    """
    wanted = tuple(scopes)

    def decorate(handler: Callable[[Call], Json | None]) -> Callable[[Call], Json | None]:
        def answer(call: Call) -> Response:
            try:
                if wanted:
                    require_token(call)
                    require_scope(call, wanted)
                    require_rate(call, bucket)
                return envelope(call, handler(call))
            except ApiError as error:
                return error_envelope(call, error)

        endpoint(blueprint, rule, name, method)(answer)
        return handler

    return decorate


def identify(call: Call) -> None:
    """Who is asking, as far as the request tells without being judged: by bearer token, upload_id, code or refresh."""
    world = call.world
    header = request.headers.get("Authorization", "")
    creator_id = ""
    if header.startswith("Bearer "):
        call.token = world.tokens.get(header[7:].strip())
        creator_id = call.token.creator_id if call.token else ""
    elif call.name == "upload":
        publish = world.publish_of_upload(request.args.get("upload_id", ""))
        if publish is not None:
            creator_id, call.publish_id = publish.creator_id, publish.publish_id
    elif call.name in ("token", "revoke"):
        creator_id = creator_of_form(world)
    call.creator = world.creators.get(creator_id)


def creator_of_form(world: World) -> str:
    form = request.form
    found = (world.codes.get(form.get("code", "")) or world.token_of_refresh(form.get("refresh_token", ""))
             or world.tokens.get(form.get("token", "")))
    return found.creator_id if found else ""


def require_token(call: Call) -> None:
    token = call.token
    if token is None or call.creator is None or token.revoked or token.access_expires_at <= call.now:
        raise ApiError("access_token_invalid", data={})


def require_scope(call: Call, scopes: Iterable[str]) -> None:
    """Any one of the scopes will do (status and cancel accept either posting scope)."""
    if not set(scopes) & set(call.grant.scopes):
        raise ApiError("scope_not_authorized")


def require_rate(call: Call, bucket: str) -> None:
    if not bucket or not call.switches.rate_limits:
        return
    shared = bucket == "display" and call.switches.display_limit_per == "app"
    limiter().hit(bucket, f"{'app' if shared else call.grant.access}:{call.name}", call.now)


def json_body() -> dict[str, Any]:
    """The request's JSON object; anything else is a bad parameter."""
    body = request.get_json(silent=True)
    if not isinstance(body, dict):
        raise ApiError(INVALID)
    return body


def envelope(call: Call, data: Json | None) -> Response:
    call.error_code = call.error_code or "ok"
    body: dict[str, Any] = {} if data is None else {"data": data}
    return json_response({**body, "error": {"code": "ok", "message": "", "log_id": call.log_id}})


def error_envelope(call: Call, error: ApiError) -> Response:
    code = call.switches.invalid_code if error.code == INVALID else error.code
    call.error_code = code
    body: dict[str, Any] = {"error": {"code": code, "message": error.message, "log_id": call.log_id}}
    data = error.data if error.data is not None else {} if call.switches.error_data == "empty" else None
    if data is not None:
        body = {"data": data, **body}
    return json_response(body, error.status)


def json_response(body: object, status: int = 200) -> Response:
    text = json.dumps(body, separators=(",", ":"), ensure_ascii=False)
    return Response(text, status, content_type="application/json; charset=utf-8")


def record(call: Call, status: int) -> None:
    """Put the call into the ledger; the path goes in without its query, which may hold an upload token."""
    get_ledger().add(
        at=call.now, endpoint=call.name, method=request.method, path=request.path, status=status,
        error_code=call.error_code, log_id=call.log_id, username=call.creator.username if call.creator else "",
        publish_id=call.publish_id, duration_ms=round((time.perf_counter() - call.started) * 1000, 2),
        fault=call.fault,
    )
