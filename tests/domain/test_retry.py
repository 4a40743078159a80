"""What follows each error that TikTok is known to give: one row per code of its documentation."""

from __future__ import annotations

from datetime import timedelta

import pytest

from app.domain.retry import (
    BASE_DELAY,
    MAX_DELAY,
    MAX_TRIES,
    RULES,
    TOKEN_IS_GONE,
    Action,
    back_off,
    decide,
    next_poll,
)

WAIT, RESTART, HOLD, RECONNECT, FAIL = Action.WAIT, Action.RESTART, Action.HOLD, Action.RECONNECT, Action.FAIL

EXPECTED = {
    # What never became an answer.
    "unreachable": WAIT, "timeout": WAIT, "broken": WAIT, "unreadable": WAIT,
    # Creator info (3) and direct post (4.4).
    "access_token_invalid": RECONNECT,
    "scope_not_authorized": RECONNECT,
    "rate_limit_exceeded": WAIT,
    "spam_risk_too_many_posts": WAIT,
    "spam_risk_user_banned_from_posting": HOLD,
    "reached_active_user_cap": WAIT,
    "invalid_param": FAIL,
    "invalid_params": FAIL,
    "unaudited_client_can_only_post_to_private_accounts": HOLD,
    "url_ownership_unverified": FAIL,
    "privacy_level_option_mismatch": HOLD,
    # Upload to the inbox (5) and photos (6).
    "spam_risk_too_many_pending_share": WAIT,
    "app_version_check_failed": HOLD,
    "internal_error": WAIT,
    # The upload host (7.1).
    "upload_400": FAIL,
    "upload_403": RESTART,
    "upload_404": RESTART,
    "upload_416": WAIT,
    "upload_500": WAIT, "upload_502": WAIT, "upload_503": WAIT, "upload_504": WAIT,
    "upload_host_refused": FAIL,
    # Status (9): fail_reason.
    "file_format_check_failed": FAIL,
    "duration_check_failed": FAIL,
    "frame_rate_check_failed": FAIL,
    "picture_size_check_failed": FAIL,
    "internal": RESTART,
    "video_pull_failed": RESTART,
    "photo_pull_failed": RESTART,
    "publish_cancelled": FAIL,
    "auth_removed": RECONNECT,
    "spam_risk_text": FAIL,
    "spam_risk": FAIL,
    # Status (9): errors.
    "invalid_publish_id": WAIT,
    "token_not_authorized_for_specified_publish_id": RECONNECT,
    # The envelope's generic codes (13.3).
    "scope_permission_missed": RECONNECT,
    "invalid_file_upload": FAIL,
    # The token endpoint (1.7), when a refresh in the middle of a step does not succeed for good.
    "invalid_client": HOLD,
    "unauthorized_client": HOLD,
    "invalid_request": HOLD,
    "unsupported_grant_type": HOLD,
    "server_error": WAIT,
    "temporarily_unavailable": WAIT,
    # Ours, before anything is sent.
    "token_missing": RECONNECT,
    "media_missing": FAIL,
}


@pytest.mark.parametrize(("code", "action"), [*EXPECTED.items()], ids=[*EXPECTED])
def test_each_known_code_has_its_action(code, action):
    assert decide(code, 1).action is action


def test_the_table_above_is_complete():
    assert set(RULES) <= set(EXPECTED)


@pytest.mark.parametrize("code", [*EXPECTED])
def test_each_known_code_is_told_in_words_for_people(code):
    text = decide(code, 1).text
    assert text.endswith(".") and len(text) > 20
    assert code not in text, "a code is no explanation"


@pytest.mark.parametrize("code", [c for c, action in EXPECTED.items() if action not in (WAIT, RESTART)])
def test_what_does_not_heal_by_itself_asks_for_a_person_s_next_step(code):
    assert "again by itself" not in decide(code, 1).text


@pytest.mark.parametrize("code", ["brand_new_code", "failed_without_reason", "upload_418", "upload_", "", "INTERNAL_ERROR"])
def test_an_unknown_code_fails_and_is_named(code):
    decision = decide(code, 1)
    assert decision.action is FAIL
    assert f"({code})" in decision.text


