"""Uploads by tus: what arrived stays, once, in order, and for a day."""

from __future__ import annotations

import base64
import hashlib
import re
import signal
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from app.jobs.publishing import sweep_uploads
from app.models import MediaFile, Upload, db
from app.web import uploads as web_uploads
from tests import factories
from tests.architecture.tree import ROOT
from tests.servers import serve, wait_for
from tests.videos import fill_up, make_video

TUS = {"Tus-Resumable": "1.0.0"}
OCTETS = "application/offset+octet-stream"


def headers(client, **more):
    return {**TUS, "X-CSRFToken": client.csrf, **{name.replace("_", "-"): str(value) for name, value in more.items()}}


def create(client, size, name="clip.mp4", **more):
    metadata = f"filename {base64.b64encode(name.encode()).decode()}"
    return client.post("/media/uploads", headers=headers(client, Upload_Length=size, Upload_Metadata=metadata, **more))


def begin(client, size) -> str:
    """A new upload's address."""
    answer = create(client, size)
    assert answer.status_code == 201, answer.text
    return answer.headers["Location"]


def patch(client, url, offset, content, **more):
    return client.patch(url, data=content, content_type=OCTETS, headers=headers(client, Upload_Offset=offset, **more))


def offset(client, url) -> int:
    answer = client.head(url, headers=headers(client))
    assert answer.status_code == 200
    return int(answer.headers["Upload-Offset"])


def incoming(app) -> list[Path]:
    return [path for path in (Path(factories.wired(app).settings.media_path) / "incoming").glob("*") if path.is_file()]


def rows(app, model) -> int:
    with app.app_context():
        return db.session.query(model).count()


@pytest.fixture(autouse=True)
def nothing_incoming(app):
    for path in incoming(app):
        path.unlink()


@pytest.fixture
def configured(app):
    """Sets settings for one test."""
    good = app.extensions["oncue"]

    def configure(**changes):
        app.extensions["oncue"] = replace(good, settings=replace(good.settings, **changes))
    yield configure
    app.extensions["oncue"] = good


# The protocol


def test_says_what_it_speaks(as_alice):
    answer = as_alice.options("/media/uploads")
    assert answer.status_code == 204
    assert answer.headers["Tus-Resumable"] == answer.headers["Tus-Version"] == "1.0.0"
    assert set(answer.headers["Tus-Extension"].split(",")) == {"creation", "termination", "expiration", "checksum"}
    assert "sha1" in answer.headers["Tus-Checksum-Algorithm"].split(",")
    assert answer.headers["Tus-Max-Size"] == "4000000000"


def test_a_video_in_pieces_becomes_the_same_as_one_sent_at_once(app, as_alice, video_path):
    content = video_path.read_bytes()
    url = begin(as_alice, len(content))
    for start in range(0, len(content), 10_000):
        answer = patch(as_alice, url, start, content[start:start + 10_000])
        assert (answer.status_code, answer.headers["Upload-Offset"]) == (204, str(min(start + 10_000, len(content)))), answer.text
        assert "Upload-Expires" in answer.headers and answer.headers["Tus-Resumable"] == "1.0.0"
    found = as_alice.get(f"{url}/result")
    assert found.status_code == 200 and "clip.mp4" in found.text and "360 × 640 · 30 fps · 0:02" in found.text
    media_id = int(re.search(r'data-media-id="(\d+)"', found.text)[1])
    with app.app_context():
        media = db.session.get(MediaFile, media_id)
        assert (media.sha256, media.size_bytes) == (hashlib.sha256(content).hexdigest(), len(content))
    video = as_alice.get(f"/media/{media_id}/video")
    assert video.data == content
    video.close()
    assert offset(as_alice, url) == len(content)
    assert incoming(app) == []


def test_what_was_told_at_the_beginning_is_told_again(as_alice):
    head = as_alice.head(begin(as_alice, 100), headers=headers(as_alice))
    assert (head.headers["Upload-Length"], head.headers["Upload-Offset"]) == ("100", "0")
    assert head.headers["Upload-Metadata"] == "filename Y2xpcC5tcDQ=" and head.headers["Cache-Control"] == "no-store"


def test_another_version_is_refused_with_ours(as_alice):
    for version in ({}, {"Tus-Resumable": "0.2.2"}):
        answer = as_alice.post("/media/uploads", headers={"X-CSRFToken": as_alice.csrf, "Upload-Length": "1", **version})
        assert (answer.status_code, answer.headers["Tus-Version"]) == (412, "1.0.0")


