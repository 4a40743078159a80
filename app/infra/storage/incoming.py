"""Files on their way in: on this machine's disk, hashed while they are written, whatever keeps them afterwards."""

from __future__ import annotations

import hashlib
import os
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import IO, Any


class HashedFile:
    """A temporary file that hashes what is written and vanishes when closed, unless it was kept."""

    def __init__(self, directory: Path) -> None:
        self._file: IO[bytes] = tempfile.NamedTemporaryFile(dir=directory, prefix="upload-")  # noqa: SIM115 closed by the caller
        self._hash = hashlib.sha256()
        self.size_bytes = 0

    def write(self, block: bytes) -> int:
        self._hash.update(block)
        self.size_bytes += len(block)
        return self._file.write(block)

    @property
    def sha256(self) -> str:
        return self._hash.hexdigest()

    @property
    def local_path(self) -> str:
        self._file.flush()
        return self._file.name

    def sync(self) -> None:
        self._file.flush()
        os.fsync(self._file.fileno())

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def __enter__(self) -> HashedFile:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()


class IncomingDirectory:
    """Where incoming files lie until they are kept."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def new_file(self) -> HashedFile:
        self._path.mkdir(parents=True, exist_ok=True)
        return HashedFile(self._path)

    def sweep(self, older_than: float) -> int:
        """Remove what a killed process left behind before that moment (seconds since 1970); how many."""
        removed = 0
        for path in self._path.glob("upload-*"):
            with suppress(FileNotFoundError):  # its upload has just ended
                if path.stat().st_mtime < older_than:
                    path.unlink()
                    removed += 1
        return removed
