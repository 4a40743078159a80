"""Everything about TikTok that can be chosen: points its documentation leaves open, speeds, lifetimes and caps.

Section 17 of the API notes lists what could not be established; each of those points is a switch here, with the likeliest
reading as its default. All of them change at run time through `PATCH /sandbox/api/switches`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

INIT_STEPS = ("token", "scope", "rate", "body", "caps", "unaudited", "privacy", "ownership")
ALL_SCOPES = ("user.info.basic", "user.info.profile", "user.info.stats", "video.list", "video.upload", "video.publish")


class SwitchError(ValueError):
    """An unknown switch, or a value it can't take."""


def _switch(default: Any, help_text: str, *choices: Any) -> Any:
    return field(default=default, metadata={"help": help_text, "choices": choices})


@dataclass(frozen=True)
class Switches:
    """One immutable set of choices; a change makes a new one, so a request sees the same set from start to end."""

    # Speed and lifetimes
    processing_seconds: float = _switch(3.0, "from the last byte to PUBLISH_COMPLETE, SEND_TO_USER_INBOX or FAILED")
    moderation_seconds: float = _switch(2.0, "from PUBLISH_COMPLETE to the public id")
    access_token_seconds: int = _switch(86_400, "life of an access token")
    refresh_token_seconds: int = _switch(31_536_000, "life of a refresh token, from its first issue")
    code_seconds: int = _switch(300, "life of an authorisation code (UNCONFIRMED)")
    upload_url_seconds: int = _switch(3_600, "life of an upload_url")
    pull_seconds: int = _switch(3_600, "time after which a download is given up")
    avatar_url_seconds: int = _switch(7_200, "life of an avatar URL (creator_info: two hours)")
    cover_url_seconds: int = _switch(21_600, "life of a cover URL (video object: six hours)")
    publish_id_seconds: int = _switch(0, "how long a publish_id stays queryable, 0 = for ever (UNCONFIRMED)")
    draft_seconds: int = _switch(0, "how long a draft stays in the inbox, 0 = for ever (UNCONFIRMED)")

    # OAuth
    oauth_error_status: int = _switch(200, "HTTP status of OAuth errors (UNCONFIRMED, 200 observed)", 200, 400)
    rotate_refresh_tokens: bool = _switch(True, "a refresh returns a new refresh token")
    refresh_extends_lifetime: bool = _switch(False, "a refresh restarts the 365 days (UNCONFIRMED)")
    refresh_grace_seconds: int = _switch(0, "how long a replaced refresh token still works (UNCONFIRMED)")
    require_pkce: bool = _switch(False, "the authorise page insists on code_challenge (trigger UNCONFIRMED)")
    auto_auth_when_absent: bool = _switch(False, "no disable_auto_auth parameter counts as 0")
    enabled_scopes: str = _switch(",".join(ALL_SCOPES), "comma list of the scopes enabled on the app")
    target_users: str = _switch("", "comma list of usernames; others get non_sandbox_target; empty = everybody")

    # Envelope and codes
    error_data: str = _switch("empty", "data of an error answer", "empty", "absent")
    creator_info_cap_data: str = _switch("empty", "data when creator_info reports a cap (UNCONFIRMED)",
                                         "empty", "absent", "filled")
    invalid_code: str = _switch("invalid_params", "spelling on the wire", "invalid_params", "invalid_param")
    unknown_publish_code: str = _switch("invalid_publish_id", "code for an unknown publish_id",
                                        "invalid_publish_id", "invalid_params")
    user_info_missing_scope: str = _switch("split", "a field without its scope (UNCONFIRMED)",
                                           "split", "scope_not_authorized", "scope_permission_missed", "blank")
    init_order: str = _switch(",".join(INIT_STEPS), "order in which an init is judged (UNCONFIRMED)")

    # Upload
    chunk_bounds: str = _switch("either", "what a megabyte is (UNCONFIRMED)", "either", "decimal", "binary", "safe")
    repeated_put_status: int = _switch(416, "answer to a range already stored (UNCONFIRMED)", 416, 206)
    uploaded_bytes_as: str = _switch("count", "UPLOADED_BYTES is a count or the last index (UNCONFIRMED)",
                                     "count", "last_index")
    keep_partial_chunk: bool = _switch(False, "a cut connection keeps the bytes of its half chunk")

    # Caps and limits
    rate_limits: bool = _switch(True, "requests per minute are limited")
    display_limit_per: str = _switch("token", "whom the 600 a minute count for (UNCONFIRMED)", "token", "app")
    caps: bool = _switch(True, "the rolling 24-hour caps apply")
    posts_per_day: int = _switch(15, "posts per creator in 24 hours")
    pending_shares: int = _switch(5, "drafts that may wait for one creator")
    pending_frees_by_time: bool = _switch(True, "a waiting draft stops counting after 24 hours (UNCONFIRMED)")
    audited: bool = _switch(True, "the app passed the audit")
    active_users_per_day: int = _switch(1_000, "posting creators per audited app in 24 hours")
    unaudited_users_per_day: int = _switch(5, "posting creators per unaudited app in 24 hours")
    unaudited_level: str = _switch("downgrade", "an unaudited app's other level than SELF_ONLY (UNCONFIRMED)",
                                   "downgrade", "reject")

    # Posts
    branded_self_only: str = _switch("accept", "branded content that only its creator sees (UNCONFIRMED)",
                                     "accept", "reject")
    ids_for_private_posts: bool = _switch(False, "status names the id of a non-public post too")
    min_video_seconds: float = _switch(0.0, "shortest video (UNCONFIRMED)")
    cancel_uploads: bool = _switch(False, "a FILE_UPLOAD can be cancelled (UNCONFIRMED)")
    photo_aigc_in: str = _switch("either", "where is_aigc of a photo counts (UNCONFIRMED)", "either", "top", "post_info")
    inbox_photo_prefix: bool = _switch(False, "photo drafts have p_inbox_url~ ids (UNCONFIRMED)")
    photos_in_video_list: bool = _switch(False, "video/list shows photo posts (UNCONFIRMED)")
    spam_text_words: str = _switch("sandbox-spam-text", "caption words that end in spam_risk_text")
    spam_file_words: str = _switch("sandbox-spam-file", "words in the file's metadata that end in spam_risk")

    # Pulling
    allow_http_pull: bool = _switch(False, "http URLs may be pulled, not only https")
    allow_ip_pull: bool = _switch(False, "URLs whose host is an IP address may be pulled")
    verified_properties: str = _switch("", "comma list of verified domains and URL prefixes")
    fetcher_user_agent: str = _switch("SandboxTikTok-Fetcher/1.0", "what the fetcher calls itself (UNCONFIRMED)")
    fetcher_sends_head: bool = _switch(False, "the fetcher sends HEAD before GET (UNCONFIRMED)")
    fetcher_sends_range: bool = _switch(False, "the fetcher asks with Range (UNCONFIRMED)")

    # Webhooks
    webhooks: bool = _switch(True, "webhooks are sent when an URL is set")
    webhook_url: str = _switch("", "the app's callback URL, on loopback")
    webhook_copies: int = _switch(1, "how often each webhook is delivered (at least once)")
    webhook_out_of_order: bool = _switch(False, "the newest webhook is delivered first")
    webhook_renew_t: bool = _switch(True, "a retry is signed with a new t (UNCONFIRMED)")
    webhook_backoff_seconds: float = _switch(10.0, "first pause of the retries; doubles each time")

    def changed(self, values: Mapping[str, object]) -> Switches:
        """A copy with some switches set; SwitchError names what is wrong and nothing changes."""
        unknown = sorted(set(values) - set(SWITCH_NAMES))
        if unknown:
            raise SwitchError(f"unknown switch: {', '.join(unknown)}")
        checked: dict[str, Any] = {name: _coerce(name, value) for name, value in values.items()}
        return replace(self, **checked)