@pytest.mark.parametrize("changes", [{"Upload_Length": "-1"}, {"Upload_Length": "ten"}, {"Upload_Length": ""},
                                     {"Upload_Metadata": "filename ???"}, {"Upload_Metadata": "k " + "YWFh" * 600}])
def test_what_makes_no_sense_is_400(app, as_alice, changes):
    answer = as_alice.post("/media/uploads", headers=headers(as_alice, **{"Upload_Length": 10, **changes}))
    assert answer.status_code == 400 and rows(app, Upload) == 0


def test_a_piece_has_its_type_and_its_place(as_alice):
    url = begin(as_alice, 10)
    assert as_alice.patch(url, data=b"x", headers=headers(as_alice, Upload_Offset=0)).status_code == 415
    assert patch(as_alice, url, "", b"x").status_code == patch(as_alice, url, 0, b"x", Upload_Checksum="crc32 AAAA").status_code == 400
    assert offset(as_alice, url) == 0


@pytest.mark.parametrize("wrong", [0, 4, 6, 10])
def test_a_piece_for_another_place_is_409_and_changes_nothing(as_alice, wrong):
    url = begin(as_alice, 10)
    patch(as_alice, url, 0, b"12345")
    assert patch(as_alice, url, wrong, b"x").status_code == 409
    assert offset(as_alice, url) == 5


@pytest.mark.parametrize("algorithm", ["sha1", "sha256"])
def test_a_wrong_checksum_is_460_and_keeps_nothing(app, as_alice, algorithm):
    url = begin(as_alice, 10)
    right = base64.b64encode(hashlib.new(algorithm, b"12345").digest()).decode()
    assert patch(as_alice, url, 0, b"12354", Upload_Checksum=f"{algorithm} {right}").status_code == 460
    assert offset(as_alice, url) == 0
    assert patch(as_alice, url, 0, b"12345", Upload_Checksum=f"{algorithm} {right}").status_code == 204
    assert offset(as_alice, url) == 5 and len(incoming(app)) == 1


def test_more_than_announced_is_413(as_alice):
    url = begin(as_alice, 10)
    assert patch(as_alice, url, 0, bytes(11)).status_code == 413


def test_a_terminated_upload_leaves_nothing(app, as_alice):
    url = begin(as_alice, 10)
    patch(as_alice, url, 0, b"12345")
    assert as_alice.delete(url, headers=headers(as_alice)).status_code == 204
    assert as_alice.head(url, headers=headers(as_alice)).status_code == patch(as_alice, url, 5, b"6").status_code == 404
    assert incoming(app) == [] and rows(app, Upload) == 0


def test_where_only_post_gets_through_the_method_is_in_a_header(as_alice):
    url = begin(as_alice, 10)
    answer = as_alice.post(url, data=b"12345", content_type=OCTETS,
                           headers=headers(as_alice, Upload_Offset=0, X_HTTP_Method_Override="PATCH"))
    assert (answer.status_code, answer.headers["Upload-Offset"]) == (204, "5")
    assert as_alice.post(url, headers=headers(as_alice, X_HTTP_Method_Override="DELETE")).status_code == 204
    assert as_alice.post(url, headers=headers(as_alice)).status_code == 400


# Limits


def test_an_empty_or_too_large_file_is_refused_before_it_is_sent(app, as_alice, configured):
    configured(upload_max_bytes=1000)
    answers = [create(as_alice, size) for size in (0, 1000, 1001)]
    assert [answer.status_code for answer in answers] == [422, 201, 413]
    assert "The file is empty" in answers[0].text and "larger than this Oncue takes" in answers[2].text
    assert rows(app, Upload) == 1


def test_a_workspace_s_quota_counts_what_is_kept_and_what_is_on_its_way(app, as_alice, as_bob, alice, configured, video_path):
    size = video_path.stat().st_size
    for _ in range(2):  # stored once
        factories.make_media(app, alice, video_path)
    configured(media_quota_bytes=size + 1000)
    assert create(as_alice, 1001).status_code == 413
    url = begin(as_alice, 600)
    refused = create(as_alice, 401)
    assert refused.status_code == 413 and "Choose a smaller file" in refused.text
    assert create(as_bob, size + 1000).status_code == 201
    as_alice.delete(url, headers=headers(as_alice))
    assert create(as_alice, 1000).status_code == 201
    with video_path.open("rb") as file:
        plain = as_alice.post("/media/", data={"file": (file, "clip.mp4")}, headers={"X-CSRFToken": as_alice.csrf})
    assert plain.status_code == 422 and "Choose a smaller file" in plain.text


