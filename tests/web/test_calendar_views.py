"""Week, list, day, zones and filters: everything that the calendar shows is in its address."""

from __future__ import annotations

import re
import secrets
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from app import clock
from app.models import Post, PostTarget
from app.services.transactions import writing
from app.web.calendar.week import lay_out
from tests import factories
from tests.web.test_calendar import cell, count_statements


@pytest.fixture
def plan(app, tiktok, frozen, alice, video_path):
    """Many targets at once, past all services: (time, caption, state) of each."""
    accounts = [factories.connect_account(app, alice, tiktok, name) for name in ("northbound", "kabinet")]
    media_id = factories.make_media(app, alice, video_path)

    def make(*rows):
        with app.app_context(), writing() as session:
            for at, caption, state in rows:
                post = Post(workspace_id=alice.workspace_id, media_file_id=media_id, title="", caption=caption, created_by_id=alice.user_id,
                            creation_key=secrets.token_hex(8), created_at=clock.utcnow())
                session.add(post)
                session.flush()
                session.add(PostTarget(
                    workspace_id=alice.workspace_id, post_id=post.id, account_id=accounts["other" in caption], scheduled_at=at, due_at=at,
                    privacy_level="SELF_ONLY", consent_at=clock.utcnow(), consent_by_id=alice.user_id, state=state,
                    published_at=at if state == "published" else None))
        return accounts
    return make


def at(day, hour=8, minute=0, month=11):
    return datetime(2026, month, day, hour, minute, tzinfo=UTC)


def column(page, day):
    return re.search(rf'<li class="timegrid__day[^>]* data-day="{day}"(.*?)</li>', page, re.DOTALL)[1]


def test_the_week_shows_each_card_at_its_hour_and_a_line_of_now(as_alice, plan):
    plan((at(18, 8, 37), "Midweek", "scheduled"), (at(22, 22, 55), "Late on Sunday", "draft"))
    page = as_alice.get("/calendar/week?date=2026-11-18").text
    assert "16 – 22 November 2026" in page and "?date=2026-11-09" in page and "?date=2026-11-23" in page
    assert re.search(r'timegrid__item q-38".*?Midweek', column(page, "2026-11-18"), re.DOTALL)
    assert re.search(r'timegrid__item q-93".*?Late on Sunday', column(page, "2026-11-22"), re.DOTALL)
    assert 'timegrid__now q-52"' in column(page, "2026-11-20")


def test_a_click_on_an_hour_opens_the_composer_with_it_in_the_workspace_s_zone(as_alice, plan):
    page = as_alice.get("/calendar/week?zone=Asia/Tokyo").text
    found = re.findall(r'q-(\d+)" href="(/posts/new\?[^"]+)"', column(page, "2026-11-21"))
    assert ("0", "/posts/new?date=2026-11-20&amp;time=16:00") in found
    assert "/posts/new?" not in column(page, "2026-11-19")


def test_weeks_begin_on_the_day_that_the_person_chose(as_alice, frozen, plan):
    assert "16 – 22 November" in as_alice.get("/calendar/week").text
    answer = as_alice.post("/settings/week", data={"week_starts_on": "6", "csrf_token": as_alice.csrf})
    assert answer.status_code == 303
    assert "15 – 21 November" in as_alice.get("/calendar/week").text
    month = as_alice.get("/calendar").text
    assert re.findall(r'month__dow">(\w+)', month) == ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
    assert re.findall(r'data-day="([\d-]+)"', month)[0] == "2026-11-01"
    for odd in ("7", "-1", "x", ""):
        assert as_alice.post("/settings/week", data={"week_starts_on": odd, "csrf_token": as_alice.csrf}).status_code == 422


@pytest.mark.parametrize(("rows", "places"), [
    ([(1, 0), (2, 3)], [(0, 0, 1, 1), (3, 0, 1, 2)]),
    ([(1, 0), (2, 1), (3, 4)], [(0, 0, 2, 1), (1, 1, 2, 2), (4, 0, 1, 3)]),
    ([(1, 0), (2, 0), (3, 2)], [(0, 0, 3, 1), (0, 1, 3, 2), (2, 2, 3, 3)]),
    ([(n, 8) for n in range(1, 6)], [(8, 0, 3, 1), (8, 1, 3, 2), (8, 2, 3, None)]),
    ([], []),
])
def test_what_overlaps_lies_side_by_side_and_a_crowd_becomes_a_number(rows, places):
    found = lay_out(rows)
    assert [(p.row, p.lane, p.lanes, p.target_id) for p in found] == places
    assert sum(p.more for p in found) + sum(p.target_id is not None for p in found) == len(rows)


