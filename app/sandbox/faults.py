"""Things that go wrong on request: which calls a fault hits, and what it does to them.

A fault acts at up to three moments of a call: before the work (it may answer instead), after the work (the work is done,
the answer is spoilt, or the publish's fate is changed) and at delivery (the answer is delayed or never arrives).
"""

from __future__ import annotations

import itertools
import random
import threading
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from flask import Response

from app.sandbox import fault_effects
from app.sandbox.errors import FAIL_REASONS

if TYPE_CHECKING:
    from app.sandbox.gateway import Call

ENDPOINTS = ("token", "revoke", "user_info", "creator_info", "video_init", "inbox_init", "content_init", "upload",
             "status", "cancel", "video_list", "video_query")
KINDS = {
    "abort": "closes the connection before anything is done",
    "error_json": "answers a 5xx (`status`) in the envelope; nothing is done",
    "error_html": "answers a 5xx (`status`) with a gateway's HTML page; nothing is done",
    "rate_limit": "answers 429 rate_limit_exceeded",
    "error_code": "answers the given `code`; nothing is done",
    "hang": "keeps the client waiting for `seconds`, then closes the connection; nothing is done",
    "slow": "waits for `seconds`, then does the work",
    "cut": "closes the connection after `bytes`: of the body of an upload, of the answer elsewhere",
    "accept_then_timeout": "does the work, then keeps the client waiting for `seconds` and closes the connection",
    "accept_then_error": "does the work, then answers a 5xx (`status`) with a gateway's HTML page",
    "expire_token": "lets the access token expire just before this call",
    "expire_upload_url": "lets the upload_url expire: before this upload, or right after this init",
    "stuck": "the publish stays in PROCESSING for good",
    "withhold_id": "the publish completes, its post id is never told",
    "fail": "the publish ends in FAILED with the reason `code`",
}


class FaultError(ValueError):
    """What is wrong with a fault's description."""


@dataclass
class Fault:
    """One rule. It skips `after` matching calls, then fires `times` times (0 = always), with `probability`."""

    id: str
    kind: str
    endpoint: str = ""
    username: str = ""
    after: int = 0
    times: int = 1
    probability: float = 1.0
    seed: int = 0
    status: int = 0
    seconds: float = 0.0
    bytes: int = 0
    code: str = ""
    seen: int = 0
    fired: int = 0
    dice: random.Random = field(default_factory=random.Random, repr=False)

    def matches(self, call: Call) -> bool:
        username = call.creator.username if call.creator else ""
        return self.endpoint in ("", call.name) and self.username in ("", username)

    def decide(self) -> bool:
        """Count this matching call and say whether the fault hits it."""
        self.seen += 1
        spent = self.times and self.fired >= self.times
        if spent or self.seen <= self.after or self.dice.random() >= self.probability:
            return False
        self.fired += 1
        return True

    def before(self, call: Call) -> Response | None:
        effect = fault_effects.BEFORE.get(self.kind)
        return effect(self, call) if effect else None

    def after_work(self, call: Call, response: Response) -> Response:
        effect = fault_effects.AFTER.get(self.kind)
        return effect(self, call, response) if effect else response

    def deliver(self, call: Call, response: Response) -> Response:
        effect = fault_effects.DELIVERY.get(self.kind)
        return effect(self, call, response) if effect else response

    @property
    def never_arrives(self) -> bool:
        return self.kind in fault_effects.DELIVERY and self.kind != "cut"

    def describe(self) -> dict[str, Any]:
        values = asdict(self)
        del values["dice"]
        return {"id": values.pop("id"), "match": {"endpoint": values.pop("endpoint"),
                "username": values.pop("username")}, **values}


class Faults:
    """The faults in force, in the order in which they were made; the first that hits a call wins."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._faults: dict[str, Fault] = {}
        self._ids = itertools.count(1)

    def add(self, values: Mapping[str, Any]) -> Fault:
        fault = parse_fault(f"f{next(self._ids)}", values)
        with self._lock:
            self._faults[fault.id] = fault
        return fault

    def all(self) -> list[Fault]:
        with self._lock:
            return list(self._faults.values())

    def remove(self, fault_id: str) -> bool:
        with self._lock:
            return self._faults.pop(fault_id, None) is not None

    def clear(self) -> None:
        with self._lock:
            self._faults.clear()

    def take(self, call: Call) -> Fault | None:
        if not self._faults:
            return None
        with self._lock:
            for fault in self._faults.values():
                if fault.matches(call) and fault.decide():
                    call.fault = fault.kind
                    return fault
        return None


_DEFAULTS: dict[str, Any] = {"after": 0, "times": 1, "probability": 1.0, "seed": 0, "status": 0, "seconds": 0.0,
                             "bytes": 0, "code": ""}


def parse_fault(fault_id: str, values: Mapping[str, Any]) -> Fault:
    """Read a fault from JSON; FaultError names what can't be read."""
    unknown = sorted(set(values) - set(_DEFAULTS) - {"match", "kind"})
    if unknown:
        raise FaultError(f"unknown field: {', '.join(unknown)}")
    kind = values.get("kind")
    if kind not in KINDS:
        raise FaultError(f"kind must be one of {', '.join(KINDS)}")
    endpoint, username = parse_match(values.get("match", {}))
    checked = {name: _check(name, values.get(name, default), default) for name, default in _DEFAULTS.items()}
    if kind == "error_code" and not checked["code"]:
        raise FaultError("error_code needs a code")
    if kind == "fail" and checked["code"] not in FAIL_REASONS:
        raise FaultError(f"fail needs a code: {', '.join(FAIL_REASONS)}")
    if checked["status"] and not 200 <= checked["status"] <= 599:
        raise FaultError("status must be between 200 and 599")
    return Fault(fault_id, kind, endpoint, username, **checked, dice=random.Random(checked["seed"]))  # noqa: S311 - repeatable on purpose


def parse_match(match: object) -> tuple[str, str]:
    """`{"endpoint": …, "username": …}`, both optional, or just the endpoint's name."""
    if isinstance(match, str):
        match = {"endpoint": match}
    if not isinstance(match, dict) or set(match) - {"endpoint", "username"}:
        raise FaultError("match takes endpoint and username")
    endpoint, username = match.get("endpoint", ""), match.get("username", "")
    if endpoint and endpoint not in ENDPOINTS:
        raise FaultError(f"endpoint must be one of {', '.join(ENDPOINTS)}")
    if not isinstance(username, str):
        raise FaultError("username must be a text")
    return endpoint, username


def _check(name: str, value: Any, default: Any) -> Any:
    if isinstance(default, str):
        if not isinstance(value, str):
            raise FaultError(f"{name} must be a text")
        return value
    if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
        raise FaultError(f"{name} must be a number that is not negative")
    return float(value) if isinstance(default, float) else int(value)
