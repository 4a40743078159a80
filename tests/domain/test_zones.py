"""Wall times and instants, over all zones and their clock changes."""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.errors import DomainError
from app.domain.zones import exact_instant, is_skipped, to_instant, zone, zone_names

local_time = datetime.fromisoformat
"""A wall time as a form sends it: without a zone."""
FIRST_DAY, DAYS = datetime(2026, 1, 1, tzinfo=UTC), 2 * 365
MINUTE = timedelta(minutes=1)
often = settings(max_examples=300, derandomize=True, deadline=None)

all_zones = st.sampled_from(zone_names()).map(ZoneInfo)
instants = st.datetimes(local_time("1975-01-01 00:00"), local_time("2036-12-31 00:00")).map(
    lambda moment: moment.replace(second=0, microsecond=0, tzinfo=UTC))


@cache
def clock_changes(name: str) -> tuple[tuple[datetime, timedelta, timedelta], ...]:
    """Each change of these years: its instant, and the offset before and after it."""
    tz, found = ZoneInfo(name), []
    midnights = [FIRST_DAY + timedelta(days=day) for day in range(DAYS)]
    offsets = [midnight.astimezone(tz).utcoffset() for midnight in midnights]
    for (start, before), (end, after) in pairwise(zip(midnights, offsets, strict=True)):
        if before != after:
            while end - start > MINUTE:
                middle = start + (end - start) // 2
                middle -= timedelta(seconds=middle.second, microseconds=middle.microsecond)
                middle = middle if middle > start else start + MINUTE
                start, end = (middle, end) if middle.astimezone(tz).utcoffset() == before else (start, middle)
            found.append((end, before, after))
    return tuple(found)


def wall(instant: datetime, tz: ZoneInfo) -> datetime:
    return instant.astimezone(tz).replace(tzinfo=None, fold=0)


@given(all_zones, instants)
@often
def test_a_wall_time_that_exists_means_an_instant_that_shows_it(tz, instant):
    local = wall(instant, tz)
    found = to_instant(local, tz)
    assert found.tzinfo is UTC
    assert wall(found, tz) == local
    assert found <= instant, "a time that occurs twice means the first"
    assert exact_instant(local, tz) == found


def test_every_zone_agrees_with_the_clock_on_ordinary_days():
    noon = local_time("2026-07-20 12:00")
    for name in zone_names():
        tz = ZoneInfo(name)
        assert wall(to_instant(noon, tz), tz) == noon, name
        assert not is_skipped(noon, tz), name


def test_in_every_zone_a_skipped_time_becomes_the_first_valid_minute_after_the_gap():
    gaps = 0
    for name in zone_names():
        tz = ZoneInfo(name)
        for change, before, after in clock_changes(name):
            if after <= before:
                continue
            gaps += 1
            first_skipped, gap = (change + before).replace(tzinfo=None), after - before
            for local in (first_skipped, first_skipped + MINUTE, first_skipped + gap / 2, first_skipped + gap - MINUTE):
                assert is_skipped(local, tz), (name, local)
                assert to_instant(local, tz) == change, (name, local)
            for local in (first_skipped - MINUTE, first_skipped + gap):
                assert not is_skipped(local, tz), (name, local)
    assert gaps > 200, "many zones of the world change their clocks"


def test_in_every_zone_a_time_that_occurs_twice_means_the_first():
    doubles = 0
    for name in zone_names():
        tz = ZoneInfo(name)
        for change, before, after in clock_changes(name):
            if after >= before:
                continue
            doubles += 1
            overlap = before - after
            first_double = (change + after).replace(tzinfo=None)
            for local in (first_double, first_double + overlap / 2, first_double + overlap - MINUTE):
                first = to_instant(local, tz)
                assert first < change, (name, local)
                assert wall(first, tz) == wall(first + overlap, tz) == local
                assert exact_instant(local, tz) == first
    assert doubles > 200


