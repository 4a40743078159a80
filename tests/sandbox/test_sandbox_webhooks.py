"""Webhooks (section 10) and the Display API (section 11)."""

from __future__ import annotations

import hashlib
import hmac
import json
from pathlib import Path
from typing import Any

import pytest

from app.sandbox.webhooks import sign

from .conftest import StartSandbox
from .driver import Account, Driver
from .origin import Origin
from .test_sandbox_drafts import act, deliver_draft


@pytest.fixture
def listening(sandbox: Driver, origin: Origin) -> Driver:
    sandbox.switch(webhook_url=origin.url + "/webhooks/tiktok", rate_limits=False)
    return sandbox


def received(sandbox: Driver, origin: Origin) -> list[tuple[str, dict[str, Any]]]:
    """Deliver what is due and return names with contents, in the order of arrival."""
    sandbox.http.post("/sandbox/api/webhooks/deliver")
    bodies = [json.loads(body) for _, body in origin.posts]
    return [(body["event"], json.loads(body["content"])) for body in bodies]


def test_the_signature_vector() -> None:
    body = (b'{"client_key":"bwo2m45353a6k85","event":"post.publish.complete","create_time":1633174586,'
            b'"user_openid":"-000abc","content":"{\\"publish_id\\":\\"v_pub_file~v2-1.123456789\\",'
            b'\\"publish_type\\":\\"DIRECT_PUBLISH\\"}"}')
    assert len(body) == 208
    assert sign("test_client_secret", 1633174587, body) == (
        "t=1633174587,s=65763c8dcf0981a29f92caa96fe32ed01e290cb31448a962d06d4fdd1a236d9d")


def test_the_envelope_is_built_like_the_vector() -> None:
    from app.sandbox.events import envelope

    content = {"publish_id": "v_pub_file~v2-1.123456789", "publish_type": "DIRECT_PUBLISH"}
    body = envelope("bwo2m45353a6k85", "post.publish.complete", 1633174586, "-000abc", content)
    assert sign("test_client_secret", 1633174587, body.encode()).endswith(
        "65763c8dcf0981a29f92caa96fe32ed01e290cb31448a962d06d4fdd1a236d9d")


def test_a_direct_post_tells_complete_then_available(listening: Driver, origin: Origin, northbound: Account,
                                                     video: Path) -> None:
    publish_id = listening.upload(northbound, video)
    listening.advance(3)
    direct = {"publish_id": publish_id, "publish_type": "DIRECT_PUBLISH"}
    assert received(listening, origin) == [("post.publish.complete", direct)]
    listening.advance(2)
    post_id = listening.ledger()["posts"][0]["post_id"]
    assert received(listening, origin)[1] == ("post.publish.publicly_available", {**direct, "post_id": post_id})
    headers, raw = origin.posts[0]
    body = json.loads(raw)
    assert set(body) == {"client_key", "event", "create_time", "user_openid", "content"}
    assert (body["client_key"], body["user_openid"]) == (listening.config.client_key, northbound.open_id)
    assert body["create_time"] == int(listening.ledger()["posts"][0]["created_at"]) and isinstance(body["content"], str)
    stamp, digest = (part.split("=", 1)[1] for part in headers["TikTok-Signature"].split(","))
    expected = hmac.new(listening.config.client_secret.encode(), f"{stamp}.".encode() + raw, hashlib.sha256)
    assert digest == expected.hexdigest() and headers["Content-Type"] == "application/json"


def test_a_failure_has_a_reason(listening: Driver, origin: Origin, northbound: Account, video: Path) -> None:
    publish_id = listening.publish(northbound, video, title="sandbox-spam-text")
    assert received(listening, origin) == [("post.publish.failed", {
        "publish_id": publish_id, "publish_type": "DIRECT_PUBLISH", "reason": "spam_risk_text"})]


def test_a_draft_tells_delivered_then_complete_for_each_post(listening: Driver, origin: Origin, northbound: Account,
                                                             video: Path) -> None:
    publish_id = deliver_draft(listening, northbound, video)
    for _ in range(2):
        act(listening, publish_id, "post", privacy_level="SELF_ONLY")
    share = {"publish_id": publish_id, "publish_type": "INBOX_SHARE"}
    assert received(listening, origin) == [("post.publish.inbox_delivered", share), ("post.publish.complete", share),
                                           ("post.publish.complete", share)]


def test_visibility_has_two_spellings(listening: Driver, origin: Origin, northbound: Account, video: Path) -> None:
    listening.publish(northbound, video, privacy_level="SELF_ONLY")
    post_id = listening.ledger()["posts"][0]["post_id"]
    listening.http.patch(f"/sandbox/api/posts/{post_id}", json={"privacy_level": "PUBLIC_TO_EVERYONE"})
    listening.http.delete(f"/sandbox/api/posts/{post_id}")
    events = received(listening, origin)[1:]
    assert {name for name, _ in events} == {
        "post.publish.publicly_available", "post.publish.no_longer_publicaly_available"}
    assert all(content["post_id"] == post_id for _, content in events)


