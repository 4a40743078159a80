"""PULL_FROM_URL, photos and cancel (sections 6, 7.2, 7.3, 8)."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path

import httpx
import pytest
from PIL import Image

from .conftest import StartSandbox
from .driver import Account, Driver
from .origin import Origin

PHOTO_INIT = "/v2/post/publish/content/init/"
SOURCE = "The request source info is empty or incorrect"
MODE = "Invalid media_type or post_mode"


def picture(width: int = 1080, height: int = 1350, kind: str = "JPEG") -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (width, height), "teal").save(buffer, kind)
    return buffer.getvalue()


def pull_video(sandbox: Driver, account: Account, url: str) -> httpx.Response:
    return sandbox.post(account, "/v2/post/publish/video/init/", {
        "post_info": {"privacy_level": "PUBLIC_TO_EVERYONE", "title": "Pulled"},
        "source_info": {"source": "PULL_FROM_URL", "video_url": url}})


def photo_body(urls: list[str], mode: str = "DIRECT_POST", **info: object) -> dict[str, object]:
    return {"media_type": "PHOTO", "post_mode": mode,
            "post_info": {"title": "Three", "privacy_level": "PUBLIC_TO_EVERYONE", **info},
            "source_info": {"source": "PULL_FROM_URL", "photo_images": urls, "photo_cover_index": 0}}


def photo_status(sandbox: Driver, origin: Origin, account: Account, *pictures: bytes) -> dict[str, object]:
    urls = []
    for index, data in enumerate(pictures):
        origin.files[f"/{index}"] = data
        urls.append(f"{origin.url}/{index}")
    publish_id = sandbox.post(account, PHOTO_INIT, photo_body(urls)).json()["data"]["publish_id"]
    return sandbox.settled(account, publish_id)


def test_a_pulled_video(pulling: Driver, origin: Origin, northbound: Account, video: Path) -> None:
    origin.files["/a.mp4"] = (200, {"Content-Type": "video/mp4"}, video.read_bytes())
    data = pull_video(pulling, northbound, f"{origin.url}/a.mp4?sig=1").json()["data"]
    assert data["publish_id"].startswith("v_pub_url~v2.") and "upload_url" not in data
    status = pulling.settled(northbound, data["publish_id"])
    assert (status["status"], status["downloaded_bytes"]) == ("PUBLISH_COMPLETE", video.stat().st_size)
    assert "uploaded_bytes" not in status
    post, = pulling.ledger()["posts"]
    assert post["sha256"] == hashlib.sha256(video.read_bytes()).hexdigest()
    assert pulling.http.get(f"/media/{post['post_id']}/0").headers["Content-Type"] == "video/mp4"
    assert [seen[:2] for seen in origin.seen] == [("GET", "/a.mp4?sig=1")]


def test_what_the_fetcher_sends_is_a_switch(pulling: Driver, origin: Origin, northbound: Account, video: Path) -> None:
    pulling.switch(fetcher_user_agent="Spider/9", fetcher_sends_head=True, fetcher_sends_range=True)
    origin.files["/a.mp4"] = (206, {}, video.read_bytes())
    publish_id = pull_video(pulling, northbound, f"{origin.url}/a.mp4").json()["data"]["publish_id"]
    assert pulling.settled(northbound, publish_id)["status"] == "PUBLISH_COMPLETE"
    assert [(seen[0], seen[2]["user-agent"], seen[2].get("range")) for seen in origin.seen] == [
        ("HEAD", "Spider/9", None), ("GET", "Spider/9", "bytes=0-")]


@pytest.mark.parametrize("answer", [
    (302, {"Location": "/real.mp4"}, b""), (404, {}, b""), (500, {}, b""), (200, {"Content-Length": "999999"}, b"short")])
def test_pulls_that_fail(pulling: Driver, origin: Origin, northbound: Account, video: Path,
                         answer: tuple[int, dict[str, str], bytes]) -> None:
    origin.files = {"/a.mp4": answer, "/real.mp4": video.read_bytes()}
    publish_id = pull_video(pulling, northbound, f"{origin.url}/a.mp4").json()["data"]["publish_id"]
    status = pulling.settled(northbound, publish_id)
    assert (status["status"], status["fail_reason"]) == ("FAILED", "video_pull_failed")
    assert list((pulling.config.directory / "media").iterdir()) == []
    assert "/real.mp4" not in [seen[1] for seen in origin.seen], "redirects are not followed"


@pytest.mark.parametrize("host", ["192.0.2.1", "media.example.org"])
def test_only_loopback_is_called(pulling: Driver, northbound: Account, host: str) -> None:
    pulling.switch(verified_properties=host, allow_ip_pull=True)
    publish_id = pull_video(pulling, northbound, f"http://{host}/a.mp4").json()["data"]["publish_id"]
    assert pulling.settled(northbound, publish_id)["fail_reason"] == "video_pull_failed"


def test_an_hour_without_an_end(pulling: Driver, origin: Origin, northbound: Account, video: Path) -> None:
    origin.files["/a.mp4"] = video.read_bytes()
    origin.gate.clear()
    publish_id = pull_video(pulling, northbound, f"{origin.url}/a.mp4").json()["data"]["publish_id"]
    pulling.advance(3_599)
    assert pulling.status(northbound, publish_id)["status"] == "PROCESSING_DOWNLOAD"
    pulling.advance(1)
    assert pulling.status(northbound, publish_id)["fail_reason"] == "video_pull_failed"
    origin.gate.set()


def test_a_download_goes_on_after_a_restart(start_sandbox: StartSandbox, origin: Origin, video: Path) -> None:
    before = start_sandbox()
    before.switch(allow_http_pull=True, verified_properties="localhost")
    account = before.connect("northbound")
    origin.files["/a.mp4"] = video.read_bytes()
    origin.gate.clear()
    publish_id = pull_video(before, account, f"{origin.url}/a.mp4").json()["data"]["publish_id"]
    before.stop()
    after = start_sandbox()
    assert after.status(account, publish_id)["status"] == "PROCESSING_DOWNLOAD"
    origin.gate.set()
    assert after.settled(account, publish_id)["status"] == "PUBLISH_COMPLETE"
    assert after.ledger()["posts_total"] == 1


@pytest.mark.parametrize(("properties", "url", "status"), [
    ("example.com", "https://example.com/a", 200), ("example.com", "https://video.example.com/a", 200),
    ("static.example.com", "https://video.static.example.com/a", 200),
    ("static.example.com", "https://example.com/a", 403), ("example.com", "https://badexample.com/a", 403),
    ("https://example.com/videos/user/", "https://example.com/videos/user/a.mp4", 200),
    ("https://example.com/videos/user/", "https://example.com/videos/2023/user/a.mp4", 403),
    ("https://example.com/videos", "https://example.com/videos/a.mp4", 403),
    ("", "https://example.com/a", 403), ("10.0.0.1", "https://10.0.0.1/a", 403),
])
def test_verified_properties(sandbox: Driver, northbound: Account, properties: str, url: str, status: int) -> None:
    sandbox.switch(verified_properties=properties)
    assert pull_video(sandbox, northbound, url).status_code == status


def test_cancel(pulling: Driver, origin: Origin, northbound: Account, lumen: Account, video: Path) -> None:
    def cancel(account: Account, publish_id: str) -> httpx.Response:
        return pulling.post(account, "/v2/post/publish/cancel/", {"publish_id": publish_id})

    origin.files["/a.mp4"] = video.read_bytes()
    origin.gate.clear()
    publish_id = pull_video(pulling, northbound, f"{origin.url}/a.mp4").json()["data"]["publish_id"]
    assert cancel(northbound, "nothing").json()["error"]["code"] == "invalid_publish_id"
    assert cancel(lumen, publish_id).json()["error"]["code"] == "token_not_authorized_for_specified_publish_id"
    reply = cancel(northbound, publish_id)
    assert reply.status_code == 200 and set(reply.json()) == {"error"} and reply.json()["error"]["code"] == "ok"
    origin.gate.set()
    assert pulling.settled(northbound, publish_id)["fail_reason"] == "publish_cancelled"
    again = cancel(northbound, publish_id)
    assert (again.status_code, again.json()["error"]["code"]) == (400, "publish_not_cancellable")


def test_cancelling_an_upload_is_a_switch(sandbox: Driver, northbound: Account) -> None:
    publish_id = sandbox.init(northbound, 10).json()["data"]["publish_id"]
    body = {"publish_id": publish_id}
    assert sandbox.post(northbound, "/v2/post/publish/cancel/", body).status_code == 400
    sandbox.switch(cancel_uploads=True)
    assert sandbox.post(northbound, "/v2/post/publish/cancel/", body).status_code == 200
    assert sandbox.status(northbound, publish_id)["fail_reason"] == "publish_cancelled"


# photos


def test_a_carousel(pulling: Driver, origin: Origin, northbound: Account) -> None:
    pictures = [picture(), picture(1920, 1080, "WEBP"), picture(941, 1672)]
    status = photo_status(pulling, origin, northbound, *pictures)
    assert status["status"] == "PUBLISH_COMPLETE" and len(status["publicaly_available_post_id"]) == 1  # type: ignore[arg-type]  # JSON has no types
    post, = pulling.ledger()["posts"]
    assert post["publish_id"].startswith("p_pub_url~v2.") and post["url"].endswith(f"/photo/{post['post_id']}")
    assert [item["sha256"] for item in post["images"]] == [hashlib.sha256(item).hexdigest() for item in pictures]
    assert post["bytes"] == sum(map(len, pictures))
    assert 'alt="Picture 3 of 3"' in pulling.http.get(post["url"]).text
    assert pulling.http.get(f"/media/{post['post_id']}/1").headers["Content-Type"] == "image/webp"
    assert pulling.http.get(f"/cover/{post['post_id']}.jpg").content == pictures[0]


@pytest.mark.parametrize(("bad", "reason"), [
    (picture(kind="PNG"), "file_format_check_failed"), (b"no picture", "file_format_check_failed"),
    (picture(1254, 1254), "picture_size_check_failed"), (picture(1086, 1448), "picture_size_check_failed"),
    (picture(100, 100) + bytes(20 * 1024**2), "file_format_check_failed"),
])
def test_one_bad_picture_fails_all(pulling: Driver, origin: Origin, northbound: Account, bad: bytes,
                                   reason: str) -> None:
    status = photo_status(pulling, origin, northbound, picture(), bad)
    assert (status["status"], status["fail_reason"]) == ("FAILED", reason)


def test_a_picture_that_does_not_come(pulling: Driver, origin: Origin, northbound: Account) -> None:
    body = photo_body([f"{origin.url}/nothing"])
    publish_id = pulling.post(northbound, PHOTO_INIT, body).json()["data"]["publish_id"]
    assert pulling.settled(northbound, publish_id)["fail_reason"] == "photo_pull_failed"


def change(body: dict[str, object], path: str, value: object) -> dict[str, object]:
    """A copy of the body with one value changed, or taken out when it is `...`."""
    outer, _, inner = path.partition(".")
    found = dict(body)
    if inner:
        found[outer] = change(dict(body[outer]), inner, value)  # type: ignore[call-overload]  # JSON has no types
    elif value is ...:
        del found[outer]
    else:
        found[outer] = value
    return found


@pytest.mark.parametrize("mode", ["DIRECT_POST", "MEDIA_UPLOAD"])
@pytest.mark.parametrize(("path", "value", "message"), [
    ("media_type", "VIDEO", MODE), ("media_type", ..., MODE), ("post_mode", "DIRECT POST", MODE),
    ("post_mode", ..., MODE), ("source_info", ..., SOURCE), ("source_info.source", "FILE_UPLOAD", SOURCE),
    ("source_info.photo_images", [], SOURCE), ("source_info.photo_images", ["https://e.org/1"] * 36, SOURCE),
    ("source_info.photo_images", [5], SOURCE), ("source_info.photo_cover_index", ..., SOURCE),
    ("source_info.photo_cover_index", 1, SOURCE), ("source_info.photo_cover_index", -1, SOURCE),
    ("post_info", ..., None), ("post_info.title", "a" * 91, None), ("post_info.title", "🌊" * 46, None),
    ("post_info.description", "a" * 4_001, None), ("is_aigc", "yes", None), ("post_info.auto_add_music", 1, None),
])
def test_bad_photo_bodies(pulling: Driver, origin: Origin, northbound: Account, mode: str, path: str, value: object,
                          message: str | None) -> None:
    body = photo_body([f"{origin.url}/1"], mode)
    error = pulling.post(northbound, PHOTO_INIT, change(body, path, value)).json()["error"]
    assert error["code"] == "invalid_params"
    assert message in (None, error["message"])


def test_photo_texts_at_their_limit(pulling: Driver, origin: Origin, northbound: Account) -> None:
    origin.files["/1"] = picture()
    body = photo_body([f"{origin.url}/1"] * 35, title="🌊" * 45, description="a" * 4_000)
    assert pulling.post(northbound, PHOTO_INIT, body).status_code == 200


@pytest.mark.parametrize(("scopes", "mode", "status"), [
    ("video.publish", "DIRECT_POST", 200), ("video.publish", "MEDIA_UPLOAD", 401),
    ("video.upload", "DIRECT_POST", 401), ("video.upload", "MEDIA_UPLOAD", 200)])
def test_each_mode_has_its_scope(pulling: Driver, origin: Origin, scopes: str, mode: str, status: int) -> None:
    account = pulling.connect("kabinet", scopes)
    reply = pulling.post(account, PHOTO_INIT, photo_body([f"{origin.url}/1"], mode))
    assert reply.status_code == status


@pytest.mark.parametrize(("mode", "change_values", "code"), [
    ("DIRECT_POST", {"privacy_level": "FOLLOWER_OF_CREATOR"}, "privacy_level_option_mismatch"),
    ("MEDIA_UPLOAD", {"privacy_level": "FOLLOWER_OF_CREATOR"}, "ok"),
    ("MEDIA_UPLOAD", {"app_version": "31.7.9"}, "app_version_check_failed"),
    ("MEDIA_UPLOAD", {"app_version": "31.8"}, "ok"),
    ("DIRECT_POST", {"app_version": "31.7.9"}, "ok"),
    ("DIRECT_POST", {"banned": True}, "spam_risk_user_banned_from_posting"),
    ("MEDIA_UPLOAD", {"banned": True}, "spam_risk_user_banned_from_posting"),
])
def test_photo_refusals(pulling: Driver, origin: Origin, northbound: Account, mode: str,
                        change_values: dict[str, object], code: str) -> None:
    info = {name: change_values.pop(name) for name in ("privacy_level",) if name in change_values}
    if change_values:
        pulling.change_creator("northbound", **change_values)
    reply = pulling.post(northbound, PHOTO_INIT, photo_body([f"{origin.url}/1"], mode, **info))
    assert reply.json()["error"]["code"] == code


@pytest.mark.parametrize(("where", "body", "expected"), [
    ("either", {"is_aigc": True}, True), ("either", {"post_info": True}, True), ("top", {"post_info": True}, False),
    ("post_info", {"is_aigc": True}, False), ("post_info", {"post_info": True}, True)])
def test_where_is_aigc_counts(pulling: Driver, origin: Origin, northbound: Account, where: str,
                              body: dict[str, bool], expected: bool) -> None:
    pulling.switch(photo_aigc_in=where)
    origin.files["/1"] = picture()
    sent = photo_body([f"{origin.url}/1"], **({"is_aigc": True} if "post_info" in body else {}))
    if "is_aigc" in body:
        sent["is_aigc"] = True
    pulling.settled(northbound, pulling.post(northbound, PHOTO_INIT, sent).json()["data"]["publish_id"])
    assert pulling.ledger()["posts"][0]["options"]["is_aigc"] is expected