@pytest.mark.parametrize(("name", "local", "instant", "first_valid"), [
    ("America/New_York", local_time("2027-03-14 02:30"), datetime(2027, 3, 14, 7, 0, tzinfo=UTC), "03:00"),
    ("America/New_York", local_time("2027-03-14 02:00"), datetime(2027, 3, 14, 7, 0, tzinfo=UTC), "03:00"),
    ("America/New_York", local_time("2027-03-14 02:59:59"), datetime(2027, 3, 14, 7, 0, tzinfo=UTC), "03:00"),
    ("Europe/London", local_time("2027-03-28 01:15"), datetime(2027, 3, 28, 1, 0, tzinfo=UTC), "02:00"),
    ("Australia/Lord_Howe", local_time("2026-10-04 02:10"), datetime(2026, 10, 3, 15, 30, tzinfo=UTC), "02:30"),
    ("Africa/Casablanca", local_time("2026-03-22 02:30"), datetime(2026, 3, 22, 2, 0, tzinfo=UTC), "03:00"),
    ("Africa/Cairo", local_time("2026-04-24 00:20"), datetime(2026, 4, 23, 22, 0, tzinfo=UTC), "01:00"),
    ("Pacific/Apia", local_time("2011-12-30 00:00"), datetime(2011, 12, 30, 10, 0, tzinfo=UTC), "2011-12-31 00:00"),
    ("Pacific/Apia", local_time("2011-12-30 18:45"), datetime(2011, 12, 30, 10, 0, tzinfo=UTC), "2011-12-31 00:00"),
    ("Pacific/Apia", local_time("2011-12-30 23:59"), datetime(2011, 12, 30, 10, 0, tzinfo=UTC), "2011-12-31 00:00"),
])
def test_a_skipped_time_is_refused_with_the_first_one_that_exists(name, local, instant, first_valid):
    tz = ZoneInfo(name)
    assert to_instant(local, tz) == instant
    with pytest.raises(DomainError) as refusal:
        exact_instant(local, tz)
    problem, = refusal.value.problems
    assert (problem.code, problem.field) == ("time_skipped", "scheduled_local")
    assert f"{local:%H:%M} does not exist" in problem.message and name in problem.message
    assert f"Choose {first_valid} or later." in problem.message


def test_the_time_that_a_refusal_names_can_be_typed_in():
    tz = ZoneInfo("Australia/Lord_Howe")
    with pytest.raises(DomainError) as refusal:
        exact_instant(local_time("2026-10-04 02:10"), tz)
    named = re.search(r"Choose (\d\d:\d\d)", refusal.value.message)[1]
    assert wall(exact_instant(local_time(f"2026-10-04 {named}"), tz), tz) == local_time("2026-10-04 02:30")


@pytest.mark.parametrize(("name", "local", "instant"), [
    ("America/New_York", local_time("2026-11-01 01:30"), datetime(2026, 11, 1, 5, 30, tzinfo=UTC)),
    ("Europe/London", local_time("2026-10-25 01:30"), datetime(2026, 10, 25, 0, 30, tzinfo=UTC)),
    ("Australia/Lord_Howe", local_time("2027-04-04 01:45"), datetime(2027, 4, 3, 14, 45, tzinfo=UTC)),
    ("Africa/Casablanca", local_time("2026-02-15 02:30"), datetime(2026, 2, 15, 1, 30, tzinfo=UTC)),
])
def test_a_time_that_occurs_twice_means_the_first(name, local, instant):
    tz = ZoneInfo(name)
    assert to_instant(local, tz) == instant
    assert to_instant(local.replace(fold=1), tz) == instant


@pytest.mark.parametrize("local", ["0001-01-01 00:00", "0001-01-01 00:30", "9999-12-31 23:00", "9999-12-31 23:59:59"])
@pytest.mark.parametrize("name", ["Asia/Tokyo", "America/New_York", "UTC"])
def test_a_time_at_the_end_of_the_calendar_is_a_refusal_or_an_instant_but_no_crash(name, local):
    with suppress(DomainError):
        assert wall(exact_instant(local_time(local), ZoneInfo(name)), ZoneInfo(name)) == local_time(local)


@pytest.mark.parametrize(("name", "local"), [("Asia/Tokyo", "0001-01-01 00:00"), ("America/New_York", "9999-12-31 23:00")])
def test_a_time_beyond_the_calendar_is_refused_in_words(name, local):
    with pytest.raises(DomainError) as refusal:
        exact_instant(local_time(local), ZoneInfo(name))
    assert (refusal.value.code, refusal.value.problems[0].field) == ("time_impossible", "scheduled_local")


def test_the_refusal_belongs_to_the_field_that_was_asked_for():
    with pytest.raises(DomainError) as refusal:
        exact_instant(local_time("2027-03-28 01:15"), ZoneInfo("Europe/London"), field="slot_time")
    assert refusal.value.problems[0].field == "slot_time"


def test_people_choose_among_places_and_utc():
    names = zone_names()
    assert list(names) == sorted(set(names))
    assert {"Europe/Berlin", "America/New_York", "Asia/Kolkata", "Pacific/Apia", "America/Argentina/Buenos_Aires", "UTC"} <= set(names)
    assert all(zone(name).key == name for name in names[::40])


@pytest.mark.parametrize("alias", ["EST", "GMT", "Etc/GMT+5", "US/Eastern", "Canada/Pacific", "Brazil/East", "Cuba", "Factory"])
def test_legacy_aliases_are_not_offered(alias):
    assert alias not in zone_names()


@pytest.mark.parametrize("name", ["", "Mars/Olympus", "europe/berlin", "../etc/passwd", "/etc/localtime", "Europe/Berlin\x00", "Europe"])
def test_an_unknown_zone_is_refused(name):
    with pytest.raises(DomainError) as refusal:
        zone(name)
    problem, = refusal.value.problems
    assert (problem.code, problem.field) == ("time_zone_unknown", "time_zone")
