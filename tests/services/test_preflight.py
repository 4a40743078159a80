"""A day and an hour ahead: found while there is time to act, stored, shown, and nothing else changed."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa

from app import clock
from app.domain.post_rules import PrivacyLevel
from app.models import Connection, Event, PostTarget, TikTokAccount, db
from app.queries.posts import find_post
from app.queries.targets import find_target
from app.services import scheduling
from tests import factories
from tests.steps import step


@pytest.fixture
def planned(app, tiktok, frozen, alice, video_path):
    """A post for three days ahead, which allows comments."""
    account_id = factories.connect_account(app, alice, tiktok)
    post = factories.make_post(app, alice, account_id=account_id, media_file_id=factories.make_media(app, alice, video_path),
                               scheduled_at=clock.utcnow() + timedelta(days=3), allow_comment=True)
    post.account_id, post.person = account_id, alice
    return post


def warnings(app):
    with app.app_context():
        return db.session.scalars(sa.select(Event.data).where(Event.kind == "target.warned")).all()


def test_is_checked_a_day_and_an_hour_ahead_and_goes_out_on_time(app, tiktok, frozen, planned):
    assert step(app, planned.target_id).checked_at is None
    frozen.advance(days=2)
    target = step(app, planned.target_id)
    assert (target.state, target.finding_code, target.checked_at) == ("scheduled", None, clock.utcnow())
    assert target.due_at == target.scheduled_at - timedelta(hours=1)
    frozen.advance(hours=23)
    target = step(app, planned.target_id)
    assert (target.checked_at, target.due_at) == (clock.utcnow(), target.scheduled_at)
    assert tiktok.calls("video_init") == []
    frozen.advance(hours=1)
    assert step(app, planned.target_id).state == "processing"


def test_a_setting_that_no_longer_fits_is_found_and_told_once_and_forgotten_when_it_is_mended(app, tiktok, frozen, planned):
    tiktok.patch_creator("northbound", comment_disabled=True)
    frozen.advance(days=2)
    target = step(app, planned.target_id)
    assert (target.state, target.finding_code, target.allow_comment) == ("scheduled", "comment_disabled", True)
    with app.app_context():
        assert "comments off" in find_target(planned.person.workspace_id, planned.target_id).finding_text
        assert any(e.kind == "target.warned" for e in find_post(planned.person.workspace_id, planned.post_id).events)
    frozen.advance(hours=23)
    assert step(app, planned.target_id).finding_code == "comment_disabled"
    assert len(warnings(app)) == 1
    tiktok.patch_creator("northbound", comment_disabled=False)
    frozen.advance(hours=1)
    target = step(app, planned.target_id)
    assert (target.state, target.finding_code) == ("processing", None)


def test_a_lost_connection_is_found(app, tiktok, frozen, planned):
    with app.app_context():
        db.session.execute(sa.update(TikTokAccount).values(connection=Connection.NEEDS_RECONNECT))
        db.session.commit()
    frozen.advance(days=2)
    assert step(app, planned.target_id).finding_code == "token_missing"


def test_a_permission_that_ends_before_the_post_is_found(app, tiktok, frozen, planned):
    with app.app_context():
        db.session.execute(sa.update(TikTokAccount).values(refresh_expires_at=clock.utcnow() + timedelta(days=2, hours=12)))
        db.session.commit()
    frozen.advance(days=2)
    target = step(app, planned.target_id)
    assert target.finding_code == "connection_ends" and "Reconnect" in target.finding_text


def test_a_file_that_is_gone_is_found(app, tiktok, frozen, planned):
    storage = factories.wired(app).storage
    with app.app_context():
        key = find_post(planned.person.workspace_id, planned.post_id).media.storage_key
    with storage.open(key) as file:
        content = file.read()
    storage.delete(key)
    frozen.advance(days=2)
    assert step(app, planned.target_id).finding_code == "media_missing"
    storage.write(key, content)


def test_a_banned_creator_is_found(app, tiktok, frozen, planned):
    tiktok.patch_creator("northbound", banned=True)
    frozen.advance(days=2)
    assert step(app, planned.target_id).finding_code == "spam_risk_user_banned_from_posting"


def test_more_than_a_day_s_posts_are_found(app, tiktok, frozen, planned):
    with app.app_context():
        media_id = find_post(planned.person.workspace_id, planned.post_id).media.id
        scheduled_at = db.session.get_one(PostTarget, planned.target_id).scheduled_at
    for n in range(15):
        factories.make_post(app, planned.person, account_id=planned.account_id, media_file_id=media_id, privacy=PrivacyLevel.ONLY_ME,
                            scheduled_at=scheduled_at - timedelta(minutes=n + 1))
    frozen.advance(days=2)
    target = step(app, planned.target_id)
    assert target.finding_code == "over_daily_cap" and "16 posts are planned" in target.finding_text


def test_when_tiktok_can_t_be_asked_the_check_is_made_later_and_nothing_is_claimed(app, tiktok, frozen, planned):
    tiktok.post("/sandbox/api/faults", match={"endpoint": "creator_info"}, kind="error_html", times=1)
    frozen.advance(days=2)
    target = step(app, planned.target_id)
    assert (target.state, target.finding_code, target.checked_at) == ("scheduled", None, None)
    assert target.due_at == clock.utcnow() + timedelta(minutes=15)
    frozen.advance(minutes=15)
    assert step(app, planned.target_id).checked_at == clock.utcnow()


def test_a_move_during_a_check_wins(app, tiktok, frozen, planned):
    frozen.advance(days=2)
    ports = factories.wired(app).publishing
    later = clock.utcnow() + timedelta(days=10)

    class MovesMeanwhile(type(ports.tiktok)):
        def creator_info(self, token):
            with app.app_context():
                scheduling.move_target(workspace_id=planned.person.workspace_id, target_id=planned.target_id, scheduled_at=later,
                                  actor_id=planned.person.user_id, now=clock.utcnow())
            return super().creator_info(token)
    settings = factories.wired(app).settings
    client = MovesMeanwhile(api_url=settings.tiktok_api_url, web_url=settings.tiktok_web_url, upload_hosts=settings.tiktok_upload_hosts)
    target = step(app, planned.target_id, replace(ports, tiktok=client))
    assert (target.scheduled_at, target.due_at, target.checked_at) == (later, later - timedelta(days=1), None)
    client.close()
