"""What stands between a post and its hour: it is held, waits, fails or is in doubt, each with its reason."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa

from app import clock
from app.domain.post_rules import PrivacyLevel
from app.infra.storage.disk import DiskStorage
from app.models import Connection, Event, PostTarget, TikTokAccount, db
from app.queries.due import due_targets
from app.services import accounts
from tests import factories
from tests.steps import attempts, step
from tests.videos import make_video


def test_is_held_when_the_creator_no_longer_allows_what_was_chosen(app, tiktok, frozen, scene):
    target_id = scene.schedule(allow_comment=True)
    tiktok.patch_creator("northbound", comment_disabled=True)
    frozen.advance(minutes=2)
    target = step(app, target_id)
    assert (target.state, target.problem_code, target.due_at) == ("missed", "comment_disabled", None)
    assert "comments off" in target.problem_text
    assert tiktok.calls("video_init") == []
    with app.app_context():
        assert db.session.scalar(sa.select(sa.func.count()).select_from(Event).where(Event.kind == "target.missed")) == 1


def test_is_held_when_the_account_was_disconnected(app, tiktok, frozen, scene):
    target_id = scene.schedule()
    with app.app_context():
        account = accounts.load_account(scene.person.workspace_id, scene.account_id)
        assert accounts.disconnect_account(account=account, actor_id=scene.person.user_id, ports=factories.wired(app).accounts)
    frozen.advance(minutes=2)
    target = step(app, target_id)
    assert (target.state, target.problem_code) == ("missed", "token_missing")


def test_fails_when_its_media_is_gone_and_nothing_is_sent(app, tiktok, frozen, scene, tmp_path):
    target_id = scene.schedule()
    frozen.advance(minutes=2)
    target = step(app, target_id, replace(factories.wired(app).publishing, storage=DiskStorage(tmp_path / "empty")))
    assert (target.state, target.problem_code) == ("failed", "media_missing")
    assert tiktok.calls("video_init") == []


def test_waits_while_tiktok_cannot_be_reached_and_stays_editable(app, tiktok, frozen, scene):
    target_id = scene.schedule()
    frozen.advance(minutes=2)
    wired = factories.wired(app).publishing
    nowhere = type(wired.tiktok)(api_url="http://127.0.0.1:9", web_url="", upload_hosts=())
    ports = replace(wired, tiktok=nowhere, accounts=replace(wired.accounts, tiktok=nowhere))
    waits = []
    for _ in range(3):
        target = step(app, target_id, ports)
        assert (target.state, target.problem_code) == ("scheduled", "unreachable")
        waits.append((target.due_at - clock.utcnow()).total_seconds())
        with app.app_context():
            assert due_targets(clock.utcnow()) == [], "back-off is part of what `due` means"
        frozen.advance(seconds=waits[-1])
    nowhere.close()
    assert waits == [10, 20, 40]
    assert step(app, target_id).state == "processing"
    frozen.advance(seconds=5)
    assert step(app, target_id).state == "published"
    assert len(tiktok.posts()) == 1


def test_fails_with_the_reason_that_tiktok_gives(app, tiktok, frozen, scene):
    target_id = scene.schedule(caption="Great sandbox-spam-text offer")
    frozen.advance(minutes=2)
    step(app, target_id)
    frozen.advance(seconds=5)
    target = step(app, target_id)
    assert (target.state, target.problem_code, target.published_at) == ("failed", "spam_risk_text", None)
    assert "caption" in target.problem_text
    assert tiktok.posts() == []


def test_needs_reconnecting_when_the_creator_took_the_permission_back(app, tiktok, frozen, scene):
    target_id = scene.schedule()
    with app.app_context():
        account = accounts.load_account(scene.person.workspace_id, scene.account_id)
        factories.wired(app).login.revoke(factories.wired(app).cipher.open(account.access_token_sealed))
    frozen.advance(minutes=2)
    target = step(app, target_id)
    assert target.state == "missed"
    with app.app_context():
        assert db.session.get_one(TikTokAccount, scene.account_id).connection is Connection.NEEDS_RECONNECT


def test_a_video_that_tiktok_can_t_use_fails_with_its_check(app, tiktok, frozen, scene, tmp_path):
    """The creator's limit shrinks between the last check and TikTok's own: TikTok's word counts."""
    media_id = factories.make_media(app, scene.person, make_video(tmp_path / "long.mp4", seconds=5, fps=24))
    target_id = scene.schedule(media_file_id=media_id)
    frozen.advance(minutes=2)
    step(app, target_id)
    tiktok.patch_creator("northbound", max_seconds=3)
    frozen.advance(seconds=5)
    target = step(app, target_id)
    assert (target.state, target.problem_code) == ("failed", "duration_check_failed")