_FIELDS = {item.name: item for item in fields(Switches)}
SWITCH_NAMES = tuple(_FIELDS)


def describe(switches: Switches) -> list[dict[str, object]]:
    """Name, value, default, meaning and choices of each switch, for the control page."""
    return [
        {"name": name, "value": getattr(switches, name), "default": item.default,
         "help": item.metadata["help"], "choices": list(item.metadata["choices"])}
        for name, item in _FIELDS.items()
    ]


def _coerce(name: str, value: object) -> object:
    item = _FIELDS[name]
    try:
        result = _PARSERS[type(item.default)](value)
    except (TypeError, ValueError):
        raise SwitchError(f"{name} can't be {value!r}") from None
    choices = item.metadata["choices"]
    if choices and result not in choices:
        raise SwitchError(f"{name} must be one of {', '.join(map(str, choices))}")
    if name == "init_order" and sorted(str(result).split(",")) != sorted(INIT_STEPS):
        raise SwitchError(f"init_order must order {', '.join(INIT_STEPS)}")
    return result


def _parse_bool(value: object) -> bool:
    word = str(value).strip().lower()
    if word in ("1", "true", "yes", "on"):
        return True
    if word in ("0", "false", "no", "off"):
        return False
    raise ValueError(word)


def _parse_number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise TypeError
    number = float(value)
    if not 0 <= number < 1e12:
        raise ValueError
    return number


def _parse_int(value: object) -> int:
    number = _parse_number(value)
    if number != int(number):
        raise ValueError
    return int(number)


def _parse_text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value.strip()


_PARSERS: dict[type, Any] = {bool: _parse_bool, int: _parse_int, float: _parse_number, str: _parse_text}
