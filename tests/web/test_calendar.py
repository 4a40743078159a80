"""The month, in the workspace's zone."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest

from app import clock
from app.services.publishing import advance
from tests import factories
from tests.statements import count_statements


@pytest.fixture
def schedule(app, tiktok, frozen, alice, video_path):
    account_id = factories.connect_account(app, alice, tiktok)
    media_id = factories.make_media(app, alice, video_path)

    def make(when, caption="Clip"):
        return factories.make_post(app, alice, account_id=account_id, media_file_id=media_id, scheduled_at=when, caption=caption)
    return make


def cell(page, day):
    """The HTML of one day's cell."""
    return re.search(rf'<li class="day[^>]* data-day="{day}">(.*?)</li>', page, re.DOTALL)[1]


def test_a_card_shows_poster_time_account_words_and_state(as_alice, schedule):
    schedule(datetime(2026, 11, 24, 8, 0, tzinfo=UTC), "Behind the counter\nsecond line")
    card = cell(as_alice.get("/calendar").text, "2026-11-24")
    for part in ("/poster", "09:00", "/avatar", "Behind the counter", "Scheduled", "state-scheduled"):
        assert part in card
    assert "second line" not in card


def test_the_day_is_that_of_the_workspace_s_zone(as_alice, as_bob, schedule):
    schedule(datetime(2026, 11, 24, 23, 30, tzinfo=UTC), "After midnight in Berlin")
    page = as_alice.get("/calendar?date=2026-11-01").text
    assert "00:30" in cell(page, "2026-11-25") and "After midnight" not in cell(page, "2026-11-24")


def test_pages_through_months_with_whole_weeks(as_alice, schedule):
    schedule(datetime(2027, 3, 28, 10, 0, tzinfo=UTC), "On the day of the clock change")
    page = as_alice.get("/calendar?date=2027-03-10").text
    assert "March 2027" in page and "?date=2027-02-01" in page and "?date=2027-04-01" in page
    assert "12:00" in cell(page, "2027-03-28")
    days = re.findall(r'data-day="([\d-]+)"', page)
    assert days[0] == "2027-03-01" and days[-1] == "2027-04-04" and len(days) % 7 == 0


@pytest.mark.parametrize("month", ["nonsense", "2026-13", "0001-01", "9999-12", "", "2026-11-01"])
def test_an_odd_month_shows_this_one(as_alice, frozen, month):
    assert "November 2026" in as_alice.get("/calendar", query_string={"date": month}).text


def test_many_on_one_day_lead_to_the_day(as_alice, schedule):
    for n in range(5):
        schedule(datetime(2026, 11, 24, 8, n, tzinfo=UTC), f"Clip {n}")
    found = cell(as_alice.get("/calendar").text, "2026-11-24")
    assert "Clip 1" in found and "Clip 2" not in found and "+3 more" in found
    assert "Clip 4" in as_alice.get(re.search(r'day__more" href="([^"]+)"', found)[1]).text


def test_an_empty_calendar_says_what_to_do(as_alice, tiktok, frozen):
    assert "Connect a TikTok account first" in as_alice.get("/calendar").text


def test_a_card_asks_for_itself_when_its_time_comes_and_stops_when_it_is_over(app, as_alice, schedule, frozen):
    post = schedule(clock.utcnow() + timedelta(minutes=2))
    card = f"/calendar/cards/{post.target_id}"
    assert "load delay:121s, poll" in cell(as_alice.get("/calendar").text, "2026-11-20")
    frozen.advance(minutes=2)
    with app.app_context():
        advance(post.target_id, factories.wired(app).publishing)
    found = as_alice.get(card).text
    assert "load delay:2s, poll" in found and "TikTok is processing" in found
    frozen.advance(seconds=5)
    with app.app_context():
        advance(post.target_id, factories.wired(app).publishing)
    for path in (card, f"{card}?item=1"):
        found = as_alice.get(path).text
        assert "hx-trigger" not in found and "Published" in found


def test_statements_do_not_grow_with_the_posts(as_alice, schedule):
    def ask():
        with count_statements() as seen:
            assert as_alice.get("/calendar").status_code == 200
        return len(seen)
    schedule(datetime(2026, 11, 24, 8, 0, tzinfo=UTC))
    few = ask()
    for n in range(10):
        schedule(datetime(2026, 11, 25, 8, n, tzinfo=UTC))
    assert ask() == few <= 6


def test_says_at_its_foot_whether_the_machine_is_awake(app, as_alice, tiktok, frozen):
    tasks = factories.wired(app).tasks
    assert "Waiting for the first beat" in as_alice.get("/calendar").text
    tasks.record_beat(clock.utcnow())
    assert "On time · nothing scheduled" in as_alice.get("/calendar").text
    frozen.advance(seconds=31)
    page = as_alice.get("/calendar").text
    assert "Late: last beat 31 s ago" in page and "heartbeat--late" in page
    assert "Due posts were last looked for 31 s ago" in page
    news = as_alice.get("/heartbeat").text
    for place in ("nav", "bar", "banner"):
        assert re.search(rf'id="heartbeat-{place}" hx-swap-oob="true"', news)


def test_pages_are_not_kept_and_vary_by_htmx(as_alice):
    headers = as_alice.get("/calendar").headers
    assert headers["Cache-Control"] == "no-store" and "HX-Request" in headers["Vary"]
    assert "unsafe" not in headers["Content-Security-Policy"] and "default-src 'none'" in headers["Content-Security-Policy"]
