"""The API client against a server that does what TikTok was seen doing, and worse."""

from __future__ import annotations

import json
import traceback

import httpx
import pytest

from app.domain.post_rules import CreatorInfo, PostMode, PrivacyLevel
from app.domain.upload_plan import plan_upload
from app.infra.tiktok.client import AVATAR_MAX_BYTES, TikTokClient
from app.services.ports import CreatorProfile, InitReceipt, VideoInit
from tests.infra.tiktok.refusals import refusal
from tests.servers import free_port

TOKEN = "act.example12345"
INIT = VideoInit(PostMode.DIRECT, "Hello", PrivacyLevel.ONLY_ME, False, False, False, plan_upload(10))
CREATOR = {
    "creator_avatar_url": "https://example.com/a.jpg", "creator_username": "northbound", "creator_nickname": "Northbound ☀",
    "privacy_level_options": ["PUBLIC_TO_EVERYONE", "MUTUAL_FOLLOW_FRIENDS", "SELF_ONLY"], "comment_disabled": False,
    "duet_disabled": True, "stitch_disabled": False, "max_video_post_duration_sec": 300,
}
CALLS = {
    "creator_info": lambda client: client.creator_info(TOKEN),
    "user_info": lambda client: client.user_info(TOKEN, ["user.info.basic"]),
    "init_video": lambda client: client.init_video(TOKEN, INIT),
    "fetch_status": lambda client: client.fetch_status(TOKEN, "v_pub_file~v2-1.1"),
}
every_call = pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)


# What is asked


@pytest.mark.parametrize(("name", "path"), [
    ("creator_info", "/v2/post/publish/creator_info/query/"), ("init_video", "/v2/post/publish/video/init/"),
    ("fetch_status", "/v2/post/publish/status/fetch/"),
])
def test_posts_json_with_the_token_in_the_header_alone(stand_in, client, name, path):
    stand_in.answers_error("internal_error", 500)
    refusal(CALLS[name], client)
    seen = stand_in.last
    assert (seen.method, seen.path, seen.query) == ("POST", path, {})
    assert seen.headers["Authorization"] == f"Bearer {TOKEN}"
    assert seen.headers["Content-Type"] == "application/json; charset=UTF-8"
    assert TOKEN not in seen.body.decode()
    assert isinstance(json.loads(seen.body), dict)


def test_asks_for_a_status_by_publish_id(stand_in, client):
    stand_in.answers_ok({"status": "PROCESSING_UPLOAD"})
    client.fetch_status(TOKEN, "v_pub_file~v2-1.42")
    assert json.loads(stand_in.last.body) == {"publish_id": "v_pub_file~v2-1.42"}


@pytest.mark.parametrize(("scopes", "fields"), [
    ([], "open_id,display_name,avatar_url"),
    (["user.info.basic", "video.publish"], "open_id,display_name,avatar_url"),
    (["user.info.basic", "user.info.profile"], "open_id,display_name,avatar_url,username"),
])
def test_asks_only_for_profile_fields_that_were_granted(stand_in, client, scopes, fields):
    stand_in.answers_ok({"user": {"open_id": "-000a"}})
    client.user_info(TOKEN, scopes)
    assert (stand_in.last.method, stand_in.last.path, stand_in.last.query) == ("GET", "/v2/user/info/", {"fields": [fields]})


