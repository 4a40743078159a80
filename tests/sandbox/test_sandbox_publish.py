"""video/init, the upload and what becomes of it (sections 4, 7.1, 8, 9)."""

from __future__ import annotations

import hashlib
import re
import socket
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from .conftest import MakeVideo
from .driver import Account, Driver

GUIDELINES = "Please review our integration guidelines at https://developers.tiktok.com/doc/content-sharing-guidelines/"
OWNERSHIP = ("Please review our URL ownership verification rules at "
             "https://developers.tiktok.com/doc/content-posting-api-media-transfer-guide/#pull_from_url")
INIT = "/v2/post/publish/video/init/"


def error_of(reply: httpx.Response) -> tuple[int, str, str]:
    error = reply.json()["error"]
    return reply.status_code, error["code"], error["message"]


# init


def test_init_answers_with_id_and_upload_url(sandbox: Driver, northbound: Account) -> None:
    reply = sandbox.init(northbound, 3_145_728)
    data = reply.json()["data"]
    assert re.fullmatch(r"v_pub_file~v2-1\.\d{19}", data["publish_id"])
    assert data["upload_url"].startswith(f"{sandbox.url}/video/?upload_id=") and len(data["upload_url"]) <= 256
    assert "&upload_token=" in data["upload_url"]
    assert reply.json()["error"]["code"] == "ok"


PLANS = [
    (3_145_728, 3_145_728, 1), (4_194_304, 4_194_304, 1), (50_000_123, 10_000_000, 5), (64_000_000, 64_000_000, 1),
    (64_000_001, 32_000_000, 2), (94_000_000, 47_000_000, 2), (128_000_001, 64_000_000, 2),
    (150_000_000, 64_000_000, 2), (602_285_541, 64_000_000, 9), (4_000_000_000, 64_000_000, 62),
]
BAD_PLANS = [
    (64_000_001, 64_000_000, 1, "The chunk size is invalid"),
    (94_000_000, 64_000_000, 1, "The chunk size is invalid"),
    (50_000_123, 10_000_000, 6, "The total chunk count is invalid"),
    (10_000_001, 4_000_000, 2, "The chunk size is invalid"),
    (70_000_000, 70_000_000, 1, "The chunk size is invalid"),
    (100, 200, 1, "The chunk size is invalid"),
    (100, 0, 1, "The chunk size is invalid"),
    (100, 100, 0, "The total chunk count is invalid"),
    (0, 0, 0, "The request source info is empty or incorrect"),
    (5_000_000_000, 64_000_000, 78, "The request source info is empty or incorrect"),
]


@pytest.mark.parametrize("bounds", ["either", "decimal", "binary", "safe"])
def test_accepted_chunk_plans(sandbox: Driver, northbound: Account, bounds: str) -> None:
    sandbox.switch(rate_limits=False, chunk_bounds=bounds)
    refused = [plan for plan in PLANS if sandbox.init(northbound, *plan).status_code != 200]
    assert refused == []


@pytest.mark.parametrize("bounds", ["either", "decimal", "binary", "safe"])
def test_refused_chunk_plans(sandbox: Driver, northbound: Account, bounds: str) -> None:
    sandbox.switch(rate_limits=False, chunk_bounds=bounds)
    for size, chunk, count, message in BAD_PLANS:
        assert error_of(post_init(sandbox, northbound, {
            "source": "FILE_UPLOAD", "video_size": size, "chunk_size": chunk, "total_chunk_count": count,
        })) == (400, "invalid_params", message), (size, chunk, count)


@pytest.mark.parametrize(("bounds", "plan", "status"), [
    ("either", (67_108_864, 67_108_864, 1), 200), ("binary", (67_108_864, 67_108_864, 1), 200),
    ("decimal", (67_108_864, 67_108_864, 1), 400), ("safe", (67_108_864, 67_108_864, 1), 400),
    ("either", (10_000_001, 5_000_000, 2), 200), ("decimal", (10_000_001, 5_000_000, 2), 200),
    ("binary", (10_000_001, 5_000_000, 2), 400), ("safe", (10_000_001, 5_000_000, 2), 400),
])
def test_what_a_megabyte_is(sandbox: Driver, northbound: Account, bounds: str, plan: tuple[int, int, int],
                            status: int) -> None:
    sandbox.switch(chunk_bounds=bounds)
    assert sandbox.init(northbound, *plan).status_code == status


