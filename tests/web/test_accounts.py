"""Connecting, looking at and disconnecting TikTok accounts."""

from __future__ import annotations

import httpx
import pytest

from app.models import TikTokAccount, db
from tests import factories


@pytest.fixture(autouse=True)
def _sandbox(tiktok):
    return tiktok


def start(client):
    answer = client.post("/accounts/connect", data={"csrf_token": client.csrf, "ask_again": "1"})
    assert answer.status_code == 303
    return httpx.URL(answer.location)


def come_back(client, location):
    """Follow TikTok's redirect to our own path."""
    url = httpx.URL(location)
    answer = client.get(url.raw_path.decode())
    assert (answer.status_code, answer.location) == (303, "/accounts/")
    return client.get("/accounts/").text


def count_accounts(app):
    with app.app_context():
        return db.session.query(TikTokAccount).count()


def test_asks_tiktok_in_tiktok_s_own_way(as_alice, tiktok):
    url = start(as_alice)
    assert str(url).startswith(f"{tiktok.url}/v2/auth/authorize/?")
    assert url.params["client_key"] and "client_id" not in url.params
    assert url.params["scope"] == "user.info.basic,user.info.profile,video.publish,video.upload,video.list"
    assert url.params["disable_auto_auth"] == "1" and len(url.params["state"]) >= 32
    assert "tiktok" not in httpx.URL(url.params["redirect_uri"]).path


def test_connects_and_shows_the_creator(as_alice, tiktok):
    page = come_back(as_alice, tiktok.consent(str(start(as_alice))))
    assert "Northbound ☀ is connected." in page
    for text in ("@northbound", "Connected", "video.publish"):
        assert text in page
    avatar = as_alice.get("/accounts/1/avatar")
    assert avatar.mimetype.startswith("image/") and len(avatar.data) > 100


def test_a_denied_consent_is_explained(app, as_alice, tiktok):
    page = come_back(as_alice, tiktok.consent(str(start(as_alice)), decision="deny"))
    assert "answered with no" in page and count_accounts(app) == 0


@pytest.mark.parametrize("forge", [
    lambda url: url.copy_set_param("state", "f" * 40), lambda url: url.copy_remove_param("state"), lambda url: url.copy_with(query=None),
], ids=["another state", "no state", "nothing at all"])
def test_a_forged_callback_connects_nothing(app, as_alice, tiktok, forge):
    page = come_back(as_alice, forge(httpx.URL(tiktok.consent(str(start(as_alice))))))
    assert "does not belong to a connection that you started" in page and count_accounts(app) == 0


def test_a_callback_works_once(app, as_alice, tiktok):
    location = tiktok.consent(str(start(as_alice)))
    come_back(as_alice, location)
    assert "does not belong to a connection" in come_back(as_alice, location)


def test_a_callback_in_another_s_browser_is_refused(app, as_alice, as_bob, tiktok):
    location = tiktok.consent(str(start(as_alice)))
    assert "does not belong to a connection" in come_back(as_bob, location)
    assert count_accounts(app) == 0


def test_a_code_that_tiktok_does_not_know_is_explained(app, as_alice, tiktok):
    location = httpx.URL(tiktok.consent(str(start(as_alice)))).copy_set_param("code", "made*up!0")
    assert "expired or was used already" in come_back(as_alice, location)


@pytest.mark.parametrize(("query", "words"), [
    ("error=access_denied&error_type=non_sandbox_target", "target users"), ("error=server_error", "Try again in a minute"),
    ("code=", "Try again in a minute"),
])
def test_other_answers_of_tiktok_are_told_in_words(as_alice, query, words):
    state = start(as_alice).params["state"]
    assert words in come_back(as_alice, f"http://x/accounts/connected?{query}&state={state}")


def test_a_missing_permission_to_post_is_explained_and_asked_for_again(app, as_alice, tiktok):
    page = come_back(as_alice, tiktok.consent(str(start(as_alice)), scopes=["user.info.basic", "user.info.profile"]))
    assert "without the permission to post" in page and "May not post" in page and "Ask for it again" in page
    page = come_back(as_alice, tiktok.consent(str(start(as_alice))))
    assert "Ask for it again" not in page and count_accounts(app) == 1


def test_works_without_the_profile_permission(app, as_alice, tiktok):
    page = come_back(as_alice, tiktok.consent(str(start(as_alice)), scopes=["user.info.basic", "video.publish"]))
    assert "@northbound" in page, "the handle comes from creator info then"


def test_pkce_is_sent_in_tiktok_s_hexadecimal_form(app, as_alice, tiktok):
    login = factories.wired(app).login
    login._uses_pkce = True  # what TIKTOK_PKCE=hex sets
    try:
        url = start(as_alice)
        assert len(url.params["code_challenge"]) == 64 and url.params["code_challenge_method"] == "S256"
        assert "is connected" in come_back(as_alice, tiktok.consent(str(url)))
    finally:
        login._uses_pkce = False


def test_disconnects_after_asking_and_keeps_the_history(app, as_alice, alice, tiktok, video_path, frozen):
    from datetime import timedelta

    from app import clock
    account_id = factories.connect_account(app, alice, tiktok)
    post = factories.make_post(app, alice, account_id=account_id, media_file_id=factories.make_media(app, alice, video_path),
                               scheduled_at=clock.utcnow() + timedelta(days=1))
    assert "1 scheduled post will not go out" in as_alice.get(f"/accounts/{account_id}/disconnect").text
    answer = as_alice.post(f"/accounts/{account_id}/disconnect", data={"csrf_token": as_alice.csrf})
    assert answer.status_code == 303
    assert "Disconnected" in as_alice.get("/accounts/").text
    assert as_alice.get(f"/posts/{post.post_id}").status_code == 200


def test_when_tiktok_is_away_disconnecting_says_that_it_could_not_be_told(app, as_alice, alice, tiktok):
    account_id = factories.connect_account(app, alice, tiktok)
    login = factories.wired(app).login
    good, login._revoke_url = login._revoke_url, "http://127.0.0.1:9/v2/oauth/revoke/"
    try:
        as_alice.post(f"/accounts/{account_id}/disconnect", data={"csrf_token": as_alice.csrf})
    finally:
        login._revoke_url = good
    assert "could not be told" in as_alice.get("/accounts/").text


def test_strangers_find_nothing(app, as_bob, alice, tiktok):
    account_id = factories.connect_account(app, alice, tiktok)
    assert "Northbound" not in as_bob.get("/accounts/").text
    for path in (f"/accounts/{account_id}/avatar", f"/accounts/{account_id}/disconnect", "/accounts/999/avatar"):
        assert as_bob.get(path).status_code == 404
    assert as_bob.post(f"/accounts/{account_id}/disconnect", data={"csrf_token": as_bob.csrf}).status_code == 404


def test_nobody_without_a_login_gets_anywhere(client, alice):
    assert client.get("/accounts/").status_code == 303
    assert client.get("/accounts/connected?code=x&state=y").status_code == 303