def test_no_proxy_of_the_environment_sees_a_token(stand_in, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{free_port()}")
    monkeypatch.setenv("ALL_PROXY", f"http://127.0.0.1:{free_port()}")
    client = TikTokClient(api_url=stand_in.url, web_url="", upload_hosts=[])
    stand_in.answers_ok({"status": "FAILED"})
    assert client.fetch_status(TOKEN, "p").status == "FAILED"
    client.close()


# What is answered


def test_reads_what_the_creator_allows(stand_in, client):
    stand_in.answers_ok(CREATOR)
    assert client.creator_info(TOKEN) == CreatorInfo(
        username="northbound", nickname="Northbound ☀", avatar_url="https://example.com/a.jpg",
        privacy_options=(PrivacyLevel.PUBLIC, PrivacyLevel.FRIENDS, PrivacyLevel.ONLY_ME),
        comment_disabled=False, duet_disabled=True, stitch_disabled=False, max_video_seconds=300, log_id="LOG-OK")


def test_leaves_out_an_audience_that_it_does_not_know(stand_in, client):
    stand_in.answers_ok({**CREATOR, "privacy_level_options": ["CLOSE_FRIENDS", "SELF_ONLY", ""]})
    assert client.creator_info(TOKEN).privacy_options == (PrivacyLevel.ONLY_ME,)


@pytest.mark.parametrize("missing", [name for name in CREATOR if name != "creator_avatar_url"])
def test_creator_info_without_a_field_is_unreadable(stand_in, client, missing):
    stand_in.answers_ok({name: value for name, value in CREATOR.items() if name != missing})
    error = refusal(client.creator_info, TOKEN)
    assert error.code == "unreadable" and missing in error.message


@pytest.mark.parametrize("odd", [{"max_video_post_duration_sec": "long"}, {"max_video_post_duration_sec": None},
                                 {"privacy_level_options": None}, {"privacy_level_options": 5}, {"privacy_level_options": [["x"]]}])
def test_creator_info_with_an_odd_field_is_unreadable(stand_in, client, odd):
    stand_in.answers_ok({**CREATOR, **odd})
    assert refusal(client.creator_info, TOKEN).code == "unreadable"


@pytest.mark.parametrize(("user", "profile"), [
    ({"open_id": "-000a", "display_name": "N", "avatar_url": "u", "username": "n"}, CreatorProfile("-000a", "N", "u", "n")),
    ({"open_id": "-000a"}, CreatorProfile("-000a", "TikTok account", "", None)),
    ({"open_id": "-000a", "display_name": "", "avatar_url": None}, CreatorProfile("-000a", "TikTok account", "", None)),
])
def test_reads_who_a_token_belongs_to(stand_in, client, user, profile):
    stand_in.answers_ok({"user": user})
    assert client.user_info(TOKEN, []) == profile


@pytest.mark.parametrize("data", [{}, {"user": {}}, {"user": None}, {"user": []}, {"users": [{"open_id": "x"}]}])
def test_a_profile_without_open_id_is_unreadable(stand_in, client, data):
    stand_in.answers_ok(data)
    assert refusal(client.user_info, TOKEN, []).code == "unreadable"


def test_an_init_gives_a_receipt_with_its_log_id(stand_in, client):
    stand_in.answers_ok({"publish_id": "v_pub_file~v2-1.1", "upload_url": "https://open-upload.tiktokapis.com/video/?upload_id=1"})
    assert client.init_video(TOKEN, INIT) == InitReceipt(
        "v_pub_file~v2-1.1", "https://open-upload.tiktokapis.com/video/?upload_id=1", "LOG-OK")


@pytest.mark.parametrize("data", [{}, {"publish_id": "p"}, {"upload_url": "u"}, [], "text"])
def test_an_init_without_a_receipt_is_unreadable(stand_in, client, data):
    stand_in.answers_ok(data)
    assert refusal(client.init_video, TOKEN, INIT).code == "unreadable"


@pytest.mark.parametrize(("ids", "post_ids"), [
    (b"[7678907398077074696]", ("7678907398077074696",)),
    (b"[9223372036854775807, 7602997517160123666]", ("9223372036854775807", "7602997517160123666")),
    (b'["7678907398077074696"]', ("7678907398077074696",)),
    (b"[]", ()), (b"null", ()),
])
def test_reads_post_ids_of_19_digits_exactly(stand_in, client, ids, post_ids):
    stand_in.answers(b'{"data":{"status":"PUBLISH_COMPLETE","publicaly_available_post_id":%s},"error":{"code":"ok"}}' % ids)
    assert client.fetch_status(TOKEN, "p").post_ids == post_ids


def test_a_failed_post_is_an_answer_and_no_error(stand_in, client):
    stand_in.answers_ok({"status": "FAILED", "fail_reason": "frame_rate_check_failed", "uploaded_bytes": 12})
    answer = client.fetch_status(TOKEN, "p")
    assert (answer.status, answer.fail_reason, answer.post_ids, answer.uploaded_bytes, answer.log_id) == (
        "FAILED", "frame_rate_check_failed", (), 12, "LOG-OK")


def test_a_status_may_lack_everything_but_the_status(stand_in, client):
    stand_in.answers_ok({"status": "PROCESSING_UPLOAD", "fail_reason": ""})
    answer = client.fetch_status(TOKEN, "p")
    assert (answer.fail_reason, answer.post_ids, answer.uploaded_bytes) == (None, (), None)


@pytest.mark.parametrize("data", [{}, {"fail_reason": "internal"}, {"status": "X", "publicaly_available_post_id": 5}])
def test_a_status_that_can_not_be_understood_is_unreadable(stand_in, client, data):
    stand_in.answers_ok(data)
    assert refusal(client.fetch_status, TOKEN, "p").code == "unreadable"


# Errors


@every_call
@pytest.mark.parametrize(("status", "code"), [
    (200, "spam_risk_too_many_posts"), (200, "spam_risk_user_banned_from_posting"), (200, "reached_active_user_cap"),
    (400, "invalid_params"), (400, "invalid_param"), (401, "access_token_invalid"), (401, "scope_not_authorized"),
    (403, "unaudited_client_can_only_post_to_private_accounts"), (429, "rate_limit_exceeded"), (500, "internal_error"),
    (418, "brand_new_code"),
])
def test_the_code_in_the_envelope_decides_whatever_the_status(stand_in, client, call, status, code):
    stand_in.answers_error(code, status, "Please review our guidelines")
    error = refusal(call, client)
    assert (error.code, error.http_status, error.log_id, error.message) == (code, status, "LOG-1", "Please review our guidelines")


def test_an_ok_in_the_envelope_is_success_whatever_the_status(stand_in, client):
    stand_in.answers_ok(CREATOR, status=202)
    assert client.creator_info(TOKEN).username == "northbound"


@every_call
@pytest.mark.parametrize(("status", "body"), [
    (502, b"<html><h1>502 Bad Gateway</h1></html>"), (200, b"<html>Maintenance</html>"), (404, b"Not Found"), (503, b""), (200, b""),
    (200, b"{"), (200, b"null"), (200, b"[]"), (200, b'"ok"'), (200, b"{}"), (200, b'{"data":{}}'), (200, b"\xff\xfe\x00"),
    (200, b'{"error":null}'), (200, b'{"error":"invalid_grant"}'), (200, b'{"error":[]}'), (200, b'{"error":{"message":"?"}}'),
    (500, b'{"message":"boom"}'),
])
def test_what_is_not_tiktok_s_envelope_is_unreadable(stand_in, client, call, status, body):
    stand_in.answers(body, status, x_tt_logid="LOG-HEADER")
    error = refusal(call, client)
    assert (error.code, error.http_status, error.log_id) == ("unreadable", status, "LOG-HEADER")


@pytest.mark.parametrize("name", ["log_id", "logid"])
def test_keeps_the_log_id_in_either_spelling(stand_in, client, name):
    stand_in.answers({"error": {"code": "internal_error", name: "LOG-7"}}, 500)
    error = refusal(client.fetch_status, TOKEN, "p")
    assert error.log_id == "LOG-7" and "LOG-7" in str(error)


@pytest.mark.parametrize("code", ["invalid_params", "invalid_param", "invalid_publish_id"])
def test_an_unknown_publish_id_has_one_code_however_tiktok_words_it(stand_in, client, code):
    stand_in.answers_error(code, 400, "invalid_publish_id")
    assert refusal(client.fetch_status, TOKEN, "p").code == "invalid_publish_id"


@every_call
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(stand_in, client, call, status):
    stand_in.answers(b"", status, Location=f"{stand_in.url}/elsewhere")
    error = refusal(call, client)
    assert (error.code, error.http_status) == ("unreadable", status)
    assert "/elsewhere" not in [seen.path for seen in stand_in.seen]
    assert len(stand_in.seen) == 1


@every_call
def test_silence_becomes_a_timeout(stand_in, client, call):
    client._http.timeout = httpx.Timeout(0.05)
    stand_in.manner = "silence"
    assert refusal(call, client).code == "timeout"
    assert len(stand_in.seen) == 1, "and is not repeated"


@every_call
@pytest.mark.parametrize("manner", ["hang_up", "cut"])
def test_a_connection_that_breaks_is_broken(stand_in, client, call, manner):
    stand_in.answers_ok(CREATOR)
    stand_in.manner = manner
    assert refusal(call, client).code == "broken"


@every_call
def test_nobody_at_the_other_end_is_unreachable(call):
    client = TikTokClient(api_url=f"http://127.0.0.1:{free_port()}", web_url="", upload_hosts=[])
    assert refusal(call, client).code == "unreachable"
    client.close()


def test_waits_long_for_an_answer_and_briefly_for_a_connection():
    client = TikTokClient(api_url="http://127.0.0.1:1", web_url="", upload_hosts=[])
    assert (client._http.timeout.connect, client._http.timeout.read) == (5, 20)
    assert (client._upload_timeout.connect, client._upload_timeout.read) == (5, 120)
    client.close()


def test_waits_as_long_as_it_is_told():
    client = TikTokClient(api_url="http://127.0.0.1:1", web_url="", upload_hosts=[], timeout_seconds=2, upload_timeout_seconds=9)
    assert (client._http.timeout.connect, client._http.timeout.read) == (2, 2)
    assert (client._upload_timeout.connect, client._upload_timeout.read) == (5, 9)
    client.close()


@every_call
@pytest.mark.parametrize("trouble", ["error", "html", "hang_up", "silence", "missing"])
def test_no_error_shows_a_token(stand_in, client, call, trouble):
    client._http.timeout = httpx.Timeout(0.05)
    if trouble == "error":
        stand_in.answers_error("access_token_invalid", 401, "The access token is invalid")
    elif trouble == "html":
        stand_in.answers(b"<html>", 502)
    elif trouble == "missing":
        stand_in.answers_ok({"odd": TOKEN})
    else:
        stand_in.manner = trouble
    error = refusal(call, client)
    shown = "".join([str(error), repr(error), repr(error.__dict__), *traceback.format_exception(error)])
    assert TOKEN not in shown and "example12345" not in shown


# Pictures and addresses


def test_fetches_a_picture(stand_in, client):
    stand_in.answers(b"\xff\xd8jpeg")
    assert client.fetch_avatar(f"{stand_in.url}/a.jpg") == b"\xff\xd8jpeg"
    assert "Authorization" not in stand_in.last.headers


@pytest.mark.parametrize("status", [302, 403, 404, 500])
def test_a_picture_that_is_gone_is_an_error(stand_in, client, status):
    stand_in.answers(b"", status, Location=stand_in.url)
    error = refusal(client.fetch_avatar, f"{stand_in.url}/a.jpg")
    assert (error.code, error.http_status) == ("avatar_unavailable", status)


@pytest.mark.parametrize(("size", "taken"), [(AVATAR_MAX_BYTES, True), (AVATAR_MAX_BYTES + 1, False)])
def test_a_picture_has_2_mb_at_most(stand_in, client, size, taken):
    stand_in.answers(bytes(size))
    if taken:
        assert len(client.fetch_avatar(stand_in.url)) == size
    else:
        assert refusal(client.fetch_avatar, stand_in.url).code == "avatar_too_large"


@pytest.mark.parametrize("url", ["", "not an address", "ftp://127.0.0.1/a.jpg", "https://"])
def test_a_picture_s_address_that_is_none_is_an_error(client, url):
    assert refusal(client.fetch_avatar, url).code in ("unreachable", "broken")


def test_permalinks_look_like_tiktok_s(client):
    assert client.permalink("northbound", "7678907398077074696", is_photo=False) == "https://www.tiktok.com/@northbound/video/7678907398077074696"
    assert client.profile_url("lumen.studio") == "https://www.tiktok.com/@lumen.studio"