def post_init(sandbox: Driver, account: Account, source: object = None, info: object = None) -> httpx.Response:
    whole = {"source": "FILE_UPLOAD", "video_size": 10, "chunk_size": 10, "total_chunk_count": 1}
    return sandbox.post(account, INIT, {
        "post_info": {"privacy_level": "SELF_ONLY"} if info is None else info,
        "source_info": whole if source is None else source})


@pytest.mark.parametrize("source", [
    {}, {"source": "ELSEWHERE"}, {"source": "FILE_UPLOAD"}, "FILE_UPLOAD", {"source": "PULL_FROM_URL"},
    {"source": "FILE_UPLOAD", "video_size": "10", "chunk_size": 10, "total_chunk_count": 1},
    {"source": "FILE_UPLOAD", "video_size": 10, "chunk_size": 10, "total_chunk_count": True},
    {"source": "FILE_UPLOAD", "video_size": 10.0, "chunk_size": 10, "total_chunk_count": 1},
])
def test_bad_source_info(sandbox: Driver, northbound: Account, source: object) -> None:
    assert error_of(post_init(sandbox, northbound, source)) == (
        400, "invalid_params", "The request source info is empty or incorrect")


@pytest.mark.parametrize("info", [
    {}, [], {"privacy_level": 3}, {"privacy_level": "SELF_ONLY", "disable_duet": "false"},
    {"privacy_level": "SELF_ONLY", "is_aigc": 1}, {"privacy_level": "SELF_ONLY", "title": 5},
    {"privacy_level": "SELF_ONLY", "video_cover_timestamp_ms": "1000"},
    {"privacy_level": "SELF_ONLY", "title": "a" * 2_201}, {"privacy_level": "SELF_ONLY", "title": "🌊" * 1_101},
])
def test_bad_post_info(sandbox: Driver, northbound: Account, info: object) -> None:
    assert error_of(post_init(sandbox, northbound, info=info))[:2] == (400, "invalid_params")


@pytest.mark.parametrize("title", ["a" * 2_200, "🌊" * 1_100, ""])
def test_captions_count_utf16_units(sandbox: Driver, northbound: Account, title: str) -> None:
    assert post_init(sandbox, northbound, info={"privacy_level": "SELF_ONLY", "title": title}).status_code == 200


@pytest.mark.parametrize("body", ["", "[]", "nonsense", '"text"'])
def test_a_body_that_is_no_object(sandbox: Driver, northbound: Account, body: str) -> None:
    reply = sandbox.http.post(INIT, content=body, headers={**northbound.headers, "Content-Type": "application/json"})
    assert error_of(reply)[:2] == (400, "invalid_params")


def test_the_spelling_of_invalid_params_is_a_switch(sandbox: Driver, northbound: Account) -> None:
    sandbox.switch(invalid_code="invalid_param")
    assert error_of(post_init(sandbox, northbound, {}))[1] == "invalid_param"


@pytest.mark.parametrize("level", ["FOLLOWER_OF_CREATOR", "EVERYONE", "", None])
def test_privacy_must_be_among_the_options(sandbox: Driver, northbound: Account, level: str | None) -> None:
    info = {"title": "x"} if level is None else {"privacy_level": level}
    assert error_of(post_init(sandbox, northbound, info=info)) == (403, "privacy_level_option_mismatch", GUIDELINES)


