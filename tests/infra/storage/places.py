"""The two places that storage is tested in, and a look behind it at what is really there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.infra.storage.disk import DiskStorage
from app.infra.storage.s3 import S3Storage


@dataclass(frozen=True)
class Place:
    """A storage, the directory of its incoming files, and the keys that are in it (with what is on its way)."""

    storage: DiskStorage | S3Storage
    incoming: Path
    files: Callable[[], list[str]]


def files_below(root: Path) -> list[str]:
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())


def objects_in(client: Any, bucket: str) -> list[str]:
    return sorted(found["Key"] for found in client.list_objects_v2(Bucket=bucket).get("Contents", []))


def keep(storage: Any, key: str, content: bytes) -> None:
    with storage.incoming() as incoming:
        incoming.write(content)
        storage.keep(incoming, key)


def on_disk(root: Path) -> Place:
    return Place(DiskStorage(root), root / "incoming", lambda: files_below(root))


def in_s3(client: Any, bucket: str, incoming: Path) -> Place:
    """Below a prefix; what stands beside it in the bucket belongs to others."""
    prefix = "media/oncue/"
    storage = S3Storage(client, bucket=bucket, prefix=prefix.rstrip("/"), incoming=incoming)

    def files() -> list[str]:
        names = objects_in(client, bucket)
        assert all(name.startswith(prefix) for name in names)
        return sorted([*(name.removeprefix(prefix) for name in names), *files_below(incoming)])
    return Place(storage, incoming, files)
