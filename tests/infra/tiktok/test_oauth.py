"""TikTok's login with its deviations from OAuth 2: against the sandbox, and against a server that is odder still."""

from __future__ import annotations

import traceback
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, parse_qsl, quote, urlsplit

import httpx
import pytest

from app.infra.tiktok.oauth import TikTokLogin
from app.infra.tiktok.transport import timeout
from app.services.ports import TokenGrant
from tests.infra.tiktok.refusals import refusal
from tests.servers import free_port

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
CALLBACK = "http://localhost:8000/accounts/connected"
VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
CHALLENGE = "13d31e961a1ad8ec2f16b10c4c982e0876a878ad6df144566ee1894acb70f9c3"
CODE, REFRESH = "code*0!6410", "rft.secret0"
GOOD = {"access_token": "act.secret1", "expires_in": 86400, "open_id": "-000a", "refresh_token": "rft.secret2",
        "refresh_expires_in": 31536000, "scope": "user.info.basic,video.publish", "token_type": "Bearer"}


def settings_for(stand_in) -> dict[str, object]:
    return {"client_key": "aw-key", "client_secret": "app-secret", "auth_url": "https://www.tiktok.com", "api_url": stand_in.url,
            "scopes": ["user.info.basic", "video.publish"], "pkce": "off", "utcnow": lambda: NOW}


@pytest.fixture(scope="module")
def one_login(stand_in_server):
    login = TikTokLogin(**settings_for(stand_in_server))
    yield login
    login._http.close()


@pytest.fixture
def login(stand_in, one_login):
    one_login._http.timeout = timeout(20)
    return one_login


@pytest.fixture
def make_login(stand_in):
    made = []

    def make(**changes):
        made.append(TikTokLogin(**{**settings_for(stand_in), **changes}))
        return made[-1]

    yield make
    for login in made:
        login._http.close()


ASKS = {
    "exchange": lambda login: login.exchange(code=CODE, redirect_uri=CALLBACK, verifier=None),
    "refresh": lambda login: login.refresh(REFRESH),
}
either = pytest.mark.parametrize("ask", ASKS.values(), ids=ASKS)


def query_of(url: str) -> dict[str, str]:
    pairs = parse_qsl(urlsplit(url).query, strict_parsing=True)
    assert len(pairs) == len(dict(pairs)), "no parameter twice"
    return dict(pairs)


# The consent page's address


def test_the_consent_page_is_asked_for_in_tiktok_s_words(login):
    url = login.authorization_url(state="some state/", redirect_uri=CALLBACK, verifier=None, ask_again=False)
    assert url.startswith("https://www.tiktok.com/v2/auth/authorize/?")
    assert query_of(url) == {
        "client_key": "aw-key", "response_type": "code", "scope": "user.info.basic,video.publish", "redirect_uri": CALLBACK,
        "state": "some state/", "disable_auto_auth": "0"}


def test_asking_again_shows_the_consent_page_in_any_case(login):
    url = login.authorization_url(state="s", redirect_uri=CALLBACK, verifier=None, ask_again=True)
    assert query_of(url)["disable_auto_auth"] == "1"


def test_the_app_s_secret_is_in_no_address(login):
    assert "app-secret" not in login.authorization_url(state="s", redirect_uri=CALLBACK, verifier=None, ask_again=True)


def test_a_challenge_is_hexadecimal_and_not_base64(make_login):
    url = make_login(pkce="hex").authorization_url(state="s", redirect_uri=CALLBACK, verifier=VERIFIER, ask_again=False)
    assert query_of(url)["code_challenge"] == CHALLENGE
    assert query_of(url)["code_challenge_method"] == "S256"
    assert VERIFIER not in url


def test_verifiers_are_made_only_where_the_setting_asks_for_them(make_login):
    assert make_login(pkce="off").new_verifier() is None
    first, second = make_login(pkce="hex").new_verifier(), make_login(pkce="hex").new_verifier()
    assert first != second
    assert 43 <= len(first) <= 128
    assert set(first) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")


# The token endpoint's requests


