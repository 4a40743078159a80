"""When a scheduled post is looked at."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from app.domain.preflight import next_due

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
DAY, HOUR, MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)


@pytest.mark.parametrize(("ahead", "lead"), [
    (3 * DAY, DAY), (DAY + MINUTE, DAY), (DAY, HOUR), (2 * HOUR, HOUR), (HOUR + MINUTE, HOUR), (HOUR, 0 * HOUR), (MINUTE, 0 * HOUR),
    (-MINUTE, 0 * HOUR),
])
def test_is_a_day_ahead_an_hour_ahead_and_then_its_time(ahead, lead):
    scheduled_at = NOW + ahead
    assert next_due(scheduled_at, NOW) == scheduled_at - lead
