"""The composer, the list, and a post's page."""

from __future__ import annotations

import re
from datetime import timedelta

import httpx
import pytest

from app import clock
from app.domain.post_rules import CONSENT_TEXT
from app.models import Post, PostTarget, PublishAttempt, db
from app.services.publishing import advance
from tests import factories


@pytest.fixture
def scene(app, tiktok, frozen, alice, video_path):
    """A connected creator and an uploaded video, on 20 November 2026 at noon UTC (13:00 in Berlin)."""
    return {"account_id": factories.connect_account(app, alice, tiktok),
            "media_file_id": factories.make_media(app, alice, video_path)}


def form(client, scene, **changes):
    """A complete composer form, as a browser would send it."""
    data = {**scene, "caption": "Hello ☕", "privacy_level": "PUBLIC_TO_EVERYONE", "date": "2026-11-24", "time": "09:00",
            "creation_key": "k" * 32, "csrf_token": client.csrf, **changes}
    return {k: v for k, v in data.items() if v is not None}


def targets(app):
    with app.app_context():
        found = db.session.query(PostTarget).all()
        db.session.expunge_all()
        return found


def test_nothing_that_tiktok_wants_chosen_is_preselected(as_alice, scene):
    page = as_alice.get(f"/posts/new?media_file_id={scene['media_file_id']}").text
    select = re.search(r'<select[^>]*id="privacy_level".*?</select>', page, re.DOTALL)[0]
    assert re.findall(r'<option value="([^"]*)"', select) == ["", "PUBLIC_TO_EVERYONE", "MUTUAL_FOLLOW_FRIENDS", "SELF_ONLY"]
    assert re.findall(r'<option value="([^"]*)" selected', select) == [""]
    assert not re.search(r'name="allow_\w+"[^>]*checked', page)
    assert "Posting as Northbound ☀" in page
    assert "By posting, you agree to TikTok&#39;s" in page and "Music Usage Confirmation</a>" in page


def test_offers_a_private_account_its_own_audiences_and_greys_out_what_is_off(app, as_alice, alice, tiktok, scene):
    account_id = factories.connect_account(app, alice, tiktok, "lumen.studio")
    panel = as_alice.get(f"/posts/panel?account_id={account_id}").text
    assert "FOLLOWER_OF_CREATOR" in panel and "PUBLIC_TO_EVERYONE" not in panel
    assert re.search(r'name="allow_duet"[^>]*disabled', panel) and "turned off in TikTok" in panel


def test_asks_tiktok_each_time_the_panel_is_shown(as_alice, tiktok, scene):
    before = len(tiktok.calls("creator_info"))
    for _ in range(2):
        as_alice.get(f"/posts/panel?account_id={scene['account_id']}")
    assert len(tiktok.calls("creator_info")) == before + 2


def test_says_in_the_panel_when_the_video_is_too_long_for_the_creator(app, as_alice, alice, tiktok, scene):
    httpx.patch(f"{tiktok.url}/sandbox/api/creators/northbound", json={"max_seconds": 1}).raise_for_status()
    panel = as_alice.get("/posts/panel", query_string=scene).text
    assert "Too long for this account" in panel and "Shorten it to 1 s" in panel


def test_schedules_for_the_workspace_s_wall_clock_with_the_consent(app, as_alice, alice, scene):
    answer = as_alice.post("/posts/", data=form(as_alice, scene, allow_comment="y"))
    assert answer.status_code == 303, answer.text
    [target] = targets(app)
    assert answer.location == f"/posts/{target.post_id}"
    assert target.scheduled_at.isoformat() == "2026-11-24T08:00:00+00:00"
    assert target.due_at == target.scheduled_at - timedelta(hours=24), "the first thing to do is to check it a day ahead"
    assert (target.state, target.privacy_level, target.allow_comment, target.allow_duet) == ("scheduled", "PUBLIC_TO_EVERYONE", True, False)
    assert (target.consent_text, target.consent_at, target.consent_by_id) == (CONSENT_TEXT, clock.utcnow(), alice.user_id)
    page = as_alice.get(answer.location).text
    assert "Tue 24 Nov, 09:00" in page and "in 3 days" in page and "Alice Owner scheduled this post" in page