def test_the_list_pages_in_both_directions_and_shows_each_post_once(as_alice, plan):
    plan(*((at(20) + timedelta(hours=3 * (n // 2)), f"Clip {n:03d}", "scheduled") for n in range(120)))
    def captions(page):
        return re.findall(r"Clip \d{3}", re.sub(r'title="[^"]*"', "", page))
    def follow(page, label):
        found = re.search(rf'href="([^"]+)"[^>]*>(?:<svg.*?</svg>)?<span class="button__label">{label} posts', page)
        return found and found[1].replace("&amp;", "&")
    page, forward = as_alice.get("/calendar/list?date=2026-11-20").text, []
    while True:
        forward += captions(page)
        if not (later := follow(page, "Later")):
            break
        page = as_alice.get(later).text
    assert forward == [f"Clip {n:03d}" for n in range(120)]
    backward = captions(page)
    while earlier := follow(page, "Earlier"):
        page = as_alice.get(earlier).text
        backward = captions(page) + backward
    assert backward == forward


def test_a_day_is_a_page_and_a_panel(as_alice, plan):
    plan(*((at(24, 8, n), f"Clip {n}", "scheduled") for n in range(5)))
    for path in ("/calendar/day?date=2026-11-24", "/calendar/day/panel?date=2026-11-24"):
        found = as_alice.get(path).text
        assert "Tuesday 24 November" in found and all(f"Clip {n}" in found for n in range(5))
    assert "Nothing is planned on this day" in as_alice.get("/calendar/day?date=2026-11-25").text


def test_filters_by_account_state_and_text_stay_in_every_address(as_alice, plan):
    accounts = plan((at(20, 15), "Ours", "scheduled"), (at(20, 16), "An other one", "scheduled"), (at(20, 17), "100% done", "published"),
                    (at(20, 18), "Called off", "canceled"))

    def seen(**query):
        page = as_alice.get(path, query_string={"date": "2026-11-20", **query}).text
        return {word for word in ("Ours", "An other one", "100% done", "Called off") if word in page}
    for path in ("/calendar", "/calendar/week", "/calendar/list", "/calendar/day"):
        assert seen() >= {"Ours", "An other one"} and "Called off" not in seen()
        assert seen(account=accounts[1]) == {"An other one"}
        assert seen(state="published") == {"100% done"} and seen(state="canceled") == {"Called off"}
        assert seen(q="100%") == {"100% done"} and seen(q="_") == set() == seen(q="other", account=accounts[0])
        assert seen(q="OURS") == {"Ours"}
        page = as_alice.get(path, query_string={"date": "2026-11-20", "q": "Ours", "state": "scheduled", "zone": "Asia/Tokyo"}).text
        links = re.findall(r'href="(/calendar(?:/week|/list)?\?[^"]+)"[^>]*data-key', page)
        assert links and all("q=Ours" in link and "state=scheduled" in link and "zone=Asia" in link for link in links)


def test_odd_filters_are_as_if_they_were_not_there(as_alice, plan):
    plan((at(24), "Ours", "scheduled"))
    for query in ({"account": "x"}, {"account": 10**30}, {"state": "gone"}, {"zone": "Nowhere/At_All"}, {"zone": "../etc"}, {"q": "\x00"},
                  {"date": "x"}, {"before": "x"}, {"after": "2026~9"}, {"view": "year"}):
        for path in ("/calendar", "/calendar/week", "/calendar/list"):
            assert as_alice.get(path, query_string=query).status_code == 200, query
    assert "Ours" in as_alice.get("/calendar?state=gone&zone=Nowhere").text


def test_times_are_shown_in_the_zone_that_the_address_names(as_alice, plan):
    plan((at(24, 23, 30), "Across midnight", "scheduled"))
    page = as_alice.get("/calendar?zone=America/New_York").text
    assert "18:30" in cell(page, "2026-11-24") and "New York, UTC−5" in page
    assert "00:30" in cell(as_alice.get("/calendar").text, "2026-11-25")
    for headers in ({}, {"HX-Request": "true"}):
        zones = as_alice.get("/calendar/zones?view=week&zone=America/New_York&q=x", headers=headers).text
        assert '<option value="America/New_York" selected>' in zones
        assert 'action="/calendar/week"' in zones and 'name="q" value="x"' in zones


def test_a_quick_view_shows_the_post_and_what_can_be_done(as_alice, as_bob, app, plan):
    plan((at(24), "Look at me\nall of it", "scheduled"), (at(19), "Over", "published"))
    found = as_alice.get("/calendar/cards/1/quick?view=week&zone=Asia/Tokyo").text
    for part in ("Look at me\nall of it", "Tue 24 Nov, 17:00", "Tokyo, UTC+9", "Northbound", "Scheduled", "Open", "Move…", "Cancel"):
        assert part in found
    over = as_alice.get("/calendar/cards/2/quick").text
    assert "Move…" not in over and "Cancel" not in over
    assert as_bob.get("/calendar/cards/1/quick").status_code == 404


def test_statements_and_bytes_stay_few_with_two_thousand_posts(app, as_alice, plan):
    # A week of them shows some 300 cards, side by side; the others show one page, or the first of each day.
    pages = {"/calendar?date=2026-12-01": 150_000, "/calendar/week?date=2026-12-08": 450_000, "/calendar/list?date=2026-12-01": 150_000,
             "/calendar/day?date=2026-12-08": 150_000}

    def ask():
        found = {}
        for path in pages:
            with count_statements() as seen:
                page = as_alice.get(path)
            found[path] = len(seen), len(page.data)
        return found
    plan(*((at(1 + n, month=12), f"Clip {n}", "scheduled") for n in range(10)))
    few = ask()
    make_many(app, 2000)
    for path, (statements, size) in ask().items():
        assert (statements, statements <= 10) == (few[path][0], True), path
        assert size < pages[path], path


def make_many(app, count):
    """More targets of the first post, over December, in one statement."""
    with app.app_context(), writing() as session:
        row = dict(session.execute(sa.select(PostTarget.__table__).limit(1)).mappings().one())
        row.pop("id")
        times = (at(1, month=12) + timedelta(minutes=21 * n) for n in range(count))
        session.execute(sa.insert(PostTarget.__table__), [{**row, "scheduled_at": when, "due_at": when} for when in times])
