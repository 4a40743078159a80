"""Sliding windows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.quota import CREATOR_INFOS, DAY, INITS, MINUTE, STATUSES, Limit, next_turn, posts_a_day

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


def ago(*seconds):
    return [NOW - timedelta(seconds=s) for s in seconds]


def test_the_limits_are_tiktok_s():
    assert (INITS.count, CREATOR_INFOS.count, STATUSES.count) == (6, 20, 30)
    assert INITS.window == CREATOR_INFOS.window == STATUSES.window == MINUTE
    assert (posts_a_day(15).count, posts_a_day(15).window) == (15, DAY)


def test_there_is_room_below_the_limit():
    assert next_turn(ago(1, 2, 3, 4, 5), INITS, NOW) is None


def test_at_the_limit_the_turn_comes_when_the_oldest_leaves_the_window():
    assert next_turn(ago(10, 20, 30, 40, 50, 55), INITS, NOW) == NOW + timedelta(seconds=5)


def test_what_has_left_the_window_does_not_count():
    assert next_turn(ago(60, 61, 70, 80, 90, 100), INITS, NOW) is None


def test_beyond_the_limit_enough_must_leave():
    assert next_turn(ago(10, 20, 30, 40, 50, 55, 58), INITS, NOW) == NOW + timedelta(seconds=5)


@settings(max_examples=200, derandomize=True)
@given(st.lists(st.integers(0, 90), max_size=30), st.integers(1, 10))
def test_who_waits_for_the_turn_never_breaks_the_limit(seconds, count):
    limit, calls = Limit(count, MINUTE, "x", "y"), ago(*seconds)
    turn = next_turn(calls, limit, NOW) or NOW
    assert turn >= NOW
    inside = [at for at in calls if at > turn - limit.window]
    assert len(inside) + 1 <= max(count, 1)
