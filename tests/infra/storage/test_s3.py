"""What holds in S3 alone: parts, streams that begin anew, and refusals that are told from losses."""

from __future__ import annotations

import hashlib
import os
import random
import socket
import socketserver
import subprocess
import sys
import threading
from contextlib import contextmanager
from urllib.parse import urlsplit

import pytest

from app.infra.storage import s3
from app.infra.storage.s3 import PART, S3Storage
from tests import servers
from tests.architecture.tree import ROOT
from tests.infra.storage.places import keep, objects_in

MB = 1024 * 1024


def connect(url):
    return s3.connect(endpoint_url=url, region="us-east-1", access_key_id=servers.S3_ACCESS_KEY_ID,
                      secret_access_key=servers.S3_SECRET_ACCESS_KEY)


@pytest.fixture
def storage(s3_bucket, tmp_path):
    return S3Storage(s3_bucket.client, bucket=s3_bucket.name, prefix="", incoming=tmp_path)


@pytest.fixture
def calls(s3_bucket):
    """What the bucket is asked, in order: the operation and the range."""
    made = []

    def note(model, params, **_):
        made.append((model.name, params["headers"].get("Range")))
    s3_bucket.hear("before-call.s3", note)
    return made


# Parts


def test_a_large_file_goes_in_parts_and_a_small_one_whole(storage, calls):
    content = random.Random(1).randbytes(2 * PART + 5)
    keep(storage, "1/large.mp4", content)
    keep(storage, "1/small.mp4", b"a video")
    names = [name for name, _ in calls]
    assert [names.count(name) for name in ("CreateMultipartUpload", "UploadPart", "CompleteMultipartUpload", "PutObject")] == [1, 3, 1, 1]
    with storage.open("1/large.mp4") as file:
        assert hashlib.sha256(file.read()).digest() == hashlib.sha256(content).digest()


def test_a_transfer_that_fails_leaves_no_parts(storage, s3_bucket, tmp_path):
    class Broken(Exception):
        pass

    def break_off(params, **_):
        if "partNumber=2" in params["url"]:
            raise Broken
    s3_bucket.hear("before-call.s3.UploadPart", break_off)
    with pytest.raises(Broken):
        keep(storage, "1/large.mp4", bytes(2 * PART + 5))
    assert "Uploads" not in s3_bucket.client.list_multipart_uploads(Bucket=s3_bucket.name)
    assert storage.size("1/large.mp4") is None and list(tmp_path.iterdir()) == []


def test_the_same_bytes_are_not_sent_again(storage, calls):
    keep(storage, "1/abc.mp4", b"a video")
    keep(storage, "1/abc.mp4", b"a video")
    assert [name for name, _ in calls].count("PutObject") == 1


def test_sweeping_ends_what_a_killed_process_had_begun_to_send(storage, s3_bucket):
    s3_bucket.client.create_multipart_upload(Bucket=s3_bucket.name, Key="1/abc.mp4")
    assert storage.sweep_incoming(older_than=0) == 0
    assert storage.sweep_incoming(older_than=1e11) == 1
    assert "Uploads" not in s3_bucket.client.list_multipart_uploads(Bucket=s3_bucket.name)


CHILD = """
import hashlib, resource, sys
from pathlib import Path
from app.infra.storage.s3 import S3Storage
from tests.infra.storage.test_s3 import connect

client = connect(sys.argv[1])
storage = S3Storage(client, bucket=sys.argv[2], prefix="", incoming=Path(sys.argv[3]))
storage.write("small", b"x")
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
block, hashed = bytes(range(256)) * 4096, hashlib.sha256()
with storage.incoming() as incoming:
    for _ in range(192):
        incoming.write(block)
    storage.keep(incoming, "large")
with storage.open("large") as file:
    while part := file.read(256 * 1024):
        hashed.update(part)
assert hashed.hexdigest() == incoming.sha256
sys.stdout.write(str((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024))
"""