def test_the_same_form_sent_twice_makes_one_post(app, as_alice, scene):
    answers = [as_alice.post("/posts/", data=form(as_alice, scene)) for _ in range(2)]
    assert len(targets(app)) == 1 and answers[0].location == answers[1].location


@pytest.mark.parametrize(("changes", "field", "words"), [
    ({"caption": "x" * 2201}, "caption", "2,201 characters as TikTok counts them"),
    ({"caption": "🎬" * 1101}, "caption", "Shorten it by 2."),
    ({"date": "2026-11-20", "time": "12:59"}, "time", "That time has passed"),
    ({"date": "2027-03-28", "time": "02:30"}, "time", "02:30 does not exist on that day"),
    ({"date": "2028-01-01"}, "time", "more than a year away"),
    ({"date": "31.12.26"}, "time", "Not a valid date"),
    ({"privacy_level": ""}, "privacy_level", "Choose who can see this video"),
    ({"privacy_level": "FOLLOWER_OF_CREATOR"}, "privacy_level", "is not open to Northbound"),
    ({"privacy_level": "EVERYBODY"}, "privacy_level", "Choose who can see this video"),
    ({"media_file_id": None}, "media_file_id", "Choose a video or photos first"),
    ({"media_file_id": "x"}, "media_file_id", "Invalid choice"),
    ({"media_file_id": "999"}, "media_file_id", "Choose a video first"),
    ({"account_id": None}, "account_id", "Choose the account"),
    ({"account_id": "999"}, "account_id", "Choose an account"),
], ids=lambda value: None if isinstance(value, str) else str(next(iter(value.items())))[:40])
def test_bad_input_is_answered_beside_its_field(app, as_alice, scene, changes, field, words):
    answer = as_alice.post("/posts/", data=form(as_alice, scene, **changes))
    assert answer.status_code == 422
    where = answer.text[answer.text.index(f'id="{field}-error"'):]
    assert words in where[:1500] and targets(app) == []


def test_everything_that_was_typed_is_still_there_after_a_refusal(as_alice, scene):
    changes = {"caption": "Keep <me>", "privacy_level": "SELF_ONLY", "time": "02:30", "date": "2027-03-28", "allow_stitch": "y"}
    page = as_alice.post("/posts/", data=form(as_alice, scene, **changes)).text
    assert "Keep &lt;me&gt;" in page and 'value="2027-03-28"' in page and 'value="02:30"' in page
    assert '<option value="SELF_ONLY" selected>' in page and re.search(r'name="allow_stitch"[^>]*checked', page)
    assert f'name="media_file_id" value="{scene["media_file_id"]}"' in page


def test_an_interaction_that_the_creator_turned_off_is_refused(app, as_alice, alice, tiktok, scene):
    account_id = factories.connect_account(app, alice, tiktok, "kabinet")
    answer = as_alice.post("/posts/", data=form(as_alice, scene, account_id=account_id, allow_comment="y"))
    assert answer.status_code == 422 and "has turned comments off" in answer.text


def test_a_clock_change_that_repeats_an_hour_means_the_first(app, as_alice, scene):
    as_alice.post("/posts/", data=form(as_alice, scene, date="2027-10-31", time="02:30"))
    assert targets(app)[0].scheduled_at.isoformat() == "2027-10-31T00:30:00+00:00"


def test_when_tiktok_can_t_be_asked_nothing_is_lost(app, as_alice, scene):
    client = factories.wired(app).tiktok
    good, client._api_url = client._api_url, "http://127.0.0.1:9"
    try:
        answer = as_alice.post("/posts/", data=form(as_alice, scene, caption="Still here"))
    finally:
        client._api_url = good
    assert answer.status_code == 422 and "could not be reached" in answer.text and "Still here" in answer.text
    assert targets(app) == []


