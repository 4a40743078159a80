"""Media on a local directory: written beside, flushed, then linked into place."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from app.infra.storage.incoming import IncomingDirectory
from app.services.ports import IncomingFile


class DiskStorage:
    """Keys are relative paths below `root`; a key that would leave it is a ValueError."""

    def __init__(self, root: Path) -> None:
        self._root = root.resolve()
        self._incoming = IncomingDirectory(self._root / "incoming")

    def incoming(self) -> IncomingFile:
        return self._incoming.new_file()

    def keep(self, incoming: IncomingFile, key: str) -> None:
        """Make an incoming file permanent under `key`; it is on disk when this returns."""
        incoming.sync()
        path = self._path(key)
        path.parent.mkdir(parents=True, exist_ok=True)
        with suppress(FileExistsError):  # the same bytes, kept by an earlier upload or by one at this moment
            os.link(incoming.local_path, path)
        self._sync_directory(path.parent)

    def write(self, key: str, content: bytes) -> None:
        with self._incoming.new_file() as file:
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

    @contextmanager
    def local(self, key: str, *, copy_up_to: int) -> Iterator[str | None]:
        """The file itself. Raises FileNotFoundError."""
        path = self._path(key)
        path.stat()
        yield str(path)

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
        return self._incoming.sweep(older_than)

    def close(self) -> None:
        """Nothing is held open."""

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
