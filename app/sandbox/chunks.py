"""Which chunk plans an init accepts (section 7.1) and where each chunk lies."""

from __future__ import annotations

from dataclasses import dataclass

from app.sandbox.errors import BAD_CHUNK_COUNT, BAD_CHUNK_SIZE, BAD_SOURCE, INVALID, ApiError

MAX_CHUNKS = 1_000


@dataclass(frozen=True)
class Bounds:
    """What “5 MB” and “64 MB” are; TikTok does not say whether a megabyte is 10**6 or 2**20."""

    smallest: int
    largest: int
    file: int


BOUNDS = {
    "either": Bounds(5_000_000, 67_108_864, 4 * 1024**3),
    "decimal": Bounds(5_000_000, 64_000_000, 4_000_000_000),
    "binary": Bounds(5_242_880, 67_108_864, 4 * 1024**3),
    "safe": Bounds(5_242_880, 64_000_000, 4_000_000_000),
}


def check_plan(size: int, chunk: int, count: int, bounds: Bounds) -> None:
    """Raise ApiError unless TikTok takes this plan."""
    if size < 1 or size > bounds.file:
        raise ApiError(INVALID, BAD_SOURCE)
    if chunk < 1 or chunk > size or chunk > bounds.largest:
        raise ApiError(INVALID, BAD_CHUNK_SIZE)
    if not 1 <= count <= MAX_CHUNKS or count != size // chunk:
        raise ApiError(INVALID, BAD_CHUNK_COUNT)
    if count == 1 and chunk != size:  # undocumented, observed since August 2026: one chunk must be the whole file
        raise ApiError(INVALID, BAD_CHUNK_SIZE)
    if chunk < bounds.smallest and chunk != size:
        raise ApiError(INVALID, BAD_CHUNK_SIZE)


def end_of_chunk(offset: int, size: int, chunk: int, count: int) -> int:
    """Index after the last byte of the chunk that `offset` lies in; the last chunk absorbs the remainder."""
    index = min(offset // chunk, count - 1)
    return size if index == count - 1 else (index + 1) * chunk
