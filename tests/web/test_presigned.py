"""Uploads by programs: an address that takes one file, once, of its size and type, and a confirmation that believes nothing."""

from __future__ import annotations

import hashlib
import json
import socket
from dataclasses import replace
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from app.infra.storage.s3 import S3Storage
from app.jobs.publishing import sweep_uploads
from app.models import MediaFile, Upload, db
from app.services import presigned
from tests import factories
from tests.infra.storage.places import objects_in
from tests.servers import NO_TLS, serve, wait_for
from tests.videos import make_photo


@pytest.fixture(autouse=True)
def nothing_incoming(app):
    for path in incoming(app):
        path.unlink()


@pytest.fixture
def in_s3(app, s3_bucket, monkeypatch):
    """The application with its files in a bucket."""
    wired = factories.wired(app)
    storage = S3Storage(s3_bucket.client, bucket=s3_bucket.name, prefix="oncue", incoming=wired.settings.media_path / "incoming")
    monkeypatch.setitem(app.extensions, "oncue", replace(wired, storage=storage))
    return s3_bucket


@pytest.fixture(params=["disk", "s3"])
def anywhere(request, app):
    return request.getfixturevalue("in_s3") if request.param == "s3" else None


@pytest.fixture
def content(video_path) -> bytes:
    return video_path.read_bytes()


def post(client, path, body=None, **more):
    return client.post(f"/media/presigned{path}", headers={"X-CSRFToken": client.csrf}, json={} if body is None else body, **more)


def ask(client, size, content_type="video/mp4", **more):
    return post(client, "", {"name": "clip.mp4", "content_type": content_type, "size_bytes": size, **more})


def asked(client, size, content_type="video/mp4", **more) -> dict:
    answer = ask(client, size, content_type, **more)
    assert answer.status_code == 201, answer.text
    return answer.json


def put(client, found, body, **changes):
    """The one request, as its sender was told to make it, but for the changes; None takes a header away."""
    headers = {**found["upload"]["headers"], "Content-Length": str(len(body))}
    headers = {name: value for name, value in {**headers, **{n.replace("_", "-"): v for n, v in changes.items()}}.items() if value}
    url = found["upload"]["url"]
    if "/media/presigned/" in url:
        return client.put(f"{urlsplit(url).path}?{urlsplit(url).query}", data=body, headers=headers)
    return httpx.put(url, content=body, headers=headers, verify=NO_TLS)


def confirm(client, found, **declared):
    return post(client, f"/{found['id']}/confirm", {"declared": declared} if declared else None)


def state(client, found) -> str:
    return client.get(f"/media/presigned/{found['id']}").json["state"]


def incoming(app) -> list[Path]:
    return [path for path in (Path(factories.wired(app).settings.media_path) / "incoming").glob("*") if path.is_file()]


def rows(app, model) -> int:
    with app.app_context():
        return db.session.query(model).count()


def refused(answer, status, code, field=None):
    assert (answer.status_code, answer.mimetype) == (status, "application/problem+json"), answer.text
    assert (answer.json["code"], answer.json["field"], answer.json["status"]) == (code, field, status)
    assert answer.json["message"][-1] == "." and answer.json["problems"][0]["code"] == code


# The way that it goes


def test_three_steps_make_a_file_on_disk_and_in_s3(app, as_alice, alice, anywhere, content):
    found = asked(as_alice, len(content), declared={"width": 360})
    assert (found["state"], found["upload"]["method"], found["media_file_id"]) == ("waiting", "PUT", None)
    refused(confirm(as_alice, found), 409, "upload_not_received")
    assert put(app.test_client(), found, content).status_code in (200, 204)
    assert state(as_alice, found) == "received"
    told = {"height": 640, "duration_seconds": 2.2, "sha256": hashlib.sha256(content).hexdigest().upper(), "size_bytes": len(content)}
    first, again = confirm(as_alice, found, **told), confirm(as_alice, found)
    assert first.status_code == again.status_code == 200, first.text
    assert first.json["state"] == "kept" and first.json["media_file_id"] == again.json["media_file_id"]
    with app.app_context():
        media = db.session.query(MediaFile).one()
        assert (media.id, media.name, media.uploaded_by_id) == (first.json["media_file_id"], "clip.mp4", alice.user_id)
        assert (media.sha256, media.size_bytes) == (hashlib.sha256(content).hexdigest(), len(content))
    video = as_alice.get(f"/media/{media.id}/video")
    assert video.data == content
    video.close()
    assert incoming(app) == []
    if anywhere:
        assert [key for key in objects_in(anywhere.client, anywhere.name) if "uploads" in key] == []


