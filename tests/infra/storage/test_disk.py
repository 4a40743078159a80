"""What holds on disk alone: flushed before it has a name, links not followed."""

from __future__ import annotations

import os

import pytest

from app.infra.storage.disk import DiskStorage
from tests.infra.storage.places import keep


@pytest.fixture
def root(tmp_path):
    return tmp_path / "media"


@pytest.fixture
def storage(root):
    return DiskStorage(root)


def test_a_file_is_on_disk_before_it_has_its_name_and_its_name_before_keep_returns(storage, root, monkeypatch):
    done = []
    fsync, link = os.fsync, os.link

    def watched_fsync(descriptor):
        done.append(("sync", os.fstat(descriptor).st_ino))
        fsync(descriptor)

    def watched_link(source, target):
        link(source, target)
        done.append(("link", os.stat(target).st_ino))

    monkeypatch.setattr(os, "fsync", watched_fsync)
    monkeypatch.setattr(os, "link", watched_link)
    keep(storage, "1/abc.mp4", b"a video")
    inode, directory = os.stat(root / "1/abc.mp4").st_ino, os.stat(root / "1").st_ino
    assert done == [("sync", inode), ("link", inode), ("sync", directory)]


def test_what_is_open_can_be_read_to_its_end_although_it_was_deleted(storage):
    keep(storage, "1/abc.mp4", b"a video")
    with storage.open("1/abc.mp4") as file:
        storage.delete("1/abc.mp4")
        assert file.read() == b"a video"


def test_a_link_out_of_the_directory_is_not_followed(storage, root, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_text("x")
    root.mkdir()
    (root / "link").symlink_to(outside)
    with pytest.raises(ValueError, match="may not leave"):
        storage.open("link/secret")


def test_the_same_bytes_are_not_written_again(storage, root):
    keep(storage, "1/abc.mp4", b"a video")
    before = os.stat(root / "1/abc.mp4")
    keep(storage, "1/abc.mp4", b"a video")
    after = os.stat(root / "1/abc.mp4")
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