def test_an_exchange_sends_key_secret_and_code_in_the_form(stand_in, login):
    stand_in.answers(GOOD)
    login.exchange(code="abc*0!6410", redirect_uri=CALLBACK, verifier=None)
    seen = stand_in.last
    assert (seen.method, seen.path, seen.query) == ("POST", "/v2/oauth/token/", {})
    assert seen.headers["Content-Type"].startswith("application/x-www-form-urlencoded")
    assert "Authorization" not in seen.headers
    assert seen.form == {"client_key": "aw-key", "client_secret": "app-secret", "grant_type": "authorization_code",
                         "code": "abc*0!6410", "redirect_uri": CALLBACK}


def test_an_exchange_sends_the_verifier_where_there_is_one(stand_in, login):
    stand_in.answers(GOOD)
    login.exchange(code="abc", redirect_uri=CALLBACK, verifier=VERIFIER)
    assert stand_in.last.form["code_verifier"] == VERIFIER


@pytest.mark.parametrize("code", ["abc*0!6410", "abc%2A0%216410", "abc%2a0!6410"])
def test_a_code_is_decoded_before_it_is_exchanged(stand_in, login, code):
    stand_in.answers(GOOD)
    login.exchange(code=code, redirect_uri=CALLBACK, verifier=None)
    assert stand_in.last.form["code"] == "abc*0!6410"


def test_a_refresh_sends_no_redirect_and_no_scope(stand_in, login):
    stand_in.answers(GOOD)
    login.refresh("rft.secret0")
    assert stand_in.last.form == {"client_key": "aw-key", "client_secret": "app-secret", "grant_type": "refresh_token",
                                  "refresh_token": "rft.secret0"}


# The token endpoint's answers


@either
def test_tokens_are_read_with_the_instants_of_their_ends(stand_in, login, ask):
    stand_in.answers(GOOD)
    assert ask(login) == TokenGrant("-000a", "act.secret1", "rft.secret2", NOW + timedelta(hours=24), NOW + timedelta(days=365),
                                    ("user.info.basic", "video.publish"))


@either
@pytest.mark.parametrize(("scope", "scopes"), [("", ()), ("video.publish", ("video.publish",)), ("a,,b", ("a", "b"))])
def test_granted_scopes_are_a_comma_list(stand_in, login, ask, scope, scopes):
    stand_in.answers({**GOOD, "scope": scope})
    assert ask(login).scopes == scopes


@either
@pytest.mark.parametrize("status", [200, 400, 401])
@pytest.mark.parametrize("code", ["invalid_grant", "invalid_client", "invalid_request", "access_denied", "temporarily_unavailable"])
def test_an_error_is_one_whatever_the_status(stand_in, login, ask, status, code):
    stand_in.answers({"error": code, "error_description": "It is expired.", "log_id": "LOG-9"}, status)
    error = refusal(ask, login)
    assert (error.code, error.message, error.http_status, error.log_id) == (code, "It is expired.", status, "LOG-9")


@either
@pytest.mark.parametrize(("status", "body"), [
    (502, b"<html>Bad Gateway</html>"), (200, b"<html>Maintenance</html>"), (400, b"no"), (200, b""), (200, b"{"), (200, b"null"),
    (200, b"[]"), (200, b'"act.secret1"'), (200, b"{}"), (200, b"\xff\xfe\x00"), (200, b'{"error":null}'), (200, b'{"error":""}'),
    (400, b'{"error":{"code":"invalid_params","message":"?","log_id":"L"}}'), (200, b'{"data":{"access_token":"act.secret1"}}'),
])
def test_what_is_no_token_is_unreadable(stand_in, login, ask, status, body):
    stand_in.answers(body, status)
    error = refusal(ask, login)
    assert (error.code, error.http_status) == ("unreadable", status)


@either
@pytest.mark.parametrize("missing", ["access_token", "open_id", "expires_in", "refresh_expires_in"])
def test_a_token_that_lacks_a_part_is_unreadable(stand_in, login, ask, missing):
    stand_in.answers({name: value for name, value in GOOD.items() if name != missing})
    assert refusal(ask, login).code == "unreadable"


def test_only_a_refresh_may_leave_the_refresh_token_out_and_the_old_one_then_stays(stand_in, login):
    stand_in.answers({name: value for name, value in GOOD.items() if name != "refresh_token"})
    assert refusal(ASKS["exchange"], login).code == "unreadable"
    assert ASKS["refresh"](login).refresh_token == REFRESH