def test_memory_does_not_grow_with_the_file(s3_bucket, tmp_path):
    run = subprocess.run([sys.executable, "-c", CHILD, s3_bucket.endpoint_url, s3_bucket.name, str(tmp_path)], cwd=ROOT,
                         env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert int(run.stdout) < 48, "megabytes for a file of 192"


# Streams


def test_reading_on_is_one_request_and_reading_elsewhere_another(storage, calls):
    keep(storage, "1/abc.mp4", bytes(MB))
    del calls[:]
    with storage.open("1/abc.mp4") as file:
        while file.read(100_000):
            pass
        file.seek(500_000)
        file.seek(700_000)
        file.read(10)
        file.read(10)
    assert calls == [("HeadObject", None), ("GetObject", "bytes=0-"), ("GetObject", "bytes=700000-")]


def test_nobody_reads_the_halves_of_two_versions(storage):
    storage.write("1/abc", b"a" * MB)
    with storage.open("1/abc") as file:
        assert file.read(1) == b"a"
        storage.write("1/abc", b"b" * MB)
        file.seek(MB // 2)
        with pytest.raises(OSError, match="refused GetObject"):
            file.read(1)


def test_what_is_replaced_before_the_first_byte_is_read_as_it_is_then(storage):
    storage.write("1/abc", b"old")
    with storage.open("1/abc") as file:
        storage.write("1/abc", b"the new one")
        assert file.read() == b"the new one"


def test_what_is_deleted_before_it_is_read_is_not_found(storage):
    storage.write("1/abc", b"old")
    with storage.open("1/abc") as file:
        storage.delete("1/abc")
        with pytest.raises(FileNotFoundError):
            file.read()


@contextmanager
def breaking(url, breaks, after):
    """A way to that server on which the first so many long answers end after so many bytes; yields its address."""
    target, left = urlsplit(url), [breaks]

    class Way(socketserver.BaseRequestHandler):
        def handle(self):
            with socket.create_connection((target.hostname, target.port)) as server:
                def back():
                    passed = 0
                    while block := server.recv(16_384):
                        self.request.sendall(block)
                        passed += len(block)
                        if passed > after and left[0] > 0:
                            left[0] -= 1
                            break
                    self.request.shutdown(socket.SHUT_RDWR)
                thread = threading.Thread(target=back)
                thread.start()
                while block := self.request.recv(65_536):
                    server.sendall(block)
                server.shutdown(socket.SHUT_RDWR)
                thread.join()

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True

        def handle_error(self, request, client_address):
            pass  # one of the two has hung up, which is what this is for
    with Server(("127.0.0.1", 0), Way) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


@pytest.fixture
def through(s3_bucket, tmp_path):
    """The storage on a way that breaks so many times."""
    @contextmanager
    def opened(breaks, after):
        with breaking(s3_bucket.endpoint_url, breaks, after) as url:
            client = connect(url)
            yield S3Storage(client, bucket=s3_bucket.name, prefix="", incoming=tmp_path)
            client.close()
    return opened


def test_a_stream_that_breaks_goes_on_at_the_byte_where_it_broke(storage, through):
    content = random.Random(2).randbytes(5 * MB)
    keep(storage, "1/abc.mp4", content)
    with through(breaks=6, after=300_000) as broken, broken.open("1/abc.mp4") as file:
        assert file.read(1000) == content[:1000]
        assert file.read() == content[1000:]


def test_a_stream_that_does_nothing_but_break_is_an_error(storage, through):
    keep(storage, "1/abc.mp4", bytes(MB))
    with through(breaks=99, after=500) as broken, broken.open("1/abc.mp4") as file, pytest.raises(OSError, match="S3"):
        file.read()


# Refused is not lost


def test_without_its_bucket_nothing_is_said_to_be_missing(s3_bucket, tmp_path):
    storage = S3Storage(s3_bucket.client, bucket="another-bucket", prefix="", incoming=tmp_path)
    for use in (storage.check, lambda: storage.size("1/abc"), lambda: storage.write("1/abc", b"x")):
        with pytest.raises(OSError) as caught:
            use()
        assert not isinstance(caught.value, FileNotFoundError)
    with pytest.raises(OSError, match="no bucket 'another-bucket'"):
        storage.check()


def test_a_server_that_does_not_answer_is_an_error_and_no_loss(tmp_path):
    client = connect(f"http://127.0.0.1:{servers.free_port()}")
    storage = S3Storage(client, bucket="oncue-media", prefix="", incoming=tmp_path)
    with pytest.raises(OSError, match="can't be asked") as caught:
        storage.size("1/abc")
    assert not isinstance(caught.value, FileNotFoundError)
    client.close()


def test_keys_are_listed_below_what_they_begin_with(s3_bucket, tmp_path):
    storage = S3Storage(s3_bucket.client, bucket=s3_bucket.name, prefix="oncue", incoming=tmp_path)
    for key in ("uploads/a", "uploads/b", "1/abc"):
        storage.write(key, b"x")
    s3_bucket.client.put_object(Bucket=s3_bucket.name, Key="uploads/another-s", Body=b"x")
    assert list(storage.keys_below("uploads/")) == ["uploads/a", "uploads/b"]


def test_objects_lie_below_the_prefix(s3_bucket, tmp_path):
    storage = S3Storage(s3_bucket.client, bucket=s3_bucket.name, prefix="oncue", incoming=tmp_path)
    storage.write("1/abc", b"x")
    assert objects_in(s3_bucket.client, s3_bucket.name) == ["oncue/1/abc"]
