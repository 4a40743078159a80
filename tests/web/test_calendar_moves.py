"""Moving cards over HTTP: what is drawn again, what is said, and how it is undone."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime

import pytest

from app.services import posts
from tests import factories
from tests.steps import load

HTMX = {"HX-Request": "true"}


@pytest.fixture
def schedule(app, tiktok, frozen, alice, video_path):
    account_id = factories.connect_account(app, alice, tiktok)
    media_id = factories.make_media(app, alice, video_path)

    def make(day, hour=8, minute=0, caption="Clip"):
        return factories.make_post(app, alice, account_id=account_id, media_file_id=media_id, caption=caption,
                                   scheduled_at=datetime(2026, 11, day, hour, minute, tzinfo=UTC)).target_id
    return make


@pytest.fixture
def drop(app, as_alice):
    def send(*target_ids, query="view=month", saw=None, headers=HTMX, **values):
        times = [(saw or load(app, key).scheduled_at).isoformat() for key in target_ids]
        return as_alice.post(f"/calendar/move?{query}", headers=headers, data={
            "target": list(target_ids), "seen": times, "held": target_ids[0] if target_ids else "", "csrf_token": as_alice.csrf, **values})
    return send


def toast(answer):
    return json.loads(answer.headers["HX-Trigger"])["toast"]


def drawn(answer):
    return re.findall(r'id="day-([\d-]+)"[^>]*hx-swap-oob="true"', answer.text)


def test_a_drop_on_a_day_keeps_the_time_and_draws_the_touched_days_only(app, schedule, drop):
    target_id = schedule(24, 8, 7)
    answer = drop(target_id, to="2026-11-26")
    assert answer.status_code == 200 and drawn(answer) == ["2026-11-24", "2026-11-26"]
    assert load(app, target_id).scheduled_at == datetime(2026, 11, 26, 8, 7, tzinfo=UTC)
    assert toast(answer)["message"] == "Moved to Thu 26 Nov, 09:07." and toast(answer)["category"] == "success"
    assert "post-card--moved" in answer.text and "1 post · 1 to go" in answer.text and 'id="calendar-summary" hx-swap-oob' in answer.text


def test_a_drop_in_the_week_snaps_to_quarters_and_draws_the_columns(app, schedule, drop):
    target_id = schedule(24, 8, 7)
    answer = drop(target_id, query="view=week&date=2026-11-24", to="2026-11-25", minute="848")
    assert drawn(answer) == ["2026-11-24", "2026-11-25"] and "timegrid__item q-57" in answer.text
    assert load(app, target_id).scheduled_at == datetime(2026, 11, 25, 13, 15, tzinfo=UTC)


def test_undo_takes_it_back_by_the_same_rules(app, as_alice, schedule, drop):
    target_id = schedule(24, 8, 7)
    undo = toast(drop(target_id, to="2026-11-26"))["action"]
    assert undo["label"] == "Undo"

    def back():
        return as_alice.post(undo["url"], headers={**HTMX, "X-CSRFToken": as_alice.csrf})
    answer = back()
    assert toast(answer)["message"] == "Moved back to Tue 24 Nov, 09:07." and "action" not in toast(answer)
    assert load(app, target_id).scheduled_at == datetime(2026, 11, 24, 8, 7, tzinfo=UTC)
    answer = back()
    assert answer.status_code == 409 and "Somebody else moved" in toast(answer)["message"]
    for odd in ("x", "1.2", "1.2.x", f"1.{10**30}.2", ""):
        assert as_alice.post("/calendar/back", query_string={"move": odd}, headers={"X-CSRFToken": as_alice.csrf}).status_code == 422


def test_a_refusal_says_why_and_draws_the_days_as_they_are(app, schedule, drop):
    target_id = schedule(24)
    answer = drop(target_id, to="2026-11-19")
    assert answer.status_code == 422 and "That time has passed" in toast(answer)["message"] and toast(answer)["category"] == "error"
    assert load(app, target_id).scheduled_at == datetime(2026, 11, 24, 8, 0, tzinfo=UTC)


def test_who_comes_second_is_told_and_sees_where_it_went(app, schedule, drop):
    target_id = schedule(24)
    seen = load(app, target_id).scheduled_at
    drop(target_id, to="2026-11-26")
    answer = drop(target_id, to="2026-11-28", saw=seen)
    assert answer.status_code == 409 and "Somebody else moved this post" in toast(answer)["message"]
    assert drawn(answer) == ["2026-11-24", "2026-11-26"] and f'id="target-{target_id}"' in answer.text


def test_several_keep_their_distance_or_stay_together(app, alice, schedule, drop):
    first, second = schedule(24, 8, 0, "First"), schedule(25, 9, 30, "Second")
    assert toast(drop(first, second, to="2026-11-26"))["message"] == "2 posts moved."
    assert [load(app, key).scheduled_at.day for key in (first, second)] == [26, 27]
    with app.app_context():
        posts.cancel_target(workspace_id=alice.workspace_id, target_id=second, actor_id=alice.user_id,
                            now=datetime(2026, 11, 20, 12, tzinfo=UTC))
    answer = drop(first, second, to="2026-11-28")
    assert answer.status_code == 409 and toast(answer)["message"] == "Publishing has begun or is over, so this can't be changed any more."
    assert load(app, first).scheduled_at.day == 26


def test_steps_are_days_and_quarters_of_an_hour(app, schedule, drop):
    target_id = schedule(24, 8, 7)
    for values, day, hour, minute in (({"days": "1"}, 25, 8, 7), ({"minutes": "15"}, 25, 8, 22), ({"minutes": "-30"}, 25, 7, 52),
                                      ({"days": "-1"}, 24, 7, 52)):
        assert drop(target_id, **values).status_code == 200
        assert load(app, target_id).scheduled_at == datetime(2026, 11, day, hour, minute, tzinfo=UTC)


def test_a_time_that_a_clock_change_skips_is_told(app, schedule, drop):
    target_id = schedule(24, 7, 30)
    answer = drop(target_id, query="view=month&zone=America/New_York&date=2027-03-14", to="2027-03-14")
    assert answer.status_code == 200 and "does not exist" in toast(answer)["message"] and toast(answer)["category"] == "warning"
    assert load(app, target_id).scheduled_at == datetime(2027, 3, 14, 7, 0, tzinfo=UTC)
    assert "03:00 (New York, UTC" in toast(answer)["message"]


NONSENSE = [
    {"to": "x"}, {"to": "9999-12-31"}, {"to": "0001-01-01"}, {"to": "2026-11-26", "held": "999"}, {"days": str(10**12)}, {"seen": "x"},
    {"seen": "2026-11-24"}, {"target": "x"}, {"target": []}, {"minutes": str(10**15)},
]


def test_nonsense_is_refused_and_changes_nothing(app, schedule, drop):
    target_id = schedule(24)
    for values in NONSENSE:
        answer = drop(target_id, **values)
        assert (answer.status_code, toast(answer)["category"]) == (422, "error"), values
    assert load(app, target_id).scheduled_at == datetime(2026, 11, 24, 8, 0, tzinfo=UTC)


def test_a_stranger_moves_nothing(app, as_bob, schedule):
    target_id = schedule(24)
    answer = as_bob.post("/calendar/move", headers=HTMX, data={
        "target": target_id, "seen": load(app, target_id).scheduled_at.isoformat(), "days": "1", "csrf_token": as_bob.csrf})
    assert answer.status_code == 404
    for path in ("move", "cancel"):
        assert as_bob.post(f"/calendar/cards/{target_id}/{path}", data={"csrf_token": as_bob.csrf, "date": "2026-11-26", "time": "09:00"}
                           ).status_code == 404
    assert load(app, target_id).scheduled_at.day == 24


def test_move_by_date_and_time_works_with_and_without_javascript(app, as_alice, schedule):
    target_id = schedule(24, 8, 7)
    url = f"/calendar/cards/{target_id}/move?view=week&date=2026-11-24"
    page = as_alice.get(url).text
    seen = re.search(r'name="seen"[^>]*value="([^"]+)"', page)[1]
    assert "Times are Berlin, UTC+1" in page and 'value="09:07' in page

    def send(day, time, headers=None, seen=seen):
        return as_alice.post(url, headers=headers, data={"csrf_token": as_alice.csrf, "seen": seen, "date": day, "time": time})
    answer = send("2026-11-19", "09:00")
    assert answer.status_code == 422 and "That time has passed" in answer.text
    answer = send("2027-03-28", "02:30", HTMX)
    assert answer.status_code == 422 and "does not exist on that day" in answer.text and "<html" not in answer.text
    answer = send("2026-11-26", "10:08")
    assert answer.status_code == 303 and answer.location == "/calendar/week?date=2026-11-26"
    assert load(app, target_id).scheduled_at == datetime(2026, 11, 26, 9, 8, tzinfo=UTC)
    answer = send("2026-11-27", "10:08", HTMX)
    assert answer.status_code == 409 and "Somebody else moved" in toast(answer)["message"]
    answer = send("2026-11-27", "10:08", HTMX, seen=load(app, target_id).scheduled_at.isoformat())
    assert answer.status_code == 200 and drawn(answer) == ["2026-11-26", "2026-11-27"]


def test_cancel_takes_the_card_away(app, as_alice, schedule):
    first, second = schedule(24), schedule(24, 9)
    url = f"/calendar/cards/{first}/cancel?view=month&date=2026-11-24"
    answer = as_alice.post(url, headers=HTMX, data={"csrf_token": as_alice.csrf})
    assert drawn(answer) == ["2026-11-24"] and f"target-{first}" not in answer.text and f"target-{second}" in answer.text
    assert load(app, first).state == "canceled"
    answer = as_alice.post(url, headers=HTMX, data={"csrf_token": as_alice.csrf})
    assert answer.status_code == 409 and toast(answer)["category"] == "error"
    answer = as_alice.post(f"/calendar/cards/{second}/cancel?view=week", data={"csrf_token": as_alice.csrf})
    assert answer.status_code == 303 and answer.location.startswith("/calendar/week")


def test_a_drop_without_javascript_leads_back_to_the_page(as_alice, schedule, drop):
    answer = drop(schedule(24), headers={}, to="2026-11-26")
    assert answer.status_code == 303 and answer.location == "/calendar?date=2026-11-26"
    assert "Moved to Thu 26 Nov, 09:00." in as_alice.get(answer.location).text


def test_in_a_list_the_news_is_that_it_changed(schedule, drop):
    answer = drop(schedule(24), query="view=list", days="1")
    assert answer.text == "" and json.loads(answer.headers["HX-Trigger"])["calendar-changed"]


def test_a_crowded_hour_is_told_and_undo_is_offered(schedule, drop):
    for minute in (0, 20):
        schedule(26, 8, minute)
    found = toast(drop(schedule(24, 8, 40), to="2026-11-26"))
    assert found["category"] == "warning" and "3 posts within an hour" in found["message"] and found["action"]["label"] == "Undo"
