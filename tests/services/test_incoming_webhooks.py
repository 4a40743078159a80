"""Webhooks make targets due and end authorisations; nothing moves by their words, and twice is once."""

from __future__ import annotations

import contextlib
import threading
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
import sqlalchemy as sa

from app import clock
from app.domain.lifecycle import TargetState
from app.models import Connection, Event, IncomingWebhook, PostTarget, TikTokAccount, db
from app.queries.accounts import list_accounts
from app.queries.due import due_targets
from app.services import accounts
from app.services.incoming_webhooks import ABOUT_A_POST, REMOVED, receive_webhook
from app.services.ports import Webhook
from tests import factories
from tests.steps import step

S = TargetState
PUBLISH_ID = "v_pub_file~v2-1.123456789"
FAR = timedelta(hours=5)


@pytest.fixture
def scene(app, tiktok, frozen, alice, video_path):
    """A creator whose post is scheduled; `become` puts its target into any state by SQL."""
    account_id = factories.connect_account(app, alice, tiktok)
    target_id = factories.make_post(app, alice, account_id=account_id, media_file_id=factories.make_media(app, alice, video_path),
                                    scheduled_at=clock.utcnow() + FAR).target_id

    def become(state, **columns):
        columns = {"publish_id": PUBLISH_ID, "sent_at": clock.utcnow(), "due_at": clock.utcnow() + FAR, "problem_code": "x", **columns}
        if state is S.PUBLISHED:
            columns.setdefault("published_at", clock.utcnow())
        with app.app_context():
            db.session.execute(sa.update(PostTarget).where(PostTarget.id == target_id).values(state=state, **columns))
            db.session.commit()
    with app.app_context():
        open_id = db.session.get_one(TikTokAccount, account_id).open_id
    return SimpleNamespace(account_id=account_id, target_id=target_id, open_id=open_id, become=become)


def row(app, target_id):
    with app.app_context():
        return dict(db.session.execute(sa.select(PostTarget.__table__).where(PostTarget.id == target_id)).one()._mapping)


def webhook(scene, event="post.publish.complete", **changes):
    values = {"open_id": scene.open_id, "publish_id": PUBLISH_ID, "post_id": None, "happened_at": clock.utcnow(), "content": {}}
    return Webhook(event=event, **{**values, **changes})


def removal(scene, reason, **changes):
    return webhook(scene, REMOVED, publish_id=None, content={"reason": reason}, **changes)


def receive(app, *webhooks):
    with app.app_context():
        return [receive_webhook(item, clock.utcnow()) for item in webhooks]


def account(app, account_id):
    with app.app_context():
        found = db.session.get_one(TikTokAccount, account_id)
        db.session.expunge(found)
        return found


def events(app, kind="account.left"):
    with app.app_context():
        return db.session.execute(sa.select(Event.workspace_id, Event.account_id, Event.data)
                                  .where(Event.kind == kind).order_by(Event.id)).all()


# Targets

MADE_DUE = {S.PROCESSING, S.UNCONFIRMED, S.IN_INBOX, S.PUBLISHED}


@pytest.mark.parametrize("event", sorted(ABOUT_A_POST))
@pytest.mark.parametrize("state", list(S))
def test_no_state_moves_by_a_webhook_s_words(app, scene, state, event):
    scene.become(state)
    before = row(app, scene.target_id)
    assert receive(app, webhook(scene, event)) == [True]
    after = row(app, scene.target_id)
    due_at = after.pop("due_at")
    assert (due_at == clock.utcnow()) == (state in MADE_DUE) and (state in MADE_DUE or due_at == before["due_at"])
    before.pop("due_at")
    assert after == before


@pytest.mark.parametrize("state", [S.UNCONFIRMED, S.IN_INBOX, S.PUBLISHED])
def test_what_is_no_longer_asked_about_is_asked_about_again(app, scene, state):
    scene.become(state, due_at=None)
    receive(app, webhook(scene, "post.publish.publicly_available", post_id="7602997517160123666"))
    assert row(app, scene.target_id)["due_at"] == clock.utcnow()
    with app.app_context():
        assert due_targets(clock.utcnow()) == [scene.target_id]


def test_a_published_post_with_its_link_is_left_alone(app, scene):
    scene.become(S.PUBLISHED, due_at=None, tiktok_post_id="7", permalink="https://example.com/7")
    before = row(app, scene.target_id)
    receive(app, *(webhook(scene, event) for event in sorted(ABOUT_A_POST)))
    assert row(app, scene.target_id) == before


def test_what_is_due_already_keeps_its_place(app, scene):
    scene.become(S.PROCESSING, due_at=clock.utcnow() - timedelta(seconds=30))
    before = row(app, scene.target_id)
    receive(app, webhook(scene))
    assert row(app, scene.target_id) == before


