"""Tokens: fetched ahead, by one process at a time, and never lost."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
import sqlalchemy as sa

from app import clock
from app.domain.lifecycle import TargetState
from app.jobs.publishing import refresh_tokens
from app.models import Connection, PostTarget, TikTokAccount, db
from app.services import accounts
from app.services.ports import TikTokError
from app.services.publishing import advance
from tests import factories


@pytest.fixture
def account_id(app, tiktok, frozen, alice):
    return factories.connect_account(app, alice, tiktok)


def stored(app, account_id):
    with app.app_context():
        account = db.session.get_one(TikTokAccount, account_id)
        cipher = factories.wired(app).cipher
        return cipher.open(account.access_token_sealed), cipher.open(account.refresh_token_sealed), account.connection


def token(app, account_id, **options):
    with app.app_context():
        return accounts.access_token(account_id, factories.wired(app).accounts, **options)


def test_tokens_are_sealed_in_the_database(app, account_id):
    with app.app_context():
        account = db.session.get_one(TikTokAccount, account_id)
        for sealed in (account.access_token_sealed, account.refresh_token_sealed):
            assert "act." not in sealed and "rft." not in sealed


def test_a_fresh_token_is_used_as_it_is(app, tiktok, frozen, account_id):
    before = len(tiktok.calls("token"))
    assert token(app, account_id) == stored(app, account_id)[0]
    assert len(tiktok.calls("token")) == before


def test_is_renewed_ahead_of_its_end_and_the_rotated_refresh_token_is_kept(app, tiktok, frozen, account_id):
    first_access, first_refresh, _ = stored(app, account_id)
    frozen.advance(hours=22, minutes=1)
    second = token(app, account_id)
    access, refresh, _ = stored(app, account_id)
    assert second == access != first_access and refresh != first_refresh
    frozen.advance(hours=23)
    assert token(app, account_id) != second, "the rotated refresh token works"


def test_many_at_once_refresh_once(app, tiktok, frozen, account_id):
    frozen.advance(hours=25)
    before, found, barrier = len(tiktok.calls("token")), [], threading.Barrier(8)

    def ask():
        barrier.wait()
        found.append(token(app, account_id))
    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(found)) == 1
    assert len(tiktok.calls("token")) == before + 1


def test_five_posts_due_together_on_an_expired_token_refresh_it_once(app, tiktok, frozen, account_id, alice, video_path):
    media_id, due = factories.make_media(app, alice, video_path), clock.utcnow() + timedelta(hours=26)
    ids = [factories.make_post(app, alice, account_id=account_id, media_file_id=media_id, scheduled_at=due).target_id for _ in range(5)]
    expired = stored(app, account_id)[0]
    frozen.advance(hours=26)
    with pytest.raises(TikTokError, match="access_token_invalid"):
        factories.wired(app).tiktok.creator_info(expired)
    before, barrier = len(tiktok.calls("token")), threading.Barrier(len(ids))

    def work(target_id):
        barrier.wait()
        with app.app_context():
            advance(target_id, factories.wired(app).publishing)
    with ThreadPoolExecutor(len(ids)) as hands:
        for _ in ids:  # of one account one post is sent at a time; the others try again with the next beat
            list(hands.map(work, ids))
    with app.app_context():
        states = db.session.scalars(sa.select(PostTarget.state).where(PostTarget.id.in_(ids))).all()
    assert states == [TargetState.PROCESSING] * 5 and len(tiktok.calls("video_init")) == 5
    assert len(tiktok.calls("token")) == before + 1, "four waited for the fifth"


def test_the_periodic_job_renews_what_ends_soon(app, tiktok, frozen, account_id):
    first = stored(app, account_id)[0]
    frozen.advance(hours=21)
    with app.app_context():
        refresh_tokens()
    assert stored(app, account_id)[0] == first
    frozen.advance(hours=2)
    with app.app_context():
        refresh_tokens()
    assert stored(app, account_id)[0] != first


def test_a_refused_refresh_asks_for_a_new_connection(app, tiktok, frozen, account_id):
    factories.wired(app).login.revoke(stored(app, account_id)[0])
    frozen.advance(hours=25)
    with pytest.raises(TikTokError) as caught:
        token(app, account_id)
    assert caught.value.code == "token_missing"
    assert stored(app, account_id)[2] is Connection.NEEDS_RECONNECT


def test_connecting_again_renews_the_account_in_place(app, tiktok, frozen, account_id, alice):
    before = stored(app, account_id)
    assert factories.connect_account(app, alice, tiktok) == account_id
    assert stored(app, account_id)[0] != before[0]


def test_disconnecting_revokes_at_tiktok_and_forgets_the_tokens(app, tiktok, frozen, account_id, alice):
    access = stored(app, account_id)[0]
    with app.app_context():
        account = accounts.load_account(alice.workspace_id, account_id)
        assert accounts.disconnect_account(account=account, actor_id=alice.user_id, ports=factories.wired(app).accounts)
        account = db.session.get_one(TikTokAccount, account_id)
        assert (account.connection, account.access_token_sealed, account.refresh_token_sealed) == (Connection.DISCONNECTED, None, None)
    with pytest.raises(TikTokError) as caught:
        factories.wired(app).tiktok.creator_info(access)
    assert caught.value.code == "access_token_invalid"


def test_keys_are_rotated_by_sealing_anew(app, frozen, account_id):
    from app.infra.crypto import TokenCipher
    from app.instance import new_secrets
    old, new = factories.wired(app).settings.token_keys[0], new_secrets()["TOKEN_KEYS"]
    with app.app_context():
        sealed = db.session.get_one(TikTokAccount, account_id).access_token_sealed
    resealed = TokenCipher([new, old]).reseal(sealed)
    assert TokenCipher([new]).open(resealed) == TokenCipher([old]).open(sealed)
