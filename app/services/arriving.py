"""What has arrived of a file that is fetched from the web: kept between tries, if another try can go on with it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import sqlalchemy as sa

from app.models import MediaImport, db
from app.services.ports import Begun, IncomingFile, PartialFile, Partials, Storage
from app.services.transactions import let_go


class Arriving:
    """Where an import's bytes go: to a partial file that outlives this try, if the server names a version to go on with.

    The partial file's name holds the version, so that nobody goes on with the bytes of another, whatever the import's row says by now.
    `note_version` writes it there before the first byte. Without a version the file vanishes when this is closed.
    """

    def __init__(self, import_id: int, version: str | None, note_version: Callable[[str], None], partials: Partials,
                 storage: Storage) -> None:
        self._import_id, self._note_version, self._partials, self._storage = import_id, note_version, partials, storage
        self._held: PartialFile | None = None
        self._temporary: IncomingFile | None = None
        self._id = ""
        self.brought = 0
        """Bytes that this try has added."""
        self.begun: Begun | None = None
        held = self._hold(version) if version is not None else None
        if held is not None and version is not None and held.size_bytes:
            self.begun = Begun(held.size_bytes, version)

    @property
    def file(self) -> IncomingFile:
        """The file, once it was opened."""
        found = self._held or self._temporary
        assert found is not None, "opened before anything is written"
        return found

    def open(self, first: int, version: str | None) -> None:
        """Hear at which byte the server begins: at what was begun, or at 0, and by which version to go on another time."""
        if first:
            return
        self.discard()
        held = self._hold(version) if version is not None else None
        if held is None or version is None:
            self._temporary = self._storage.incoming()
        else:
            held.restart()
            self._note_version(version)

    def write(self, block: bytes) -> None:
        self.brought += len(block)
        self.file.write(block)

    def discard(self) -> None:
        """Nothing of it is needed any more."""
        if self._held is not None:
            self._partials.discard(self._id)
        self.close()

    def close(self) -> None:
        for file in (self._held, self._temporary):
            if file is not None:
                file.close()
        self._held = self._temporary = None

    def _hold(self, version: str) -> PartialFile | None:
        self._id = partial_id(self._import_id, version)
        try:
            self._held = self._partials.hold(self._id)
        except BlockingIOError:
            return None  # whoever lost the lease is still at it
        return self._held


def partial_id(import_id: int, version: str) -> str:
    """The name of what has arrived of an import's file in that version."""
    return f"{import_id}v{hashlib.sha256(version.encode()).hexdigest()[:32]}"


def sweep_partials(partials: Partials) -> int:
    """Remove what has arrived of files that nobody fetches any more; returns how many."""
    removed = 0
    for name in partials.ids():
        import_id = name.partition("v")[0]
        version = db.session.scalar(sa.select(MediaImport.version).where(
            MediaImport.id == int(import_id), MediaImport.due_at.is_not(None))) if import_id.isdecimal() else None
        let_go()
        if version is not None and partial_id(int(import_id), version) == name:
            continue
        try:
            held = partials.hold(name)
        except BlockingIOError:
            continue  # just begun, and its version not noted yet
        partials.discard(name)
        held.close()
        removed += 1
    return removed