def test_a_lease_stays_with_its_worker(app, scene):
    scene.become(S.PROCESSING, lease_until=clock.utcnow() + timedelta(seconds=60), lease_token="t" * 32)
    receive(app, webhook(scene))
    after = row(app, scene.target_id)
    assert after["lease_token"] == "t" * 32 and after["due_at"] == clock.utcnow()
    with app.app_context():
        assert due_targets(clock.utcnow()) == []


@pytest.mark.parametrize("changes", [
    {"open_id": "-000stranger"}, {"open_id": None}, {"publish_id": "v_pub_file~v2-1.1"}, {"publish_id": None},
    {"publish_id": PUBLISH_ID + "0"}, {"event": "post.publish.something_new"}, {"event": "video.publish.completed"},
], ids=str)
def test_a_webhook_about_something_else_touches_nothing(app, scene, changes):
    scene.become(S.PROCESSING)
    before = row(app, scene.target_id)
    assert receive(app, webhook(scene, **changes)) == [True]
    assert row(app, scene.target_id) == before


def test_another_creator_s_webhook_touches_only_that_creator_s_target(app, tiktok, scene, bob):
    scene.become(S.PROCESSING)
    other = account(app, factories.connect_account(app, bob, tiktok, "kabinet"))
    before = row(app, scene.target_id)
    receive(app, webhook(scene, open_id=other.open_id))
    assert row(app, scene.target_id) == before


# Once

def test_a_duplicate_does_nothing(app, scene):
    scene.become(S.PROCESSING)
    told = webhook(scene)
    assert receive(app, told) == [True]
    scene.become(S.PROCESSING)
    before = row(app, scene.target_id)
    assert receive(app, told, told) == [False, False]
    assert row(app, scene.target_id) == before


@pytest.mark.parametrize("changes", [
    {"event": "post.publish.failed"}, {"open_id": "-000other"}, {"publish_id": "v_pub_file~v2-1.2"}, {"post_id": "7"},
    {"happened_at": datetime(2026, 11, 20, 11, 0, tzinfo=UTC)},
], ids=str)
def test_one_difference_makes_another_webhook(app, scene, changes):
    assert receive(app, webhook(scene), webhook(scene, **changes), webhook(scene, **changes)) == [True, True, False]