@pytest.mark.parametrize(("change", "switches", "code"), [
    ({"banned": True}, {}, "spam_risk_user_banned_from_posting"),
    ({"capped": True}, {}, "spam_risk_too_many_posts"),
    ({}, {"active_users_per_day": 0}, "reached_active_user_cap"),
    ({}, {"audited": False}, "unaudited_client_can_only_post_to_private_accounts"),
    ({"private": True}, {"audited": False, "unaudited_users_per_day": 0}, "reached_active_user_cap"),
])
def test_refusals_with_403(sandbox: Driver, northbound: Account, change: dict[str, object],
                           switches: dict[str, object], code: str) -> None:
    if change:
        sandbox.change_creator("northbound", **change)
    if switches:
        sandbox.switch(**switches)
    assert error_of(post_init(sandbox, northbound)) == (403, code, GUIDELINES)
    assert sandbox.ledger()["publishes_total"] == 0


def test_an_unaudited_app_may_post_to_a_private_account_for_its_eyes_only(
        sandbox: Driver, lumen: Account, video: Path) -> None:
    sandbox.switch(audited=False)
    sandbox.publish(lumen, video, privacy_level="FOLLOWER_OF_CREATOR")
    assert sandbox.ledger()["posts"][0]["privacy_level"] == "SELF_ONLY"
    sandbox.switch(unaudited_level="reject")
    assert sandbox.init(lumen, 10, privacy_level="FOLLOWER_OF_CREATOR").status_code == 403
    assert sandbox.init(lumen, 10, privacy_level="SELF_ONLY").status_code == 200


@pytest.mark.parametrize(("url", "expected"), [
    ("https://cdn.example.com/a.mp4", (403, "url_ownership_unverified", OWNERSHIP)),
    ("https://127.0.0.1/a.mp4", (403, "url_ownership_unverified", OWNERSHIP)),
    ("http://media.example.org/a.mp4", (400, "invalid_params", "The request source info is empty or incorrect")),
])
def test_pull_urls_must_be_owned(sandbox: Driver, northbound: Account, url: str,
                                 expected: tuple[int, str, str]) -> None:
    sandbox.switch(verified_properties="media.example.org,127.0.0.1")
    assert error_of(post_init(sandbox, northbound, {"source": "PULL_FROM_URL", "video_url": url})) == expected


def test_branded_content_for_oneself_is_a_switch(sandbox: Driver, northbound: Account) -> None:
    info = {"privacy_level": "SELF_ONLY", "brand_content_toggle": True}
    assert post_init(sandbox, northbound, info=info).status_code == 200
    sandbox.switch(branded_self_only="reject")
    assert error_of(post_init(sandbox, northbound, info=info))[0] == 400


def test_the_order_of_the_checks(sandbox: Driver, northbound: Account) -> None:
    """Everything is wrong at once; mending one thing after the other shows the order of section 16."""
    sandbox.switch(audited=False, rate_limits=True, verified_properties="")
    weak = sandbox.connect(scopes="video.list")
    body = {"post_info": {"privacy_level": "NOBODY"},
            "source_info": {"source": "PULL_FROM_URL", "video_url": "https://example.com/a.mp4"}}
    for _ in range(6):
        assert sandbox.post(northbound, INIT, {}).status_code == 400  # a refused body uses up the window too

    def code(account: Account = northbound, **headers: str) -> str:
        reply = sandbox.http.post(INIT, json=body, headers={**account.headers, **headers})
        return str(reply.json()["error"]["code"])

    sandbox.change_creator("northbound", banned=True)
    seen = [code(Authorization="Bearer no"), code(weak), code()]
    sandbox.advance(60)
    body["source_info"]["source"] = "?"
    seen.append(code())
    body["source_info"]["source"] = "PULL_FROM_URL"
    seen.append(code())
    sandbox.change_creator("northbound", banned=False)
    seen.append(code())
    sandbox.switch(audited=True)
    seen.append(code())
    body["post_info"]["privacy_level"] = "SELF_ONLY"
    seen.append(code())
    assert seen == ["access_token_invalid", "scope_not_authorized", "rate_limit_exceeded", "invalid_params",
                    "spam_risk_user_banned_from_posting", "unaudited_client_can_only_post_to_private_accounts",
                    "privacy_level_option_mismatch", "url_ownership_unverified"]


