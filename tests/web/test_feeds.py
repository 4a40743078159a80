"""The calendar feed, read by the icalendar package as a calendar program would."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from icalendar import Calendar

from app import clock
from app.services import posts, scheduling
from tests import factories

BAD_TOKENS = ("x", "1", "MQ.AAAA", "MQ.", "e30.AAAA", "%00", "a" * 300)


def make(browser, account_id: int = 0) -> str:
    """Make a feed on its page; returns its address as the page shows it."""
    assert browser.post("/settings/feeds/", data={"account_id": account_id, "csrf_token": browser.csrf}).status_code == 303
    page = browser.get("/settings/feeds/").get_data(as_text=True)
    return re.findall(r'value="https?://[^/"]+(/feeds/[^"]+\.ics)"', page)[0]


def read(client, address: str) -> dict[str, dict]:
    answer = client.get(address)
    assert (answer.status_code, answer.mimetype) == (200, "text/calendar")
    calendar = Calendar.from_ical(answer.data)
    assert calendar.errors == [] and all(event.errors == [] for event in calendar.walk("VEVENT"))
    return {str(event["uid"]): event for event in calendar.walk("VEVENT")}


@pytest.fixture
def account_id(app, alice, tiktok):
    return factories.connect_account(app, alice, tiktok)


@pytest.fixture
def post(app, alice, account_id, video_path):
    media_id = factories.make_media(app, alice, video_path)
    at = clock.utcnow().replace(microsecond=0) + timedelta(days=3)
    made = factories.make_post(app, alice, account_id=account_id, media_file_id=media_id, scheduled_at=at,
                               caption="Doors at 6; bring cash, no cards\nSecond line ☕ " + "long " * 40)
    made.at = at
    return made


def test_shows_a_post_to_whoever_has_the_address(as_alice, client, post):
    address = make(as_alice)
    client.delete_cookie("oncue_session")
    event, = read(client, address).values()
    assert event["dtstart"].dt == post.at and event["dtstart"].dt.utcoffset() == timedelta(0)
    assert event["dtend"].dt - event["dtstart"].dt == timedelta(minutes=15)
    assert event["summary"] == "Doors at 6; bring cash, no cards (Northbound ☀)"
    assert "Scheduled" in event["description"] and "Second line ☕" in event["description"]
    assert event["status"] == "CONFIRMED" and str(event["url"]).endswith(f"/posts/{post.post_id}")


def test_a_move_is_an_update_and_a_cancellation_is_told(app, as_alice, alice, client, post):
    address = make(as_alice)
    before = read(client, address)
    later = post.at + timedelta(hours=5)
    with app.app_context():
        scheduling.move_target(workspace_id=alice.workspace_id, target_id=post.target_id, scheduled_at=later, actor_id=alice.user_id,
                          now=clock.utcnow())
    moved = read(client, address)
    assert before.keys() == moved.keys()
    uid, = moved
    assert moved[uid]["dtstart"].dt == later and moved[uid]["sequence"] > before[uid]["sequence"]
    assert moved[uid]["last-modified"].dt >= before[uid]["last-modified"].dt
    with app.app_context():
        posts.cancel_target(workspace_id=alice.workspace_id, target_id=post.target_id, actor_id=alice.user_id, now=clock.utcnow())
    canceled = read(client, address)[uid]
    assert canceled["status"] == "CANCELLED" and canceled["sequence"] > moved[uid]["sequence"]


def test_the_feed_of_one_account_shows_no_other(app, alice, as_alice, client, post, account_id, tiktok):
    other = factories.connect_account(app, alice, tiktok, "kabinet")
    assert read(client, make(as_alice, other)) == {}
    assert len(read(client, make(as_alice, account_id))) == 1


def test_what_has_not_changed_is_not_sent_again(as_alice, client, post):
    address = make(as_alice)
    first = client.get(address)
    again = client.get(address, headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")


def test_a_revoked_address_ends_for_good(as_alice, client, post):
    address = make(as_alice)
    for _ in range(2):
        assert as_alice.post("/settings/feeds/1/revoke", data={"csrf_token": as_alice.csrf}).status_code == 303
    assert client.get(address).status_code == 404
    assert address not in as_alice.get("/settings/feeds/").get_data(as_text=True)


@pytest.mark.parametrize("token", BAD_TOKENS)
def test_an_address_can_not_be_guessed(as_alice, client, token):
    make(as_alice)
    assert client.get(f"/feeds/{token}.ics").status_code == 404


def test_says_when_a_feed_was_read(as_alice, client, post):
    address = make(as_alice)
    assert "not read yet" in as_alice.get("/settings/feeds/").get_data(as_text=True)
    read(client, address)
    assert "last read" in as_alice.get("/settings/feeds/").get_data(as_text=True)


def test_another_workspace_s_feeds_and_accounts_are_out_of_reach(app, as_alice, as_bob, client, post, account_id):
    address = make(as_alice)
    assert as_bob.post("/settings/feeds/1/revoke", data={"csrf_token": as_bob.csrf}).status_code == 404
    assert as_bob.post("/settings/feeds/", data={"account_id": account_id, "csrf_token": as_bob.csrf}).status_code == 404
    assert as_bob.post("/settings/feeds/", data={"account_id": "x", "csrf_token": as_bob.csrf}).status_code == 303
    assert read(client, make(as_bob)) == {}
    assert len(read(client, address)) == 1