def test_the_address_is_below_our_public_one_and_needs_no_login(app, as_alice, content):
    found = asked(as_alice, len(content))
    assert found["upload"]["url"].startswith(factories.wired(app).settings.base_url)
    app.config["WTF_CSRF_ENABLED"] = True
    answer = put(app.test_client(), found, content)
    assert answer.status_code == 204 and "Set-Cookie" not in answer.headers


def test_s3_s_address_binds_size_and_type_and_that_there_is_nothing_yet(as_alice, in_s3):
    found = asked(as_alice, 1234)
    query = parse_qs(urlsplit(found["upload"]["url"]).query)
    assert set(query["X-Amz-SignedHeaders"][0].split(";")) >= {"content-length", "content-type", "host", "if-none-match"}
    assert query["X-Amz-Algorithm"] == ["AWS4-HMAC-SHA256"] and query["X-Amz-Expires"] == ["900"]
    assert found["upload"]["headers"] == {"Content-Type": "video/mp4", "Content-Length": "1234", "If-None-Match": "*"}


# Once, whole, and as announced


def test_an_address_takes_its_file_once(app, as_alice, content):
    found = asked(as_alice, len(content))
    assert put(as_alice, found, content).status_code == 204
    refused(put(as_alice, found, content), 409, "upload_url_used")
    assert confirm(as_alice, found).status_code == 200
    refused(put(as_alice, found, content), 409, "upload_url_used")
    assert rows(app, MediaFile) == 1


def test_what_is_not_as_announced_is_refused_and_may_still_come_right(app, as_alice, content):
    found = asked(as_alice, len(content))
    refused(put(as_alice, found, content, Content_Type="video/webm"), 415, "upload_type_differs", "content_type")
    refused(put(as_alice, found, content, Content_Type=None), 415, "upload_type_differs", "content_type")
    refused(put(as_alice, found, content[:-1]), 400, "upload_size_differs", "size_bytes")
    refused(put(as_alice, found, content + b"x"), 400, "upload_size_differs", "size_bytes")
    assert [path.stat().st_size for path in incoming(app)] in ([], [0]) and state(as_alice, found) == "waiting"
    assert put(as_alice, found, content).status_code == 204


def test_without_its_length_nothing_is_taken(app, as_alice, host):
    found = asked(as_alice, 10)
    answer = httpx.put(found["upload"]["url"], content=iter([b"12345", b"67890"]), headers={"Content-Type": "video/mp4"}, verify=NO_TLS)
    assert (answer.status_code, answer.json()["code"]) == (411, "upload_length_missing")


def test_a_changed_address_is_refused(app, as_alice):
    found = asked(as_alice, 5)
    url = found["upload"]["url"]
    for change in (("expires=", "expires=9"), ("expires=", "expires=x"), ("expires=", "then="), ("signature=", "signature=0"),
                   ("signature=", "s="), ("/content", "0/content")):
        found["upload"]["url"] = url.replace(*change)
        refused(put(as_alice, found, b"12345"), 403, "upload_url_invalid")
    assert incoming(app) == []


def test_an_address_of_one_upload_opens_no_other(as_alice):
    one, other = asked(as_alice, 5), asked(as_alice, 5)
    one["upload"]["url"] = one["upload"]["url"].replace(one["id"], other["id"])
    refused(put(as_alice, one, b"12345"), 403, "upload_url_invalid")


def test_an_address_ends_and_what_was_sent_may_be_confirmed_later(as_alice, frozen, content):
    early, late = asked(as_alice, len(content)), asked(as_alice, len(content))
    frozen.advance(minutes=14)
    assert put(as_alice, early, content).status_code == 204
    frozen.advance(minutes=1)
    refused(put(as_alice, late, content), 410, "upload_url_expired")
    frozen.advance(hours=5)
    assert confirm(as_alice, early).status_code == 200


@pytest.fixture
def host(app):
    with serve(app, factories.wired(app).settings.port):
        yield ("127.0.0.1", factories.wired(app).settings.port)


