"""A target from its hour to its permalink."""

from __future__ import annotations

import hashlib
from datetime import timedelta

import httpx

from app import clock
from app.domain.post_rules import PrivacyLevel
from app.queries.due import due_targets
from tests.steps import attempts, load, step


def test_goes_out_once_and_gets_its_permalink(app, tiktok, frozen, scene):
    target_id = scene.schedule(caption="Ünïcode ☕ #coffee", allow_comment=True)
    frozen.advance(minutes=2)
    assert step(app, target_id).state == "processing"
    frozen.advance(seconds=5)
    target = step(app, target_id)
    assert (target.state, target.due_at) == ("published", None)
    [post] = tiktok.posts()
    assert target.tiktok_post_id == post["post_id"] and len(target.tiktok_post_id) == 19
    assert target.permalink == post["url"] == f"{tiktok.url}/@northbound/video/{post['post_id']}"
    assert httpx.get(target.permalink).status_code == 200
    assert (post["caption"], post["privacy_level"]) == ("Ünïcode ☕ #coffee", "PUBLIC_TO_EVERYONE")
    options = post["options"]
    assert (options["disable_comment"], options["disable_duet"], options["disable_stitch"]) == (False, True, True)


def test_the_bytes_arrive_as_they_are(app, tiktok, frozen, scene, video_path):
    target_id = scene.schedule()
    frozen.advance(minutes=2)
    step(app, target_id)
    frozen.advance(seconds=5)
    step(app, target_id)
    [post] = tiktok.posts()
    assert post["sha256"] == hashlib.sha256(video_path.read_bytes()).hexdigest()


def test_every_attempt_is_recorded_with_code_and_log_id(app, tiktok, frozen, scene):
    target_id = scene.schedule()
    frozen.advance(minutes=2)
    step(app, target_id)
    frozen.advance(seconds=5)
    step(app, target_id)
    rows = attempts(app, target_id)
    assert [(r.step, r.code) for r in rows] == [("creator_info", "ok"), ("init", "ok"), ("upload", "ok"), ("status", "ok")]
    assert all(r.log_id for r in rows if r.step != "upload")
    assert rows[1].publish_id == rows[3].publish_id == load(app, target_id).publish_id
    assert rows[3].detail == "PUBLISH_COMPLETE"


def test_nothing_happens_before_its_time(app, tiktok, frozen, scene):
    target_id = scene.schedule()
    frozen.advance(minutes=1, seconds=59)
    with app.app_context():
        assert due_targets(clock.utcnow()) == []
    assert step(app, target_id).state == "scheduled"
    assert tiktok.calls("video_init") == []


def test_polls_after_5_10_20_and_then_every_60_seconds(app, tiktok, frozen, scene):
    tiktok.switch(processing_seconds=1000)
    target_id = scene.schedule()
    frozen.advance(minutes=2)
    waits = []
    for _ in range(6):
        due_at = step(app, target_id).due_at
        waits.append((due_at - clock.utcnow()).total_seconds())
        frozen.advance(seconds=waits[-1])
    assert waits == [5, 10, 20, 60, 60, 60]
    assert load(app, target_id).state == "processing"


def test_is_published_before_it_has_a_link_and_gets_it_later(app, tiktok, frozen, scene):
    tiktok.switch(moderation_seconds=30)
    target_id = scene.schedule()
    frozen.advance(minutes=2)
    step(app, target_id)
    frozen.advance(seconds=5)
    target = step(app, target_id)
    assert (target.state, target.permalink) == ("published", None)
    assert target.due_at == clock.utcnow() + timedelta(seconds=5)
    frozen.advance(seconds=31)
    assert step(app, target_id).permalink == tiktok.posts()[0]["url"]


def test_a_private_post_has_no_link_and_is_not_asked_about_again(app, tiktok, frozen, scene):
    target_id = scene.schedule(privacy=PrivacyLevel.ONLY_ME)
    frozen.advance(minutes=2)
    step(app, target_id)
    frozen.advance(seconds=5)
    target = step(app, target_id)
    assert (target.state, target.permalink, target.due_at) == ("published", None, None)


def test_a_token_that_tiktok_refuses_is_renewed_once_and_the_call_repeated(app, tiktok, frozen, scene):
    target_id = scene.schedule()
    before = len(tiktok.calls("token"))
    frozen.advance(hours=26)  # past the token's 24 hours: it has to be renewed first
    assert step(app, target_id).state == "processing"
    assert len(tiktok.calls("token")) == before + 1
    assert len(tiktok.calls("video_init")) == 1
