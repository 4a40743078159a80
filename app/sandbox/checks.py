"""How an init is judged: a list of steps whose order is a switch, because TikTok's order is UNCONFIRMED (section 16)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from app.sandbox import caps
from app.sandbox.creators import privacy_options
from app.sandbox.errors import BAD_POST_INFO, BAD_SOURCE, INVALID, ApiError
from app.sandbox.gateway import Call, require_rate, require_scope, require_token
from app.sandbox.ownership import check_pull_url
from app.sandbox.records import SELF_ONLY

Body = dict[str, Any]
Step = Callable[[], None]

_FLAGS = ("disable_duet", "disable_stitch", "disable_comment", "brand_content_toggle", "brand_organic_toggle",
          "is_aigc", "auto_add_music")


def judge(call: Call, scope: str, steps: Mapping[str, Step]) -> None:
    """Run the common steps and the endpoint's own in the switched order; the first ApiError ends it.

    A bad body spoils steps that read it, so those pass it on: the body's own step is what reports it.
    """
    common: dict[str, Step] = {
        "token": lambda: require_token(call),
        "scope": lambda: require_scope(call, (scope,)),
        "rate": lambda: require_rate(call, "init"),
    }
    require_token(call)  # whatever the order, nothing can be said about nobody
    for name in call.switches.init_order.split(","):
        step = common.get(name) or steps.get(name)
        if step is not None:
            step()


def object_at(body: Body, name: str, message: str) -> Body:
    found = body.get(name)
    if not isinstance(found, dict) or not found:
        raise ApiError(INVALID, message)
    return found


def check_text(info: Body, name: str, longest: int) -> None:
    """Lengths are UTF-16 code units, as JavaScript counts (section 4.1)."""
    text = info.get(name, "")
    if not isinstance(text, str) or len(text.encode("utf-16-le", "surrogatepass")) // 2 > longest:
        raise ApiError(INVALID, f"The {name} is invalid or longer than {longest} characters")


def check_flags(info: Body) -> None:
    for name in _FLAGS:
        if name in info and not isinstance(info[name], bool):
            raise ApiError(INVALID, BAD_POST_INFO)


def check_video_info(info: Body) -> None:
    """`post_info` of a video (section 4.1); a missing privacy level is another step's business."""
    check_text(info, "title", 2_200)
    check_flags(info)
    cover = info.get("video_cover_timestamp_ms", 0)
    if not is_int(cover) or not isinstance(info.get("privacy_level", ""), str):
        raise ApiError(INVALID, BAD_POST_INFO)


def is_int(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def int_at(source: Body, name: str) -> int:
    value = source.get(name)
    if not isinstance(value, int) or isinstance(value, bool):
        raise ApiError(INVALID, BAD_SOURCE)
    return value


def check_privacy(call: Call, info: Body) -> None:
    """403 when the level is missing or not among the creator's current options (section 4.4)."""
    level = info.get("privacy_level")
    if level not in privacy_options(call.user):
        raise ApiError("privacy_level_option_mismatch")
    branded = info.get("brand_content_toggle") is True
    if branded and level == SELF_ONLY and call.switches.branded_self_only == "reject":
        raise ApiError(INVALID, "Branded content visibility cannot be set to private")


def check_unaudited(call: Call, info: Body) -> None:
    """Section 13.1: an unaudited app reaches private accounts only; what it does to other levels is UNCONFIRMED."""
    if call.switches.audited:
        return
    if not call.user.private:
        raise ApiError("unaudited_client_can_only_post_to_private_accounts")
    if info.get("privacy_level") != SELF_ONLY and call.switches.unaudited_level == "reject":
        raise ApiError("privacy_level_option_mismatch")


def check_direct_caps(call: Call) -> None:
    code = caps.direct_refusal(call.world, call.user, call.now)
    if code:
        raise ApiError(code)


def check_inbox_caps(call: Call) -> None:
    code = caps.inbox_refusal(call.world, call.user, call.now)
    if code:
        raise ApiError(code)


def check_ownership(call: Call, urls: list[str]) -> None:
    for url in urls:
        check_pull_url(url, call.switches)