@pytest.mark.parametrize("code", [
    "spam", "spam_risk_", "spam_risk_text_2", "spam_risk_too_many_posts_today", "internal_", "internal_errors", "invalid",
    "invalid_paramss", "rate_limit_exceeded_daily", "scope_not_authorized ", " timeout", "access_token_invalid_hint",
    "upload_4", "upload_4160",
])
def test_a_code_that_merely_resembles_a_known_one_is_unknown(code):
    decision = decide(code, 1)
    assert decision.action is FAIL
    assert f"({code})" in decision.text


@pytest.mark.parametrize(("failed_tries", "seconds"), [
    (1, 10), (2, 20), (3, 40), (4, 80), (5, 160), (6, 320), (7, 640), (8, 1280), (9, 1800), (10, 1800), (12, 1800), (1000, 1800),
])
def test_waits_twice_as_long_after_each_failure_and_half_an_hour_at_most(failed_tries, seconds):
    assert back_off(failed_tries) == timedelta(seconds=seconds)


def test_the_back_off_begins_and_ends_where_it_says():
    assert back_off(1) == BASE_DELAY
    assert back_off(MAX_TRIES) == MAX_DELAY


@pytest.mark.parametrize("code", ["timeout", "internal_error", "internal", "upload_404", "upload_502", "rate_limit_exceeded"])
def test_tries_so_many_times_and_then_fails(code):
    assert decide(code, MAX_TRIES - 1).action in (WAIT, RESTART)
    last = decide(code, MAX_TRIES)
    assert last.action is FAIL
    assert f"tried {MAX_TRIES} times" in last.text
    assert decide(code, 500).action is FAIL


def test_a_cap_of_24_hours_is_outlasted():
    waited = sum((decide("spam_risk_too_many_posts", tries).delay for tries in range(1, MAX_TRIES)), timedelta(0))
    assert waited > timedelta(hours=24)


@pytest.mark.parametrize("code", [c for c, action in EXPECTED.items() if action in (HOLD, RECONNECT)])
def test_what_waits_for_a_person_does_not_turn_into_a_failure_by_counting(code):
    assert decide(code, MAX_TRIES + 5).action is EXPECTED[code]


@pytest.mark.parametrize(("code", "failed_tries", "seconds"), [
    ("timeout", 1, 10), ("timeout", 4, 80),
    ("rate_limit_exceeded", 1, 65), ("rate_limit_exceeded", 6, 65),
    ("upload_416", 1, 2), ("upload_416", 5, 2),
    ("invalid_publish_id", 1, 20), ("invalid_publish_id", 4, 20),
    ("spam_risk_too_many_posts", 1, 3600), ("spam_risk_too_many_posts", 9, 3600),
])
def test_a_rule_s_own_delay_wins_over_the_back_off(code, failed_tries, seconds):
    assert decide(code, failed_tries).delay == timedelta(seconds=seconds)


def test_a_rate_limit_is_waited_out_for_a_whole_minute_window():
    assert decide("rate_limit_exceeded", 1).delay > timedelta(minutes=1)


@pytest.mark.parametrize(("polls_done", "waiting_seconds", "pause_seconds"), [
    (0, 0, 5), (1, 5, 10), (2, 15, 20), (3, 35, 60), (4, 95, 60), (20, 1055, 60), (33, 1800, 60), (34, 1801, 300), (50, 7200, 300),
    (0, 7200, 5),
])
def test_asks_for_the_status_after_5_10_20_and_then_every_60_seconds(polls_done, waiting_seconds, pause_seconds):
    assert next_poll(polls_done, timedelta(seconds=waiting_seconds)) == timedelta(seconds=pause_seconds)


def test_polling_stays_far_below_30_calls_a_minute():
    elapsed, polls = timedelta(0), 0
    while elapsed <= timedelta(minutes=1):
        elapsed += next_poll(polls, elapsed)
        polls += 1
    assert polls <= 5


def test_a_refresh_that_tiktok_refuses_for_good_is_told_from_one_that_may_work_later():
    assert {"invalid_grant", "access_denied", "invalid_scope"} == TOKEN_IS_GONE
    assert not TOKEN_IS_GONE & {"server_error", "temporarily_unavailable", "invalid_client", "timeout"}
