"""What is on disk and in the database while bytes are sent, and how an upload goes on whose worker died."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa

from app import clock
from app.infra.storage.disk import DiskStorage
from app.infra.storage.s3 import S3Storage
from app.models import PostTarget, db
from app.services.moving import Move, move_media
from tests import factories
from tests.servers import wait_for
from tests.steps import load, step
from tests.videos import fill_up

MB = 1_000_000


def follow(app, frozen, target_id):
    """Steps until TikTok has made up its mind."""
    def decided():
        frozen.advance(seconds=60)
        return step(app, target_id).state != "processing"
    wait_for(decided, every=0.1)


def with_storage(app, storage):
    return replace(factories.wired(app).publishing, storage=storage)


@pytest.fixture
def big_video(video_path, tmp_path):
    """70 MB, which go to TikTok in two chunks."""
    return fill_up(video_path, tmp_path / "big.mp4", 70 * MB)


class WatchedStorage(DiskStorage):
    """The real storage; calls `watch` before each block that is read for an upload."""

    def __init__(self, root, watch):
        super().__init__(root)
        self._watch = watch

    def open(self, key):
        file, watch = super().open(key), self._watch

        class Watched:
            def read(self, size):
                watch(file.tell())
                return file.read(size)

            def seek(self, position):
                return file.seek(position)

            def __enter__(self):
                return self

            def __exit__(self, *_):
                file.close()
        return Watched()


class Killed(BaseException):
    """A worker's sudden death."""


def test_the_publish_id_is_committed_before_the_first_byte(app, tiktok, frozen, scene):
    target_id, seen = scene.schedule(), []
    frozen.advance(minutes=2)

    def watch(_position):
        with app.app_context():
            seen.append(db.session.scalar(sa.select(PostTarget.publish_id).where(PostTarget.id == target_id)))
    step(app, target_id, with_storage(app, WatchedStorage(factories.wired(app).settings.media_path, watch)))
    assert seen and all(seen)


def test_no_database_connection_is_held_while_bytes_are_sent(app, tiktok, frozen, scene):
    target_id, held = scene.schedule(), []
    frozen.advance(minutes=2)
    with app.app_context():
        pool = db.engine.pool
    before = pool.checkedout()
    storage = WatchedStorage(factories.wired(app).settings.media_path, lambda _: held.append(pool.checkedout() - before))
    step(app, target_id, with_storage(app, storage))
    assert held and set(held) == {0}


def test_an_upload_from_s3_goes_on_at_the_byte_that_tiktok_has(app, tiktok, frozen, scene, big_video, s3_bucket, tmp_path):
    target_id = scene.schedule(media_file_id=factories.make_media(app, scene.person, big_video))
    storage = S3Storage(s3_bucket.client, bucket=s3_bucket.name, prefix="", incoming=tmp_path)
    with app.app_context():
        move_media(Move(factories.wired(app).storage, storage, target_in_use=False, delete_source=False, say=lambda _: None))
    frozen.advance(minutes=2)
    ranges = []

    def note(params, **_):
        ranges.append(params["headers"]["Range"])
    s3_bucket.hear("before-call.s3.GetObject", note)
    # The worker is told to stop in the second chunk.
    ports, asked = with_storage(app, storage), itertools.count()
    step(app, target_id, replace(ports, is_stopping=lambda: next(asked) > 160))
    assert (load(app, target_id).state, load(app, target_id).lease_token) == ("publishing", None)
    assert step(app, target_id, ports).state == "processing"
    assert ranges == ["bytes=0-", f"bytes={35 * MB}-"]
    follow(app, frozen, target_id)
    assert load(app, target_id).state == "published"


def test_a_killed_worker_s_upload_goes_on_at_the_byte_that_tiktok_has(app, tiktok, frozen, scene, big_video):
    target_id = scene.schedule(media_file_id=factories.make_media(app, scene.person, big_video))
    frozen.advance(minutes=2)

    def die_in_the_second_chunk(position):
        if position > 40 * MB:
            raise Killed
    with pytest.raises(Killed):
        step(app, target_id, with_storage(app, WatchedStorage(factories.wired(app).settings.media_path, die_in_the_second_chunk)))
    target = load(app, target_id)
    assert (target.state, target.uploaded_bytes) == ("publishing", 35 * MB)
    frozen.advance(seconds=30)
    assert step(app, target_id).lease_token == target.lease_token, "the lease still belongs to the dead worker"
    frozen.advance(seconds=40)
    read = []
    target = step(app, target_id, with_storage(app, WatchedStorage(factories.wired(app).settings.media_path, read.append)))
    assert target.state == "processing" and min(read) == 35 * MB
    follow(app, frozen, target_id)  # the sandbox examines a large file in its own time
    target = load(app, target_id)
    assert (target.state, target.problem_code) == ("published", None)
    assert len(tiktok.posts()) == len(tiktok.calls("video_init")) == 1


def test_a_worker_killed_after_the_last_byte_does_not_send_it_again(app, tiktok, frozen, scene):
    target_id = scene.schedule()
    frozen.advance(minutes=2)
    wired = factories.wired(app).publishing

    class DiesAfterSending(type(wired.tiktok)):
        def put_chunk(self, *args):
            super().put_chunk(*args)
            raise Killed
    settings = factories.wired(app).settings
    tiktok_client = DiesAfterSending(api_url=settings.tiktok_api_url, web_url=settings.tiktok_web_url,
                                     upload_hosts=settings.tiktok_upload_hosts)
    with pytest.raises(Killed):
        step(app, target_id, replace(wired, tiktok=tiktok_client))
    tiktok_client.close()
    frozen.advance(seconds=70)
    assert step(app, target_id).state == "processing"
    assert step(app, target_id).state == "published"
    assert len(tiktok.posts()) == len(tiktok.calls("video_init")) == 1


def test_a_bug_rests_the_target_instead_of_spinning(app, tiktok, frozen, scene):
    target_id = scene.schedule()
    frozen.advance(minutes=2)

    def explode(_position):
        raise ZeroDivisionError
    with pytest.raises(ZeroDivisionError):
        step(app, target_id, with_storage(app, WatchedStorage(factories.wired(app).settings.media_path, explode)))
    target = load(app, target_id)
    assert (target.lease_token, target.due_at) == (None, clock.utcnow() + timedelta(minutes=1))
    frozen.advance(minutes=1)
    assert step(app, target_id).state == "processing"
    assert len(tiktok.calls("video_init")) == 1
