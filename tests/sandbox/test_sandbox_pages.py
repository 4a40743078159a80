"""Profiles, posts, ledger, control API, restart."""

from __future__ import annotations

import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from .conftest import StartSandbox
from .driver import Account, Driver


def test_a_post_plays(sandbox: Driver, northbound: Account, video: Path) -> None:
    sandbox.publish(northbound, video, title="Fog & <rails>")
    post = sandbox.ledger()["posts"][0]
    assert "Fog &amp; &lt;rails&gt;" in sandbox.http.get("/@northbound").text
    page = sandbox.http.get(post["url"]).text
    assert "<video controls" in page and f'/media/{post["post_id"]}/0' in page
    media = sandbox.http.get(f"/media/{post['post_id']}/0")
    assert media.content == video.read_bytes() and media.headers["Content-Type"] == "video/mp4"
    part = sandbox.http.get(f"/media/{post['post_id']}/0", headers={"Range": "bytes=100-199"})
    assert part.status_code == 206 and part.content == video.read_bytes()[100:200]
    cover = sandbox.http.get(f"/cover/{post['post_id']}.jpg")
    assert cover.headers["Content-Type"] == "image/jpeg" and cover.content[:2] == b"\xff\xd8"


def test_moderation_hides_a_post_until_it_ends(sandbox: Driver, northbound: Account, video: Path) -> None:
    sandbox.upload(northbound, video, title="Early")
    sandbox.advance(3)
    post = sandbox.ledger()["posts"][0]
    assert "Early" not in sandbox.http.get("/@northbound").text
    assert "Early" in sandbox.http.get("/@northbound?view=owner").text
    assert sandbox.http.get(post["url"]).status_code == 404
    sandbox.advance(2)
    assert sandbox.http.get(post["url"]).status_code == 200


@pytest.mark.parametrize("path", ["/@nobody", "/@northbound/video/1", "/@northbound/photo/1", "/media/1/0",
                                  "/cover/1.jpg", "/avatar/nobody/100.png", "/avatar/northbound/9999.png"])
def test_what_does_not_exist(sandbox: Driver, path: str) -> None:
    assert sandbox.http.get(path).status_code == 404


def test_a_post_belongs_to_its_creator_and_kind(sandbox: Driver, northbound: Account, video: Path) -> None:
    sandbox.publish(northbound, video)
    post_id = sandbox.ledger()["posts"][0]["post_id"]
    assert sandbox.http.get(f"/@kabinet/video/{post_id}").status_code == 404
    assert sandbox.http.get(f"/@northbound/photo/{post_id}").status_code == 404


def test_the_ledger_counts_and_filters(sandbox: Driver, northbound: Account, lumen: Account, video: Path) -> None:
    mine = sandbox.publish(northbound, video)
    other = sandbox.publish(lumen, video, privacy_level="SELF_ONLY")
    sandbox.status(northbound, mine)
    everything = sandbox.ledger()
    assert everything["posts_total"] == 2 and everything["publishes_total"] == 2
    assert [publish["caption"] for publish in everything["publishes"]] == [post["caption"] for post in everything["posts"]]
    assert everything["counters"]["video_init"] == {"total": 2, "200 ok": 2}
    assert everything["counters"]["upload"] == {"total": 2, "201 ok": 2}
    assert [post["publish_id"] for post in sandbox.ledger(publish_id=mine)["posts"]] == [mine]
    assert [post["publish_id"] for post in sandbox.ledger(username="lumen.studio")["posts"]] == [other]
    assert [call["endpoint"] for call in sandbox.ledger(publish_id=mine)["calls"]] == ["status", "upload", "video_init"]
    assert sandbox.ledger(publish_id=mine, calls_limit="1")["calls_total"] == 3
    assert len(sandbox.ledger(publish_id=mine, calls_limit="1")["calls"]) == 1
    page = sandbox.http.get("/ledger", params={"publish_id": mine}).text
    assert mine in page and other not in page


def test_the_ledger_holds_no_secrets(sandbox: Driver, northbound: Account, video: Path) -> None:
    data = sandbox.init(northbound, video.stat().st_size).json()["data"]
    sandbox.put(data["upload_url"], video.read_bytes())
    for text in (sandbox.http.get("/sandbox/api/ledger").text, sandbox.http.get("/ledger").text):
        assert data["publish_id"] in text
        for secret in (northbound.access, northbound.refresh, data["upload_url"].split("upload_token=")[1],
                       sandbox.config.client_secret):
            assert secret not in text


