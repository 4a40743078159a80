"""Media on a directory: whole or not at all, and nowhere else."""

from __future__ import annotations

import hashlib
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from app.infra.storage.disk import DiskStorage


@pytest.fixture
def root(tmp_path):
    return tmp_path / "media"


@pytest.fixture
def storage(root):
    return DiskStorage(root)


def files(root: Path) -> list[str]:
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())


def keep(storage: DiskStorage, key: str, content: bytes) -> None:
    with storage.incoming() as incoming:
        incoming.write(content)
        storage.keep(incoming, key)


# On the way in


def test_an_incoming_file_is_hashed_and_counted_while_it_is_written(storage):
    with storage.incoming() as incoming:
        for block in (b"one", b"", b"two" * 1000):
            incoming.write(block)
        whole = b"one" + b"two" * 1000
        assert incoming.size_bytes == len(whole)
        assert incoming.sha256 == hashlib.sha256(whole).hexdigest()
        assert Path(incoming.local_path).read_bytes() == whole


def test_an_incoming_file_vanishes_when_it_is_closed(storage, root):
    incoming = storage.incoming()
    incoming.write(b"half a video")
    path = Path(incoming.local_path)
    assert path.exists()
    incoming.close()
    assert not path.exists()
    assert files(root) == []


def test_an_interrupted_write_leaves_nothing(storage, root):
    def interrupted():
        with storage.incoming() as incoming:
            incoming.write(b"half a video")
            raise ConnectionError

    with pytest.raises(ConnectionError):
        interrupted()
    assert files(root) == []


def test_incoming_files_are_nobody_else_s_to_read(storage):
    with storage.incoming() as incoming:
        assert os.stat(incoming.local_path).st_mode & 0o077 == 0


# Keeping


def test_what_is_kept_stays_when_the_incoming_file_is_closed(storage, root):
    keep(storage, "1/ab/abc.mp4", b"a video")
    assert files(root) == ["1/ab/abc.mp4"]
    with storage.open("1/ab/abc.mp4") as file:
        assert file.read() == b"a video"
    assert storage.size("1/ab/abc.mp4") == 7


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


def test_the_same_bytes_are_stored_once(storage, root):
    keep(storage, "1/abc.mp4", b"a video")
    before = os.stat(root / "1/abc.mp4")
    keep(storage, "1/abc.mp4", b"a video")
    after = os.stat(root / "1/abc.mp4")
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert files(root) == ["1/abc.mp4"]


def test_the_same_bytes_may_be_kept_by_many_at_once(storage, root):
    barrier = threading.Barrier(8)

    def upload(_):
        with storage.incoming() as incoming:
            incoming.write(b"a video" * 1000)
            barrier.wait(10)
            storage.keep(incoming, "1/abc.mp4")

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(upload, range(8)))
    assert files(root) == ["1/abc.mp4"]
    assert storage.size("1/abc.mp4") == 7000


# Small contents


def test_written_content_can_be_read_and_replaced(storage, root):
    storage.write("1/avatars/-000a", b"old")
    storage.write("1/avatars/-000a", b"newer")
    with storage.open("1/avatars/-000a") as file:
        assert file.read() == b"newer"
    assert files(root) == ["1/avatars/-000a"]


def test_whoever_reads_while_content_is_replaced_gets_the_old_or_the_new(storage, root):
    contents = [bytes([n]) * 50_000 for n in range(4)]
    storage.write("poster", contents[0])
    stop, seen = threading.Event(), set()

    def read():
        while not stop.is_set():
            with storage.open("poster") as file:
                seen.add(file.read())

    with ThreadPoolExecutor(5) as pool:
        readers = [pool.submit(read) for _ in range(2)]
        writers = [pool.submit(lambda: [storage.write("poster", c) for c in contents * 10]) for _ in range(3)]
        for writer in writers:
            writer.result(20)
        stop.set()
        for reader in readers:
            reader.result(20)
    assert seen <= set(contents)
    assert files(root) == ["poster"]


# Looking and removing


def test_what_is_not_there_has_no_size_and_can_not_be_opened(storage):
    assert storage.size("1/none.mp4") is None
    with pytest.raises(FileNotFoundError):
        storage.open("1/none.mp4")


def test_deleting_removes_and_deleting_again_does_nothing(storage, root):
    keep(storage, "1/abc.mp4", b"a video")
    storage.delete("1/abc.mp4")
    storage.delete("1/abc.mp4")
    assert storage.size("1/abc.mp4") is None
    assert files(root) == []


def test_what_is_open_can_be_read_to_its_end_although_it_was_deleted(storage):
    keep(storage, "1/abc.mp4", b"a video")
    with storage.open("1/abc.mp4") as file:
        storage.delete("1/abc.mp4")
        assert file.read() == b"a video"


@pytest.mark.parametrize("key", ["../outside", "1/../../outside", "/etc/passwd", "1/../../../etc/passwd", "../media-2/x"])
@pytest.mark.parametrize("use", ["keep", "write", "open", "size", "delete"])
def test_a_key_can_not_leave_the_directory(storage, root, key, use):
    uses = {"keep": lambda: keep(storage, key, b"x"), "write": lambda: storage.write(key, b"x"), "open": lambda: storage.open(key),
            "size": lambda: storage.size(key), "delete": lambda: storage.delete(key)}
    with pytest.raises(ValueError, match="may not leave"):
        uses[use]()
    assert [path.name for path in root.parent.iterdir() if path != root] == []


def test_a_link_out_of_the_directory_is_not_followed(storage, root, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_text("x")
    root.mkdir()
    (root / "link").symlink_to(outside)
    with pytest.raises(ValueError, match="may not leave"):
        storage.open("link/secret")


# Sweeping


def abandoned(root: Path, name: str, age: float) -> Path:
    (root / "incoming").mkdir(parents=True, exist_ok=True)
    path = root / "incoming" / name
    path.write_bytes(b"half a video")
    os.utime(path, (1_000_000 - age, 1_000_000 - age))
    return path


def test_sweeping_removes_what_killed_processes_left_behind_long_ago(storage, root):
    old, older, young = (abandoned(root, f"upload-{age}", age) for age in (101, 5000, 99))
    keep(storage, "1/abc.mp4", b"a video")
    assert storage.sweep_incoming(older_than=1_000_000 - 100) == 2
    assert not old.exists() and not older.exists()
    assert young.exists()
    assert storage.size("1/abc.mp4") == 7


def test_sweeping_an_instance_without_uploads_finds_nothing(storage):
    assert storage.sweep_incoming(older_than=1e12) == 0


def test_sweeping_does_not_mind_an_upload_that_ends_meanwhile(storage, root):
    abandoned(root, "upload-old", 5000)
    (root / "incoming" / "upload-gone").symlink_to(root / "nothing")  # listed, but gone when it is looked at
    assert storage.sweep_incoming(older_than=1_000_000) == 1
