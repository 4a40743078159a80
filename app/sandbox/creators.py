"""Accounts: the three that exist from the start, and the rules for making and changing others."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from app.sandbox.records import FOLLOWERS, MUTUAL, PUBLIC, SELF_ONLY, Creator

_USERNAME = re.compile(r"[a-z0-9_.]{2,24}")
_CHANGEABLE = {item.name: item for item in fields(Creator) if item.name not in ("id", "created_at")}
MAX_SECONDS = 3_600


class CreatorError(ValueError):
    """What is wrong with an account's description."""


def default_creators(now: float) -> list[Creator]:
    """A public account, a private one, and one with comments off and short videos only."""
    return [
        Creator("northbound", "northbound", "Northbound ☀", verified=True, bio="Slow trains, long light.",
                follower_count=48_210, following_count=212, created_at=now),
        Creator("lumen", "lumen.studio", "Lumen Studio", private=True, bio="Light, and what it touches.",
                follower_count=930, following_count=88, created_at=now),
        Creator("kabinet", "kabinet", "Das Kabinett", comment_disabled=True, max_seconds=60, bio="One object a day.",
                follower_count=12_004, following_count=3, created_at=now),
    ]


def new_creator(values: Mapping[str, Any], now: float) -> Creator:
    """An account from JSON or form values; CreatorError says what is wrong."""
    username = values.get("username", "")
    creator = Creator(secrets.token_hex(8), "", "", created_at=now, follower_count=120, following_count=40)
    change_creator(creator, {"nickname": username, **values})
    return creator


def change_creator(creator: Creator, values: Mapping[str, Any]) -> None:
    """Set fields of an account, all or none."""
    unknown = sorted(set(values) - set(_CHANGEABLE))
    if unknown:
        raise CreatorError(f"unknown field: {', '.join(unknown)}")
    checked = {name: _check(name, value) for name, value in values.items()}
    for name, value in checked.items():
        setattr(creator, name, value)
    if not creator.username:
        raise CreatorError("username is missing")
    creator.nickname = creator.nickname or creator.username


def _check(name: str, value: Any) -> Any:
    wanted: type = str if name in ("username", "nickname") else type(_CHANGEABLE[name].default)
    kind: type = type(value)
    if kind is not wanted:  # not isinstance: true is no number of seconds
        raise CreatorError(f"{name} must be a {wanted.__name__}")
    if name == "username" and not _USERNAME.fullmatch(value):
        raise CreatorError("username takes 2 to 24 of a-z, 0-9, _ and .")
    if name == "max_seconds" and not 1 <= value <= MAX_SECONDS:
        raise CreatorError(f"max_seconds is between 1 and {MAX_SECONDS}")
    return value


def privacy_options(creator: Creator) -> list[str]:
    """Section 3: a private account offers its followers where a public one offers everyone."""
    return [FOLLOWERS if creator.private else PUBLIC, MUTUAL, SELF_ONLY]
