"""What a post must satisfy before TikTok sees it: caption, privacy, interactions, time.

Source: TikTok, Content Posting API, direct post and creator info references, and content sharing guidelines.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from app.domain.errors import Problem
from app.domain.media_rules import MediaKind, duration_problem

CAPTION_MAX_UNITS = 2200
PHOTO_TITLE_MAX_UNITS, PHOTO_DESCRIPTION_MAX_UNITS = 90, 4000
PHOTOS_MAX = 35
MIN_LEAD = timedelta(seconds=0)
MAX_LEAD = timedelta(days=366)
MUSIC_URL = "https://www.tiktok.com/legal/page/global/music-usage-confirmation/en"
CONSENT_TEXT = "By posting, you agree to TikTok's Music Usage Confirmation"


class PostMode(StrEnum):
    """`inbox` puts a draft into the creator's TikTok app, where caption and audience are chosen."""

    DIRECT = "direct"
    INBOX = "inbox"


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
    auto_add_music: bool = False
    mode: PostMode = PostMode.DIRECT


def utf16_units(text: str) -> int:
    """Length as TikTok counts it (and as JavaScript's `length` does)."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def caption_problems(caption: str, kind: MediaKind = MediaKind.VIDEO) -> Iterator[Problem]:
    """A caption may be empty; it has at most 2,200 UTF-16 units, for photos 4,000, and no characters that can't be stored."""
    yield from _text_problems("caption", caption, PHOTO_DESCRIPTION_MAX_UNITS if kind is MediaKind.PHOTO else CAPTION_MAX_UNITS)


def title_problems(title: str, kind: MediaKind) -> Iterator[Problem]:
    """Photos may have a title of at most 90 UTF-16 units; videos have none."""
    if kind is MediaKind.VIDEO and title:
        yield Problem("title_not_for_videos", "TikTok takes a title for photos only. Put it into the caption.", "title")
    yield from _text_problems("title", title, PHOTO_TITLE_MAX_UNITS)


def media_set_problems(kinds: Sequence[MediaKind]) -> Iterator[Problem]:
    """One video, or 1 to 35 photos."""
    if not kinds:
        yield Problem("media_not_found", "Choose a video or photos first.", "media")
    elif MediaKind.VIDEO in kinds and len(kinds) > 1:
        yield Problem("media_mixed", "A TikTok post has one video or up to 35 photos, not both. Take some away.", "media")
    elif len(kinds) > PHOTOS_MAX:
        yield Problem("photos_too_many", f"These are {len(kinds)} photos; TikTok takes 35. Take {len(kinds) - PHOTOS_MAX} away.", "media")


def cover_moment_problems(cover_timestamp_ms: int | None, kind: MediaKind, duration_seconds: float | None) -> Iterator[Problem]:
    """The cover of a video is a frame of it, named by its moment in milliseconds; photos have one among them instead."""
    if cover_timestamp_ms is None:
        return
    if kind is MediaKind.PHOTO:
        yield Problem("cover_outside_video", "Only a video's cover is a moment of it. Choose one of the photos as the cover.",
                      "cover_timestamp_ms")
    elif not 0 <= cover_timestamp_ms <= (duration_seconds or 0) * 1000:
        yield Problem("cover_outside_video", f"The cover is to be taken at {cover_timestamp_ms / 1000:.4g} s, but the video runs"
                      f" {duration_seconds or 0:.4g} s. Choose a moment of the video.", "cover_timestamp_ms")


def _text_problems(name: str, text: str, most: int) -> Iterator[Problem]:
    units = utf16_units(text)
    if units > most:
        yield Problem(
            f"{name}_too_long",
            f"The {name} has {units:,} characters as TikTok counts them; {most:,} are allowed. Shorten it by {units - most:,}.", name,
        )
    if "\x00" in text or any("\ud800" <= c <= "\udfff" for c in text):
        yield Problem(f"{name}_bad_character", f"The {name} has a character that can't be sent. Type it again without it.", name)


def schedule_problems(scheduled_at: datetime, now: datetime) -> Iterator[Problem]:
    """A post goes out in the future, within a year."""
    if scheduled_at <= now + MIN_LEAD:
        yield Problem("time_past", "That time has passed. Choose a later one.", "scheduled_local")
    elif scheduled_at > now + MAX_LEAD:
        yield Problem("time_too_far", "That is more than a year away. TikTok's permissions end before; choose an earlier time.",
                      "scheduled_local")


def choice_problems(choices: TargetChoices, creator: CreatorInfo, kind: MediaKind, duration_seconds: float | None,
                    *, is_audited: bool = True) -> Iterator[Problem]:
    """Each choice of a direct post that the creator's current settings don't allow (guidelines, points 1 and 2).

    An app that TikTok has not audited may only post to private accounts, and only for the creator's own eyes.
    """
    if choices.privacy_level is None:
        yield Problem("privacy_missing", "Choose who can see this video.", "privacy_level")
    elif choices.privacy_level not in creator.privacy_options:
        yield Problem(
            "privacy_not_allowed",
            f"“{PRIVACY_LABELS[choices.privacy_level]}” is not open to {creator.nickname} at the moment. "
            f"Choose one of: {', '.join(PRIVACY_LABELS[o] for o in creator.privacy_options)}.",
            "privacy_level",
        )
    elif not is_audited:
        yield from _unaudited_problems(choices.privacy_level, creator)
    for name in ("comment", "duet", "stitch"):
        if getattr(choices, f"allow_{name}") and kind is MediaKind.PHOTO and name != "comment":
            yield Problem(f"{name}_not_for_photos", f"TikTok has no {name}s of photos. Switch “{name.capitalize()}” off.", f"allow_{name}")
            continue
        if getattr(choices, f"allow_{name}") and getattr(creator, f"{name}_disabled"):
            yield Problem(
                f"{name}_disabled",
                f"{creator.nickname} has turned {name}s off in TikTok. Switch “{name.capitalize()}” off here, or on there.",
                f"allow_{name}",
            )
    if duration_seconds is not None and (problem := duration_problem(duration_seconds, creator.max_video_seconds, creator.nickname)):
        yield problem


def _unaudited_problems(level: PrivacyLevel, creator: CreatorInfo) -> Iterator[Problem]:
    # TikTok offers "everyone" to public accounts only.
    if PrivacyLevel.PUBLIC in creator.privacy_options:
        yield Problem("unaudited_public_account", "TikTok has not audited this Oncue's app yet, so it may only post to private accounts. "
                      f"Make {creator.nickname} private in TikTok, or have the app audited.", "account_id")
    elif level is not PrivacyLevel.ONLY_ME:
        yield Problem("unaudited_only_me", "TikTok has not audited this Oncue's app yet, so its posts can only be seen by their creator. "
                      "Choose “Only me”; the creator can change that in TikTok later.", "privacy_level")
