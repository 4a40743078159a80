"""Photos that TikTok would refuse are kept, and made into ones that it takes."""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO

import pytest
from PIL import Image

from app.domain.errors import DomainError, ErrorKind
from app.infra.storage.s3 import S3Storage
from app.models import Event, MediaFile, db
from app.services import media
from tests import factories
from tests.videos import make_photo


@pytest.fixture
def screenshot(app, alice, tmp_path):
    """The id of a large PNG of Alice's."""
    return factories.make_media(app, alice, png(tmp_path / "My screenshot.png"))


def png(path, size=(1200, 2400), colour=(200, 90, 30, 255)):
    Image.new("RGBA", size, colour).save(path, "PNG")
    return path


def convert(app, person, media_id, **changes):
    with app.app_context():
        return media.convert_photo(media_id, workspace_id=person.workspace_id, actor_id=person.user_id,
                                   ports=replace(factories.wired(app).media, **changes))


def refusal(app, person, media_id, **changes):
    with pytest.raises(DomainError) as refused:
        convert(app, person, media_id, **changes)
    return refused.value


def test_a_photo_becomes_one_that_can_be_posted_and_stays_itself(app, alice, screenshot):
    with app.app_context():
        original = db.session.get(MediaFile, screenshot)
        assert [problem.code for problem in media.post_problems(original)] == ["photo_format", "photo_dimensions"]
        original.alt_text = "Orange"
        db.session.commit()
    converted_id = convert(app, alice, screenshot)
    with app.app_context():
        original, converted = db.session.get(MediaFile, screenshot), db.session.get(MediaFile, converted_id)
        assert media.post_problems(converted) == []
        assert (converted.name, converted.original_id, converted.alt_text) == ("My screenshot.jpg", screenshot, "Orange")
        assert (converted.container, converted.width, converted.height, converted.is_rotated) == ("jpeg", 960, 1920, False)
        assert (converted.workspace_id, converted.uploaded_by_id) == (alice.workspace_id, alice.user_id)
        assert (original.container, original.original_id, original.ended_at) == ("png", None, None)
        storage = factories.wired(app).storage
        with storage.open(converted.storage_key) as file:
            content = file.read()
        assert len(content) == converted.size_bytes and Image.open(BytesIO(content)).size == (960, 1920)
        assert storage.size(converted.poster_key) and storage.size(original.storage_key) == original.size_bytes
        assert db.session.query(Event.kind).filter_by(kind="media.converted").count() == 1


def test_the_same_photo_is_converted_once(app, alice, screenshot):
    assert convert(app, alice, screenshot) == convert(app, alice, screenshot)
    with app.app_context():
        assert db.session.query(MediaFile).count() == 2


def test_a_conversion_that_gives_known_bytes_gives_their_file(app, alice, screenshot):
    first = convert(app, alice, screenshot)
    with app.app_context():
        db.session.get(MediaFile, first).original_id = None
        db.session.commit()
    assert convert(app, alice, screenshot) == first


def test_what_needs_no_conversion_or_can_t_have_one_is_refused(app, alice, bob, tmp_path, video_path, screenshot):
    photo, video = factories.make_media(app, alice, make_photo(tmp_path / "fine.jpg")), factories.make_media(app, alice, video_path)
    assert (refusal(app, alice, photo).code, refusal(app, alice, photo).kind) == ("photo_needs_no_conversion", ErrorKind.CONFLICT)
    assert (refusal(app, alice, video).code, refusal(app, alice, video).kind) == ("photo_not_convertible", ErrorKind.CONFLICT)
    assert (refusal(app, bob, screenshot).code, refusal(app, bob, screenshot).kind) == ("media_not_found", ErrorKind.NOT_FOUND)
    assert refusal(app, alice, 999_999).code == "media_not_found"


def test_a_photo_whose_bytes_are_gone_is_refused(app, alice, tmp_path, screenshot):
    other = factories.make_media(app, alice, png(tmp_path / "other.png", colour=(1, 2, 3, 255)))
    with app.app_context():
        db.session.get(MediaFile, screenshot).ended_at = factories.wired(app).media.utcnow()
        key = db.session.get(MediaFile, other).storage_key
        db.session.commit()
    factories.wired(app).storage.delete(key)
    assert refusal(app, alice, screenshot).code == refusal(app, alice, other).code == "media_ended"


def test_a_conversion_stays_within_the_quota(app, alice, screenshot):
    assert refusal(app, alice, screenshot, quota_bytes=1000).code == "quota_full"
    with app.app_context():
        assert db.session.query(MediaFile).count() == 1


def test_a_photo_deleted_while_it_is_converted_leaves_no_orphan(app, alice, screenshot):
    ports = factories.wired(app).media

    def convert_slowly(path):
        jpeg = ports.convert(path)
        db.session.query(MediaFile).delete()
        db.session.commit()
        return jpeg
    assert refusal(app, alice, screenshot, convert=convert_slowly).code == "media_not_found"


def test_photos_and_videos_in_s3_are_fetched_for_it(app, alice, s3_bucket, tmp_path, monkeypatch, video_path):
    storage = S3Storage(s3_bucket.client, bucket=s3_bucket.name, prefix="", incoming=tmp_path / "incoming")
    monkeypatch.setitem(app.extensions, "oncue", replace(factories.wired(app), storage=storage))
    converted_id = convert(app, alice, factories.make_media(app, alice, png(tmp_path / "a.png")))
    video_id = factories.make_media(app, alice, video_path)
    with app.app_context():
        converted, video = db.session.get(MediaFile, converted_id), db.session.get(MediaFile, video_id)
        assert storage.size(converted.storage_key) == converted.size_bytes
        assert storage.size(video.strip_key)
        assert Image.open(BytesIO(media.frame_at(video, 500, factories.wired(app).media))).size == (360, 640)
    assert list((tmp_path / "incoming").iterdir()) == []


def test_the_frame_of_a_photo_or_of_a_large_file_far_away_is_refused(app, alice, tmp_path, s3_bucket, monkeypatch, video_path):
    photo, video = factories.make_media(app, alice, make_photo(tmp_path / "fine.jpg")), factories.make_media(app, alice, video_path)
    ports = factories.wired(app).media
    far = S3Storage(s3_bucket.client, bucket=s3_bucket.name, prefix="", incoming=tmp_path / "incoming")
    with app.app_context():
        found = db.session.get(MediaFile, video)
        assert media.frame_at(found, -5, ports)[:3] == b"\xff\xd8\xff"
        far.write(found.storage_key, video_path.read_bytes())
        monkeypatch.setattr(media, "FRAME_COPY_BYTES", 1000)
        for file_id, asked, code in ((photo, ports, "frame_of_photo"), (video, replace(ports, storage=far), "frame_unavailable")):
            with pytest.raises(DomainError) as refused:
                media.frame_at(db.session.get(MediaFile, file_id), 0, asked)
            assert refused.value.code == code