@pytest.mark.parametrize(("how", "reason"), [("user", 1), ("banned", 4), ("revoke", 5)])
def test_removed_authorisation(listening: Driver, origin: Origin, northbound: Account, how: str, reason: int) -> None:
    if how == "revoke":
        listening.http.post("/v2/oauth/revoke/", data={"client_key": listening.config.client_key,
                            "client_secret": listening.config.client_secret, "token": northbound.access})
    else:
        body = {"reason": 4} if how == "banned" else {}
        listening.http.post("/sandbox/api/creators/northbound/remove_authorization", json=body)
    assert received(listening, origin) == [("authorization.removed", {"reason": reason})]
    listening.http.post("/sandbox/api/creators/northbound/remove_authorization")
    assert len(received(listening, origin)) == 1, "what is gone can't be removed again"


def test_any_event_can_be_sent(listening: Driver, origin: Origin) -> None:
    reply = listening.http.post("/sandbox/api/webhooks/send", json={
        "event": "video.upload.failed", "username": "kabinet", "content": {"share_id": "video.1"}})
    assert reply.status_code == 201
    assert received(listening, origin) == [("video.upload.failed", {"share_id": "video.1"})]


def test_duplicates(listening: Driver, origin: Origin, northbound: Account, video: Path) -> None:
    listening.switch(webhook_copies=3)
    listening.publish(northbound, video, privacy_level="SELF_ONLY")
    assert [name for name, _ in received(listening, origin)] == ["post.publish.complete"] * 3
    assert len({body for _, body in origin.posts}) == 1


def test_out_of_order(listening: Driver, origin: Origin, northbound: Account, video: Path) -> None:
    listening.switch(webhook_out_of_order=True, webhooks=True, processing_seconds=1, moderation_seconds=1)
    listening.switch(webhook_url="http://127.0.0.1:9/nobody")  # both events wait for somebody to listen
    listening.publish(northbound, video)
    listening.http.post("/sandbox/api/webhooks/deliver")
    listening.switch(webhook_url=origin.url)
    listening.advance(100)
    assert [name for name, _ in received(listening, origin)] == [
        "post.publish.publicly_available", "post.publish.complete"]


@pytest.mark.parametrize("renewed", [True, False])
def test_retries_back_off_and_end_after_72_hours(listening: Driver, origin: Origin, renewed: bool) -> None:
    listening.switch(webhook_renew_t=renewed)
    origin.answers = [500] * 1_000
    listening.http.post("/sandbox/api/webhooks/send", json={"event": "x"})
    attempts = []
    for step in (0, 9, 1, 19, 1, 39, 1):
        listening.advance(step)
        attempts.append(len(received(listening, origin)))
    assert attempts == [1, 1, 2, 2, 3, 3, 4]
    assert len({headers["TikTok-Signature"] for headers, _ in origin.posts}) == (4 if renewed else 1)
    for _ in range(80):
        listening.advance(3_600)
        received(listening, origin)
    delivery, = listening.http.get("/sandbox/api/webhooks").json()["webhooks"]
    assert delivery["dropped"] is True and delivery["last_status"] == 500
    tried = len(origin.posts)
    listening.advance(100_000)
    assert len(received(listening, origin)) == tried


def test_only_200_counts_as_delivered(listening: Driver, origin: Origin) -> None:
    origin.answers = [204, 200]
    listening.http.post("/sandbox/api/webhooks/send", json={"event": "x"})
    assert len(received(listening, origin)) == 1
    listening.advance(10)
    assert len(received(listening, origin)) == 2
    listening.advance(10_000)
    assert len(received(listening, origin)) == 2


def test_nothing_leaves_the_machine(sandbox: Driver) -> None:
    sandbox.switch(webhook_url="https://example.org/webhooks")
    sandbox.http.post("/sandbox/api/webhooks/send", json={"event": "x"})
    sandbox.http.post("/sandbox/api/webhooks/deliver")
    delivery, = sandbox.http.get("/sandbox/api/webhooks").json()["webhooks"]
    assert (delivery["last_status"], delivery["delivered_at"], delivery["attempts"]) == (0, None, 1)


def test_no_listener_no_webhooks(sandbox: Driver, northbound: Account, video: Path) -> None:
    sandbox.publish(northbound, video)
    assert sandbox.ledger()["posts_total"] == 1
    assert sandbox.http.get("/sandbox/api/webhooks").json()["total"] == 0
    assert sandbox.http.post("/sandbox/api/webhooks/send", json={"event": "x"}).status_code == 400


def test_open_webhooks_survive_a_restart(start_sandbox: StartSandbox, origin: Origin) -> None:
    before = start_sandbox()
    before.switch(webhook_url=origin.url)
    origin.answers = [500]
    before.http.post("/sandbox/api/webhooks/send", json={"event": "kept"})
    before.http.post("/sandbox/api/webhooks/deliver")
    before.stop()
    after = start_sandbox()
    after.advance(60)
    assert [name for name, _ in received(after, origin)] == ["kept", "kept"]


# Display API

LIST, QUERY = "/v2/video/list/", "/v2/video/query/"


