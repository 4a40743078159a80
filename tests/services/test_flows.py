"""Video and photo, direct and for the inbox: each from its hour to its end."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from types import SimpleNamespace

import httpx
import pytest

from app import clock
from app.models import IncomingWebhook, Post, PostTarget, TikTokAccount, db
from app.services.incoming_webhooks import receive_webhook
from app.services.ports import Webhook
from tests import factories
from tests.flows import FLOWS
from tests.servers import wait_for
from tests.steps import events, load, settle, step, tries

DIRECT = [flow for flow in FLOWS if flow.mode == "direct"]
INBOX = [flow for flow in FLOWS if flow.mode == "inbox"]
PHOTOS = [flow for flow in FLOWS if flow.kind == "photo"]


@pytest.fixture
def scene(app, tiktok, frozen, served, alice, tmp_path):
    """A connected creator, and a way to schedule a post of any flow two minutes ahead."""
    frozen.meet()
    account_id = factories.connect_account(app, alice, tiktok)

    def schedule(flow):
        return flow.schedule(app, alice, account_id, flow.make_media(app, alice, tmp_path), clock.utcnow() + timedelta(minutes=2))

    def send(flow):
        """A post whose hour has come and whose first step is made, with all its photos at TikTok; returns its target's id."""
        target_id = schedule(flow)
        frozen.advance(minutes=2)
        step(app, target_id)
        photos_arrived(tiktok)
        return target_id
    return SimpleNamespace(schedule=schedule, send=send, account_id=account_id, person=alice)


def delivered(tiktok, count=1):
    """Drafts in the creator's inbox, once so many are there."""
    return wait_for(lambda: len(found := tiktok.get("/sandbox/api/drafts", username="northbound")["drafts"]) == count and found)


def photos_arrived(tiktok):
    return wait_for(lambda: all(p["status"] != "PROCESSING_DOWNLOAD" for p in publishes(tiktok)) and publishes(tiktok))


def publishes(tiktok):
    return tiktok.get("/sandbox/api/ledger")["publishes"]


@pytest.mark.parametrize("flow", DIRECT, ids=str)
def test_a_direct_post_goes_out_once_with_its_link(app, tiktok, frozen, scene, flow):
    target_id = scene.schedule(flow)
    frozen.advance(minutes=2)
    assert step(app, target_id).state == "processing"
    photos_arrived(tiktok)
    target = settle(app, target_id, frozen)
    assert target.state == "published"
    [post] = tiktok.posts()
    assert target.permalink == post["url"] and httpx.get(target.permalink).status_code == 200
    assert f"/{flow.kind}/" in target.permalink
    assert post["privacy_level"] == "PUBLIC_TO_EVERYONE"
    assert [name for name, _ in tries(app, target_id)][:2] == ["creator_info", "init"]


@pytest.mark.parametrize("flow", INBOX, ids=str)
def test_a_draft_is_no_post_before_its_creator_makes_it_one(app, tiktok, frozen, scene, flow):
    target_id = scene.send(flow)
    target = settle(app, target_id, frozen)
    assert (target.state, target.published_at, target.permalink) == ("in_inbox", None, None)
    assert tiktok.posts() == [] and target.due_at is not None
    assert "target.delivered" in events(app, target.post_id)
    for _ in range(3):
        frozen.advance(hours=1)
        assert step(app, target_id).state == "in_inbox"
    [draft] = delivered(tiktok)
    tiktok.post(f"/sandbox/api/drafts/{draft['publish_id']}/post", privacy_level="PUBLIC_TO_EVERYONE")
    frozen.advance(hours=2)
    target = step(app, target_id)
    [post] = tiktok.posts()
    assert (target.state, target.permalink) == ("published", post["url"])
    assert len(tiktok.calls(flow.init)) == 1
    assert "creator_info" not in [name for name, _ in tries(app, target_id)], "TikTok's own editor asks for all of it"