def test_the_order_is_a_switch(sandbox: Driver, northbound: Account) -> None:
    sandbox.change_creator("northbound", banned=True)
    info = {"privacy_level": "NOBODY"}
    assert error_of(post_init(sandbox, northbound, info=info))[1] == "spam_risk_user_banned_from_posting"
    sandbox.switch(init_order="token,scope,rate,body,privacy,caps,unaudited,ownership")
    assert error_of(post_init(sandbox, northbound, info=info))[1] == "privacy_level_option_mismatch"


# upload


def start(sandbox: Driver, account: Account, size: int, chunk: int = 0, count: int = 1) -> tuple[str, str]:
    data = sandbox.init(account, size, chunk, count).json()["data"]
    return data["publish_id"], data["upload_url"]


def test_chunks_in_order(sandbox: Driver, northbound: Account) -> None:
    size, chunk = 12_000_001, 5_000_000
    publish_id, url = start(sandbox, northbound, size, chunk, 2)
    body = bytes(size)
    first = sandbox.put(url, body[:chunk], 0, size)
    assert (first.status_code, first.headers["Content-Range"]) == (206, f"bytes 0-{chunk}/{size}")
    status = sandbox.status(northbound, publish_id)
    assert (status["status"], status["uploaded_bytes"]) == ("PROCESSING_UPLOAD", chunk)
    last = sandbox.put(url, body[chunk:], chunk, size)
    assert (last.status_code, last.headers["Content-Range"]) == (201, f"bytes 0-{size}/{size}")
    assert last.content == b""
    assert sandbox.status(northbound, publish_id)["uploaded_bytes"] == size


def test_uploaded_bytes_can_mean_the_last_index(sandbox: Driver, northbound: Account) -> None:
    sandbox.switch(uploaded_bytes_as="last_index")
    publish_id, url = start(sandbox, northbound, 100)
    assert sandbox.put(url, bytes(100)).headers["Content-Range"] == "bytes 0-99/100"
    assert sandbox.status(northbound, publish_id)["uploaded_bytes"] == 99


SIZE, CHUNK = 10_000_002, 5_000_001


@pytest.mark.parametrize(("first", "length", "headers", "status"), [
    (CHUNK, CHUNK, {}, 416),  # the second chunk first
    (1, CHUNK, {}, 416),
    (0, CHUNK - 1, {}, 416),  # shorter than the plan says
    (0, SIZE, {}, 416),  # everything at once against the plan
    (0, CHUNK, {"Content_Range": "bytes 0-5000001/10000002"}, 400),  # not the length that is sent
    (0, CHUNK, {"Content_Range": "bytes 0-5000000/10000003"}, 400),  # another total
    (0, CHUNK, {"Content_Range": "0-5000000/10000002"}, 400),
    (0, CHUNK, {"Content_Range": "bytes 0-5000000/*"}, 400),
    (0, CHUNK, {"Content_Range": ""}, 400),
    (0, CHUNK, {"Content_Type": "application/octet-stream"}, 400),
    (0, CHUNK, {"Content_Type": "image/jpeg"}, 400),
    (0, CHUNK, {"Content_Type": "video/quicktime"}, 206),
    (0, CHUNK, {"Content_Type": "video/webm"}, 206),
])
def test_upload_status_codes(sandbox: Driver, northbound: Account, first: int, length: int, headers: dict[str, str],
                             status: int) -> None:
    publish_id, url = start(sandbox, northbound, SIZE, CHUNK, 2)
    reply = sandbox.put(url, bytes(length), first, SIZE, **headers)
    stored = CHUNK if status == 206 else 0
    assert (reply.status_code, reply.headers["Content-Range"]) == (status, f"bytes 0-{stored}/{SIZE}")
    assert sandbox.status(northbound, publish_id)["uploaded_bytes"] == stored


