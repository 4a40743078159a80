"""Media on a local directory: written beside, flushed, then linked into place."""

from __future__ import annotations

import hashlib
import os
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, BinaryIO

from app.services.ports import IncomingFile


class HashedFile:
    """A temporary file that hashes what is written and vanishes when closed, unless `keep` linked it."""

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


class DiskStorage:
    """Keys are relative paths below `root`; a key that would leave it is a ValueError."""

    def __init__(self, root: Path) -> None:
        self._root = root.resolve()
        self._incoming = self._root / "incoming"

    def incoming(self) -> IncomingFile:
        return HashedFile(self._prepared_incoming())

    def keep(self, incoming: IncomingFile, key: str) -> None:
        """Make an incoming file permanent under `key`; it is on disk when this returns."""
        assert isinstance(incoming, HashedFile)
        incoming.sync()
        path = self._path(key)
        path.parent.mkdir(parents=True, exist_ok=True)
        with suppress(FileExistsError):  # the same bytes, kept by an earlier upload or by one at this moment
            os.link(incoming.local_path, path)
        self._sync_directory(path.parent)

    def write(self, key: str, content: bytes) -> None:
        with HashedFile(self._prepared_incoming()) as file:
            file.write(content)
            file.sync()
            path = self._path(key)
            path.parent.mkdir(parents=True, exist_ok=True)
            # Renamed over what is there, so that whoever reads meanwhile gets the old or the new content.
            whole = Path(f"{file.local_path}.whole")
            os.link(file.local_path, whole)
            whole.replace(path)
            self._sync_directory(path.parent)

    def open(self, key: str) -> BinaryIO:
        return self._path(key).open("rb")

    def size(self, key: str) -> int | None:
        """Bytes under `key`, or None when there is nothing."""
        try:
            return self._path(key).stat().st_size
        except FileNotFoundError:
            return None

    def delete(self, key: str) -> None:
        self._path(key).unlink(missing_ok=True)

    def sweep_incoming(self, older_than: float) -> int:
        """Remove what a killed process left behind before that moment (seconds since 1970); how many."""
        removed = 0
        for path in self._incoming.glob("upload-*"):
            with suppress(FileNotFoundError):  # its upload has just ended
                if path.stat().st_mtime < older_than:
                    path.unlink()
                    removed += 1
        return removed

    def _prepared_incoming(self) -> Path:
        self._incoming.mkdir(parents=True, exist_ok=True)
        return self._incoming

    def _path(self, key: str) -> Path:
        path = (self._root / key).resolve()
        if not path.is_relative_to(self._root):
            raise ValueError(f"a storage key may not leave its directory: {key!r}")
        return path

    @staticmethod
    def _sync_directory(directory: Path) -> None:
        descriptor = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