@pytest.mark.parametrize("flow", INBOX, ids=str)
def test_a_webhook_tells_at_once_that_a_draft_was_posted(app, tiktok, frozen, scene, flow):
    target_id = scene.send(flow)
    due_before = settle(app, target_id, frozen).due_at
    [draft] = delivered(tiktok)
    tiktok.post(f"/sandbox/api/drafts/{draft['publish_id']}/post")
    tiktok.post("/sandbox/api/webhooks/deliver")
    wait_for(lambda: load(app, target_id).due_at == clock.utcnow())
    assert clock.utcnow() < due_before
    assert step(app, target_id).state == "published"


def test_the_photos_arrive_as_they_are_in_their_order_with_their_cover(app, tiktok, frozen, scene, tmp_path):
    media = factories.make_photos(app, scene.person, tmp_path, 3)
    target_id = factories.make_post(app, scene.person, account_id=scene.account_id, media_file_id=media, title="Täg 1 ☕",
                                    caption="Long text", cover=2, scheduled_at=clock.utcnow() + timedelta(minutes=2), allow_comment=True,
                                    auto_add_music=True).target_id
    frozen.advance(minutes=2)
    step(app, target_id)
    photos_arrived(tiktok)
    assert settle(app, target_id, frozen).state == "published"
    [post] = tiktok.posts()
    assert (post["caption"], post["description"]) == ("Täg 1 ☕", "Long text")
    assert post["options"]["photo_cover_index"] == 2
    assert (post["options"]["disable_comment"], post["options"]["auto_add_music"]) == (False, True)
    paths = [tmp_path / f"photo{n}.jpg" for n in range(3)]
    assert [image["sha256"] for image in post["images"]] == [hashlib.sha256(p.read_bytes()).hexdigest() for p in paths]


def test_the_cover_of_a_video_is_the_moment_that_was_chosen(app, tiktok, frozen, scene, video_path):
    media = factories.make_media(app, scene.person, video_path)
    target_id = factories.make_post(app, scene.person, account_id=scene.account_id, media_file_id=media, cover_timestamp_ms=1500,
                                    scheduled_at=clock.utcnow() + timedelta(minutes=2)).target_id
    frozen.advance(minutes=2)
    assert settle(app, target_id, frozen).state == "published"
    [post] = tiktok.posts()
    assert post["options"]["video_cover_timestamp_ms"] == 1500
    assert "at 1.5 s" in httpx.get(post["url"]).text


def test_a_photo_s_address_knows_no_login_gives_ranges_and_ends(app, tiktok, frozen, served, scene):
    target_id = scene.schedule(PHOTOS[0])
    with app.app_context():
        target = db.session.get_one(PostTarget, target_id)
        target.pull_token, target.pull_until = "a" * 32, clock.utcnow() + timedelta(hours=1)
        db.session.commit()
    url = f"{served}/pull/{'a' * 32}/0.jpeg"
    assert httpx.head(url).status_code == 200 and load(app, target_id).pulled_at is None, "a look hands out nothing"
    whole = httpx.get(url)
    assert load(app, target_id).pulled_at == clock.utcnow()
    assert (whole.status_code, whole.headers["content-type"], whole.content[:3]) == (200, "image/jpeg", b"\xff\xd8\xff")
    part = httpx.get(url, headers={"Range": "bytes=10-19"})
    assert (part.status_code, part.content) == (206, whole.content[10:20])
    assert httpx.head(url).headers["content-length"] == str(len(whole.content))
    for other in (url.replace("a/0", "b/0"), url.replace("/0.", "/7."), url.replace("jpeg", "webp")):
        assert httpx.get(other).status_code == 404
    frozen.advance(hours=2)
    assert httpx.get(url).status_code == 404


@pytest.mark.parametrize("flow", PHOTOS, ids=str)
@pytest.mark.parametrize("kind", ["abort", "error_json", "error_html", "hang"])
def test_photos_that_were_never_fetched_are_sent_again(app, tiktok, frozen, scene, flow, kind, monkeypatch):
    """The lost try's address is taken back first: even if TikTok came for it later, it would find nothing."""
    monkeypatch.setattr(factories.wired(app).tiktok._http, "timeout", httpx.Timeout(1))
    tiktok.post("/sandbox/api/faults", match={"endpoint": "content_init"}, kind=kind, times=1, seconds=2)
    target_id = scene.schedule(flow)
    frozen.advance(minutes=2)
    target = step(app, target_id)
    assert (target.state, target.pulled_at) == ("publishing", None), "not scheduled: TikTok may come at any moment"
    first_address = target.pull_token
    frozen.advance(seconds=15)
    target = step(app, target_id)
    assert target.state == "processing" and target.pull_token != first_address
    photos_arrived(tiktok)
    assert settle(app, target_id, frozen).state in ("published", "in_inbox")
    assert len(tiktok.posts()) + len(tiktok.get("/sandbox/api/drafts")["drafts"]) == 1


