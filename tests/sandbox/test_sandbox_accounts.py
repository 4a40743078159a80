"""user/info, creator_info and the envelope (sections 2, 3, 13.3)."""

from __future__ import annotations

import re

import pytest

from .driver import Account, Driver

CREATOR_INFO = "/v2/post/publish/creator_info/query/"


def user_info(sandbox: Driver, account: Account, fields: str) -> tuple[int, dict[str, object], str]:
    reply = sandbox.http.get("/v2/user/info/", params={"fields": fields}, headers=account.headers)
    return reply.status_code, reply.json()["data"].get("user", {}), reply.json()["error"]["code"]


def test_only_requested_fields(sandbox: Driver, northbound: Account) -> None:
    status, user, code = user_info(sandbox, northbound, "open_id,display_name,username,follower_count")
    assert (status, code) == (200, "ok")
    assert user == {"open_id": northbound.open_id, "display_name": "Northbound ☀", "username": "northbound",
                    "follower_count": 48_210}


@pytest.mark.parametrize(("scopes", "fields", "status", "code"), [
    ("user.info.basic", "open_id,username", 400, "scope_permission_missed"),
    ("user.info.basic", "video_count", 400, "scope_permission_missed"),
    ("user.info.basic", "open_id,nonsense", 400, "invalid_params"),
    ("user.info.basic", "", 400, "invalid_params"),
    ("user.info.basic,user.info.profile", "is_verified,bio_description,profile_deep_link", 200, "ok"),
    ("user.info.basic", "open_id,union_id,avatar_url,avatar_url_100,avatar_large_url,display_name", 200, "ok"),
])
def test_user_info_scopes(sandbox: Driver, scopes: str, fields: str, status: int, code: str) -> None:
    assert user_info(sandbox, sandbox.connect(scopes=scopes), fields)[::2] == (status, code)


@pytest.mark.parametrize(("rule", "status", "code"), [
    ("scope_not_authorized", 401, "scope_not_authorized"), ("scope_permission_missed", 400, "scope_permission_missed"),
    ("blank", 200, "ok"),
])
def test_user_info_without_scope_is_a_switch(sandbox: Driver, rule: str, status: int, code: str) -> None:
    sandbox.switch(user_info_missing_scope=rule)
    found = user_info(sandbox, sandbox.connect(scopes="user.info.basic"), "open_id,follower_count")
    assert found[::2] == (status, code)
    assert found[1].get("follower_count", 0) == 0


def test_creator_info(sandbox: Driver, northbound: Account, lumen: Account) -> None:
    data = sandbox.post(northbound, CREATOR_INFO).json()["data"]
    picture = data.pop("creator_avatar_url")
    assert data == {
        "creator_username": "northbound", "creator_nickname": "Northbound ☀",
        "privacy_level_options": ["PUBLIC_TO_EVERYONE", "MUTUAL_FOLLOW_FRIENDS", "SELF_ONLY"],
        "comment_disabled": False, "duet_disabled": False, "stitch_disabled": False, "max_video_post_duration_sec": 600,
    }
    assert sandbox.http.get(picture).headers["Content-Type"] == "image/png"
    private = sandbox.post(lumen, CREATOR_INFO).json()["data"]
    assert private["privacy_level_options"] == ["FOLLOWER_OF_CREATOR", "MUTUAL_FOLLOW_FRIENDS", "SELF_ONLY"]
    assert private["duet_disabled"] is True and private["stitch_disabled"] is True
    kabinet = sandbox.post(sandbox.connect("kabinet"), CREATOR_INFO).json()["data"]
    assert (kabinet["comment_disabled"], kabinet["max_video_post_duration_sec"]) == (True, 60)


def test_avatar_urls_expire(sandbox: Driver, northbound: Account) -> None:
    url = sandbox.post(northbound, CREATOR_INFO).json()["data"]["creator_avatar_url"]
    assert url.startswith(sandbox.url)
    sandbox.advance(7_199)
    assert sandbox.http.get(url).status_code == 200
    sandbox.advance(1)
    assert sandbox.http.get(url).status_code == 403


