"""The API client against the sandbox TikTok, over HTTP."""

from __future__ import annotations

import httpx
import pytest

from app.domain.post_rules import PostMode, PrivacyLevel
from app.domain.upload_plan import UploadPlan, plan_upload
from app.services.ports import TikTokError, VideoInit


@pytest.fixture
def token(connected):
    return connected.grant().access_token


def fault(tiktok, kind: str, endpoint: str, **values: object) -> None:
    tiktok.post("/sandbox/api/faults", kind=kind, match={"endpoint": endpoint}, **values)


def change_creator(tiktok, username: str, **values: object) -> None:
    assert httpx.patch(f"{tiktok.url}/sandbox/api/creators/{username}", json=values).is_success


def init(connected, token: str, content: bytes, plan: UploadPlan | None = None, level: PrivacyLevel = PrivacyLevel.PUBLIC):
    request = VideoInit(PostMode.DIRECT, "A day", level, True, False, False, plan or plan_upload(len(content)))
    return connected.client.init_video(token, request)


def upload(connected, token: str, content: bytes) -> str:
    receipt = init(connected, token, content)
    plan = plan_upload(len(content))
    done = [connected.client.put_chunk(receipt.upload_url, c, plan.size, "video/mp4", [content[c.first:c.last + 1]]) for c in plan.chunks()]
    assert done[-1] is True and not any(done[:-1])
    return receipt.publish_id


def code_of(call, *args, **kwargs) -> str:
    with pytest.raises(TikTokError) as caught:
        call(*args, **kwargs)
    assert caught.value.log_id or caught.value.code in ("broken", "timeout", "unreadable") or caught.value.code.startswith("upload_")
    return caught.value.code


def test_a_video_goes_from_init_to_its_post_id(connected, token, video_path, tiktok):
    publish_id = upload(connected, token, video_path.read_bytes())
    answer = connected.client.fetch_status(token, publish_id)
    assert answer.status == "PUBLISH_COMPLETE"
    post_id, = answer.post_ids
    assert int(post_id) > 2**53
    assert connected.client.permalink("northbound", post_id, is_photo=False) == f"{tiktok.url}/@northbound/video/{post_id}"
    assert len(tiktok.posts()) == 1


def test_the_creator_s_settings_are_those_of_the_moment(connected, token, tiktok):
    before = connected.client.creator_info(token)
    assert (before.username, before.nickname) == ("northbound", "Northbound ☀")
    assert PrivacyLevel.PUBLIC in before.privacy_options and not before.comment_disabled
    change_creator(tiktok, "northbound", private=True, comment_disabled=True, max_seconds=60)
    after = connected.client.creator_info(token)
    assert after.privacy_options == (PrivacyLevel.FOLLOWERS, PrivacyLevel.FRIENDS, PrivacyLevel.ONLY_ME)
    assert (after.comment_disabled, after.duet_disabled, after.stitch_disabled, after.max_video_seconds) == (True, True, True, 60)


def test_a_profile_has_a_username_only_with_its_scope(connected):
    full = connected.grant()
    profile = connected.client.user_info(full.access_token, full.scopes)
    assert (profile.open_id, profile.nickname, profile.username) == (full.open_id, "Northbound ☀", "northbound")
    basic = connected.grant(scopes=["user.info.basic"])
    assert connected.client.user_info(basic.access_token, basic.scopes).username is None


def test_the_picture_of_a_profile_can_be_fetched(connected):
    grant = connected.grant()
    profile = connected.client.user_info(grant.access_token, grant.scopes)
    assert len(connected.client.fetch_avatar(profile.avatar_url)) > 100


@pytest.mark.parametrize("change", [{"banned": True}])
@pytest.mark.parametrize("data", ["empty", "absent", "filled"])
def test_a_creator_who_can_not_post_now_is_an_error_although_http_says_200(connected, token, tiktok, change, data):
    tiktok.switch(creator_info_cap_data=data)
    change_creator(tiktok, "northbound", **change)
    with pytest.raises(TikTokError) as caught:
        connected.client.creator_info(token)
    assert (caught.value.code, caught.value.http_status) == ("spam_risk_user_banned_from_posting", 200)


@pytest.mark.parametrize(("kind", "values", "code"), [
    ("error_json", {}, "internal_error"), ("error_html", {"status": 504}, "unreadable"), ("rate_limit", {}, "rate_limit_exceeded"),
    ("error_code", {"code": "spam_risk_too_many_posts", "status": 200}, "spam_risk_too_many_posts"),
    ("expire_token", {}, "access_token_invalid"), ("abort", {}, "broken"), ("cut", {"bytes": 20}, "broken"),
    ("hang", {"seconds": 5}, "timeout"),
    ("accept_then_error", {}, "unreadable"), ("accept_then_timeout", {"seconds": 5}, "timeout"),
])
@pytest.mark.parametrize("endpoint", ["creator_info", "video_init"])
def test_each_fault_of_the_api_has_its_code(connected, token, tiktok, endpoint, kind, values, code):
    connected.client._http.timeout = httpx.Timeout(0.15 if code == "timeout" else 5)
    fault(tiktok, kind, endpoint, **values)
    if endpoint == "video_init":
        assert code_of(init, connected, token, b"x" * 100) == code
    else:
        assert code_of(connected.client.creator_info, token) == code