@either
@pytest.mark.parametrize("odd", [{"expires_in": "soon"}, {"refresh_expires_in": None}, {"scope": None}, {"scope": ["a"]}])
def test_a_token_with_an_odd_part_is_unreadable(stand_in, login, ask, odd):
    stand_in.answers({**GOOD, **odd})
    assert refusal(ask, login).code == "unreadable"


@either
@pytest.mark.parametrize(("manner", "code"), [("hang_up", "broken"), ("cut", "broken"), ("silence", "timeout")])
def test_a_token_endpoint_that_does_not_answer(stand_in, login, ask, manner, code):
    login._http.timeout = httpx.Timeout(0.05)
    stand_in.answers(GOOD)
    stand_in.manner = manner
    assert refusal(ask, login).code == code


@either
def test_a_token_endpoint_that_is_not_there(make_login, ask):
    assert refusal(ask, make_login(api_url=f"http://127.0.0.1:{free_port()}")).code == "unreachable"


@either
def test_a_redirect_of_the_token_endpoint_is_not_followed(stand_in, login, ask):
    stand_in.answers(b"", 307, Location=f"{stand_in.url}/elsewhere")
    refusal(ask, login)
    assert [seen.path for seen in stand_in.seen] == ["/v2/oauth/token/"]


@either
@pytest.mark.parametrize("trouble", ["error", "html", "odd", "hang_up", "silence"])
def test_no_error_shows_a_secret(stand_in, login, ask, trouble):
    login._http.timeout = httpx.Timeout(0.05)
    if trouble == "error":
        stand_in.answers({"error": "invalid_grant", "error_description": "expired"})
    elif trouble == "html":
        stand_in.answers(b"<html>", 500)
    elif trouble == "odd":
        stand_in.answers({**GOOD, "expires_in": "soon"})
    else:
        stand_in.manner = trouble
    error = refusal(ask, login)
    shown = "".join([str(error), repr(error), repr(error.__dict__), *traceback.format_exception(error)])
    assert not [secret for secret in ("app-secret", "secret0", "secret1", "secret2", "6410") if secret in shown]


# Revoking


@pytest.mark.parametrize("body", [b"", b"{}", b" \n"])
def test_an_empty_answer_to_a_revocation_is_success(stand_in, login, body):
    stand_in.answers(body)
    login.revoke("act.secret1")
    assert stand_in.last.path == "/v2/oauth/revoke/"
    assert stand_in.last.form == {"client_key": "aw-key", "client_secret": "app-secret", "token": "act.secret1"}


@pytest.mark.parametrize(("status", "body", "code"), [
    (200, b'{"error":"invalid_request","error_description":"The token is invalid.","log_id":"LOG-9"}', "invalid_request"),
    (400, b'{"error":"invalid_client","log_id":"LOG-9"}', "invalid_client"),
    (502, b"<html>Bad Gateway</html>", "unreadable"), (200, b"[]", "unreadable"), (200, b'{"error":{"code":"x"}}', "unreadable"),
    (200, b'{"status":"?"}', "unreadable"),
])
def test_anything_else_is_an_error(stand_in, login, status, body, code):
    stand_in.answers(body, status)
    error = refusal(login.revoke, "act.secret1")
    assert (error.code, error.http_status) == (code, status)
    assert error.log_id == ("LOG-9" if b"LOG-9" in body else None)
    assert "secret1" not in str(error)


@pytest.mark.parametrize(("manner", "code"), [("hang_up", "broken"), ("silence", "timeout")])
def test_a_revocation_that_is_not_answered(stand_in, login, manner, code):
    login._http.timeout = httpx.Timeout(0.05)
    stand_in.manner = manner
    assert refusal(login.revoke, "act.secret1").code == code


# The same, at the sandbox


def test_a_creator_connects(connected):
    grant = connected.grant()
    assert grant.access_token.startswith("act.") and grant.refresh_token.startswith("rft.")
    assert grant.access_expires_at == NOW + timedelta(hours=24)
    assert timedelta(days=364) < grant.refresh_expires_at - NOW <= timedelta(days=365)
    assert set(grant.scopes) == {"user.info.basic", "user.info.profile", "video.publish", "video.upload", "video.list"}
    assert connected.client.user_info(grant.access_token, grant.scopes).open_id == grant.open_id