def test_a_seventh_post_in_a_minute_waits_its_turn_and_has_not_failed(app, tiktok, frozen, scene):
    ids = [scene.schedule() for _ in range(7)]
    frozen.advance(minutes=2)
    for target_id in ids[:6]:
        assert step(app, target_id).state == "processing"
        frozen.advance(seconds=1)
    waiting = step(app, ids[6])
    assert (waiting.state, waiting.problem_code, waiting.failed_tries) == ("scheduled", "waits_for_minute", 0)
    assert [(row.step, row.code) for row in attempts(app, waiting.id)] == [("creator_info", "ok")], "what was asked has its end"
    assert waiting.due_at == clock.utcnow() + timedelta(seconds=54)
    assert "waits its turn" in waiting.problem_text
    assert len(tiktok.calls("video_init")) == 6
    frozen.advance(seconds=54)
    assert step(app, ids[6]).state == "processing"


def test_a_sixteenth_post_in_a_day_waits_for_the_day(app, tiktok, frozen, scene):
    tiktok.switch(caps=False)
    ids = [scene.schedule(privacy=PrivacyLevel.ONLY_ME) for _ in range(16)]
    frozen.advance(minutes=2)
    first = clock.utcnow()
    for target_id in ids[:15]:
        assert step(app, target_id).state == "processing"
        frozen.advance(minutes=2)
    calls = len(tiktok.calls("creator_info"))
    waiting = step(app, ids[15])
    assert (waiting.state, waiting.problem_code, waiting.due_at) == ("scheduled", "waits_for_day", first + timedelta(hours=24))
    assert len(tiktok.calls("creator_info")) == calls, "nothing is asked that will not be used"
    frozen.now = first
    frozen.advance(hours=24)
    assert step(app, ids[15]).state == "processing"


def test_tiktok_s_own_cap_is_waited_for(app, tiktok, frozen, scene):
    target_id = scene.schedule()
    tiktok.patch_creator("northbound", capped=True)
    frozen.advance(minutes=2)
    target = step(app, target_id)
    assert (target.state, target.problem_code) == ("scheduled", "spam_risk_too_many_posts")
    assert target.due_at == clock.utcnow() + timedelta(hours=1)
    tiktok.patch_creator("northbound", capped=False)
    frozen.advance(hours=1)
    assert step(app, target_id).state == "processing"


@pytest.mark.parametrize("code", [
    "internal_error", "spam_risk_user_banned_from_posting", "a_code_of_tomorrow", "token_not_authorized_for_specified_publish_id",
])
def test_what_tiktok_may_have_is_unconfirmed_and_never_failed_or_sent_again(app, tiktok, frozen, scene, code):
    """Whatever a status call answers: the bytes are at TikTok, and only its FAILED says that there is no post."""
    target_id = scene.schedule()
    frozen.advance(minutes=2)
    step(app, target_id)
    with app.app_context():  # as after hours of trying
        db.session.execute(sa.update(PostTarget).values(failed_tries=30))
        db.session.commit()
    tiktok.post("/sandbox/api/faults", match={"endpoint": "status"}, kind="error_code", code=code, times=1)
    frozen.advance(hours=1)
    target = step(app, target_id)
    assert (target.state, target.published_at) == ("unconfirmed", None), target.problem_text
    assert target.problem_code == code and "will not send it again" in target.problem_text
    with app.app_context():
        db.session.execute(sa.update(TikTokAccount).values(connection=Connection.CONNECTED))
        db.session.commit()
    frozen.advance(hours=1)
    assert step(app, target_id).state == "published"
    assert len(tiktok.calls("video_init")) == len(tiktok.posts()) == 1