# Who


def test_strangers_find_nothing(app, as_alice, as_bob):
    url = begin(as_alice, 10)
    answers = [as_bob.head(url, headers=headers(as_bob)), patch(as_bob, url, 0, b"x"), as_bob.delete(url, headers=headers(as_bob)),
               as_bob.get(f"{url}/result")]
    assert [answer.status_code for answer in answers] == [404] * 4
    assert offset(as_alice, url) == 0 and incoming(app) == []


def test_without_the_token_of_its_session_nothing_is_taken(app, as_alice):
    url = begin(as_alice, 10)
    assert as_alice.post("/media/uploads", headers={**TUS, "Upload-Length": "10"}).status_code == 400
    assert as_alice.patch(url, data=b"x", content_type=OCTETS, headers={**TUS, "Upload-Offset": "0"}).status_code == 400
    assert as_alice.delete(url, headers=TUS).status_code == 400
    assert offset(as_alice, url) == 0 and rows(app, Upload) == 1


# The result


def test_a_file_that_can_t_be_posted_is_told_in_words_and_leaves_nothing(app, as_alice, tmp_path):
    content = make_video(tmp_path / "v.mp4", fps=10, codec="mpeg4").read_bytes()
    url = begin(as_alice, len(content))
    assert as_alice.get(f"{url}/result").status_code == 409
    assert patch(as_alice, url, 0, content).status_code == 204
    answer = as_alice.get(f"{url}/result")
    assert answer.status_code == 422 and "10 frames" in answer.text and "mpeg4" in answer.text and 'role="alert"' in answer.text
    assert incoming(app) == [] and rows(app, MediaFile) == 0
    assert offset(as_alice, url) == len(content)


def test_a_file_whose_last_request_was_killed_before_its_result_gets_one(app, as_alice, video_path):
    content = video_path.read_bytes()
    url = begin(as_alice, len(content))
    patch(as_alice, url, 0, content[:-1])
    [path] = incoming(app)
    path.write_bytes(content)  # what a process leaves that is killed with the last byte
    held = factories.wired(app).partials.hold(url.rsplit("/", 1)[1])
    assert as_alice.get(f"{url}/result").status_code == 202
    held.close()
    for _ in range(2):
        assert "clip.mp4" in as_alice.get(f"{url}/result").text
    assert rows(app, MediaFile) == 1 and incoming(app) == []


# Time


def test_an_unfinished_upload_ends_a_day_after_its_last_piece_and_leaves_nothing(app, as_alice, frozen):
    url, kept = begin(as_alice, 10), begin(as_alice, 10)
    patch(as_alice, url, 0, b"12345")
    frozen.advance(hours=23)
    patch(as_alice, kept, 0, b"123")
    frozen.advance(hours=1)
    answers = [as_alice.head(url, headers=headers(as_alice)), patch(as_alice, url, 5, b"6"), as_alice.get(f"{url}/result")]
    assert [answer.status_code for answer in answers] == [410] * 3
    orphan = incoming(app)[0].with_name("partial-0000")
    orphan.write_bytes(b"its row is gone")
    with app.app_context():
        sweep_uploads()
    assert as_alice.head(url, headers=headers(as_alice)).status_code == 404
    assert [path.read_bytes() for path in incoming(app)] == [b"123"] and offset(as_alice, kept) == 3
    frozen.advance(hours=23)
    with app.app_context():
        sweep_uploads()
    assert incoming(app) == [] and rows(app, Upload) == 0


def test_an_upload_that_is_arriving_is_not_swept(app, as_alice, frozen):
    url = begin(as_alice, 10)
    held = factories.wired(app).partials.hold(url.rsplit("/", 1)[1])
    frozen.advance(hours=25)
    with app.app_context():
        sweep_uploads()
        assert rows(app, Upload) == 1
        held.close()
        sweep_uploads()
    assert rows(app, Upload) == 0


def test_a_result_is_forgotten_after_a_day_and_the_video_stays(app, as_alice, frozen, video_path):
    url = begin(as_alice, video_path.stat().st_size)
    patch(as_alice, url, 0, video_path.read_bytes())
    frozen.advance(hours=25)
    with app.app_context():
        sweep_uploads()
    assert (rows(app, Upload), rows(app, MediaFile)) == (0, 1)


