"""What the sandbox does wrong while everything runs, each with its probability."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

import httpx

from tests.servers import Sandbox

INITS = ("video_init", "inbox_init", "content_init")
API = ("creator_info", *INITS, "status")
HANG_SECONDS = 1.6
"""More than an API call is waited for here, less than two of them."""
UPLOAD_HANG_SECONDS = 5.0


@dataclass(frozen=True)
class Trouble:
    kind: str
    endpoints: tuple[str, ...]
    probability: float
    values: dict[str, Any]


def trouble(kind: str, endpoints: tuple[str, ...], probability: float, **values: Any) -> Trouble:
    return Trouble(kind, endpoints, probability, values)


TROUBLES = (
    trouble("error_code", INITS, .01, code="spam_risk"),
    trouble("error_code", INITS, .01, code="privacy_level_option_mismatch"),
    trouble("error_json", (*API, "upload", "token"), .03, status=500),
    trouble("error_html", (*API, "upload", "token"), .03, status=502),
    trouble("rate_limit", API, .03),
    trouble("abort", (*API, "upload", "token"), .02),
    trouble("hang", API, .03, seconds=HANG_SECONDS),
    trouble("hang", ("upload",), .03, seconds=UPLOAD_HANG_SECONDS),
    trouble("cut", API, .02, bytes=20),
    trouble("cut", ("upload",), .04, bytes=3_000),
    trouble("accept_then_timeout", (*API, "token"), .03, seconds=HANG_SECONDS),
    trouble("accept_then_timeout", ("upload",), .05, seconds=UPLOAD_HANG_SECONDS),
    trouble("accept_then_error", (*API, "upload"), .04, status=502),
    trouble("expire_token", API, .04),
    trouble("expire_upload_url", ("upload",), .03),
    trouble("fail", ("status",), .01, code="internal"),
    trouble("fail", ("status",), .01, code="duration_check_failed"),
    # Not wrong, but gives every step a length, so that kills find hands in all of them.
    trouble("slow", (*API, "upload"), .6, seconds=.6),
)


def begin(sandbox: Sandbox, dice: random.Random) -> None:
    """Put all of them in force, in an order of their own each time: the first that hits a call wins."""
    faults = [(one, endpoint) for one in TROUBLES for endpoint in one.endpoints]
    dice.shuffle(faults)
    faults.sort(key=lambda fault: fault[0].kind == "slow")
    for one, endpoint in faults:
        sandbox.post("/sandbox/api/faults", kind=one.kind, match={"endpoint": endpoint}, probability=one.probability, times=0,
                     seed=dice.randrange(2**31), **one.values)


def hits(sandbox: Sandbox) -> int:
    """How many calls went wrong so far."""
    return sum(fault["fired"] for fault in sandbox.get("/sandbox/api/faults")["faults"] if fault["kind"] != "slow")


def end(sandbox: Sandbox) -> dict[str, int]:
    """Take them back; how often each kind hit."""
    hits: dict[str, int] = {}
    for fault in sandbox.get("/sandbox/api/faults")["faults"]:
        hits[fault["kind"]] = hits.get(fault["kind"], 0) + fault["fired"]
    httpx.delete(f"{sandbox.url}/sandbox/api/faults").raise_for_status()
    return dict(sorted(hits.items()))