def test_without_javascript_the_video_comes_with_the_form(app, as_alice, scene, video_path):
    with video_path.open("rb") as file:
        data = form(as_alice, scene, media_file_id=None, file=(file, "clip.mp4"))
        answer = as_alice.post("/posts/", data=data, content_type="multipart/form-data")
    assert answer.status_code == 303 and len(targets(app)) == 1


def test_without_javascript_a_bad_video_is_answered_beside_the_field(app, as_alice, scene, tmp_path):
    (tmp_path / "notes.mp4").write_text("Not a video at all.")
    with (tmp_path / "notes.mp4").open("rb") as file:
        data = form(as_alice, scene, media_file_id=None, file=(file, "notes.mp4"))
        answer = as_alice.post("/posts/", data=data, content_type="multipart/form-data")
    assert answer.status_code == 422 and "This is not a video file" in answer.text and targets(app) == []


def test_lists_posts_by_day_and_needs_few_statements(app, as_alice, alice, scene):
    for n in range(3):
        factories.make_post(app, alice, **scene, scheduled_at=clock.utcnow() + timedelta(days=n, hours=1), caption=f"Clip {n}")
    page = as_alice.get("/posts/").text
    assert page.index("Clip 2") < page.index("Clip 1") < page.index("Clip 0")
    assert "Friday 20 November" in page
    assert "Clip 1" in (day := as_alice.get("/posts/?day=2026-11-21").text) and "Clip 0" not in day


def test_an_empty_list_says_what_to_do_next(as_alice, tiktok):
    assert "Connect a TikTok account first" in as_alice.get("/posts/").text


def test_moves_a_post(app, as_alice, alice, scene):
    post = factories.make_post(app, alice, **scene, scheduled_at=clock.utcnow() + timedelta(days=1))
    path = f"/posts/{post.post_id}/targets/{post.target_id}/move"
    answer = as_alice.post(path, data={"date": "2026-12-01", "time": "18:30", "csrf_token": as_alice.csrf})
    assert answer.status_code == 303
    assert targets(app)[0].scheduled_at.isoformat() == "2026-12-01T17:30:00+00:00"
    assert "chose another time" in as_alice.get(f"/posts/{post.post_id}").text
    for day, hour, words in (("2026-11-19", "10:00", "has passed"), ("2027-03-28", "02:15", "does not exist")):
        answer = as_alice.post(path, data={"date": day, "time": hour, "csrf_token": as_alice.csrf})
        assert answer.status_code == 422 and words in answer.text
    assert targets(app)[0].scheduled_at.isoformat() == "2026-12-01T17:30:00+00:00"


def test_cancels_a_post_for_good(app, as_alice, alice, scene, frozen):
    post = factories.make_post(app, alice, **scene, scheduled_at=clock.utcnow() + timedelta(minutes=5))
    as_alice.post(f"/posts/{post.post_id}/targets/{post.target_id}/cancel", data={"csrf_token": as_alice.csrf})
    [target] = targets(app)
    assert (target.state, target.due_at) == ("canceled", None)
    assert "Clip" not in as_alice.get("/calendar").text
    again = as_alice.post(f"/posts/{post.post_id}/targets/{post.target_id}/cancel", data={"csrf_token": as_alice.csrf})
    assert again.status_code == 303 and "can&#39;t be changed any more" in as_alice.get(f"/posts/{post.post_id}").text


def test_what_has_started_can_be_neither_moved_nor_canceled(app, as_alice, alice, scene, frozen):
    post = factories.make_post(app, alice, **scene, scheduled_at=clock.utcnow() + timedelta(minutes=5))
    frozen.advance(minutes=5)
    with app.app_context():
        advance(post.target_id, factories.wired(app).publishing)
    for verb, data in (("cancel", {}), ("move", {"date": "2026-12-01", "time": "18:30"})):
        as_alice.post(f"/posts/{post.post_id}/targets/{post.target_id}/{verb}", data={**data, "csrf_token": as_alice.csrf})
        assert "Publishing has begun or is over" in as_alice.get(f"/posts/{post.post_id}").text
    assert targets(app)[0].state == "processing"