def test_unknown_upload(sandbox: Driver, northbound: Account) -> None:
    _, url = start(sandbox, northbound, 10)
    assert sandbox.put(url + "0", bytes(10)).status_code == 404
    assert sandbox.put(url.replace("upload_id=", "upload_id=1"), bytes(10)).status_code == 404
    assert sandbox.put(f"{sandbox.url}/video/", bytes(10)).status_code == 404
    assert sandbox.put(url, bytes(10)).status_code == 201


def test_the_url_lives_one_hour(sandbox: Driver, northbound: Account) -> None:
    publish_id, url = start(sandbox, northbound, SIZE, CHUNK, 2)
    sandbox.advance(3_599)
    assert sandbox.put(url, bytes(CHUNK), 0, SIZE).status_code == 206
    sandbox.advance(1)
    assert sandbox.put(url, bytes(CHUNK), CHUNK, SIZE).status_code == 403
    assert sandbox.status(northbound, publish_id)["status"] == "PROCESSING_UPLOAD"


@pytest.mark.parametrize("switched", [416, 206])
def test_repeating_a_range(sandbox: Driver, northbound: Account, switched: int) -> None:
    sandbox.switch(repeated_put_status=switched)
    publish_id, url = start(sandbox, northbound, SIZE, CHUNK, 2)
    sandbox.put(url, bytes(CHUNK), 0, SIZE)
    again = sandbox.put(url, bytes(CHUNK), 0, SIZE)
    assert (again.status_code, again.headers["Content-Range"]) == (switched, f"bytes 0-{CHUNK}/{SIZE}")
    sandbox.put(url, bytes(CHUNK), CHUNK, SIZE)
    assert sandbox.put(url, bytes(CHUNK), CHUNK, SIZE).status_code == (416 if switched == 416 else 201)
    assert sandbox.status(northbound, publish_id)["uploaded_bytes"] == SIZE


def cut_upload(url: str, first: int, last: int, total: int, sent: int) -> None:
    """Announce a whole chunk, send a part of it and hang up."""
    parts = urlsplit(url)
    with socket.create_connection((parts.hostname or "", parts.port or 0)) as connection:
        connection.sendall(
            f"PUT {parts.path}?{parts.query} HTTP/1.1\r\nHost: x\r\nContent-Type: video/mp4\r\n"
            f"Content-Length: {last - first + 1}\r\nContent-Range: bytes {first}-{last}/{total}\r\n\r\n".encode())
        connection.sendall(b"x" * sent)
        connection.shutdown(socket.SHUT_WR)
        answer = b""
        while block := connection.recv(4096):
            answer += block
        assert b" 400 " in answer.split(b"\r\n")[0]


@pytest.mark.parametrize(("keeps", "progress"), [(False, CHUNK), (True, CHUNK + 1_000_000)])
def test_a_cut_connection(sandbox: Driver, northbound: Account, keeps: bool, progress: int) -> None:
    sandbox.switch(keep_partial_chunk=keeps)
    publish_id, url = start(sandbox, northbound, SIZE, CHUNK, 2)
    sandbox.put(url, bytes(CHUNK), 0, SIZE)
    cut_upload(url, CHUNK, SIZE - 1, SIZE, 1_000_000)
    assert sandbox.status(northbound, publish_id)["uploaded_bytes"] == progress
    assert sandbox.put(url, bytes(SIZE - progress), progress, SIZE).status_code == 201


# what becomes of it


def test_a_public_video_from_init_to_id(sandbox: Driver, northbound: Account, video: Path) -> None:
    publish_id = sandbox.upload(northbound, video)
    assert sandbox.status(northbound, publish_id) == {
        "status": "PROCESSING_UPLOAD", "publicaly_available_post_id": [], "uploaded_bytes": video.stat().st_size}
    sandbox.advance(3)
    assert sandbox.status(northbound, publish_id)["status"] == "PUBLISH_COMPLETE"
    assert sandbox.status(northbound, publish_id)["publicaly_available_post_id"] == []
    sandbox.advance(2)
    text = sandbox.status_reply(northbound, publish_id).text
    match = re.search(r'"publicaly_available_post_id":\[(\d{19})\]', text)
    assert match and int(match[1]) > 2**53
    assert sandbox.http.get(f"/@northbound/video/{match[1]}").status_code == 200


