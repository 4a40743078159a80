"""Uploads, and what stays behind the login."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import pytest

from app.infra.storage.s3 import S3Storage
from app.models import MediaFile, db
from tests import factories
from tests.videos import make_video


def upload(client, content, name="clip.mp4"):
    return client.post("/media/", data={"file": (io.BytesIO(content), name)}, content_type="multipart/form-data",
                       headers={"X-CSRFToken": client.csrf, "HX-Request": "true"})


def kept(app):
    """Names of all files below the media directory, and how many rows there are."""
    root = Path(factories.wired(app).settings.media_path)
    with app.app_context():
        return sorted(p.name for p in root.rglob("*") if p.is_file()), db.session.query(MediaFile).count()


@pytest.fixture
def media_root(app):
    """The media directory, emptied."""
    import shutil
    root = factories.wired(app).settings.media_path
    shutil.rmtree(root, ignore_errors=True)
    return root


def test_keeps_a_video_and_tells_what_is_in_it(app, as_alice, media_root, video_path):
    answer = upload(as_alice, video_path.read_bytes(), "C:\\Users\\me\\My clip.mp4")
    assert answer.status_code == 201
    assert "My clip.mp4" in answer.text and "360 × 640 · 30 fps · 0:02" in answer.text and 'name="media_file_id"' in answer.text
    with app.app_context():
        media = db.session.query(MediaFile).one()
        assert (media.container, media.codec, media.size_bytes) == ("mp4", "h264", video_path.stat().st_size)
        media_id = media.id
    assert as_alice.get(f"/media/{media_id}/poster").data[:3] == b"\xff\xd8\xff"


def test_plays_by_ranges(app, as_alice, media_root, video_path):
    upload(as_alice, content := video_path.read_bytes())
    with app.app_context():
        media_id = db.session.query(MediaFile.id).scalar()
    whole = as_alice.get(f"/media/{media_id}/video")
    assert (whole.status_code, whole.mimetype, whole.data) == (200, "video/mp4", content)
    part = as_alice.get(f"/media/{media_id}/video", headers={"Range": "bytes=100-199"})
    assert (part.status_code, part.data) == (206, content[100:200])
    assert part.headers["Content-Range"] == f"bytes 100-199/{len(content)}"
    for answer in (whole, part):
        answer.close()


def test_a_range_of_a_video_in_s3_is_all_that_is_fetched(app, as_alice, s3_bucket, tmp_path, monkeypatch, video_path):
    storage = S3Storage(s3_bucket.client, bucket=s3_bucket.name, prefix="", incoming=tmp_path)
    monkeypatch.setitem(app.extensions, "oncue", replace(factories.wired(app), storage=storage))
    upload(as_alice, content := video_path.read_bytes())
    with app.app_context():
        media_id = db.session.query(MediaFile.id).scalar()
    ranges = []
    s3_bucket.hear("before-call.s3.GetObject", lambda params, **_: ranges.append(params["headers"]["Range"]))
    with as_alice.get(f"/media/{media_id}/video", headers={"Range": "bytes=1000-1099"}) as part:
        assert (part.status_code, part.data) == (206, content[1000:1100])
    with as_alice.get(f"/media/{media_id}/video") as whole:
        assert whole.data == content
    with as_alice.get(f"/media/{media_id}/poster") as poster:
        assert poster.data[:3] == b"\xff\xd8\xff"
    assert ranges == ["bytes=1000-", "bytes=0-", "bytes=0-"]


def test_the_same_bytes_are_one_file(app, as_alice, media_root, video_path):
    for _ in range(2):
        assert upload(as_alice, video_path.read_bytes()).status_code == 201
    files, rows = kept(app)
    assert len(files) == 3 and rows == 1, "the video, its poster and its strip"


@pytest.mark.parametrize(("make", "words"), [
    (lambda d: b"These are my notes, not a video.", "This is not a video file or a photo, whatever its name says"),
    (lambda d: b"", "The file is empty"),
    (lambda d: (v := make_video(d / "v.mp4").read_bytes())[:len(v) // 2], "incomplete"),
    (lambda d: make_video(d / "v.mkv", container="matroska").read_bytes(), "This is a mkv file"),
    (lambda d: make_video(d / "v.mp4", codec="mpeg4").read_bytes(), "coded as mpeg4"),
    (lambda d: make_video(d / "v.mp4", width=320, height=200).read_bytes(), "320 × 200"),
    (lambda d: make_video(d / "v.mp4", fps=15).read_bytes(), "15 frames per second"),
], ids=["text", "empty", "truncated", "container", "codec", "size", "frame rate"])
def test_a_file_that_can_t_be_posted_is_refused_in_words_and_leaves_nothing(app, as_alice, media_root, tmp_path, make, words):
    answer = upload(as_alice, make(tmp_path))
    assert answer.status_code == 422 and words in answer.text and 'role="alert"' in answer.text
    assert kept(app) == ([], 0)


def test_tells_every_problem_at_once(as_alice, media_root, tmp_path):
    answer = upload(as_alice, make_video(tmp_path / "v.mp4", fps=10, width=200, height=200, codec="mpeg4").read_bytes())
    assert all(words in answer.text for words in ("mpeg4", "10 frames", "200 × 200"))


def test_without_a_file_it_says_so(as_alice, media_root):
    answer = as_alice.post("/media/", data={}, headers={"X-CSRFToken": as_alice.csrf})
    assert answer.status_code == 422 and "Choose a video file or photos first" in answer.text


def test_nobody_without_a_login_gets_a_byte_in_or_out(app, client, alice, media_root, video_path):
    answer = client.post("/media/", data={"file": (io.BytesIO(video_path.read_bytes()), "clip.mp4")}, content_type="multipart/form-data")
    assert answer.status_code == 401 and kept(app) == ([], 0)
    assert client.get("/media/1/video").status_code == client.get("/media/1/poster").status_code == 303


def test_strangers_find_nothing(app, as_bob, alice, media_root, video_path):
    media_id = factories.make_media(app, alice, video_path)
    assert as_bob.get(f"/media/{media_id}/video").status_code == as_bob.get(f"/media/{media_id}/poster").status_code == 404
