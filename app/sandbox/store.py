"""Memory is the truth while the sandbox runs; SQLite follows a few milliseconds behind, so a restart finds everything.

One thread writes whatever changed since its last commit: a thousand publishes a second cost a few dozen commits.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_BATCH_PAUSE = 0.03
_SCHEMA = "CREATE TABLE IF NOT EXISTS record (kind TEXT, key TEXT, body TEXT NOT NULL, PRIMARY KEY (kind, key))"
_UPSERT = ("INSERT INTO record (kind, key, body) VALUES (?, ?, ?)"
           " ON CONFLICT (kind, key) DO UPDATE SET body = excluded.body")


class Store:
    """Writes behind: `save` and `delete` only remember; the writer reads the record when it gets to it."""

    def __init__(self, path: Path, lock: threading.RLock) -> None:
        self._lock = lock  # the world's: a record must not change while it is turned into JSON
        self._pending: dict[tuple[str, str], Any] = {}
        self._wake = threading.Event()
        self._writing = threading.Lock()
        self.closed = False
        self._connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.execute("PRAGMA synchronous=NORMAL")
        self._connection.execute(_SCHEMA)
        threading.Thread(target=self._write_behind, name="sandbox-store", daemon=True).start()

    def load(self, kind: str) -> Iterator[tuple[str, Any]]:
        rows = self._connection.execute("SELECT key, body FROM record WHERE kind = ? ORDER BY rowid", (kind,))
        for key, body in rows.fetchall():
            yield key, json.loads(body)

    def save(self, kind: str, key: str, record: object) -> None:
        with self._lock:
            self._pending[kind, key] = record
        self._wake.set()

    def delete(self, kind: str, key: str) -> None:
        self.save(kind, key, None)

    def clear(self) -> None:
        """Forget everything, also what waits to be written."""
        with self._writing:
            with self._lock:
                self._pending.clear()
            self._connection.execute("DELETE FROM record")

    def flush(self) -> None:
        """Write what waits, now."""
        with self._writing:
            if not self.closed:
                self._write(self._take())

    def close(self) -> None:
        self.flush()
        with self._writing:
            if not self.closed:
                self.closed = True
                self._connection.close()
        self._wake.set()

    def _take(self) -> list[tuple[str, str, str | None]]:
        with self._lock:
            pending, self._pending = self._pending, {}
            return [(kind, key, _encode(record)) for (kind, key), record in pending.items()]

    def _write(self, rows: list[tuple[str, str, str | None]]) -> None:
        if not rows:
            return
        self._connection.execute("BEGIN")
        self._connection.executemany(_UPSERT, [row for row in rows if row[2] is not None])
        gone = [row[:2] for row in rows if row[2] is None]
        self._connection.executemany("DELETE FROM record WHERE kind = ? AND key = ?", gone)
        self._connection.execute("COMMIT")

    def _write_behind(self) -> None:
        pause = threading.Event()
        while not self.closed:
            self._wake.wait()
            pause.wait(_BATCH_PAUSE)  # lets a burst gather into one commit
            self._wake.clear()
            self.flush()


def _encode(record: object) -> str | None:
    if record is None:
        return None
    return json.dumps(record if isinstance(record, dict | list) else vars(record), separators=(",", ":"))