def test_a_creator_may_grant_a_part_of_what_was_asked_for(connected):
    grant = connected.grant(scopes=["video.publish"])
    assert set(grant.scopes) == {"user.info.basic", "video.publish"}


@pytest.mark.parametrize("written", [str, quote], ids=["as it is", "encoded once more"])
def test_a_code_with_stars_and_exclamation_marks_is_exchanged(connected, written):
    code = connected.callback()["code"]
    assert "*" in code and "!" in code
    grant = connected.login.exchange(code=written(code), redirect_uri=CALLBACK, verifier=None)
    assert grant.open_id


def test_a_code_works_once(connected):
    code = connected.callback()["code"]
    connected.login.exchange(code=code, redirect_uri=CALLBACK, verifier=None)
    assert refusal(connected.login.exchange, code=code, redirect_uri=CALLBACK, verifier=None).code == "invalid_grant"


@pytest.mark.parametrize("status", [200, 400])
def test_a_dead_code_is_refused_with_either_status(connected, tiktok, status):
    tiktok.switch(oauth_error_status=status)
    error = refusal(connected.login.exchange, code="never-issued", redirect_uri=CALLBACK, verifier=None)
    assert (error.code, error.http_status) == ("invalid_grant", status)
    assert error.log_id


def test_another_redirect_than_before_is_refused(connected):
    code = connected.callback()["code"]
    assert refusal(connected.login.exchange, code=code, redirect_uri="http://localhost:8000/other", verifier=None).code == "invalid_request"


def test_a_wrong_app_secret_is_refused(connected, connect):
    code = connected.callback()["code"]
    assert refusal(connect(client_secret="wrong").login.exchange, code=code, redirect_uri=CALLBACK, verifier=None).code == "invalid_client"


def test_denied_consent_comes_back_without_a_code(connected):
    answer = connected.callback(decision="deny")
    assert answer["error"] == "access_denied" and "code" not in answer
    assert answer["state"] == "s" * 20


@pytest.mark.parametrize("required", [False, True])
def test_a_login_with_pkce_is_taken(connect, tiktok, required):
    tiktok.switch(require_pkce=required)
    connected = connect(pkce="hex")
    verifier = connected.login.new_verifier()
    code = connected.callback(verifier=verifier)["code"]
    assert connected.login.exchange(code=code, redirect_uri=CALLBACK, verifier=verifier).open_id


def test_a_wrong_verifier_is_refused(connect):
    connected = connect(pkce="hex")
    code = connected.callback(verifier=connected.login.new_verifier())["code"]
    assert refusal(connected.login.exchange, code=code, redirect_uri=CALLBACK, verifier=VERIFIER).code == "invalid_request"


def test_a_refresh_gives_a_new_pair_and_ends_the_old_one(connected):
    first = connected.grant()
    second = connected.login.refresh(first.refresh_token)
    assert second.access_token != first.access_token and second.refresh_token != first.refresh_token
    assert (second.open_id, second.scopes) == (first.open_id, first.scopes)
    assert refusal(connected.login.refresh, first.refresh_token).code == "invalid_grant"
    assert connected.login.refresh(second.refresh_token).access_token


def test_a_refresh_token_that_is_not_rotated_goes_on_working(connected, tiktok):
    tiktok.switch(rotate_refresh_tokens=False)
    first = connected.grant()
    second = connected.login.refresh(first.refresh_token)
    assert second.refresh_token == first.refresh_token
    assert connected.login.refresh(first.refresh_token).access_token


def test_a_revoked_token_is_dead_and_can_not_be_revoked_again(connected):
    grant = connected.grant()
    connected.login.revoke(grant.access_token)
    assert refusal(connected.client.user_info, grant.access_token, grant.scopes).code == "access_token_invalid"
    assert refusal(connected.login.refresh, grant.refresh_token).code == "invalid_grant"
    assert refusal(connected.login.revoke, grant.access_token).code == "invalid_request"


def test_the_sandbox_takes_the_address_that_is_built(connected, tiktok):
    url = connected.login.authorization_url(state="s", redirect_uri=CALLBACK, verifier=None, ask_again=True)
    assert url.startswith(tiktok.url)
    assert httpx.get(url).status_code == 200
    assert parse_qs(urlsplit(url).query)["client_key"]