def half_sent(host, found, body, size) -> socket.socket:
    """A PUT that announces `size` bytes and has sent fewer."""
    connection, url = socket.create_connection(host), urlsplit(found["upload"]["url"])
    lines = [f"PUT {url.path}?{url.query} HTTP/1.1", "Host: localhost", "Content-Type: video/mp4", f"Content-Length: {size}"]
    connection.sendall("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
    return connection


def test_an_interrupted_put_is_sent_again_whole(app, as_alice, host):
    body = bytes(200_000)
    found = asked(as_alice, len(body))
    with half_sent(host, found, body[:70_000], len(body)):
        wait_for(lambda: [path for path in incoming(app) if path.stat().st_size])
        refused(put(as_alice, found, body), 409, "upload_busy")
    wait_for(lambda: [path.stat().st_size for path in incoming(app)] == [0])
    assert state(as_alice, found) == "waiting"
    wait_for(lambda: put(as_alice, found, body).status_code == 204)
    assert state(as_alice, found) == "received"


def test_a_large_file_takes_little_memory(app, as_alice, host):
    import tracemalloc
    size, block = 40_000_000, bytes(1_000_000)
    found = asked(as_alice, size)
    tracemalloc.start()
    try:
        connection = half_sent(host, found, b"", size)
        for _ in range(size // len(block)):
            connection.sendall(block)
        assert connection.recv(12).endswith(b"204")
        assert tracemalloc.get_traced_memory()[1] < 8_000_000
    finally:
        tracemalloc.stop()
    connection.close()
    assert state(as_alice, found) == "received"


# What is asked for


NEVER = [
    ({"name": "a", "content_type": "text/html", "size_bytes": 1}, 415, "upload_type", "content_type"),
    ({"name": "a", "content_type": "application/octet-stream", "size_bytes": 1}, 415, "upload_type", "content_type"),
    ({"name": "a", "content_type": "video/mp4", "size_bytes": 0}, 422, "media_empty", "size_bytes"),
    ({"name": "a", "content_type": "video/mp4", "size_bytes": -5}, 422, "media_empty", "size_bytes"),
    ({"name": "a", "content_type": "video/mp4", "size_bytes": 10**14}, 413, "upload_too_large", "size_bytes"),
    ({"name": "a", "content_type": "image/png", "size_bytes": 100_000_001}, 413, "upload_too_large", "size_bytes"),
    ({"name": "a", "content_type": "video/mp4", "size_bytes": "5"}, 400, "field_malformed", "size_bytes"),
    ({"name": "a", "content_type": "video/mp4", "size_bytes": True}, 400, "field_malformed", "size_bytes"),
    ({"name": 5, "content_type": "video/mp4", "size_bytes": 5}, 400, "field_malformed", "name"),
    ({"name": "a", "content_type": "video/mp4", "size_bytes": 5, "colour": "red"}, 400, "field_unknown", "colour"),
    ({"name": "a", "content_type": "video/mp4", "size_bytes": 5, "declared": []}, 400, "field_malformed", "declared"),
    ({"name": "a", "content_type": "video/mp4", "size_bytes": 5, "declared": {"width": 0}}, 422, "declared_malformed", "width"),
    ({"name": "a", "content_type": "video/mp4", "size_bytes": 5, "declared": {"sha256": "abc"}}, 422, "declared_malformed", "sha256"),
    ({"name": "a", "content_type": "video/mp4", "size_bytes": 5, "declared": {"bit_rate": 1}}, 422, "declared_unknown", "bit_rate"),
    ([], 400, "body_malformed", None),
]


def test_what_can_never_be_taken_is_refused_before_it_is_sent(app, as_alice):
    for body, status, code, field in NEVER:
        refused(post(as_alice, "", body), status, code, field)
    assert rows(app, Upload) == 0


def test_what_is_no_json_is_refused_as_such(as_alice):
    for body in (b"{", b"\xff", b"x" * 70_000):
        answer = as_alice.post("/media/presigned", data=body, headers={"X-CSRFToken": as_alice.csrf})
        assert answer.status_code in (400, 413) and answer.mimetype == "application/problem+json"
    refused(as_alice.post("/media/presigned", json={}), 400, "csrf_token_missing")


def test_what_is_on_its_way_counts_against_the_quota_until_it_is_ended(app, as_alice, monkeypatch):
    wired = factories.wired(app)
    monkeypatch.setitem(app.extensions, "oncue", replace(wired, settings=replace(wired.settings, media_quota_bytes=1000)))
    first = asked(as_alice, 600)
    refused(ask(as_alice, 401), 413, "quota_full", "media")
    assert as_alice.delete(f"/media/presigned/{first['id']}", headers={"X-CSRFToken": as_alice.csrf}).status_code == 204
    assert ask(as_alice, 1000).status_code == 201


def test_a_program_that_only_asks_is_stopped(as_alice, monkeypatch):
    monkeypatch.setattr(presigned, "OPEN_AT_ONCE", 2)
    found = [asked(as_alice, 5) for _ in range(2)]
    refused(ask(as_alice, 5), 429, "uploads_too_many")
    as_alice.delete(f"/media/presigned/{found[0]['id']}", headers={"X-CSRFToken": as_alice.csrf})
    assert ask(as_alice, 5).status_code == 201


# What is found


CONTRADICTIONS = [
    ({"width": 640}, ["declared_width"]), ({"height": 1, "duration_seconds": 60}, ["declared_height", "declared_duration_seconds"]),
    ({"sha256": "0" * 64}, ["declared_sha256"]), ({"size_bytes": 5}, ["declared_size_bytes"]),
]


def test_what_contradicts_the_file_is_refused_with_both_values_and_nothing_is_kept(app, as_alice, content):
    for declared, codes in CONTRADICTIONS:
        found = asked(as_alice, len(content))
        put(as_alice, found, content)
        answer = confirm(as_alice, found, **declared)
        assert answer.status_code == 422 and [problem["code"] for problem in answer.json["problems"]] == codes
        assert state(as_alice, found) == "refused" and incoming(app) == [] and rows(app, MediaFile) == 0


def test_the_announced_type_is_held_against_the_bytes(as_alice, content):
    found = asked(as_alice, len(content), "video/webm")
    put(as_alice, found, content)
    refused(confirm(as_alice, found), 422, "declared_content_type", "content_type")


def test_what_is_no_media_is_told_and_leaves_nothing(app, as_alice, anywhere):
    found = asked(as_alice, 7)
    put(as_alice, found, b"no film")
    answer = confirm(as_alice, found)
    assert answer.status_code == 422 and answer.json["code"] == "video_not_media"
    assert confirm(as_alice, found).json["code"] == "video_not_media"
    assert incoming(app) == [] and rows(app, MediaFile) == 0
    assert not anywhere or objects_in(anywhere.client, anywhere.name) == []


def test_photos_come_this_way_too_under_any_of_their_names(as_alice, tmp_path):
    photo = make_photo(tmp_path / "p.jpg").read_bytes()
    found = asked(as_alice, len(photo), "image/jpg")
    put(as_alice, found, photo)
    assert confirm(as_alice, found, width=360, height=640).status_code == 200


# Who


def test_strangers_find_nothing(as_alice, as_bob):
    found = asked(as_alice, 5)
    answers = [as_bob.get(f"/media/presigned/{found['id']}"), confirm(as_bob, found),
               as_bob.delete(f"/media/presigned/{found['id']}", headers={"X-CSRFToken": as_bob.csrf})]
    assert [(answer.status_code, answer.json["code"]) for answer in answers] == [(404, "upload_not_found")] * 3


def test_the_two_kinds_of_uploads_do_not_mix(as_alice):
    found = asked(as_alice, 5)
    tus = {"X-CSRFToken": as_alice.csrf, "Tus-Resumable": "1.0.0"}
    assert as_alice.head(f"/media/uploads/{found['id']}", headers=tus).status_code == 404
    begun = as_alice.post("/media/uploads", headers={**tus, "Upload-Length": "5"}).headers["Location"].rsplit("/", 1)[1]
    refused(as_alice.get(f"/media/presigned/{begun}"), 404, "upload_not_found", "media")


# What is left behind


def test_what_is_not_confirmed_within_a_day_leaves_nothing(app, as_alice, frozen, anywhere, content):
    if anywhere:
        frozen.meet()  # the bucket looks at the real time
    found = asked(as_alice, len(content))
    assert put(as_alice, found, content).status_code in (200, 204)
    frozen.advance(hours=23)
    with app.app_context():
        sweep_uploads()
    assert rows(app, Upload) == 1 and (anywhere is None or len(objects_in(anywhere.client, anywhere.name)) == 1)
    frozen.advance(hours=2)
    refused(confirm(as_alice, found), 410, "upload_expired", "media")
    with app.app_context():
        sweep_uploads()
    assert rows(app, Upload) == 0 and incoming(app) == []
    assert not anywhere or objects_in(anywhere.client, anywhere.name) == []


def test_a_bucket_that_took_another_size_is_not_believed(app, as_alice, in_s3, content):
    found = asked(as_alice, len(content))
    in_s3.client.put_object(Bucket=in_s3.name, Key=f"oncue/uploads/{found['id']}", Body=content + b"more")
    refused(confirm(as_alice, found), 409, "upload_object_differs", "size_bytes")
    assert objects_in(in_s3.client, in_s3.name) == []
    assert put(as_alice, found, content).status_code == 200
    assert confirm(as_alice, found).status_code == 200


def test_a_bucket_that_does_not_answer_is_said_to_be_so_and_nothing_is_lost(app, as_alice, in_s3, content, monkeypatch):
    found = asked(as_alice, len(content))
    put(as_alice, found, content)
    wired = factories.wired(app)
    with monkeypatch.context() as broken:
        gone = S3Storage(in_s3.client, bucket="another-bucket", prefix="oncue", incoming=wired.settings.media_path / "incoming")
        broken.setitem(app.extensions, "oncue", replace(wired, storage=gone))
        refused(confirm(as_alice, found), 503, "storage_unavailable")
    assert json.loads(confirm(as_alice, found).text)["state"] == "kept"