@pytest.mark.parametrize("level", ["MUTUAL_FOLLOW_FRIENDS", "SELF_ONLY"])
def test_other_posts_never_get_a_public_id(sandbox: Driver, northbound: Account, video: Path, level: str) -> None:
    publish_id = sandbox.publish(northbound, video, privacy_level=level)
    sandbox.advance(10_000)
    status = sandbox.status(northbound, publish_id)
    assert (status["status"], status["publicaly_available_post_id"]) == ("PUBLISH_COMPLETE", [])
    post = sandbox.ledger()["posts"][0]
    assert sandbox.http.get(post["url"]).status_code == 404
    assert post["post_id"] not in sandbox.http.get("/@northbound").text
    sandbox.switch(ids_for_private_posts=True)
    assert sandbox.status(northbound, publish_id)["publicaly_available_post_id"] == [int(post["post_id"])]


@pytest.mark.parametrize(("properties", "max_seconds", "reason"), [
    ({}, 600, None),
    ({"codec": "libvpx", "suffix": "webm"}, 600, None),
    ({"suffix": "mov"}, 600, None),
    ({"width": 4096, "height": 360, "rate": 60, "seconds": 0.1}, 600, None),
    ({"codec": "mpeg4"}, 600, "file_format_check_failed"),
    ({"suffix": "mkv"}, 600, "file_format_check_failed"),
    ({"suffix": "3gp"}, 600, "file_format_check_failed"),
    ({"seconds": 2}, 1, "duration_check_failed"),
    ({"rate": 20}, 600, "frame_rate_check_failed"),
    ({"rate": 90, "seconds": 0.5}, 600, "frame_rate_check_failed"),
    ({"width": 320}, 600, "picture_size_check_failed"),
    ({"width": 360, "height": 4160, "seconds": 0.1}, 600, "picture_size_check_failed"),
    ({"comment": "sandbox-spam-file"}, 600, "spam_risk"),
])
def test_media_checks(sandbox: Driver, northbound: Account, make_video: MakeVideo, properties: dict[str, object],
                      max_seconds: int, reason: str | None) -> None:
    sandbox.change_creator("northbound", max_seconds=max_seconds)
    publish_id = sandbox.publish(northbound, make_video(**properties))
    reply = sandbox.status_reply(northbound, publish_id)
    assert (reply.status_code, reply.json()["error"]["code"]) == (200, "ok")
    assert reply.json()["data"].get("fail_reason") == reason
    assert reply.json()["data"]["status"] == ("FAILED" if reason else "PUBLISH_COMPLETE")
    assert sandbox.ledger()["posts_total"] == (0 if reason else 1)


