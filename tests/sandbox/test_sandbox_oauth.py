"""Authorise page, token, refresh, revoke (section 1 of the API notes)."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from .conftest import StartSandbox
from .driver import ALL_SCOPES, CALLBACK, Account, Driver

VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
HEX_CHALLENGE = "13d31e961a1ad8ec2f16b10c4c982e0876a878ad6df144566ee1894acb70f9c3"
RFC_CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


def show(sandbox: Driver, **changes: str) -> httpx.Response:
    return sandbox.http.get("/v2/auth/authorize/", params=sandbox.request_params(**changes))


def test_the_page_offers_accounts_and_scopes(sandbox: Driver) -> None:
    text = show(sandbox).text
    for name in ("northbound", "lumen.studio", "kabinet"):
        assert f'name="creator" value="{name}"' in text
    for scope in ALL_SCOPES.split(","):
        assert f'name="scopes" value="{scope}"' in text
    assert 'value="allow"' in text and 'value="deny"' in text


@pytest.mark.parametrize(("changes", "parameter"), [
    ({"client_key": "other"}, "client_key"),
    ({"redirect_uri": "https://example.com/callback/"}, "redirect_uri"),
    ({"redirect_uri": "http://127.0.0.1:9/tiktok/callback"}, "redirect_uri"),
    ({"redirect_uri": CALLBACK + "?a=b"}, "redirect_uri"),
    ({"redirect_uri": CALLBACK + "#top"}, "redirect_uri"),
    ({"redirect_uri": "/callback"}, "redirect_uri"),
    ({"redirect_uri": CALLBACK + "a" * 500}, "redirect_uri"),
    ({"response_type": "token"}, "response_type"),
    ({"scope": "user.info.basic video.publish"}, "scope"),
    ({"scope": "user.info.basic,video.delete"}, "scope"),
    ({"scope": ""}, "scope"),
    ({"state": ""}, "state"),
    ({"code_challenge": RFC_CHALLENGE, "code_challenge_method": "S256"}, "code_challenge"),
    ({"code_challenge": HEX_CHALLENGE, "code_challenge_method": "plain"}, "code_challenge"),
])
def test_a_wrong_request_gets_a_page_that_names_the_parameter(
        sandbox: Driver, changes: dict[str, str], parameter: str) -> None:
    for reply in (show(sandbox, **changes),
                  sandbox.http.post("/v2/auth/authorize/", data={
                      **sandbox.request_params(**changes), "creator": "northbound", "decision": "allow"})):
        assert reply.status_code == 400
        assert f'<code class="culprit">{parameter}</code>' in reply.text


def test_registered_uris_must_match_to_the_slash(start_sandbox: StartSandbox) -> None:
    sandbox = start_sandbox(redirect_uris=("https://app.example.com/callback/",))
    assert show(sandbox, redirect_uri="https://app.example.com/callback/").status_code == 200
    assert show(sandbox, redirect_uri="https://app.example.com/callback").status_code == 400
    assert show(sandbox).status_code == 400


def test_the_callback_gets_an_encoded_code_the_scopes_and_the_state(sandbox: Driver) -> None:
    reply = sandbox.http.post("/v2/auth/authorize/", data={
        **sandbox.request_params(state="a&b c"), "creator": "northbound", "decision": "allow",
        "scopes": ["video.publish"]})
    location = reply.headers["Location"]
    assert "%2A0%216410" in location and "state=a%26b+c" in location
    assert "scopes=user.info.basic%2Cvideo.publish&" in location  # the basic scope can't be unticked


def test_an_undecoded_code_is_not_a_code(sandbox: Driver) -> None:
    code = sandbox.decide()["code"]
    assert code.endswith("*0!6410")
    raw = code.replace("*", "%2A").replace("!", "%21")
    assert sandbox.exchange(raw).json()["error"] == "invalid_grant"


def test_denied(sandbox: Driver) -> None:
    answer = sandbox.decide(decision="deny")
    assert answer["error"] == "access_denied" and answer["state"] == "s-1" and answer["error_description"]
    assert "code" not in answer


def test_a_stranger_to_an_app_in_sandbox_mode(sandbox: Driver) -> None:
    sandbox.switch(target_users="kabinet")
    answer = sandbox.decide("northbound")
    assert (answer["error"], answer["error_type"]) == ("access_denied", "non_sandbox_target")
    assert "code" in sandbox.decide("kabinet")


def test_an_account_made_on_the_page_can_be_used(sandbox: Driver) -> None:
    reply = sandbox.http.post("/v2/auth/authorize/creators/", data={
        **sandbox.request_params(), "username": "new.one", "nickname": "New One", "private": "on", "max_seconds": "90"})
    assert reply.status_code == 303
    page = sandbox.http.get(reply.headers["Location"]).text
    assert 'value="new.one"' in page
    account = sandbox.connect("new.one")
    info = sandbox.post(account, "/v2/post/publish/creator_info/query/").json()["data"]
    assert info["creator_nickname"] == "New One" and info["max_video_post_duration_sec"] == 90
    assert info["privacy_level_options"][0] == "FOLLOWER_OF_CREATOR"


@pytest.mark.parametrize("form", [{"username": "northbound"}, {"username": "a"}, {"username": "ok", "max_seconds": "x"}])
def test_an_account_that_can_not_be_made(sandbox: Driver, form: dict[str, str]) -> None:
    reply = sandbox.http.post("/v2/auth/authorize/creators/", data={**sandbox.request_params(), **form})
    assert reply.status_code == 422 and 'role="alert"' in reply.text


def test_consent_is_skipped_only_when_asked_and_granted(sandbox: Driver) -> None:
    assert show(sandbox, disable_auto_auth="0").status_code == 200
    sandbox.decide("northbound", scope="user.info.basic,video.publish")
    assert show(sandbox, scope="video.publish", disable_auto_auth="1").status_code == 200
    assert show(sandbox, scope="video.publish").status_code == 200
    assert show(sandbox, disable_auto_auth="0").status_code == 200, "asks for more than was granted"
    skipped = show(sandbox, scope="video.publish", disable_auto_auth="0")
    assert skipped.status_code == 302 and "code=" in skipped.headers["Location"]


def test_tokens(sandbox: Driver) -> None:
    tokens = sandbox.exchange(sandbox.decide(scopes=["video.publish", "video.list"])["code"]).json()
    assert set(tokens) == {"access_token", "expires_in", "open_id", "refresh_token", "refresh_expires_in", "scope",
                           "token_type"}
    assert tokens["access_token"].startswith("act.") and tokens["refresh_token"].startswith("rft.")
    assert (tokens["expires_in"], tokens["refresh_expires_in"]) == (86_400, 31_536_000)
    assert tokens["token_type"] == "Bearer"
    assert set(tokens["scope"].split(",")) == {"user.info.basic", "video.publish", "video.list"}


def test_open_id_belongs_to_user_and_app(start_sandbox: StartSandbox, tmp_path: Path) -> None:
    one, other = start_sandbox(), start_sandbox(client_key="sbother", directory=tmp_path / "other")
    first = one.connect("northbound")
    assert one.connect("northbound").open_id == first.open_id
    assert one.connect("kabinet").open_id != first.open_id
    assert other.connect("northbound").open_id != first.open_id


def test_a_code_works_once_and_not_for_long(sandbox: Driver) -> None:
    code = sandbox.decide()["code"]
    assert "access_token" in sandbox.exchange(code).json()
    assert sandbox.exchange(code).json()["error"] == "invalid_grant"
    late = sandbox.decide()["code"]
    sandbox.advance(300)
    assert sandbox.exchange(late).json()["error"] == "invalid_grant"


@pytest.mark.parametrize(("form", "error"), [
    ({"grant_type": "client_credentials"}, "unsupported_grant_type"),
    ({"grant_type": ""}, "invalid_request"),
    ({"code": "gone"}, "invalid_grant"),
    ({"code": "gone", "client_key": "nobody"}, "invalid_grant"),
    ({"client_key": "nobody"}, "invalid_client"),
    ({"client_secret": "wrong"}, "invalid_client"),
    ({"client_secret": ""}, "invalid_request"),
    ({"redirect_uri": CALLBACK.rstrip("/")}, "invalid_request"),
])
@pytest.mark.parametrize("status", [200, 400])
def test_token_errors_are_flat_and_come_with_200_unless_switched(
        sandbox: Driver, form: dict[str, str], error: str, status: int) -> None:
    sandbox.switch(oauth_error_status=status)
    values = {"grant_type": "authorization_code", "code": sandbox.decide()["code"], "redirect_uri": CALLBACK, **form}
    reply = sandbox.token(**values)
    assert reply.status_code == status
    assert set(reply.json()) == {"error", "error_description", "log_id"}
    assert reply.json()["error"] == error


def test_a_json_body_is_not_a_form(sandbox: Driver) -> None:
    assert sandbox.http.post("/v2/oauth/token/", json={"grant_type": "refresh_token"}).json()["error"] == "invalid_request"


def test_a_wrong_redirect_uri_does_not_use_the_code_up(sandbox: Driver) -> None:
    code = sandbox.decide()["code"]
    assert sandbox.exchange(code, redirect_uri="http://127.0.0.1:9/other/").json()["error"] == "invalid_request"
    assert "access_token" in sandbox.exchange(code).json()


@pytest.mark.parametrize(("verifier", "ok"), [(VERIFIER, True), ("x" * 43, False), ("", False)])
def test_pkce_is_a_hex_digest(sandbox: Driver, verifier: str, ok: bool) -> None:
    code = sandbox.decide(code_challenge=HEX_CHALLENGE, code_challenge_method="S256")["code"]
    reply = sandbox.exchange(code, code_verifier=verifier).json()
    assert ("access_token" in reply) is ok
    assert reply.get("error") == (None if ok else "invalid_request")


def test_a_verifier_without_challenge_is_tolerated_and_a_challenge_can_be_required(sandbox: Driver) -> None:
    assert "access_token" in sandbox.exchange(sandbox.decide()["code"], code_verifier=VERIFIER).json()
    sandbox.switch(require_pkce=True)
    assert "code_challenge" in show(sandbox).text and show(sandbox).status_code == 400


def refresh(sandbox: Driver, token: str) -> dict[str, object]:
    found: dict[str, object] = sandbox.token(grant_type="refresh_token", refresh_token=token).json()
    return found


def test_refresh_rotates(sandbox: Driver, northbound: Account) -> None:
    sandbox.advance(1_000)
    fresh = refresh(sandbox, northbound.refresh)
    assert fresh["refresh_token"] != northbound.refresh and fresh["access_token"] != northbound.access
    assert fresh["expires_in"] == 86_400 and fresh["refresh_expires_in"] == 31_535_000
    assert fresh["open_id"] == northbound.open_id and fresh["scope"] == northbound.tokens["scope"]
    assert refresh(sandbox, northbound.refresh)["error"] == "invalid_grant"
    assert "access_token" in refresh(sandbox, str(fresh["refresh_token"]))


def test_refresh_switches(sandbox: Driver, northbound: Account) -> None:
    sandbox.switch(rotate_refresh_tokens=False, refresh_extends_lifetime=True)
    sandbox.advance(1_000)
    fresh = refresh(sandbox, northbound.refresh)
    assert fresh["refresh_token"] == northbound.refresh and fresh["refresh_expires_in"] == 31_536_000
    sandbox.switch(rotate_refresh_tokens=True, refresh_grace_seconds=30)
    assert "access_token" in refresh(sandbox, northbound.refresh)
    assert "access_token" in refresh(sandbox, northbound.refresh)
    sandbox.advance(30)
    assert refresh(sandbox, northbound.refresh)["error"] == "invalid_grant"


def test_lifetimes(sandbox: Driver, northbound: Account) -> None:
    sandbox.advance(86_399)
    assert sandbox.http.get("/v2/user/info/?fields=open_id", headers=northbound.headers).status_code == 200
    sandbox.advance(1)
    assert sandbox.http.get("/v2/user/info/?fields=open_id", headers=northbound.headers).status_code == 401
    sandbox.advance(31_536_000)
    assert refresh(sandbox, northbound.refresh)["error"] == "invalid_grant"


def test_revoke(sandbox: Driver, northbound: Account) -> None:
    form = {"client_key": sandbox.config.client_key, "client_secret": sandbox.config.client_secret}
    wrong = sandbox.http.post("/v2/oauth/revoke/", data={**form, "token": "act.unknown"})
    assert wrong.json()["error"] == "invalid_request"
    assert sandbox.http.post("/v2/oauth/revoke/", data={**form, "client_secret": "x", "token": northbound.access}
                             ).json()["error"] == "invalid_client"
    reply = sandbox.http.post("/v2/oauth/revoke/", data={**form, "token": northbound.access})
    assert (reply.status_code, reply.content) == (200, b"")
    again = sandbox.http.post("/v2/oauth/revoke/", data={**form, "token": northbound.access})
    assert again.json()["error"] == "invalid_request"
    assert sandbox.http.get("/v2/user/info/?fields=open_id", headers=northbound.headers).status_code == 401
    assert refresh(sandbox, northbound.refresh)["error"] == "invalid_grant"
    assert show(sandbox, disable_auto_auth="0").status_code == 200, "the grant is gone, so consent is asked again"