def test_switches(sandbox: Driver) -> None:
    before = sandbox.http.get("/sandbox/api/switches").json()
    assert (before["processing_seconds"], before["moderation_seconds"]) == (3, 2)
    for body in ({"nonsense": 1}, {"processing_seconds": "soon"}, {"oauth_error_status": 500}, {"caps": 3}, [],
                 {"init_order": "token"}, {"processing_seconds": -1}, {"processing_seconds": 1, "nonsense": 1}):
        assert sandbox.http.patch("/sandbox/api/switches", json=body).status_code == 400, body
    assert sandbox.http.get("/sandbox/api/switches").json() == before
    assert sandbox.http.patch("/sandbox/api/switches", json={"audited": False}).json()["audited"] is False


@pytest.mark.parametrize("body", [{}, {"advance_seconds": -1}, {"advance_seconds": True}, {"frozen": 1}, {"now": 3},
                                  {"speed": 0}, {"speed": -1}, {"speed": True}, {"speed": "2"}])
def test_the_clock_refuses(sandbox: Driver, body: dict[str, object]) -> None:
    assert sandbox.http.post("/sandbox/api/clock", json=body).status_code == 400


def test_the_clock_can_stand_still(start_sandbox: StartSandbox) -> None:
    ticks = iter(range(1_790_000_000, 1_790_100_000))
    sandbox = start_sandbox(clock=lambda: float(next(ticks)))
    now = [sandbox.http.get("/sandbox/api/clock").json()["now"] for _ in range(2)]
    assert now[1] > now[0]
    stopped = sandbox.http.post("/sandbox/api/clock", json={"frozen": True}).json()["now"]
    assert sandbox.http.get("/sandbox/api/clock").json()["now"] == stopped
    sandbox.advance(7)
    assert sandbox.http.get("/sandbox/api/clock").json()["now"] == stopped + 7
    sandbox.http.post("/sandbox/api/clock", json={"frozen": False})
    assert sandbox.http.get("/sandbox/api/clock").json()["now"] > stopped + 7


def test_the_clock_can_run_faster(start_sandbox: StartSandbox) -> None:
    start, passed = 1_790_000_000.0, [0.0]
    sandbox = start_sandbox(clock=lambda: start + passed[0])
    clock = sandbox.http.post("/sandbox/api/clock", json={"speed": 20}).json()
    assert (clock["now"], clock["speed"], clock["offset_seconds"]) == (start, 20, 0)
    passed[0] = 3
    assert sandbox.http.get("/sandbox/api/clock").json()["now"] == start + 60
    sandbox.advance(7)
    sandbox.http.post("/sandbox/api/clock", json={"frozen": True})
    passed[0] = 4
    assert sandbox.http.post("/sandbox/api/clock", json={"frozen": False}).json()["now"] == start + 67
    passed[0] = 5
    clock = sandbox.http.post("/sandbox/api/clock", json={"speed": 1}).json()
    assert (clock["now"], clock["offset_seconds"]) == (start + 87, 82)
    passed[0] = 6
    assert sandbox.http.get("/sandbox/api/clock").json()["now"] == start + 88
    sandbox.http.post("/sandbox/api/clock", json={"speed": 9})
    sandbox.http.post("/sandbox/api/reset")
    clock = sandbox.http.get("/sandbox/api/clock").json()
    assert (clock["now"], clock["speed"]) == (start + 6, 1)


@pytest.mark.parametrize("body", [
    {}, {"username": "NorthBound!"}, {"username": "northbound"}, {"username": "fine", "max_seconds": "60"},
    {"username": "fine", "private": 1}, {"username": "fine", "id": "x"}, {"username": "fine", "max_seconds": 0}])
def test_creators_that_can_not_be_made(sandbox: Driver, body: dict[str, object]) -> None:
    assert sandbox.http.post("/sandbox/api/creators", json=body).status_code == 400
    assert len(sandbox.http.get("/sandbox/api/creators").json()["creators"]) == 3


def test_a_bad_change_of_a_creator_changes_nothing(sandbox: Driver) -> None:
    reply = sandbox.http.patch("/sandbox/api/creators/kabinet", json={"private": True, "max_seconds": 0})
    assert reply.status_code == 400
    assert not next(item for item in sandbox.http.get("/sandbox/api/creators").json()["creators"]
                    if item["username"] == "kabinet")["private"]
    assert sandbox.http.patch("/sandbox/api/creators", json={"creator": "kabinet", "private": True}).json()["private"]


def test_reset(sandbox: Driver, northbound: Account, video: Path) -> None:
    sandbox.publish(northbound, video)
    sandbox.switch(caps=False)
    sandbox.http.post("/sandbox/api/reset", json={"keep": ["creators", "switches"]})
    assert sandbox.ledger()["posts_total"] == 0 and sandbox.ledger()["calls_total"] == 0
    assert sandbox.http.get("/sandbox/api/switches").json()["caps"] is False
    assert sandbox.init(northbound, 10).status_code == 200, "kept creators keep their tokens"
    sandbox.http.post("/sandbox/api/reset")
    assert sandbox.init(northbound, 10).status_code == 401
    assert sandbox.http.get("/sandbox/api/switches").json()["caps"] is True
    assert list((sandbox.config.directory / "media").iterdir()) == []


