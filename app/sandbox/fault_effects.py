"""What each kind of fault does to a call."""

from __future__ import annotations

import contextlib
import os
import select
import socket
import struct
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from flask import Response, request

from app.sandbox.errors import CODES, OAuthError
from app.sandbox.records import Publish

if TYPE_CHECKING:
    from app.sandbox.faults import Fault
    from app.sandbox.gateway import Call

_GATEWAY_PAGE = "<html><head><title>{0}</title></head><body><center><h1>{0}</h1></center></body></html>"
_TOTAL_WAIT = 3_600.0


# -- before the work ---------------------------------------------------------------------------------------------------


def answer_nothing(fault: Fault, call: Call) -> Response:
    """Stands for the answer that is never sent."""
    return Response(b"", 500)


def answer_json(fault: Fault, call: Call) -> Response:
    return error_answer(call, "internal_error", fault.status or 500)


def answer_html(fault: Fault, call: Call) -> Response:
    status = fault.status or 502
    call.error_code = f"html_{status}"
    return Response(_GATEWAY_PAGE.format(f"{status} Bad Gateway"), status, content_type="text/html")


def answer_rate_limit(fault: Fault, call: Call) -> Response:
    return error_answer(call, "rate_limit_exceeded", 429)


def answer_code(fault: Fault, call: Call) -> Response:
    return error_answer(call, fault.code, fault.status)


def error_answer(call: Call, code: str, status: int) -> Response:
    """In the shape that the endpoint's errors have: flat for OAuth, a bare status for uploads, else the envelope."""
    from app.sandbox.errors import ApiError
    from app.sandbox.gateway import error_envelope
    from app.sandbox.oauth import oauth_error

    if call.name == "upload":
        call.error_code = code
        return Response(b"", status or CODES.get(code, (500, ""))[0])
    if call.name not in ("token", "revoke"):
        return error_envelope(call, ApiError(code, status=status))
    answer = oauth_error(call, OAuthError("server_error" if code == "internal_error" else code, code))
    answer.status_code = status or answer.status_code
    return answer


def wait_first(fault: Fault, call: Call) -> None:
    wait_for_client(fault.seconds)


def expire_token(fault: Fault, call: Call) -> None:
    if call.token is not None:
        with call.world.lock:
            call.token.access_expires_at = min(call.token.access_expires_at, call.now)
            call.world.tokens.save(call.token.access, call.token)


def expire_upload(fault: Fault, call: Call) -> None:
    change_publish(call, lambda publish: setattr(publish, "upload_expires_at", call.now))


def limit_body(fault: Fault, call: Call) -> None:
    if call.name == "upload":
        request.environ["sandbox.cut_after"] = fault.bytes


def set_fate(fault: Fault, call: Call) -> None:
    """Change what will become of the publish, as soon as the call tells which one it is."""

    def change(publish: Publish) -> None:
        publish.stuck = publish.stuck or fault.kind == "stuck"
        publish.withhold_id = publish.withhold_id or fault.kind == "withhold_id"
        publish.forced_reason = fault.code if fault.kind == "fail" else publish.forced_reason

    change_publish(call, change)


def change_publish(call: Call, change: Callable[[Publish], None]) -> None:
    body = request.get_json(silent=True) if request.is_json else None
    publish_id = call.publish_id or (str(body.get("publish_id", "")) if isinstance(body, dict) else "")
    with call.world.lock:
        publish = call.world.publishes.get(publish_id)
        if publish is not None:
            change(publish)
            call.world.save_publish(publish)


# -- after the work ----------------------------------------------------------------------------------------------------


def spoil_answer(fault: Fault, call: Call, response: Response) -> Response:
    return answer_html(fault, call)


def set_fate_after(fault: Fault, call: Call, response: Response) -> Response:
    set_fate(fault, call)
    return response


def expire_upload_after(fault: Fault, call: Call, response: Response) -> Response:
    expire_upload(fault, call)
    return response


# -- delivery ----------------------------------------------------------------------------------------------------------


def hang_up(fault: Fault, call: Call, response: Response) -> Response:
    sever()
    return response


def wait_and_hang_up(fault: Fault, call: Call, response: Response) -> Response:
    wait_for_client(fault.seconds or _TOTAL_WAIT)
    sever()
    return response


def cut_answer(fault: Fault, call: Call, response: Response) -> Response:
    if call.name == "upload":
        sever()
        return response
    body, client = response.get_data(), connection()

    def first_bytes() -> Iterator[bytes]:
        yield body[:fault.bytes]
        finish_early(client)

    cut = Response(first_bytes(), response.status_code, content_type=response.content_type)
    cut.headers["Content-Length"] = str(len(body))
    return cut


def connection() -> Any:
    """The client's socket, as Werkzeug's server and gunicorn hand it out."""
    return request.environ.get("werkzeug.socket") or request.environ.get("gunicorn.socket")


def finish_early(client: Any) -> None:
    """End the connection in an orderly way: what was sent arrives."""
    if client is not None:
        with contextlib.suppress(OSError):
            client.shutdown(socket.SHUT_RDWR)


def sever() -> None:
    """Reset the connection, also when the client is in the middle of sending.

    The server keeps using the descriptor, so it is not closed but pointed at a pipe whose other end is gone.
    """
    found = connection()
    if found is None:
        return
    dead, other = socket.socketpair()
    with dead, other, contextlib.suppress(OSError):
        found.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        os.dup2(dead.fileno(), found.fileno())


def wait_for_client(seconds: float) -> None:
    """Wait, but no longer than the client does: a thread must not be held for somebody who has left."""
    found, end = connection(), time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        if found is None:
            time.sleep(min(left, 0.05))
        elif select.select([found], [], [], min(left, 0.5))[0]:
            if has_left(found):
                return
            time.sleep(min(left, 0.05))  # it sent more: the body of an upload, which nobody reads here


def has_left(found: Any) -> bool:
    try:
        return not found.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
    except BlockingIOError:
        return False
    except OSError:
        return True


BEFORE: dict[str, Callable[[Fault, Call], Response | None]] = {
    "abort": answer_nothing, "hang": answer_nothing, "error_json": answer_json, "error_html": answer_html,
    "rate_limit": answer_rate_limit, "error_code": answer_code, "slow": wait_first, "expire_token": expire_token,
    "expire_upload_url": expire_upload, "cut": limit_body, "stuck": set_fate, "withhold_id": set_fate,
    "fail": set_fate,
}
AFTER: dict[str, Callable[[Fault, Call, Response], Response]] = {
    "accept_then_error": spoil_answer, "stuck": set_fate_after, "withhold_id": set_fate_after, "fail": set_fate_after,
    "expire_upload_url": expire_upload_after,
}
DELIVERY: dict[str, Callable[[Fault, Call, Response], Response]] = {
    "abort": hang_up, "hang": wait_and_hang_up, "accept_then_timeout": wait_and_hang_up, "cut": cut_answer,
}
