"""What a post must satisfy before TikTok sees it: caption, privacy, interactions, time.

Source: TikTok, Content Posting API, direct post and creator info references, and content sharing guidelines.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from app.domain.errors import Problem
from app.domain.media_rules import duration_problem

CAPTION_MAX_UNITS = 2200
MIN_LEAD = timedelta(seconds=0)
MAX_LEAD = timedelta(days=366)
MUSIC_URL = "https://www.tiktok.com/legal/page/global/music-usage-confirmation/en"
CONSENT_TEXT = "By posting, you agree to TikTok's Music Usage Confirmation"


class PrivacyLevel(StrEnum):
    PUBLIC = "PUBLIC_TO_EVERYONE"
    FRIENDS = "MUTUAL_FOLLOW_FRIENDS"
    FOLLOWERS = "FOLLOWER_OF_CREATOR"
    ONLY_ME = "SELF_ONLY"


PRIVACY_LABELS = {
    PrivacyLevel.PUBLIC: "Everyone",
    PrivacyLevel.FRIENDS: "Friends",
    PrivacyLevel.FOLLOWERS: "Followers",
    PrivacyLevel.ONLY_ME: "Only me",
}


@dataclass(frozen=True, slots=True)
class CreatorInfo:
    """What TikTok allows a creator at this moment."""

    username: str
    nickname: str
    avatar_url: str
    privacy_options: tuple[PrivacyLevel, ...]
    comment_disabled: bool
    duet_disabled: bool
    stitch_disabled: bool
    max_video_seconds: int
    log_id: str | None = None
    """TikTok's id of the answer, for the record."""


@dataclass(frozen=True, slots=True)
class TargetChoices:
    """What a person chose for one account."""

    privacy_level: PrivacyLevel | None
    allow_comment: bool = False
    allow_duet: bool = False
    allow_stitch: bool = False


def utf16_units(text: str) -> int:
    """Length as TikTok counts it (and as JavaScript's `length` does)."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def caption_problems(caption: str) -> Iterator[Problem]:
    """A caption may be empty; it has at most 2,200 UTF-16 units and no characters that can't be stored."""
    units = utf16_units(caption)
    if units > CAPTION_MAX_UNITS:
        yield Problem(
            "caption_too_long",
            f"The caption has {units:,} characters as TikTok counts them; 2,200 are allowed. "
            f"Shorten it by {units - CAPTION_MAX_UNITS:,}.",
            "caption",
        )
    if "\x00" in caption or any("\ud800" <= c <= "\udfff" for c in caption):
        yield Problem("caption_bad_character", "The caption has a character that can't be sent. Type it again without it.", "caption")


def schedule_problems(scheduled_at: datetime, now: datetime) -> Iterator[Problem]:
    """A post goes out in the future, within a year."""
    if scheduled_at <= now + MIN_LEAD:
        yield Problem("time_past", "That time has passed. Choose a later one.", "scheduled_local")
    elif scheduled_at > now + MAX_LEAD:
        yield Problem("time_too_far", "That is more than a year away. TikTok's permissions end before; choose an earlier time.",
                      "scheduled_local")


def choice_problems(choices: TargetChoices, creator: CreatorInfo, duration_seconds: float) -> Iterator[Problem]:
    """Each choice that the creator's current settings don't allow (guidelines, points 1 and 2)."""
    if choices.privacy_level is None:
        yield Problem("privacy_missing", "Choose who can see this video.", "privacy_level")
    elif choices.privacy_level not in creator.privacy_options:
        yield Problem(
            "privacy_not_allowed",
            f"“{PRIVACY_LABELS[choices.privacy_level]}” is not open to {creator.nickname} at the moment. "
            f"Choose one of: {', '.join(PRIVACY_LABELS[o] for o in creator.privacy_options)}.",
            "privacy_level",
        )
    for name in ("comment", "duet", "stitch"):
        if getattr(choices, f"allow_{name}") and getattr(creator, f"{name}_disabled"):
            yield Problem(
                f"{name}_disabled",
                f"{creator.nickname} has turned {name}s off in TikTok. Switch “{name.capitalize()}” off here, or on there.",
                f"allow_{name}",
            )
    if problem := duration_problem(duration_seconds, creator.max_video_seconds, creator.nickname):
        yield problem