@pytest.mark.parametrize("content", ["text", "half a video", "nothing but zeros"])
def test_a_file_that_is_no_video(sandbox: Driver, northbound: Account, video: Path, tmp_path: Path,
                                 content: str) -> None:
    whole = video.read_bytes()
    path = tmp_path / "broken.mp4"
    path.write_bytes({"text": b"Dear diary, " * 90, "half a video": whole[:len(whole) // 2]}.get(content, bytes(999)))
    publish_id = sandbox.publish(northbound, path)
    assert sandbox.status(northbound, publish_id)["fail_reason"] == "file_format_check_failed"


def test_a_risky_caption(sandbox: Driver, northbound: Account, video: Path) -> None:
    publish_id = sandbox.publish(northbound, video, title="Buy this: Sandbox-Spam-Text!")
    status = sandbox.status(northbound, publish_id)
    assert (status["status"], status["fail_reason"]) == ("FAILED", "spam_risk_text")
    sandbox.switch(spam_text_words="forbidden")
    publish_id = sandbox.publish(northbound, video, title="Sandbox-Spam-Text")
    assert sandbox.status(northbound, publish_id)["status"] == "PUBLISH_COMPLETE"


@pytest.mark.parametrize(("spelling", "code"), [("invalid_publish_id", "invalid_publish_id"),
                                                ("invalid_params", "invalid_params")])
def test_status_of_an_unknown_publish(sandbox: Driver, northbound: Account, spelling: str, code: str) -> None:
    sandbox.switch(unknown_publish_code=spelling)
    assert error_of(sandbox.status_reply(northbound, "v_pub_file~v2-1.1")) == (400, code, "invalid_publish_id")


def test_status_of_somebody_else_s_publish(sandbox: Driver, northbound: Account, lumen: Account) -> None:
    publish_id, _ = start(sandbox, northbound, 10)
    assert error_of(sandbox.status_reply(lumen, publish_id))[:2] == (
        400, "token_not_authorized_for_specified_publish_id")


def test_publish_ids_may_be_forgotten(sandbox: Driver, northbound: Account) -> None:
    publish_id, _ = start(sandbox, northbound, 10)
    sandbox.switch(publish_id_seconds=100)
    assert sandbox.status(northbound, publish_id)["status"] == "PROCESSING_UPLOAD"
    sandbox.advance(101)
    assert error_of(sandbox.status_reply(northbound, publish_id))[1] == "invalid_publish_id"


def test_revoking_while_it_is_processed(sandbox: Driver, northbound: Account, video: Path) -> None:
    publish_id = sandbox.upload(northbound, video)
    form = {"client_key": sandbox.config.client_key, "client_secret": sandbox.config.client_secret}
    sandbox.http.post("/v2/oauth/revoke/", data={**form, "token": northbound.access})
    sandbox.advance(10)
    status = sandbox.status(sandbox.connect("northbound"), publish_id)
    assert (status["status"], status["fail_reason"]) == ("FAILED", "auth_removed")


def test_fifteen_posts_in_any_24_hours(sandbox: Driver, northbound: Account, video: Path) -> None:
    sandbox.switch(rate_limits=False, posts_per_day=3)
    for _ in range(3):
        sandbox.publish(northbound, video)
        sandbox.advance(3_600)
    assert error_of(sandbox.init(northbound, 10))[1] == "spam_risk_too_many_posts"
    assert sandbox.init(sandbox.connect("kabinet"), 10).status_code == 200
    sandbox.advance(86_400 - 3 * 3_600)
    account = sandbox.connect("northbound")
    assert sandbox.init(account, 10).status_code == 200
    sandbox.publish(account, video)
    assert error_of(sandbox.init(account, 10))[1] == "spam_risk_too_many_posts"


def test_active_creators_of_the_app(sandbox: Driver, northbound: Account, lumen: Account) -> None:
    sandbox.switch(active_users_per_day=1)
    assert sandbox.init(northbound, 10).status_code == 200
    assert error_of(sandbox.init(lumen, 10, privacy_level="SELF_ONLY"))[1] == "reached_active_user_cap"
    assert sandbox.init(northbound, 10).status_code == 200, "who is inside the window keeps working"
    sandbox.advance(86_401)
    assert sandbox.init(sandbox.connect("lumen.studio"), 10, privacy_level="SELF_ONLY").status_code == 200


def test_options_and_bytes_are_in_the_ledger(sandbox: Driver, video: Path) -> None:
    kabinet = sandbox.connect("kabinet")
    publish_id = sandbox.publish(kabinet, video, title="Ein Schrank ☕", disable_comment=False, disable_duet=True,
                                 disable_stitch=False, brand_organic_toggle=True, brand_content_toggle=False,
                                 is_aigc=True)
    post, = sandbox.ledger(publish_id=publish_id)["posts"]
    assert post["caption"] == "Ein Schrank ☕" and post["username"] == "kabinet"
    assert post["options"] == {"disable_comment": True, "disable_duet": True, "disable_stitch": False,
                               "brand_organic_toggle": True, "brand_content_toggle": False, "is_aigc": True}
    assert (post["bytes"], post["sha256"]) == (video.stat().st_size, hashlib.sha256(video.read_bytes()).hexdigest())
    assert isinstance(post["post_id"], str) and post["url"].endswith(f"/@kabinet/video/{post['post_id']}")