def test_the_seventh_init_of_a_minute_is_too_many(connected, token):
    for _ in range(6):
        init(connected, token, b"x" * 100)
    assert code_of(init, connected, token, b"x" * 100) == "rate_limit_exceeded"


@pytest.mark.parametrize(("scopes", "code"), [(["user.info.basic"], "scope_not_authorized")])
def test_a_permission_that_was_not_given_is_missed(connected, scopes, code):
    token = connected.grant(scopes=scopes).access_token
    assert code_of(connected.client.creator_info, token) == code
    assert code_of(init, connected, token, b"x") == code


def test_an_audience_that_the_creator_lacks_is_refused_at_init(connected, token):
    assert code_of(init, connected, token, b"x", level=PrivacyLevel.FOLLOWERS) == "privacy_level_option_mismatch"


@pytest.mark.parametrize("plan", [UploadPlan(64_000_001, 64_000_000, 1), UploadPlan(50_000_123, 10_000_000, 6),
                                  UploadPlan(10_000_001, 4_000_000, 2), UploadPlan(70_000_000, 70_000_000, 1)])
def test_a_plan_against_the_rules_is_refused_at_init(connected, token, plan):
    assert code_of(init, connected, token, b"", plan=plan) in ("invalid_params", "invalid_param")


@pytest.mark.parametrize("size", [1, 64_000_000, 64_000_001, 94_000_000, 128_000_001, 150_000_000, 602_285_541, 4_000_000_000])
def test_our_own_plans_are_accepted_at_init(connected, token, size):
    assert init(connected, token, b"", plan=plan_upload(size)).publish_id


@pytest.mark.parametrize("spelling", ["invalid_publish_id", "invalid_params"])
def test_an_unknown_publish_id_is_told_in_one_way(connected, token, tiktok, spelling):
    tiktok.switch(unknown_publish_code=spelling)
    assert code_of(connected.client.fetch_status, token, "v_pub_file~v2-1.404") == "invalid_publish_id"


def test_another_creator_s_publish_id_is_refused(connected, token):
    publish_id = init(connected, token, b"x").publish_id
    stranger = connected.grant("kabinet").access_token
    assert code_of(connected.client.fetch_status, stranger, publish_id) == "token_not_authorized_for_specified_publish_id"


def test_an_upload_is_refused_at_the_wrong_place_and_goes_on_at_the_right_one(connected, token, tiktok):
    content = bytes(range(256)) * 250_004  # 64,001,024 bytes, two chunks
    plan = plan_upload(len(content))
    first, second = plan.chunks()
    receipt = init(connected, token, content)

    def put(chunk):
        return connected.client.put_chunk(receipt.upload_url, chunk, plan.size, "video/mp4", [content[chunk.first:chunk.last + 1]])

    with pytest.raises(TikTokError) as caught:
        put(second)
    assert (caught.value.code, caught.value.received) == ("upload_416", 0)
    assert put(first) is False
    assert connected.client.fetch_status(token, receipt.publish_id).uploaded_bytes == first.size
    with pytest.raises(TikTokError) as caught:
        put(first)
    assert (caught.value.code, caught.value.received) == ("upload_416", first.size)
    assert put(second) is True


@pytest.mark.parametrize(("kind", "values", "code"), [
    ("error_html", {"status": 503}, "upload_503"), ("error_json", {}, "upload_500"), ("rate_limit", {}, "upload_429"),
    ("expire_upload_url", {}, "upload_403"), ("accept_then_error", {}, "upload_502"), ("abort", {}, "broken"),
])
def test_each_fault_of_the_upload_host_has_its_code(connected, token, tiktok, kind, values, code):
    content = b"x" * 1000
    receipt = init(connected, token, content)
    fault(tiktok, kind, "upload", **values)
    chunk, = plan_upload(1000).chunks()
    assert code_of(connected.client.put_chunk, receipt.upload_url, chunk, 1000, "video/mp4", [content]) == code


def test_an_upload_nobody_knows_is_404(connected, token):
    receipt = init(connected, token, b"x")
    chunk, = plan_upload(1).chunks()
    wrong = receipt.upload_url.replace("upload_token=", "upload_token=x")
    assert code_of(connected.client.put_chunk, wrong, chunk, 1, "video/mp4", [b"x"]) == "upload_404"


def test_a_failed_post_names_its_reason(connected, token, tiktok, video_path):
    fault(tiktok, "fail", "video_init", code="spam_risk_text")
    publish_id = upload(connected, token, video_path.read_bytes())
    answer = connected.client.fetch_status(token, publish_id)
    assert (answer.status, answer.fail_reason) == ("FAILED", "spam_risk_text")
