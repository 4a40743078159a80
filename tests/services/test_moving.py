"""Moving all files between disk and S3: each copy checked, nothing deleted unasked, a second run for what a first one left."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest

from app.infra.storage.disk import DiskStorage
from app.infra.storage.s3 import S3Storage
from app.models import MediaFile, TikTokAccount, db
from app.services.moving import Move, move_media
from tests import factories
from tests.infra.storage.places import files_below, objects_in
from tests.servers import S3_ACCESS_KEY_ID, S3_SECRET_ACCESS_KEY

FILES = 8


@pytest.fixture
def disk(app, tiktok, alice, video_path, tmp_path, monkeypatch):
    """A disk with a video (of two rows), its strip, two photos, their posters, and an avatar: FILES together."""
    disk = DiskStorage(tmp_path / "media")
    wired = app.extensions["oncue"]
    monkeypatch.setitem(app.extensions, "oncue", replace(
        wired, storage=disk, settings=replace(wired.settings, media_dir=tmp_path / "media")))
    factories.connect_account(app, alice, tiktok)
    for _ in range(2):
        factories.make_media(app, alice, video_path)
    factories.make_photos(app, alice, tmp_path, 2)
    with app.app_context():
        avatar_key = db.session.query(TikTokAccount.avatar_key).scalar()
    disk.write(avatar_key, b"\xff\xd8\xff an avatar")
    return disk


@pytest.fixture
def bucket(s3_bucket, tmp_path):
    return S3Storage(s3_bucket.client, bucket=s3_bucket.name, prefix="", incoming=tmp_path / "incoming")


@pytest.fixture
def move(app, disk, bucket):
    """Moves from disk to the bucket, unless it is told otherwise."""
    def moved(**changes):
        planned = Move(disk, bucket, target_in_use=False, delete_source=False, say=lambda _: None)
        with app.app_context():
            return move_media(replace(planned, **changes))
    return moved


def first_video(app):
    with app.app_context():
        return db.session.query(MediaFile.storage_key, MediaFile.poster_key, MediaFile.sha256).order_by(MediaFile.id).first()


def content(storage, key):
    with storage.open(key) as file:
        return file.read()


def avatar(app):
    with app.app_context():
        return db.session.query(TikTokAccount.avatar_key).scalar()


def test_everything_arrives_and_nothing_is_deleted(app, move, disk, s3_bucket, tmp_path):
    report = move()
    names = files_below(tmp_path / "media")
    assert len(names) == FILES and objects_in(s3_bucket.client, s3_bucket.name) == names
    assert (report.copied, report.already_there, report.deleted, report.problems) == (FILES, 0, 0, [])
    assert report.copied_bytes == sum(disk.size(name) for name in names)
    assert all(s3_bucket.client.get_object(Bucket=s3_bucket.name, Key=name)["Body"].read() == content(disk, name) for name in names)


def test_a_second_run_copies_nothing_and_may_delete_where_it_was(move, disk, bucket, s3_bucket, tmp_path):
    move()
    again = move()
    assert (again.copied, again.already_there) == (0, FILES)
    assert move(target_in_use=True, delete_source=True).deleted == FILES
    assert files_below(tmp_path / "media") == []
    last = move(target_in_use=True, delete_source=True)
    assert (last.already_there, last.deleted, last.problems) == (FILES, 0, [])
    assert move(source=bucket, target=disk).copied == FILES
    assert files_below(tmp_path / "media") == objects_in(s3_bucket.client, s3_bucket.name)


class Killed(BaseException):
    pass


@pytest.mark.parametrize("copied", range(1, FILES))
def test_a_killed_move_goes_on_where_it_stopped(move, disk, bucket, s3_bucket, tmp_path, copied):
    told = []

    def say(line):
        told.append(line)
        if len(told) == copied:
            raise Killed
    with pytest.raises(Killed):
        move(say=say, delete_source=True)
    report = move(delete_source=True)
    assert (report.copied, report.problems) == (FILES - copied, [])
    assert len(objects_in(s3_bucket.client, s3_bucket.name)) == FILES and files_below(tmp_path / "media") == []


def test_a_damaged_file_stays_where_it_is_and_is_named(app, move, disk, bucket, tmp_path):
    key, _, _ = first_video(app)
    path = tmp_path / "media" / key
    path.write_bytes(b"x" + path.read_bytes()[1:])
    report = move(delete_source=True)
    assert [problem.split(":")[0] for problem in report.problems] == [key] and "damaged" in report.problems[0]
    assert (report.copied, report.deleted) == (FILES - 1, FILES - 1)
    assert files_below(tmp_path / "media") == [key] and bucket.size(key) is None


def test_what_lies_wrong_in_the_target_is_replaced(app, move, disk, bucket):
    key, poster_key, sha256 = first_video(app)
    bucket.write(key, bytes(disk.size(key)))  # as long, so only its hash tells
    bucket.write(poster_key, b"another picture")
    assert (report := move()).copied == FILES and report.problems == []
    assert hashlib.sha256(content(bucket, key)).hexdigest() == sha256
    assert content(bucket, poster_key) == content(disk, poster_key)


def test_a_file_that_is_nowhere_is_named(app, move, disk):
    key, poster_key, _ = first_video(app)
    disk.delete(key)
    disk.delete(poster_key)
    assert sorted(move().problems) == sorted([f"{key}: missing", f"{poster_key}: missing"])


def test_a_newer_avatar_in_the_storage_in_use_is_not_undone(app, move, bucket):
    move()
    bucket.write(avatar(app), b"newer")
    assert move(target_in_use=True).copied == 0
    assert content(bucket, avatar(app)) == b"newer"


# The command


@pytest.fixture
def command(app, disk, s3_bucket, monkeypatch):
    """`flask move-media` with these arguments, on an Oncue that knows the bucket and uses this storage."""
    def run(*arguments, storage="disk", **changes):
        wired = app.extensions["oncue"]
        values = {"s3_endpoint_url": s3_bucket.endpoint_url, "s3_bucket": s3_bucket.name, "s3_access_key_id": S3_ACCESS_KEY_ID,
                  "s3_secret_access_key": S3_SECRET_ACCESS_KEY, "storage": storage, **changes}
        monkeypatch.setitem(app.extensions, "oncue", replace(wired, settings=replace(wired.settings, **values)))
        with app.app_context():  # as the `flask` command makes it
            return app.test_cli_runner().invoke(args=["move-media", *arguments])
    return run


def test_the_command_moves_there_and_back_and_sums_up(command, tmp_path):
    there = command("--to", "s3")
    assert there.exit_code == 0 and f"{FILES} files copied" in there.output and there.output.count(" bytes\n") == FILES
    again = command("--to", "s3", "--delete-source", storage="s3")
    assert f"0 files copied (0 bytes), {FILES} were there already, {FILES} deleted" in again.output
    assert files_below(tmp_path / "media") == []
    assert f"{FILES} files copied" in command("--to", "disk", storage="s3").output
    assert len(files_below(tmp_path / "media")) == FILES


def test_the_command_does_not_delete_what_oncue_still_reads(command, tmp_path):
    refused = command("--to", "s3", "--delete-source", storage="disk")
    assert refused.exit_code == 1 and "STORAGE=s3" in refused.output
    assert len(files_below(tmp_path / "media")) == FILES


def test_the_command_says_what_is_wrong(app, command, disk):
    assert "S3_BUCKET must be" in command("--to", "s3", s3_bucket="").output
    nowhere = command("--to", "s3", s3_bucket="another-bucket")
    assert nowhere.exit_code == 1 and "no bucket 'another-bucket'" in nowhere.output
    key, _, _ = first_video(app)
    disk.delete(key)
    lost = command("--to", "s3")
    assert lost.exit_code == 1 and f"{key}: missing" in lost.output and "1 could not be moved" in lost.output