# Over real connections


@pytest.fixture
def host(app):
    with serve(app, factories.wired(app).settings.port):
        yield ("127.0.0.1", factories.wired(app).settings.port)


def half_sent(host, client, url, start, content, length) -> socket.socket:
    """A PATCH that announces `length` bytes and has sent fewer."""
    connection = socket.create_connection(host)
    lines = [f"PATCH {url} HTTP/1.1", "Host: localhost", f"Cookie: oncue_session={client.get_cookie('oncue_session').value}",
             f"Content-Type: {OCTETS}", f"Content-Length: {length}"]
    lines += [f"{name}: {value}" for name, value in headers(client, Upload_Offset=start).items()]
    connection.sendall("\r\n".join(lines).encode() + b"\r\n\r\n" + content)
    return connection


def resume(host, client, url) -> httpx.Response:
    """HEAD as another connection of the same browser sees it."""
    cookie = f"oncue_session={client.get_cookie('oncue_session').value}"
    return httpx.head(f"http://{host[0]}:{host[1]}{url}", headers={**TUS, "Cookie": cookie})


def test_what_arrived_before_a_connection_broke_is_kept_to_the_byte(app, as_alice, host, tmp_path, video_path):
    content = fill_up(video_path, tmp_path / "long.mp4", 1_000_000).read_bytes()
    cut = len(content) * 2 // 3 + 1
    url = begin(as_alice, len(content))
    half_sent(host, as_alice, url, 0, content[:cut], len(content)).close()
    wait_for(lambda: resume(host, as_alice, url).headers["Upload-Offset"] == str(cut))
    [path] = incoming(app)
    assert path.read_bytes() == content[:cut]
    wait_for(lambda: patch(as_alice, url, cut, content[cut:]).status_code == 204)
    with app.app_context():
        assert db.session.query(MediaFile.sha256).scalar() == hashlib.sha256(content).hexdigest()
    assert as_alice.get(f"{url}/result").status_code == 200


def test_of_two_requests_at_once_one_waits_for_its_turn(as_alice, host):
    url = begin(as_alice, 200_000)
    first = half_sent(host, as_alice, url, 0, bytes(70_000), 200_000)
    wait_for(lambda: offset(as_alice, url) > 0)
    second = patch(as_alice, url, offset(as_alice, url), b"x")
    assert second.status_code == 423
    assert as_alice.delete(url, headers=headers(as_alice)).status_code == 423
    first.close()
    wait_for(lambda: patch(as_alice, url, offset(as_alice, url), b"x").status_code == 204)
    assert offset(as_alice, url) == 70_001


def test_a_connection_that_stands_still_gives_the_upload_back(as_alice, host, monkeypatch):
    monkeypatch.setattr(web_uploads, "STALL_SECONDS", 0.2)
    url = begin(as_alice, 200_000)
    silent = half_sent(host, as_alice, url, 0, bytes(70_000), 200_000)
    wait_for(lambda: (at := offset(as_alice, url)) and patch(as_alice, url, at, b"x").status_code == 204)
    silent.close()


def test_a_killed_process_holds_nothing(app, as_alice):
    url = begin(as_alice, 10)
    directory = Path(factories.wired(app).settings.media_path).resolve() / "incoming"
    program = ("import sys, time; from pathlib import Path; from app.infra.storage.partials import DiskPartials\n"
               f"held = DiskPartials(Path({str(directory)!r})).hold({url.rsplit('/', 1)[1]!r}); held.write(b'12345')\n"
               "print('held', flush=True); time.sleep(60)")
    process = subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "held\n"
    assert patch(as_alice, url, 5, b"x").status_code == 423
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    assert patch(as_alice, url, 5, b"6").status_code == 204 and offset(as_alice, url) == 6


def test_a_large_piece_takes_little_memory(as_alice, host):
    import tracemalloc
    size = 60_000_000
    url = begin(as_alice, size + 1)
    block = bytes(1_000_000)
    tracemalloc.start()
    try:
        connection = half_sent(host, as_alice, url, 0, b"", size)
        for _ in range(size // len(block)):
            connection.sendall(block)
        assert connection.recv(12).endswith(b"204")
        assert tracemalloc.get_traced_memory()[1] < 8_000_000
    finally:
        tracemalloc.stop()
    connection.close()
    assert offset(as_alice, url) == size