def test_a_missed_post_is_scheduled_again_and_goes_out(app, as_alice, alice, tiktok, scene, frozen):
    post = factories.make_post(app, alice, **scene, scheduled_at=clock.utcnow() + timedelta(minutes=5), allow_comment=True)
    httpx.patch(f"{tiktok.url}/sandbox/api/creators/northbound", json={"comment_disabled": True}).raise_for_status()
    frozen.advance(minutes=5)
    with app.app_context():
        advance(post.target_id, factories.wired(app).publishing)
    page = as_alice.get(f"/posts/{post.post_id}").text
    assert "It was held back" in page and "Schedule again" in page
    httpx.patch(f"{tiktok.url}/sandbox/api/creators/northbound", json={"comment_disabled": False}).raise_for_status()
    as_alice.post(f"/posts/{post.post_id}/targets/{post.target_id}/move",
                  data={"date": "2026-11-20", "time": "14:00", "csrf_token": as_alice.csrf})
    frozen.advance(hours=1)
    with app.app_context():
        advance(post.target_id, factories.wired(app).publishing)
    assert targets(app)[0].state == "processing"


def test_the_page_moves_by_itself_only_while_something_goes_on(app, as_alice, alice, tiktok, scene, frozen):
    post = factories.make_post(app, alice, **scene, scheduled_at=clock.utcnow() + timedelta(minutes=5))
    status = f"/posts/{post.post_id}/status"
    assert 'hx-trigger="load delay:301s, poll"' in as_alice.get(status).text
    frozen.advance(minutes=5)
    with app.app_context():
        advance(post.target_id, factories.wired(app).publishing)
    page = as_alice.get(status).text
    assert 'hx-trigger="load delay:2s, poll"' in page and "TikTok is processing" in page
    frozen.advance(seconds=5)
    with app.app_context():
        advance(post.target_id, factories.wired(app).publishing)
    page = as_alice.get(status).text
    assert "hx-trigger" not in page and "View on TikTok" in page and "log id" in page


def test_strangers_find_nothing(app, as_bob, alice, scene):
    post = factories.make_post(app, alice, **scene, scheduled_at=clock.utcnow() + timedelta(days=1))
    for path in (f"/posts/{post.post_id}", f"/posts/{post.post_id}/status", f"/calendar/cards/{post.target_id}", "/posts/999"):
        assert as_bob.get(path).status_code == 404
    assert "coffeetok" not in as_bob.get("/posts/").text
    for verb in ("cancel", "move"):
        as_bob.post(f"/posts/{post.post_id}/targets/{post.target_id}/{verb}",
                    data={"date": "2026-12-01", "time": "18:30", "csrf_token": as_bob.csrf})
    answer = as_bob.post("/posts/", data=form(as_bob, scene))
    assert answer.status_code == 422
    [target] = targets(app)
    assert (target.state, target.scheduled_at) == ("scheduled", clock.utcnow() + timedelta(days=1))
    with app.app_context():
        assert db.session.query(Post).count() == 1


def test_the_page_of_a_post_whose_tries_are_deleted_still_tells_what_happened(app, as_alice, frozen, scene):
    as_alice.post("/posts/", data=form(as_alice, scene))
    target, = targets(app)
    frozen.advance(days=4)
    with app.app_context():
        advance(target.id, factories.wired(app).publishing)
        assert db.session.query(PublishAttempt).delete() > 0
        db.session.commit()
    page = as_alice.get(f"/posts/{target.post_id}").text
    assert "Where it goes" in page and "What happened" in page and "Scheduled" in page


def test_a_click_on_an_hour_opens_the_form_with_that_time(as_alice):
    page = as_alice.get("/posts/new?date=2027-02-03&time=18:15").get_data(as_text=True)
    assert 'value="2027-02-03"' in page and 'value="18:15"' in page


@pytest.mark.parametrize("query", ["date=soon&time=late", "date=&time=25:00", "time=18:15%00"])
def test_a_time_that_is_none_opens_the_form_with_one(as_alice, query):
    assert as_alice.get(f"/posts/new?{query}").status_code == 200