def test_ten_deliveries_at_once_are_one(app, scene):
    told, barrier, answers = removal(scene, 1), threading.Barrier(10), []

    def deliver():
        with app.app_context():
            barrier.wait()
            answers.append(receive_webhook(told, clock.utcnow()))
    threads = [threading.Thread(target=deliver) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [False] * 9 + [True]
    assert len(events(app)) == 1


def test_is_kept_as_it_was_told_and_an_unknown_event_does_nothing_else(app, scene):
    happened_at = datetime(2026, 11, 19, 8, 0, tzinfo=UTC)
    content = {"share_id": "video.6974", "nested": {"a": [1, 2.5, None, "ü"]}}
    before = row(app, scene.target_id)
    receive(app, webhook(scene, "brand.new.event", publish_id=None, content=content, happened_at=happened_at))
    with app.app_context():
        kept = db.session.scalars(sa.select(IncomingWebhook)).one()
        assert (kept.event, kept.open_id, kept.publish_id, kept.content) == ("brand.new.event", scene.open_id, None, content)
        assert (kept.happened_at, kept.received_at, len(kept.idempotency_key)) == (happened_at, clock.utcnow(), 64)
    assert row(app, scene.target_id) == before
    assert account(app, scene.account_id).connection is Connection.CONNECTED and events(app) == []


# Authorisations

@pytest.mark.parametrize(("reason", "connection", "words"), [
    (0, "needs_reconnect", "without saying why"), (1, "needs_reconnect", "The creator removed Oncue in TikTok"),
    (2, "disconnected", "deleted"), (3, "disconnected", "age"), (4, "disconnected", "banned"), (5, "needs_reconnect", "withdrawn"),
    (6, "needs_reconnect", "without saying why"), ("4", "disconnected", "banned"), (None, "needs_reconnect", "without saying why"),
    (True, "needs_reconnect", "without saying why"), ([4], "needs_reconnect", "without saying why"),
], ids=repr)
def test_what_a_removal_means(app, scene, alice, reason, connection, words):
    receive(app, removal(scene, reason))
    found = account(app, scene.account_id)
    assert found.connection == connection
    tokens = [found.access_token_sealed, found.refresh_token_sealed, found.access_expires_at, found.refresh_expires_at]
    assert all(t is None for t in tokens) if connection == "disconnected" else all(tokens)
    [told] = events(app)
    assert (told.workspace_id, told.account_id) == (alice.workspace_id, scene.account_id) and words in told.data["reason"]
    with app.app_context():
        [shown] = list_accounts(alice.workspace_id)
        assert shown.left_reason == told.data["reason"]


@pytest.mark.parametrize("reason", [1, 4])
def test_what_is_scheduled_stays_and_is_held_when_its_time_comes(app, tiktok, frozen, scene, reason):
    before = row(app, scene.target_id)
    receive(app, removal(scene, reason))
    told = row(app, scene.target_id)
    assert told["finding_code"] == "account_left" and "Reconnect the account" in told["finding_text"], "each post says so at once"
    untold = {"finding_code": None, "finding_text": None, "checked_at": before["checked_at"]}
    assert {**told, **untold} == before, "and is otherwise left alone"
    frozen.advance(hours=5)
    step(app, scene.target_id)
    target = row(app, scene.target_id)
    assert (target["state"], target["problem_code"]) == (S.MISSED, "token_missing") and "Reconnect" in target["problem_text"]
    assert tiktok.calls("video_init") == []


def test_a_creator_leaves_every_workspace_at_once_and_nobody_else_does(app, tiktok, scene, bob):
    shared = factories.connect_account(app, bob, tiktok)
    other = factories.connect_account(app, bob, tiktok, "kabinet")
    receive(app, removal(scene, 1))
    assert [account(app, i).connection.value for i in (scene.account_id, shared, other)] == [
        "needs_reconnect", "needs_reconnect", "connected"]
    assert {told.account_id for told in events(app)} == {scene.account_id, shared}


@pytest.mark.parametrize("reason", [1, 4])
def test_a_removal_from_before_the_last_consent_undoes_nothing(app, tiktok, frozen, alice, scene, reason):
    removed_at = clock.utcnow() + timedelta(minutes=1)
    frozen.advance(minutes=2)
    assert factories.connect_account(app, alice, tiktok) == scene.account_id
    before = account(app, scene.account_id)
    receive(app, removal(scene, reason, happened_at=removed_at))
    after = account(app, scene.account_id)
    assert (after.connection, after.access_token_sealed) == (Connection.CONNECTED, before.access_token_sealed)
    assert after.authorized_at == clock.utcnow() > after.connected_at
    assert events(app) == []


def test_reconnecting_ends_what_was_said(app, tiktok, frozen, alice, scene):
    receive(app, removal(scene, 4))
    frozen.advance(minutes=2)
    factories.connect_account(app, alice, tiktok)
    with app.app_context():
        [shown] = list_accounts(alice.workspace_id)
        assert (shown.connection, shown.left_reason) == (Connection.CONNECTED, None)
    step(app, scene.target_id)
    target = row(app, scene.target_id)
    assert (target["state"], target["finding_code"]) == (S.SCHEDULED, None), "checked anew at once, and nothing is in its way"


def test_the_last_reason_counts(app, frozen, alice, scene):
    receive(app, removal(scene, 1))
    frozen.advance(minutes=2)
    receive(app, removal(scene, 4))
    with app.app_context():
        assert "banned" in list_accounts(alice.workspace_id)[0].left_reason


def test_whom_a_person_disconnected_tiktok_s_echo_says_nothing_about(app, scene, alice):
    with app.app_context():
        accounts.disconnect_account(account=accounts.load_account(alice.workspace_id, scene.account_id), actor_id=alice.user_id,
                                    ports=factories.wired(app).accounts)
    receive(app, removal(scene, 5))
    assert account(app, scene.account_id).connection is Connection.DISCONNECTED and events(app) == []


@pytest.mark.parametrize("first", ["person", "webhook"])
def test_after_a_person_s_disconnect_no_reason_is_shown(app, scene, alice, first):
    def disconnect():
        with app.app_context():
            accounts.disconnect_account(account=accounts.load_account(alice.workspace_id, scene.account_id), actor_id=alice.user_id,
                                        ports=factories.wired(app).accounts)
    acts = [disconnect, lambda: receive(app, removal(scene, 5))]
    for act in acts if first == "person" else reversed(acts):
        act()
    with app.app_context():
        [shown] = list_accounts(alice.workspace_id)
        assert (shown.connection, shown.left_reason) == (Connection.DISCONNECTED, None)


@pytest.mark.parametrize("answer", ["refreshed", "refused"])
def test_a_removal_during_a_refresh_leaves_no_tokens_behind(app, tiktok, frozen, scene, answer):
    wired = factories.wired(app).accounts
    frozen.advance(hours=23)

    class Login:
        def refresh(self, refresh_token):
            receive(app, removal(scene, 4))
            return wired.oauth.refresh(refresh_token if answer == "refreshed" else "rft.unknown")
    ports = accounts.AccountPorts(wired.tiktok, Login(), wired.cipher, wired.storage, wired.utcnow)
    with app.app_context(), contextlib.suppress(accounts.TikTokError):
        accounts.access_token(scene.account_id, ports)
    found = account(app, scene.account_id)
    assert (found.connection, found.access_token_sealed) == (Connection.DISCONNECTED, None)
    assert events(app, "account.lost") == []
