"""What every storage does, on disk and in S3: whole or not at all, and nowhere else."""

from __future__ import annotations

import hashlib
import os
import random
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.infra.storage.places import Place, keep

# On the way in


def test_an_incoming_file_is_hashed_and_counted_while_it_is_written(storage):
    with storage.incoming() as incoming:
        for block in (b"one", b"", b"two" * 1000):
            incoming.write(block)
        whole = b"one" + b"two" * 1000
        assert incoming.size_bytes == len(whole)
        assert incoming.sha256 == hashlib.sha256(whole).hexdigest()
        assert Path(incoming.local_path).read_bytes() == whole


def test_an_incoming_file_vanishes_when_it_is_closed(storage, place):
    incoming = storage.incoming()
    incoming.write(b"half a video")
    path = Path(incoming.local_path)
    assert path.exists()
    incoming.close()
    assert not path.exists()
    assert place.files() == []


def test_an_interrupted_write_leaves_nothing(storage, place):
    def interrupted():
        with storage.incoming() as incoming:
            incoming.write(b"half a video")
            raise ConnectionError

    with pytest.raises(ConnectionError):
        interrupted()
    assert place.files() == []


def test_incoming_files_are_nobody_else_s_to_read(storage):
    with storage.incoming() as incoming:
        assert os.stat(incoming.local_path).st_mode & 0o077 == 0


# Keeping


def test_bytes_are_on_this_machine_while_somebody_works_on_them(storage, place):
    keep(storage, "1/ab/abc.mp4", b"a video")
    with storage.local("1/ab/abc.mp4", copy_up_to=7) as path:
        assert Path(path).read_bytes() == b"a video"
    assert place.files() == ["1/ab/abc.mp4"]
    with pytest.raises(FileNotFoundError), storage.local("1/ab/lost.mp4", copy_up_to=7):
        pass


def test_what_is_kept_stays_when_the_incoming_file_is_closed(storage, place):
    keep(storage, "1/ab/abc.mp4", b"a video")
    assert place.files() == ["1/ab/abc.mp4"]
    with storage.open("1/ab/abc.mp4") as file:
        assert file.read() == b"a video"
    assert storage.size("1/ab/abc.mp4") == 7


def test_the_same_bytes_are_stored_once(storage, place):
    keep(storage, "1/abc.mp4", b"a video")
    keep(storage, "1/abc.mp4", b"a video")
    assert place.files() == ["1/abc.mp4"]
    assert storage.size("1/abc.mp4") == 7


def test_the_same_bytes_may_be_kept_by_many_at_once(storage, place):
    barrier = threading.Barrier(8)

    def upload(_):
        with storage.incoming() as incoming:
            incoming.write(b"a video" * 1000)
            barrier.wait(10)
            storage.keep(incoming, "1/abc.mp4")

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(upload, range(8)))
    assert place.files() == ["1/abc.mp4"]
    assert storage.size("1/abc.mp4") == 7000


# Small contents


def test_written_content_can_be_read_and_replaced(storage, place):
    storage.write("1/avatars/-000a", b"old")
    storage.write("1/avatars/-000a", b"newer")
    with storage.open("1/avatars/-000a") as file:
        assert file.read() == b"newer"
    assert place.files() == ["1/avatars/-000a"]


def test_whoever_reads_while_content_is_replaced_gets_the_old_or_the_new(storage, place):
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
    assert place.files() == ["poster"]


# Reading where one likes


@pytest.fixture(scope="module")
def content():
    return random.Random(7).randbytes(1_500_000)


@pytest.mark.parametrize("first", [0, 1, 8191, 262_144, 262_145, 1_499_999])
@pytest.mark.parametrize("size", [1, 300_000])
def test_reading_begins_at_any_byte(storage, content, first, size):
    keep(storage, "1/abc.mp4", content)
    with storage.open("1/abc.mp4") as file:
        file.seek(first)
        assert file.read(size) == content[first:first + size]
        assert file.tell() == min(first + size, len(content))


def test_reading_goes_forth_and_back(storage, content):
    keep(storage, "1/abc.mp4", content)
    choice = random.Random(3)
    with storage.open("1/abc.mp4") as file:
        assert file.seekable() and file.readable() and not file.writable()
        for _ in range(40):
            first, size = choice.randrange(len(content)), choice.choice([1, 5000, 400_000])
            assert file.seek(first) == first
            assert file.read(size) == content[first:first + size]
        assert file.seek(-10, os.SEEK_END) == len(content) - 10
        assert file.read() == content[-10:] and file.read(1) == b""
        assert file.seek(-20, os.SEEK_CUR) == len(content) - 20
        assert file.read(5) == content[-20:-15]
        file.seek(len(content) + 5)
        assert file.read(1) == b""
        with pytest.raises((OSError, ValueError)):
            file.seek(-1)
        file.seek(0)
        assert file.read() == content


def test_an_empty_content_can_be_read(storage):
    storage.write("1/nothing", b"")
    assert storage.size("1/nothing") == 0
    with storage.open("1/nothing") as file:
        assert file.read() == b""


# Looking and removing


def test_what_is_not_there_has_no_size_and_can_not_be_opened(storage):
    assert storage.size("1/none.mp4") is None
    with pytest.raises(FileNotFoundError):
        storage.open("1/none.mp4")


def test_deleting_removes_and_deleting_again_does_nothing(storage, place):
    keep(storage, "1/abc.mp4", b"a video")
    storage.delete("1/abc.mp4")
    storage.delete("1/abc.mp4")
    assert storage.size("1/abc.mp4") is None
    assert place.files() == []


@pytest.mark.parametrize("key", ["../outside", "1/../../outside", "/etc/passwd", "1/../../../etc/passwd", "../media-2/x"])
@pytest.mark.parametrize("use", ["keep", "write", "open", "size", "delete"])
def test_a_key_can_not_leave_the_directory(storage, place, key, use):
    uses = {"keep": lambda: keep(storage, key, b"x"), "write": lambda: storage.write(key, b"x"), "open": lambda: storage.open(key),
            "size": lambda: storage.size(key), "delete": lambda: storage.delete(key)}
    with pytest.raises(ValueError, match="may not leave"):
        uses[use]()
    assert place.files() == []
    outside = place.incoming.parent.parent
    assert [path.name for path in outside.iterdir() if path != place.incoming.parent] == []


# Sweeping


def abandoned(place: Place, name: str, age: float) -> Path:
    place.incoming.mkdir(parents=True, exist_ok=True)
    path = place.incoming / name
    path.write_bytes(b"half a video")
    os.utime(path, (1_000_000 - age, 1_000_000 - age))
    return path


def test_sweeping_removes_what_killed_processes_left_behind_long_ago(storage, place):
    old, older, young = (abandoned(place, f"upload-{age}", age) for age in (101, 5000, 99))
    keep(storage, "1/abc.mp4", b"a video")
    assert storage.sweep_incoming(older_than=1_000_000 - 100) == 2
    assert not old.exists() and not older.exists()
    assert young.exists()
    assert storage.size("1/abc.mp4") == 7


def test_sweeping_an_instance_without_uploads_finds_nothing(storage):
    assert storage.sweep_incoming(older_than=1e12) == 0


def test_sweeping_does_not_mind_an_upload_that_ends_meanwhile(storage, place):
    abandoned(place, "upload-old", 5000)
    (place.incoming / "upload-gone").symlink_to(place.incoming / "nothing")  # listed, but gone when it is looked at
    assert storage.sweep_incoming(older_than=1_000_000) == 1