def listed(sandbox: Driver, account: Account, fields: str = "id", **body: int) -> dict[str, Any]:
    reply = sandbox.post(account, LIST, body, fields=fields)
    assert reply.status_code == 200, reply.text
    data: dict[str, Any] = reply.json()["data"]
    return data


def test_the_list_shows_public_posts_newest_first_in_pages(sandbox: Driver, northbound: Account, video: Path) -> None:
    sandbox.switch(rate_limits=False, caps=False)
    for index in range(5):
        sandbox.publish(northbound, video, title=f"Post {index}")
    sandbox.publish(northbound, video, privacy_level="SELF_ONLY", title="Hidden")
    first = listed(sandbox, northbound, "title,id,create_time", max_count=2)
    assert [item["title"] for item in first["videos"]] == ["Post 4", "Post 3"] and first["has_more"] is True
    assert first["cursor"] // 1000 == first["videos"][-1]["create_time"]
    second = listed(sandbox, northbound, "title", max_count=20, cursor=first["cursor"])
    assert [item["title"] for item in second["videos"]] == ["Post 2", "Post 1", "Post 0"]
    assert second["has_more"] is False
    assert listed(sandbox, sandbox.connect("kabinet"))["videos"] == []


def test_a_video_object(sandbox: Driver, northbound: Account, video: Path) -> None:
    sandbox.publish(northbound, video, title="a" * 200)
    fields = ("id,create_time,cover_image_url,share_url,video_description,title,duration,height,width,embed_html,"
              "embed_link,like_count,comment_count,share_count,view_count")
    item, = listed(sandbox, northbound, fields)["videos"]
    assert list(item) == fields.split(",")
    assert isinstance(item["id"], str) and (item["width"], item["height"], item["duration"]) == (360, 640, 1)
    assert item["title"] == item["video_description"] == "a" * 150
    assert "utm_" in item["share_url"] and sandbox.http.get(item["share_url"]).status_code == 200
    assert sandbox.http.get(item["cover_image_url"]).status_code == 200
    sandbox.advance(21_600)
    assert sandbox.http.get(item["cover_image_url"]).status_code == 403


def test_numbers_grow_and_repeat(sandbox: Driver, northbound: Account, video: Path) -> None:
    sandbox.publish(northbound, video)
    fields = "view_count,like_count"
    early = listed(sandbox, northbound, fields)
    assert listed(sandbox, northbound, fields) == early
    sandbox.advance(50_000)
    late = listed(sandbox, northbound, fields)["videos"][0]
    assert late["view_count"] > early["videos"][0]["view_count"] and late["view_count"] >= late["like_count"] > 0


def test_query_finds_only_one_s_own_public_posts(sandbox: Driver, northbound: Account, lumen: Account,
                                                 video: Path) -> None:
    mine = sandbox.publish(northbound, video)
    hidden = sandbox.publish(northbound, video, privacy_level="SELF_ONLY")
    ids = {post["publish_id"]: post["post_id"] for post in sandbox.ledger()["posts"]}

    def query(account: Account, *wanted: str) -> list[str]:
        reply = sandbox.post(account, QUERY, {"filters": {"video_ids": list(wanted)}}, fields="id")
        return [item["id"] for item in reply.json()["data"]["videos"]]

    assert query(northbound, ids[mine], ids[hidden], "123") == [ids[mine]]
    assert query(lumen, ids[mine]) == []


@pytest.mark.parametrize(("path", "fields", "body"), [
    (LIST, "", {}), (LIST, "id,saves", {}), (LIST, "id", {"max_count": 21}), (LIST, "id", {"max_count": 0}),
    (LIST, "id", {"cursor": "1"}), (QUERY, "id", {}), (QUERY, "id", {"filters": {"video_ids": []}}),
    (QUERY, "id", {"filters": {"video_ids": ["1"] * 21}}), (QUERY, "id", {"filters": {"video_ids": [1]}})])
def test_bad_display_requests(sandbox: Driver, northbound: Account, path: str, fields: str,
                              body: dict[str, object]) -> None:
    reply = sandbox.post(northbound, path, body, fields=fields)
    assert (reply.status_code, reply.json()["error"]["code"]) == (400, "invalid_params")


def test_display_needs_video_list(sandbox: Driver) -> None:
    account = sandbox.connect(scopes="video.publish")
    for path in (LIST, QUERY):
        assert sandbox.post(account, path, {}, fields="id").json()["error"]["code"] == "scope_not_authorized"


@pytest.mark.parametrize("per", ["token", "app"])
def test_the_display_limit(sandbox: Driver, northbound: Account, lumen: Account, per: str) -> None:
    sandbox.switch(display_limit_per=per)

    def ask(account: Account) -> int:
        return sandbox.post(account, LIST, {}, fields="id").status_code

    assert {ask(northbound) for _ in range(599)} == {200}
    assert ask(lumen) == 200
    assert ask(northbound) == (200 if per == "token" else 429)
    assert (ask(northbound), ask(lumen)) == (429, 200 if per == "token" else 429)
    assert sandbox.post(northbound, QUERY, {"filters": {"video_ids": ["1"]}}, fields="id").status_code == 200