@pytest.mark.parametrize("flow", PHOTOS, ids=str)
@pytest.mark.parametrize("kind", ["accept_then_timeout", "accept_then_error"])
def test_an_answer_lost_after_the_photos_were_fetched_is_doubt_until_a_webhook_tells(app, tiktok, frozen, scene, flow, kind, monkeypatch):
    monkeypatch.setattr(factories.wired(app).tiktok._http, "timeout", httpx.Timeout(1))
    tiktok.post("/sandbox/api/faults", match={"endpoint": "content_init"}, kind=kind, times=1, seconds=2)
    target_id = scene.schedule(flow)
    frozen.advance(minutes=2)
    step(app, target_id)
    wait_for(lambda: load(app, target_id).pulled_at)
    frozen.advance(seconds=15)
    target = step(app, target_id)
    assert (target.state, target.problem_code, target.publish_id) == ("unconfirmed", "outcome_unknown", None)
    assert len(tiktok.calls("content_init")) == 1, "never sent again by itself"
    photos_arrived(tiktok)
    tiktok.post("/sandbox/api/webhooks/deliver")
    with app.app_context():
        wait_for(lambda: db.session.rollback() or db.session.query(IncomingWebhook).count())
    target = settle(app, target_id, frozen)
    assert target.state == ("published" if flow.mode == "direct" else "in_inbox")
    assert target.publish_id == publishes(tiktok)[0]["publish_id"] and len(tiktok.calls("content_init")) == 1


@pytest.fixture
def two_lost(app, tiktok, frozen, scene, monkeypatch):
    """Two posts of photos whose answers were lost; the second had to wait for ten minutes, for no word came about the first."""
    monkeypatch.setattr(factories.wired(app).tiktok._http, "timeout", httpx.Timeout(1))
    tiktok.switch(webhooks=False)
    tiktok.post("/sandbox/api/faults", match={"endpoint": "content_init"}, kind="accept_then_error", times=2)
    first, second = scene.schedule(PHOTOS[0]), scene.schedule(PHOTOS[0])
    frozen.advance(minutes=2)
    step(app, first)
    wait_for(lambda: load(app, first).pulled_at)
    photos_arrived(tiktok)
    begun = load(app, first).pulled_at
    waiting = step(app, second)
    assert (waiting.state, waiting.problem_code) == ("scheduled", "waits_for_answer")
    assert waiting.due_at == clock.utcnow() + timedelta(seconds=20)
    frozen.advance(minutes=10)
    step(app, second)
    wait_for(lambda: load(app, second).pulled_at)
    photos_arrived(tiktok)
    frozen.advance(minutes=1)
    assert [step(app, t).state for t in (first, second)] == ["unconfirmed"] * 2
    return first, second, begun


def tell(app, tiktok, scene, publish_id, happened_at):
    with app.app_context():
        open_id = db.session.get_one(TikTokAccount, scene.account_id).open_id
        receive_webhook(Webhook("post.publish.complete", happened_at, open_id, publish_id, None, {}), clock.utcnow())


def test_two_lost_answers_that_are_told_of_late_are_not_guessed_apart(app, tiktok, frozen, scene, two_lost):
    for publish in publishes(tiktok):
        tell(app, tiktok, scene, publish["publish_id"], clock.utcnow())
    for target_id in two_lost[:2]:
        assert step(app, target_id).state == "unconfirmed"