@pytest.mark.parametrize(("change", "switch", "code"), [
    ({"capped": True}, {}, "spam_risk_too_many_posts"),
    ({"banned": True}, {}, "spam_risk_user_banned_from_posting"),
    ({}, {"active_users_per_day": 0}, "reached_active_user_cap"),
])
@pytest.mark.parametrize(("data_rule", "has_data", "is_filled"), [
    ("empty", True, False), ("absent", False, False), ("filled", True, True)])
def test_cannot_post_now_comes_with_200(
        sandbox: Driver, northbound: Account, change: dict[str, object], switch: dict[str, object], code: str,
        data_rule: str, has_data: bool, is_filled: bool) -> None:
    sandbox.switch(creator_info_cap_data=data_rule, **switch)
    if data_rule == "absent":
        sandbox.switch(error_data="absent")
    if change:
        sandbox.change_creator("northbound", **change)
    reply = sandbox.post(northbound, CREATOR_INFO)
    assert reply.status_code == 200 and reply.json()["error"]["code"] == code
    assert ("data" in reply.json()) is has_data
    assert bool(reply.json().get("data")) is is_filled


@pytest.mark.parametrize("header", ["", "Bearer act.unknown", "Basic abc", "act.unknown"])
def test_unknown_tokens(sandbox: Driver, header: str) -> None:
    for path in (CREATOR_INFO, "/v2/post/publish/video/init/", "/v2/post/publish/status/fetch/"):
        reply = sandbox.http.post(path, json={}, headers={"Authorization": header} if header else {})
        assert reply.status_code == 401
        assert '"data":{}' in reply.text
        assert reply.json()["error"]["code"] == "access_token_invalid"
        assert reply.json()["error"]["message"] == "The access token is invalid or not found in the request."


def test_missing_scopes(sandbox: Driver) -> None:
    account = sandbox.connect(scopes="user.info.basic,video.list")
    for path in (CREATOR_INFO, "/v2/post/publish/video/init/", "/v2/post/publish/status/fetch/"):
        reply = sandbox.post(account, path, {})
        assert reply.status_code == 401 and reply.json()["error"]["code"] == "scope_not_authorized"
        assert reply.json()["error"]["message"] == (
            "The user did not authorize the scope required for completing this request.")


def test_log_ids(sandbox: Driver, northbound: Account) -> None:
    reply = sandbox.post(northbound, CREATOR_INFO)
    log_id = reply.json()["error"]["log_id"]
    assert re.fullmatch(r"20\d{12}[0-9A-F]{20}", log_id)
    assert reply.headers["x-tt-logid"] == log_id
    assert reply.json()["error"] == {"code": "ok", "message": "", "log_id": log_id}


@pytest.mark.parametrize(("limit", "name"), [(20, "creator_info"), (30, "status"), (6, "init")])
def test_rate_limits_slide(sandbox: Driver, northbound: Account, limit: int, name: str) -> None:
    def ask(account: Account) -> int:
        if name == "init":
            return sandbox.init(account, 1_000).status_code
        path = CREATOR_INFO if name == "creator_info" else "/v2/post/publish/status/fetch/"
        return sandbox.post(account, path, {"publish_id": "x"}).status_code

    first = ask(northbound)
    sandbox.advance(30)
    assert [ask(northbound) for _ in range(limit - 1)] == [first] * (limit - 1)
    assert ask(northbound) == 429
    assert ask(sandbox.connect("kabinet")) == first, "each token has its own window"
    sandbox.advance(30)
    assert (ask(northbound), ask(northbound)) == (first, 429), "one place is free, the others are 30 s younger"
    sandbox.switch(rate_limits=False)
    assert ask(northbound) == first


def test_changing_the_username_keeps_the_open_id(sandbox: Driver, northbound: Account) -> None:
    sandbox.change_creator("northbound", username="southbound")
    _, user, _ = user_info(sandbox, northbound, "open_id,username")
    assert user == {"open_id": northbound.open_id, "username": "southbound"}
    assert sandbox.http.get("/@northbound").status_code == 404
    assert sandbox.http.get("/@southbound").status_code == 200
