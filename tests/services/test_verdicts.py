"""A person's word on a post in doubt."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa

from app import clock
from app.domain.errors import DomainError
from app.models import PostTarget, db
from app.services.publishing import confirm_live, publish_again
from tests import factories
from tests.steps import load, step

LINK = "https://www.tiktok.com/@northbound/video/7601234567890123456"


@pytest.fixture
def doubtful(app, tiktok, frozen, alice, video_path):
    """A post that TikTok has had for hours in silence."""
    tiktok.post("/sandbox/api/faults", match={"endpoint": "video_init"}, kind="stuck", times=1)
    account_id = factories.connect_account(app, alice, tiktok)
    post = factories.make_post(app, alice, account_id=account_id, media_file_id=factories.make_media(app, alice, video_path),
                               scheduled_at=clock.utcnow() + timedelta(minutes=2))
    frozen.advance(minutes=2)
    step(app, post.target_id)
    frozen.advance(hours=7)
    assert step(app, post.target_id).state == "unconfirmed"
    post.owner = {"workspace_id": alice.workspace_id, "target_id": post.target_id, "actor_id": alice.user_id}
    return post


@pytest.mark.parametrize(("link", "post_id"), [
    (LINK, "7601234567890123456"), (f"  {LINK}?is_from_webapp=1&sender_device=pc ", "7601234567890123456"), ("", None),
    ("https://www.tiktok.com/@a.b_c/photo/7601234567890123456", "7601234567890123456"),
], ids=["link", "shared link", "no link", "photo"])
def test_it_is_live_makes_it_published_for_good(app, tiktok, frozen, doubtful, link, post_id):
    with app.app_context():
        confirm_live(**doubtful.owner, link=link, now=clock.utcnow())
    target = load(app, doubtful.target_id)
    assert (target.state, target.published_at, target.tiktok_post_id) == ("published", clock.utcnow(), post_id)
    assert target.permalink == (link.strip().split("?")[0] or None)
    frozen.advance(days=2)
    assert step(app, doubtful.target_id).state == "published" and len(tiktok.calls("video_init")) == 1


@pytest.mark.parametrize("link", ["nonsense", "javascript:alert(1)", "https://www.tiktok.com/@northbound", "https://x.example/video/1"])
def test_a_link_that_is_none_is_refused_and_nothing_changes(app, tiktok, frozen, doubtful, link):
    with app.app_context(), pytest.raises(DomainError) as caught:
        confirm_live(**doubtful.owner, link=link, now=clock.utcnow())
    assert (caught.value.code, caught.value.problems[0].field) == ("link_invalid", "link")
    assert load(app, doubtful.target_id).state == "unconfirmed"


def test_it_is_not_live_publishes_it_once_more(app, tiktok, frozen, doubtful):
    with app.app_context():
        publish_again(**doubtful.owner, now=clock.utcnow())
    assert step(app, doubtful.target_id).state == "processing"
    frozen.advance(seconds=5)
    target = step(app, doubtful.target_id)
    assert target.state == "published" and target.permalink
    assert len(tiktok.calls("video_init")) == 2 and len(tiktok.posts()) == 1


def test_a_worker_that_asks_at_that_moment_writes_nothing(app, tiktok, frozen, doubtful):
    with app.app_context():
        db.session.execute(sa.update(PostTarget).values(lease_until=clock.utcnow() + timedelta(minutes=1), lease_token="x" * 32))
        db.session.commit()
        publish_again(**doubtful.owner, now=clock.utcnow())
    target = load(app, doubtful.target_id)
    assert (target.state, target.lease_token, target.publish_id) == ("scheduled", None, None)


@pytest.mark.parametrize("say", [
    lambda who: confirm_live(**who, link="", now=clock.utcnow()), lambda who: publish_again(**who, now=clock.utcnow()),
], ids=["live", "again"])
def test_what_is_decided_stays_decided_and_strangers_decide_nothing(app, tiktok, frozen, doubtful, bob, say):
    with app.app_context():
        with pytest.raises(DomainError) as caught:
            say({**doubtful.owner, "workspace_id": bob.workspace_id})
        assert caught.value.code == "target_not_found"
        confirm_live(**doubtful.owner, link=LINK, now=clock.utcnow())
        with pytest.raises(DomainError) as caught:
            say(doubtful.owner)
        assert caught.value.code == "target_decided"
    assert load(app, doubtful.target_id).state == "published"


def test_the_page_offers_both_and_takes_the_answer(app, tiktok, frozen, doubtful, alice):
    from tests.web.conftest import csrf_of, sign_in
    client = sign_in(app.test_client(), alice)
    page = client.get(f"/posts/{doubtful.post_id}").text
    assert "It is live" in page and "publish again" in page and "Nobody knows yet whether it is live" in page
    path = f"/posts/{doubtful.post_id}/targets/{doubtful.target_id}/confirm"
    token = csrf_of(client)
    refused = client.post(path, data={"link": "nonsense", "csrf_token": token})
    assert refused.status_code == 422 and "not a link to a TikTok post" in refused.text
    client.post(path, data={"link": LINK, "csrf_token": token})
    page = client.get(f"/posts/{doubtful.post_id}").text
    assert "Alice Owner saw that it is live" in page and LINK in page
