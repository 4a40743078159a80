"""A post's page for drafts, photos and posts in doubt."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa

from app import clock
from app.models import PostTarget, db
from tests import factories
from tests.flows import FLOWS
from tests.steps import load


@pytest.fixture
def made(app, tiktok, frozen, alice, tmp_path):
    """A scheduled post of a flow, brought into a state past all checks of the engine; returns its target."""
    account_id = factories.connect_account(app, alice, tiktok)

    def make(flow, **columns):
        target_id = flow.schedule(app, alice, account_id, flow.make_media(app, alice, tmp_path), clock.utcnow() + timedelta(minutes=2))
        with app.app_context():
            db.session.execute(sa.update(PostTarget).where(PostTarget.id == target_id).values(**columns))
            db.session.commit()
        return load(app, target_id)
    return make


def test_a_draft_says_what_its_creator_has_to_do(made, as_alice):
    target = made(FLOWS[1], state="in_inbox", publish_id="v_inbox_file~v2.1")
    page = as_alice.get(f"/posts/{target.post_id}").text
    assert "Waiting in TikTok" in page and "open the notification in their TikTok inbox" in page
    assert "The creator chooses in TikTok" in page and "not chosen" not in page


def test_photos_are_counted_and_have_no_length(made, as_alice):
    target = made(FLOWS[2], polls=1)
    page = as_alice.get(f"/posts/{target.post_id}").text
    assert "<dt>Photos</dt><dd>3</dd>" in page and "<dt>Title</dt><dd>On cue</dd>" in page
    assert "<dt>Cover</dt>" in page and "Length" not in page


@pytest.mark.parametrize("flow", FLOWS, ids=str)
def test_every_step_and_state_of_every_flow_has_its_words(made, as_alice, app, flow):
    target = made(flow, state="published", published_at=clock.utcnow())
    with app.app_context():
        for step in ("creator_info", "init", "upload", "status", "list"):
            db.session.execute(sa.text("INSERT INTO publish_attempts (target_id, account_id, step, started_at) VALUES (:t, :a, :s, :at)"),
                               {"t": target.id, "a": target.account_id, "s": step, "at": clock.utcnow().replace(tzinfo=None)})
        db.session.commit()
    page = as_alice.get(f"/posts/{target.post_id}").text
    assert "Looked for it among the creator" in page
    assert "names its link once moderation is done" in page


def test_a_wrong_link_is_told_beside_its_field_and_stays_in_it(made, as_alice, app):
    target = made(FLOWS[0], state="unconfirmed", publish_id="v1", sent_at=clock.utcnow())
    url = f"/posts/{target.post_id}/targets/{target.id}/confirm"
    answer = as_alice.post(url, data={"csrf_token": as_alice.csrf, "link": "https://example.com/x"})
    assert answer.status_code == 422
    assert 'value="https://example.com/x" aria-invalid="true"' in answer.text
    assert f'id="link-{target.id}-error"' in answer.text and "not a link to a TikTok post" in answer.text
    assert load(app, target.id).state == "unconfirmed"
    link = "https://www.tiktok.com/@northbound/video/7601234567890123456"
    assert as_alice.post(url, data={"csrf_token": as_alice.csrf, "link": link}).status_code == 303
    assert load(app, target.id).permalink == link
