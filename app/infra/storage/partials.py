"""Files that arrive in pieces: appended to under a lock of the kernel's, which ends with the process that holds it."""

from __future__ import annotations

import fcntl
import hashlib
import os
from functools import cached_property
from pathlib import Path

PREFIX = "partial-"


class PartialFile:
    """What is there of a file, open for more. While it is open nobody else can open it; BlockingIOError says so."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600), "ab", buffering=0)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._file.close()
            raise
        self.size_bytes = os.fstat(self._file.fileno()).st_size

    @property
    def local_path(self) -> str:
        return str(self._path)

    @cached_property
    def sha256(self) -> str:
        """Of the whole file, which is read for it once: no hash in progress survives a broken connection."""
        with self._path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    def write(self, block: bytes) -> int:
        """Unbuffered, so that the file's size is at any moment what has arrived."""
        rest = memoryview(block)
        while rest:
            written = self._file.write(rest) or 0
            self.size_bytes += written
            rest = rest[written:]
        return len(block)

    def restart(self) -> None:
        """Forget what is there; on a disk that is full this makes room."""
        self._file.truncate(0)
        self.size_bytes = 0
        self.__dict__.pop("sha256", None)

    def sync(self) -> None:
        os.fsync(self._file.fileno())

    def close(self) -> None:
        self._file.close()


class DiskPartials:
    """Unfinished files in a directory, each by its upload's id."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def hold(self, upload_id: str) -> PartialFile:
        self._directory.mkdir(parents=True, exist_ok=True)
        return PartialFile(self._path(upload_id))

    def size(self, upload_id: str) -> int:
        try:
            return self._path(upload_id).stat().st_size
        except FileNotFoundError:
            return 0

    def discard(self, upload_id: str) -> None:
        self._path(upload_id).unlink(missing_ok=True)

    def ids(self) -> list[str]:
        return [path.name.removeprefix(PREFIX) for path in self._directory.glob(f"{PREFIX}*")]

    def _path(self, upload_id: str) -> Path:
        if not upload_id.isalnum():
            raise ValueError(f"not an upload's id: {upload_id!r}")
        return self._directory / f"{PREFIX}{upload_id}"