def test_a_restart_keeps_everything(start_sandbox: StartSandbox, video: Path) -> None:
    before = start_sandbox()
    account = before.connect("northbound")
    before.make_creator("newcomer", private=True)
    before.switch(moderation_seconds=0)
    published = before.publish(account, video, title="Kept")
    size = 10_000_002
    half = before.init(account, size, 5_000_001, 2).json()["data"]
    before.put(half["upload_url"], bytes(5_000_001), 0, size)
    ledger = before.ledger()
    before.stop()

    after = start_sandbox()
    assert after.ledger() == {**ledger, "posts": [{**ledger["posts"][0],
                              "url": ledger["posts"][0]["url"].replace(before.url, after.url)}]}
    assert len(after.status(account, published)["publicaly_available_post_id"]) == 1
    assert after.status(account, half["publish_id"])["uploaded_bytes"] == 5_000_001
    url = half["upload_url"].replace(before.url, after.url)
    assert after.put(url, bytes(5_000_001), 5_000_001, size).status_code == 201
    assert "Kept" in after.http.get("/@northbound").text
    assert after.http.get("/@newcomer").status_code == 200
    assert after.http.get("/sandbox/api/switches").json()["moderation_seconds"] == 0


def test_a_killed_sandbox_has_lost_nothing_older_than_a_blink(
        start_sandbox: StartSandbox, northbound_first: tuple[Driver, Account], video: Path, tmp_path: Path) -> None:
    running, account = northbound_first
    running.publish(account, video)
    ledger = running.ledger()
    time.sleep(0.15)
    shutil.copytree(running.config.directory, tmp_path / "after-a-kill")  # nothing was told to finish its work
    revived = start_sandbox(directory=tmp_path / "after-a-kill", url=running.url)
    assert revived.ledger() == ledger
    assert revived.init(account, 10).status_code == 200


@pytest.fixture
def northbound_first(start_sandbox: StartSandbox) -> tuple[Driver, Account]:
    sandbox = start_sandbox()
    return sandbox, sandbox.connect("northbound")


def test_bytes_of_a_failed_publish_are_not_kept(sandbox: Driver, northbound: Account, video: Path) -> None:
    sandbox.publish(northbound, video, title="sandbox-spam-text")
    assert sandbox.ledger()["publishes"][0]["status"] == "FAILED"
    assert list((sandbox.config.directory / "media").iterdir()) == []


def test_many_at_once_are_counted_exactly(sandbox: Driver, northbound: Account, video: Path) -> None:
    sandbox.switch(rate_limits=False, caps=False)
    with ThreadPoolExecutor(8) as pool:
        publish_ids = list(pool.map(lambda _: sandbox.upload(northbound, video), range(80)))
        sandbox.advance(10)
        polls = [publish_id for publish_id in publish_ids for _ in range(3)]
        found = list(pool.map(lambda publish_id: sandbox.status(northbound, publish_id)["status"], polls))
    assert set(found) == {"PUBLISH_COMPLETE"}
    ledger = sandbox.ledger()
    assert sorted(post["publish_id"] for post in ledger["posts"]) == sorted(publish_ids)
    assert len({post["post_id"] for post in ledger["posts"]}) == 80
    assert ledger["counters"]["video_init"]["total"] == ledger["counters"]["upload"]["total"] == 80
    assert ledger["counters"]["status"] == {"total": 240, "200 ok": 240}


def test_its_cookies_leave_other_ports_alone(sandbox: Driver) -> None:
    reply = sandbox.http.post("/sandbox/control/clock", data={"advance_seconds": "1"})
    sandbox.decide()
    names = {cookie.name for cookie in sandbox.http.cookies.jar}
    assert "sandbox_session" in reply.headers["Set-Cookie"]
    assert names == {"sandbox_session", "sandbox_creator"}


def test_config_from_env(tmp_path: Path) -> None:
    from app.sandbox import SandboxConfig

    config = SandboxConfig.from_env({
        "SANDBOX_DIR": str(tmp_path), "SANDBOX_URL": "http://127.0.0.1:8100/", "SANDBOX_CLIENT_KEY": "sbkey",
        "SANDBOX_REDIRECT_URIS": "http://a/b/, http://c/d/", "SANDBOX_PROCESSING_SECONDS": "0.5",
        "SANDBOX_ROTATE_REFRESH_TOKENS": "no", "UNRELATED": "1"})
    assert config.url == "http://127.0.0.1:8100" and config.client_key == "sbkey"
    assert config.redirect_uris == ("http://a/b/", "http://c/d/")
    assert config.switches == {"processing_seconds": "0.5", "rotate_refresh_tokens": "no"}
    with pytest.raises(ValueError, match="processing_seconds"):
        SandboxConfig.from_env({"SANDBOX_PROCESSING_SECONDS": "soon"})
