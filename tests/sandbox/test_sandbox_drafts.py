"""Drafts in the creator's inbox and what creators do on their side (sections 5, 9, 10.2)."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from .driver import Account, Driver
from .origin import Origin

INBOX_INIT = "/v2/post/publish/inbox/video/init/"


def inbox_init(sandbox: Driver, account: Account, size: int, **more: object) -> httpx.Response:
    return sandbox.post(account, INBOX_INIT, {"source_info": {
        "source": "FILE_UPLOAD", "video_size": size, "chunk_size": size, "total_chunk_count": 1}, **more})


def deliver_draft(sandbox: Driver, account: Account, video: Path) -> str:
    reply = inbox_init(sandbox, account, video.stat().st_size)
    assert reply.status_code == 200, reply.text
    sandbox.put(reply.json()["data"]["upload_url"], video.read_bytes())
    sandbox.advance(10)
    return str(reply.json()["data"]["publish_id"])


def act(sandbox: Driver, publish_id: str, action: str, **body: str) -> httpx.Response:
    return sandbox.http.post(f"/sandbox/api/drafts/{publish_id}/{action}", json=body)


def test_a_draft_from_init_to_posts(sandbox: Driver, northbound: Account, video: Path) -> None:
    publish_id = deliver_draft(sandbox, northbound, video)
    assert publish_id.startswith("v_inbox_file~v2.")
    status = sandbox.status(northbound, publish_id)
    assert (status["status"], status["publicaly_available_post_id"]) == ("SEND_TO_USER_INBOX", [])
    assert sandbox.ledger()["posts_total"] == 0
    draft, = sandbox.http.get("/sandbox/api/drafts", params={"username": "northbound"}).json()["drafts"]
    assert draft["publish_id"] == publish_id

    first = act(sandbox, publish_id, "post", title="Mine", privacy_level="PUBLIC_TO_EVERYONE")
    assert first.status_code == 201 and first.json()["caption"] == "Mine"
    assert sandbox.status(northbound, publish_id)["status"] == "PUBLISH_COMPLETE"
    assert sandbox.http.get("/sandbox/api/drafts").json()["drafts"] == []
    act(sandbox, publish_id, "post", title="Again")
    sandbox.advance(10)
    assert len(sandbox.status(northbound, publish_id)["publicaly_available_post_id"]) == 2
    assert sandbox.ledger(publish_id=publish_id)["posts_total"] == 2


def test_a_post_info_is_neither_refused_nor_used(sandbox: Driver, northbound: Account, video: Path) -> None:
    size = video.stat().st_size
    data = inbox_init(sandbox, northbound, size, post_info={"title": "Lost", "privacy_level": "NOBODY"}).json()["data"]
    sandbox.put(data["upload_url"], video.read_bytes())
    sandbox.advance(10)
    assert act(sandbox, data["publish_id"], "post").json()["caption"] == ""


def test_a_discarded_draft(sandbox: Driver, northbound: Account, video: Path) -> None:
    publish_id = deliver_draft(sandbox, northbound, video)
    assert act(sandbox, publish_id, "discard").status_code == 200
    assert act(sandbox, publish_id, "discard").status_code == 400
    assert act(sandbox, publish_id, "post").status_code == 400
    assert sandbox.status(northbound, publish_id)["status"] == "SEND_TO_USER_INBOX"


def test_drafts_that_can_not_be_posted(sandbox: Driver, northbound: Account, video: Path) -> None:
    direct = sandbox.publish(northbound, video)
    assert act(sandbox, direct, "post").status_code == 400
    assert act(sandbox, "nothing", "post").status_code == 400
    draft = deliver_draft(sandbox, northbound, video)
    assert act(sandbox, draft, "post", privacy_level="FOLLOWER_OF_CREATOR").status_code == 400
    early = inbox_init(sandbox, northbound, 10).json()["data"]["publish_id"]
    assert act(sandbox, early, "post").status_code == 400


def test_pending_shares(sandbox: Driver, northbound: Account, video: Path) -> None:
    sandbox.switch(rate_limits=False)
    drafts = [deliver_draft(sandbox, northbound, video) for _ in range(5)]
    reply = inbox_init(sandbox, northbound, 10)
    assert (reply.status_code, reply.json()["error"]["code"]) == (403, "spam_risk_too_many_pending_share")
    act(sandbox, drafts[0], "post")
    assert inbox_init(sandbox, northbound, 10).status_code == 200
    deliver_draft(sandbox, northbound, video)
    assert inbox_init(sandbox, northbound, 10).status_code == 403
    act(sandbox, drafts[1], "discard")
    assert inbox_init(sandbox, northbound, 10).status_code == 200


@pytest.mark.parametrize(("by_time", "status"), [(True, 200), (False, 403)])
def test_whether_time_frees_a_pending_share(sandbox: Driver, northbound: Account, video: Path, by_time: bool,
                                            status: int) -> None:
    sandbox.switch(pending_frees_by_time=by_time, pending_shares=1)
    deliver_draft(sandbox, northbound, video)
    assert inbox_init(sandbox, northbound, 10).status_code == 403
    sandbox.advance(86_401)
    assert inbox_init(sandbox, sandbox.connect("northbound"), 10).status_code == status


def test_a_draft_may_expire(sandbox: Driver, northbound: Account, video: Path) -> None:
    sandbox.switch(draft_seconds=100)
    publish_id = deliver_draft(sandbox, northbound, video)
    sandbox.advance(100)
    assert act(sandbox, publish_id, "post").status_code == 400
    assert sandbox.http.get("/sandbox/api/drafts").json()["drafts"] == []


def test_drafts_are_exempt_from_the_direct_rules(sandbox: Driver, northbound: Account) -> None:
    sandbox.switch(audited=False, active_users_per_day=0, unaudited_users_per_day=0, posts_per_day=0)
    assert inbox_init(sandbox, northbound, 10).status_code == 200
    sandbox.change_creator("northbound", banned=True)
    assert inbox_init(sandbox, northbound, 10).json()["error"]["code"] == "spam_risk_user_banned_from_posting"


def test_a_draft_needs_its_scope_and_a_good_plan(sandbox: Driver, northbound: Account) -> None:
    weak = sandbox.connect(scopes="video.publish")
    assert inbox_init(sandbox, weak, 10).json()["error"]["code"] == "scope_not_authorized"
    reply = sandbox.post(northbound, INBOX_INIT, {"source_info": {
        "source": "FILE_UPLOAD", "video_size": 94_000_000, "chunk_size": 64_000_000, "total_chunk_count": 1}})
    assert reply.json()["error"]["message"] == "The chunk size is invalid"


def test_photo_drafts_keep_only_their_texts(pulling: Driver, origin: Origin, northbound: Account) -> None:
    from .test_sandbox_pull import PHOTO_INIT, photo_body, picture

    origin.files["/1"] = picture()
    pulling.switch(inbox_photo_prefix=True)
    body = photo_body([f"{origin.url}/1"], "MEDIA_UPLOAD", description="Long", auto_add_music=True)
    publish_id = pulling.post(northbound, PHOTO_INIT, body).json()["data"]["publish_id"]
    assert publish_id.startswith("p_inbox_url~v2.")
    assert pulling.settled(northbound, publish_id)["status"] == "SEND_TO_USER_INBOX"
    post = act(pulling, publish_id, "post").json()
    assert (post["caption"], post["description"], post["kind"]) == ("Three", "Long", "photo")
    assert "auto_add_music" not in post["options"]


def test_the_inbox_page(sandbox: Driver, northbound: Account, video: Path) -> None:
    first, second = (deliver_draft(sandbox, northbound, video) for _ in range(2))
    page = sandbox.http.get("/@northbound?view=owner").text
    assert first in page and second in page
    assert first not in sandbox.http.get("/@northbound").text
    sandbox.http.post(f"/sandbox/drafts/{first}", data={"action": "post", "title": "By hand",
                                                        "privacy_level": "PUBLIC_TO_EVERYONE"})
    sandbox.http.post(f"/sandbox/drafts/{second}", data={"action": "discard"})
    sandbox.advance(10)
    assert "By hand" in sandbox.http.get("/@northbound").text
    assert sandbox.http.get("/sandbox/api/drafts").json()["drafts"] == []


def test_the_owner_can_hide_show_and_delete(sandbox: Driver, northbound: Account, video: Path) -> None:
    publish_id = sandbox.publish(northbound, video, privacy_level="SELF_ONLY")
    post = sandbox.ledger()["posts"][0]

    def visible() -> bool:
        listed = sandbox.status(northbound, publish_id)["publicaly_available_post_id"] == [int(post["post_id"])]
        assert (sandbox.http.get(post["url"]).status_code == 200) is listed
        return listed

    assert not visible()
    sandbox.http.patch(f"/sandbox/api/posts/{post['post_id']}", json={"privacy_level": "PUBLIC_TO_EVERYONE"})
    assert visible()
    sandbox.http.patch(f"/sandbox/api/posts/{post['post_id']}", json={"privacy_level": "SELF_ONLY"})
    assert not visible()
    sandbox.http.patch(f"/sandbox/api/posts/{post['post_id']}", json={"privacy_level": "PUBLIC_TO_EVERYONE"})
    sandbox.http.delete(f"/sandbox/api/posts/{post['post_id']}")
    assert not visible()
    assert sandbox.ledger()["posts"][0]["deleted"] is True


@pytest.mark.parametrize("by_button", [False, True])
def test_the_creator_disconnects(sandbox: Driver, northbound: Account, video: Path, by_button: bool) -> None:
    publish_id = sandbox.upload(northbound, video)
    if by_button:
        sandbox.http.post("/sandbox/creators/northbound/disconnect")
    else:
        reply = sandbox.http.post("/sandbox/api/creators/northbound/remove_authorization", json={"reason": 4})
        assert reply.json() == {"username": "northbound", "removed": True}
    assert sandbox.status_reply(northbound, publish_id).status_code == 401
    assert "error" in sandbox.token(grant_type="refresh_token", refresh_token=northbound.refresh).json()
    assert sandbox.status(sandbox.connect("northbound"), publish_id)["fail_reason"] == "auth_removed"


def test_a_ban_between_init_and_post(sandbox: Driver, northbound: Account, video: Path) -> None:
    publish_id = sandbox.upload(northbound, video)
    sandbox.change_creator("northbound", banned=True)
    sandbox.advance(10)
    assert sandbox.status(northbound, publish_id)["fail_reason"] == "spam_risk_user_banned_from_posting"


def test_the_cap_between_init_and_post(sandbox: Driver, northbound: Account, video: Path) -> None:
    sandbox.switch(posts_per_day=1)
    size = video.stat().st_size
    urls = [sandbox.init(northbound, size).json()["data"]["upload_url"] for _ in range(2)]
    for url in urls:
        assert sandbox.put(url, video.read_bytes()).status_code == 201
    sandbox.advance(10)
    assert sorted(item["fail_reason"] for item in sandbox.ledger()["publishes"]) == ["", "spam_risk_too_many_posts"]
    assert sandbox.ledger()["posts_total"] == 1
