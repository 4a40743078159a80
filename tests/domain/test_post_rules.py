"""Captions as TikTok counts them, times that can be kept, and choices that the creator's settings allow."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.media_rules import MediaKind
from app.domain.post_rules import (
    PRIVACY_LABELS,
    CreatorInfo,
    PrivacyLevel,
    TargetChoices,
    caption_problems,
    choice_problems,
    cover_moment_problems,
    media_set_problems,
    schedule_problems,
    title_problems,
    utf16_units,
)

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
PUBLIC_OPTIONS = (PrivacyLevel.PUBLIC, PrivacyLevel.FRIENDS, PrivacyLevel.ONLY_ME)
PRIVATE_OPTIONS = (PrivacyLevel.FOLLOWERS, PrivacyLevel.FRIENDS, PrivacyLevel.ONLY_ME)
CREATOR = CreatorInfo(username="northbound", nickname="Northbound", avatar_url="", privacy_options=PUBLIC_OPTIONS,
                      comment_disabled=False, duet_disabled=False, stitch_disabled=False, max_video_seconds=600)


def caption_codes(caption: str) -> list[str]:
    return [problem.code for problem in caption_problems(caption)]


@pytest.mark.parametrize(("text", "units"), [
    ("", 0),
    ("abc", 3),
    ("ä", 1),
    ("a\u0308", 2),  # the same letter with a combining mark
    ("漢字", 2),
    ("☕", 1),
    ("🎬", 2),
    ("👩‍👩‍👧", 8),  # three people joined by two invisible characters
    ("🇩🇪", 4),
    ("👍🏽", 4),
    ("\n#tag @name", 11),
])
def test_counts_characters_as_javascript_does(text, units):
    assert utf16_units(text) == units


@given(st.text())
@settings(max_examples=200, derandomize=True)
def test_counts_two_for_every_character_beyond_the_basic_plane(text):
    assert utf16_units(text) == sum(2 if ord(c) > 0xFFFF else 1 for c in text)


@pytest.mark.parametrize(("moment", "kind", "duration", "is_good"), [
    (None, MediaKind.VIDEO, 10.0, True), (None, MediaKind.PHOTO, None, True), (0, MediaKind.VIDEO, 10.0, True),
    (7200, MediaKind.VIDEO, 10.0, True), (10_000, MediaKind.VIDEO, 10.0, True), (10_001, MediaKind.VIDEO, 10.0, False),
    (-1, MediaKind.VIDEO, 10.0, False), (0, MediaKind.PHOTO, None, False),
])
def test_a_cover_is_a_moment_of_its_video(moment, kind, duration, is_good):
    codes = [problem.code for problem in cover_moment_problems(moment, kind, duration)]
    assert codes == ([] if is_good else ["cover_outside_video"])


@pytest.mark.parametrize("caption", ["", "Hello #fyp", "a" * 2200, "🎬" * 1100, "a" + "🎬" * 1099 + "b", "first\nsecond\ttab", "٣ עברית"])
def test_takes_captions_of_up_to_2200_units(caption):
    assert caption_codes(caption) == []


@pytest.mark.parametrize("caption", ["a" * 2201, "🎬" * 1100 + "a", "🎬" * 1101, "a\u0308" * 1101])
def test_refuses_captions_of_more(caption):
    assert caption_codes(caption) == ["caption_too_long"]


def test_says_by_how_much_a_caption_is_too_long():
    problem, = caption_problems("🎬" * 1103)
    assert "2,206" in problem.message and "by 6." in problem.message
    assert problem.field == "caption"


@pytest.mark.parametrize("caption", ["a\x00b", "\x00", "half a pair \ud83d", "\udc00 the other half", "\ude00\ud83d"])
def test_refuses_characters_that_can_not_be_stored_or_sent(caption):
    assert caption_codes(caption) == ["caption_bad_character"]


def test_tells_both_at_once():
    assert caption_codes("\x00" * 2201) == ["caption_too_long", "caption_bad_character"]


@pytest.mark.parametrize(("offset", "expected"), [
    (timedelta(seconds=-1), ["time_past"]),
    (timedelta(0), ["time_past"]),
    (timedelta(microseconds=1), []),
    (timedelta(minutes=1), []),
    (timedelta(days=366), []),
    (timedelta(days=366, seconds=1), ["time_too_far"]),
    (timedelta(days=-4000), ["time_past"]),
    (timedelta(days=4000), ["time_too_far"]),
])
def test_a_post_goes_out_in_the_future_within_a_year(offset, expected):
    problems = list(schedule_problems(NOW + offset, NOW))
    assert [p.code for p in problems] == expected
    assert all(p.field == "scheduled_local" for p in problems)


def choice_codes(choices: TargetChoices, creator: CreatorInfo = CREATOR, seconds: float = 15) -> list[str]:
    return [problem.code for problem in choice_problems(choices, creator, MediaKind.VIDEO, seconds)]


@pytest.mark.parametrize("options", [PUBLIC_OPTIONS, PRIVATE_OPTIONS, (PrivacyLevel.ONLY_ME,), ()])
@pytest.mark.parametrize("level", list(PrivacyLevel))
def test_the_audience_must_be_one_that_the_creator_has_now(level, options):
    expected = [] if level in options else ["privacy_not_allowed"]
    assert choice_codes(TargetChoices(level), replace(CREATOR, privacy_options=options)) == expected


def test_an_audience_must_be_chosen():
    problem, = choice_problems(TargetChoices(None), CREATOR, MediaKind.VIDEO, 15)
    assert (problem.code, problem.field) == ("privacy_missing", "privacy_level")


def test_a_refused_audience_names_those_that_are_open():
    problem, = choice_problems(TargetChoices(PrivacyLevel.PUBLIC), replace(CREATOR, privacy_options=PRIVATE_OPTIONS), MediaKind.VIDEO, 15)
    assert "Everyone" in problem.message and "Followers, Friends, Only me" in problem.message


@pytest.mark.parametrize("name", ["comment", "duet", "stitch"])
@pytest.mark.parametrize("is_off", [False, True])
@pytest.mark.parametrize("is_chosen", [False, True])
def test_an_interaction_that_the_creator_turned_off_can_not_be_chosen(name, is_off, is_chosen):
    choices = TargetChoices(PrivacyLevel.PUBLIC, **{f"allow_{name}": is_chosen})
    expected = [f"{name}_disabled"] if is_off and is_chosen else []
    assert choice_codes(choices, replace(CREATOR, **{f"{name}_disabled": is_off})) == expected


def test_interactions_are_off_unless_chosen():
    nothing = replace(CREATOR, comment_disabled=True, duet_disabled=True, stitch_disabled=True)
    assert choice_codes(TargetChoices(PrivacyLevel.PUBLIC), nothing) == []


def test_a_video_longer_than_the_creator_may_post_is_refused():
    short = replace(CREATOR, max_video_seconds=60)
    assert choice_codes(TargetChoices(PrivacyLevel.PUBLIC), short, 60.0) == []
    assert choice_codes(TargetChoices(PrivacyLevel.PUBLIC), short, 60.5) == ["video_too_long_for_creator"]


def test_every_problem_is_told_with_its_field():
    closed = CreatorInfo("k", "Das Kabinett", "", (PrivacyLevel.ONLY_ME,), True, True, True, 10)
    problems = list(choice_problems(TargetChoices(PrivacyLevel.PUBLIC, True, True, True), closed, MediaKind.VIDEO, 11))
    assert [(p.code, p.field) for p in problems] == [
        ("privacy_not_allowed", "privacy_level"), ("comment_disabled", "allow_comment"), ("duet_disabled", "allow_duet"),
        ("stitch_disabled", "allow_stitch"), ("video_too_long_for_creator", "media")]


def test_every_audience_has_a_label():
    assert set(PRIVACY_LABELS) == set(PrivacyLevel)


def test_photos_have_a_longer_text_and_a_short_title():
    assert list(caption_problems("x" * 4000, MediaKind.PHOTO)) == [] == list(title_problems("☕" * 90, MediaKind.PHOTO))
    assert [p.code for p in caption_problems("x" * 4001, MediaKind.PHOTO)] == ["caption_too_long"]
    assert [p.code for p in title_problems("😀" * 45 + "x", MediaKind.PHOTO)] == ["title_too_long"]
    assert [p.code for p in title_problems("a\x00", MediaKind.PHOTO)] == ["title_bad_character"]


def test_a_video_has_no_title():
    assert list(title_problems("", MediaKind.VIDEO)) == []
    assert [p.code for p in title_problems("Hello", MediaKind.VIDEO)] == ["title_not_for_videos"]


@pytest.mark.parametrize(("videos", "photos", "code"), [
    (1, 0, None), (0, 1, None), (0, 35, None), (0, 0, "media_not_found"), (2, 0, "media_mixed"), (1, 1, "media_mixed"),
    (0, 36, "photos_too_many"),
])
def test_a_post_has_one_video_or_up_to_35_photos(videos, photos, code):
    kinds = [MediaKind.VIDEO] * videos + [MediaKind.PHOTO] * photos
    assert [p.code for p in media_set_problems(kinds)] == ([code] if code else [])


def test_photos_know_no_duet_and_no_stitch_and_no_length():
    choices = TargetChoices(PrivacyLevel.PUBLIC, True, True, True)
    problems = list(choice_problems(choices, CREATOR, MediaKind.PHOTO, None))
    assert [(p.code, p.field) for p in problems] == [("duet_not_for_photos", "allow_duet"), ("stitch_not_for_photos", "allow_stitch")]
    allowed = replace(CREATOR, duet_disabled=True, stitch_disabled=True)
    assert list(choice_problems(TargetChoices(PrivacyLevel.PUBLIC, True), allowed, MediaKind.PHOTO, None)) == []


@pytest.mark.parametrize(("level", "options", "code"), [
    (PrivacyLevel.PUBLIC, PUBLIC_OPTIONS, "unaudited_public_account"), (PrivacyLevel.ONLY_ME, PUBLIC_OPTIONS, "unaudited_public_account"),
    (PrivacyLevel.FOLLOWERS, PRIVATE_OPTIONS, "unaudited_only_me"), (PrivacyLevel.ONLY_ME, PRIVATE_OPTIONS, None),
])
def test_an_app_that_was_not_audited_posts_to_private_accounts_for_their_own_eyes(level, options, code):
    creator = replace(CREATOR, privacy_options=options)
    problems = choice_problems(TargetChoices(level), creator, MediaKind.VIDEO, 5, is_audited=False)
    assert [p.code for p in problems] == ([code] if code else [])
    assert list(choice_problems(TargetChoices(level), creator, MediaKind.VIDEO, 5)) == []
