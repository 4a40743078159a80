"""Where a post lands when it is moved, over all zones and their clock changes."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.errors import DomainError
from app.domain.moving import busiest, dropped, moved_by, moved_to_day, nearest_quarter, stepped, wall_time
from app.domain.zones import is_skipped, zone_names

often = settings(max_examples=300, derandomize=True, deadline=None)
zones = st.sampled_from(zone_names()).map(ZoneInfo)
instants = st.datetimes(datetime.fromisoformat("1990-01-01"), datetime.fromisoformat("2036-12-01")).map(
    lambda moment: moment.replace(tzinfo=UTC))
distances = st.integers(-400, 400).map(lambda days: timedelta(days=days))
DAY, MINUTE = timedelta(hours=24), timedelta(minutes=1)


def local(zone, text):
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


@given(zones, instants, distances)
@often
def test_a_wall_time_stays_to_the_minute_whatever_clock_changes_lie_between(tz, instant, distance):
    wanted = wall_time(instant, tz) + distance
    found = moved_by(instant, distance, tz)
    assert found.is_clock_change == bool(distance and is_skipped(wanted, tz))
    if not found.is_clock_change:
        assert wall_time(found.at, tz) == wanted
    else:
        # The first valid minute: what is a minute earlier on the wall does not exist either.
        landed = wall_time(found.at, tz)
        assert landed > wanted and is_skipped(landed - MINUTE, tz) and not is_skipped(landed, tz)


@given(zones, instants, distances.filter(bool))
@often
def test_a_wall_time_that_occurs_twice_means_the_first(tz, instant, distance):
    at = moved_by(instant, distance, tz).at
    shown = wall_time(at, tz)
    earlier = [at - timedelta(minutes=step) for step in (30, 60, 120, 180)]
    assert shown not in [wall_time(moment, tz) for moment in earlier]


@given(zones, instants)
@often
def test_no_distance_is_no_change_not_even_of_the_second_occurrence(tz, instant):
    assert moved_to_day(instant, wall_time(instant, tz).date(), tz).at == instant


@pytest.mark.parametrize(("zone", "before", "day", "after", "is_clock_change"), [
    ("America/New_York", "2027-03-13 02:30", "2027-03-14", "2027-03-14 03:00", True),
    ("America/New_York", "2026-10-30 01:30", "2026-11-01", "2026-11-01 01:30", False),
    ("Europe/London", "2027-03-27 01:59", "2027-03-28", "2027-03-28 02:00", True),
    ("Europe/London", "2027-03-27 09:07", "2027-03-29", "2027-03-29 09:07", False),
    ("Australia/Lord_Howe", "2026-10-03 02:15", "2026-10-04", "2026-10-04 02:30", True),
    ("Africa/Casablanca", "2027-03-13 02:30", "2027-03-14", "2027-03-14 03:00", True),
    ("Pacific/Apia", "2011-12-29 10:00", "2011-12-30", "2011-12-31 00:00", True),
])
def test_a_drag_over_a_clock_change(zone, before, day, after, is_clock_change):
    found = moved_to_day(local(zone, before), date.fromisoformat(day), ZoneInfo(zone))
    shown = wall_time(found.at, ZoneInfo(zone))
    assert (shown, found.is_clock_change) == (datetime.fromisoformat(after), is_clock_change)


@given(zones, instants, distances, st.integers(0, 24 * 60 - 1))
@often
def test_a_drop_on_an_hour_lands_on_a_quarter_and_the_others_keep_their_distance(tz, instant, distance, minute):
    day = wall_time(instant, tz).date() + distance
    seen = {1: instant, 2: instant + timedelta(days=3, minutes=7)}
    found = dropped(seen, 1, day, minute, tz)
    held = wall_time(found[1].at, tz)
    if not found[1].is_clock_change:
        assert (held.date(), held.minute % 15, held.second) == (day, 0, 0)
        if not found[2].is_clock_change and found[2].at != seen[2]:
            assert wall_time(found[2].at, tz) - held == wall_time(seen[2], tz) - wall_time(seen[1], tz)


@given(st.integers(0, 24 * 60 - 1))
def test_the_nearest_quarter_lies_within_the_day(minute):
    found = nearest_quarter(minute)
    assert found % 15 == 0 and 0 <= found < 24 * 60 and (abs(found - minute) <= 8 or minute > 24 * 60 - 15)


@given(zones, instants, st.integers(-40, 40).filter(bool))
@often
def test_a_step_of_quarters_is_real_time_and_never_stands_still(tz, instant, quarters):
    found = stepped({1: instant}, 0, 15 * quarters, tz)[1]
    assert found.at - instant == timedelta(minutes=15 * quarters)


@pytest.mark.parametrize("day", [date(1, 1, 1), date(9999, 12, 31)])
def test_a_day_beyond_the_calendar_is_refused(day):
    with pytest.raises(DomainError) as refused:
        dropped({1: local("Europe/Berlin", "2026-11-24 09:00")}, 1, day, None, ZoneInfo("Europe/Berlin"))
    assert refused.value.code == "time_impossible"


@pytest.mark.parametrize("days", [10**6, -(10**6), 10**12])
def test_steps_beyond_the_calendar_are_refused(days):
    with pytest.raises(DomainError) as refused:
        stepped({1: local("Europe/Berlin", "2026-11-24 09:00")}, days, 0, ZoneInfo("Europe/Berlin"))
    assert refused.value.code == "time_impossible"


@given(st.lists(st.integers(0, 100), max_size=20), st.integers(0, 100))
@often
def test_the_busiest_span_is_found_among_all_spans(hours, around):
    start = datetime(2026, 11, 20, tzinfo=UTC)
    times = [start + timedelta(hours=h) for h in hours]
    at = start + timedelta(hours=around)
    ends = [at + timedelta(minutes=m) for m in range(0, 24 * 60, 60)]
    assert busiest(times, at, DAY) == max(sum(end - DAY < t <= end for t in times) for end in ends)