def test_of_two_lost_answers_the_later_can_not_have_what_was_told_before_it(app, tiktok, frozen, scene, two_lost):
    first, second, begun = two_lost
    for publish, told_at in zip(sorted(publishes(tiktok), key=lambda p: p["created_at"]), (begun, clock.utcnow()), strict=True):
        tell(app, tiktok, scene, publish["publish_id"], told_at)
    texts = {}
    for target_id in (first, second):
        target = settle(app, target_id, frozen)
        assert target.state == "published"
        with app.app_context():
            texts[db.session.get_one(PostTarget, target_id).tiktok_post_id] = db.session.get_one(Post, target.post_id).caption
    assert texts == {post["post_id"]: post["description"] for post in tiktok.posts()}, "each has its own"


def test_photos_that_tiktok_could_not_fetch_are_sent_anew_because_it_says_so(app, tiktok, frozen, scene):
    tiktok.post("/sandbox/api/faults", match={"endpoint": "content_init"}, kind="fail", code="photo_pull_failed", times=1)
    target_id = scene.send(PHOTOS[0])
    assert settle(app, target_id, frozen).state == "published"
    assert len(tiktok.calls("content_init")) == 2 and len(tiktok.posts()) == 1


def test_an_address_that_is_not_verified_is_told_and_nothing_is_sent(app, tiktok, frozen, scene):
    tiktok.switch(verified_properties="media.example.com")
    target_id = scene.schedule(PHOTOS[0])
    frozen.advance(minutes=2)
    target = step(app, target_id)
    assert (target.state, target.problem_code) == ("failed", "url_ownership_unverified")
    assert "verify" in target.problem_text and target.pull_token is None


def test_a_post_that_tiktok_will_not_tell_of_is_found_in_its_list(app, tiktok, frozen, scene):
    tiktok.post("/sandbox/api/faults", match={"endpoint": "status"}, kind="error_code", code="never_heard_of", times=0)
    target_id, twin = scene.schedule(FLOWS[0]), scene.schedule(FLOWS[0])
    frozen.advance(minutes=2)
    for each in (target_id, twin):
        assert step(app, each).state == "processing"
        frozen.advance(seconds=10)
        assert step(app, each).state == "unconfirmed", "an unknown answer is no proof of anything"
    frozen.advance(hours=1)
    target = step(app, target_id)
    [post] = [p for p in tiktok.posts() if p["publish_id"] == target.publish_id]
    assert (target.state, target.tiktok_post_id, target.permalink) == ("published", post["post_id"], post["url"])
    assert target.problem_code is None and ("list", "ok") in tries(app, target_id)
    assert step(app, twin).permalink != target.permalink


def test_two_posts_that_say_the_same_are_not_guessed_apart(app, tiktok, frozen, scene, tmp_path):
    tiktok.post("/sandbox/api/faults", match={"endpoint": "status"}, kind="error_code", code="never_heard_of", times=0)
    media = FLOWS[0].make_media(app, scene.person, tmp_path)
    targets = [factories.make_post(app, scene.person, account_id=scene.account_id, media_file_id=media[0], caption="The same again",
                                   scheduled_at=clock.utcnow() + timedelta(minutes=2)).target_id for _ in range(2)]
    frozen.advance(minutes=2)
    for each in targets:
        step(app, each)
        frozen.advance(seconds=10)
        step(app, each)
    frozen.advance(hours=1)
    assert [step(app, each).state for each in targets] == ["unconfirmed"] * 2


@pytest.mark.parametrize("kind", ["stuck", "withhold_id"])
def test_what_tiktok_does_not_tell_is_found_in_its_list(app, tiktok, frozen, scene, kind):
    tiktok.post("/sandbox/api/faults", match={"endpoint": "video_init"}, kind=kind, times=1)
    target_id = scene.schedule(FLOWS[0])
    frozen.advance(minutes=2)
    step(app, target_id)
    if kind == "stuck":
        frozen.advance(hours=7)
        assert step(app, target_id).state == "unconfirmed"
        frozen.advance(minutes=5)
        assert step(app, target_id).state == "unconfirmed", "the list has no such post"
        assert ("list", "ok") in tries(app, target_id)
        return
    assert settle(app, target_id, frozen).permalink is None
    frozen.advance(minutes=31)
    target = step(app, target_id)
    [post] = tiktok.posts()
    assert (target.state, target.tiktok_post_id, target.permalink) == ("published", post["post_id"], post["url"])
