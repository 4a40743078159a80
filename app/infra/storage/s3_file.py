"""An object of S3 as a file: read where somebody reads, and never held in memory."""

from __future__ import annotations

import errno
import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

TRIES = 3
"""Without a byte between them. A server may close a stream that is read as slowly as an upload somewhere else takes it."""
NOT_FOUND = 404


@contextmanager
def translated(key: str) -> Iterator[None]:
    """What boto3 raises, as the OSError that a file on disk would raise."""
    from boto3.exceptions import Boto3Error
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except ClientError as error:
        if _status(error) == NOT_FOUND and error.response["Error"]["Code"] != "NoSuchBucket":
            raise FileNotFoundError(errno.ENOENT, "Nothing is stored in S3 under this key", key) from error
        raise OSError(f"S3 refused {error.operation_name} of {key!r}: {error.response['Error'].get('Code', 'unknown')}") from error
    except (BotoCoreError, Boto3Error) as error:
        raise OSError(f"S3 can't be asked for {key!r}: {error}") from error


def _status(error: Any) -> int:
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


class S3File(io.RawIOBase):
    """Seekable and read-only. One request streams from where somebody begins to read until somebody reads elsewhere.

    Every request asks for the version that was there at the beginning, so nobody gets the halves of two.
    """

    def __init__(self, client: Any, bucket: str, name: str) -> None:
        self._client = client
        self._object = {"Bucket": bucket, "Key": name}
        self._position = 0
        self._stream: Any = None
        self._stream_position = 0
        self._was_read = False
        self._look()

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        if base + offset < 0:
            raise OSError(errno.EINVAL, "a position may not be before the beginning")
        self._position = base + offset
        return self._position

    def readinto(self, buffer: Any) -> int:
        if self._position >= self._size or not len(buffer):
            return 0
        block = self._read(len(buffer))
        buffer[:len(block)] = block
        self._position += len(block)
        self._was_read = True
        return len(block)

    def close(self) -> None:
        self._drop_stream()
        super().close()

    def _look(self) -> None:
        with translated(self._object["Key"]):
            found = self._client.head_object(**self._object)
        self._size, self._version = int(found["ContentLength"]), found["ETag"]

    def _read(self, size: int) -> bytes:
        """The next bytes, at least one; asks again from here when the stream broke."""
        from botocore.exceptions import BotoCoreError

        for _ in range(TRIES):
            try:
                self._begin_stream()
                if block := bytes(self._stream.read(size)):
                    self._stream_position += len(block)
                    return block
            except BotoCoreError:
                pass
            self._drop_stream()
        raise OSError(f"S3 broke off {self._object['Key']!r} at byte {self._position} of {self._size}")

    def _begin_stream(self) -> None:
        if self._stream is not None and self._stream_position == self._position:
            return
        self._drop_stream()
        # What was replaced since the look may still be read from its new beginning, for nobody has seen a byte of the old one.
        version = {"IfMatch": self._version} if self._was_read else {}
        with translated(self._object["Key"]):
            answer = self._client.get_object(**self._object, Range=f"bytes={self._position}-", **version)
        self._size, self._version = int(answer["ContentRange"].rsplit("/", 1)[1]), answer["ETag"]
        self._stream, self._stream_position = answer["Body"], self._position

    def _drop_stream(self) -> None:
        if self._stream is not None:
            self._stream.close()  # and with it the connection, for nobody wants what is still on its way
            self._stream = None
