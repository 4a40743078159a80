"""How a file is cut into chunks for TikTok's FILE_UPLOAD.

Source: TikTok, Content Posting API, media transfer guide; the limits keep inside both readings of "MB".
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

MAX_CHUNK = 64_000_000
MAX_FILE = 4_000_000_000


@dataclass(frozen=True, slots=True)
class Chunk:
    """Bytes `first`..`last`, inclusive, of a file."""

    first: int
    last: int

    @property
    def size(self) -> int:
        return self.last - self.first + 1


@dataclass(frozen=True, slots=True)
class UploadPlan:
    """`count` chunks of `chunk_size` bytes each, the last of which also takes the remainder."""

    size: int
    chunk_size: int
    count: int

    def chunk_at(self, offset: int) -> Chunk:
        """The chunk that is sent when TikTok holds `offset` bytes; it ends where its plan says."""
        index = min(offset // self.chunk_size, self.count - 1)
        end = self.size if index == self.count - 1 else (index + 1) * self.chunk_size
        return Chunk(offset, end - 1)

    def chunks(self, offset: int = 0) -> Iterator[Chunk]:
        """All chunks from `offset` on, in order."""
        while offset < self.size:
            chunk = self.chunk_at(offset)
            yield chunk
            offset = chunk.last + 1


def plan_upload(size: int) -> UploadPlan:
    """The plan for a file of `size` bytes (1 to 4 GB). Raises ValueError outside of that."""
    if not 0 < size <= MAX_FILE:
        raise ValueError(f"a file of {size} bytes can't be uploaded")
    if size <= MAX_CHUNK:
        return UploadPlan(size, size, 1)
    # At most half of the file: one chunk that is not the whole file is refused at init.
    chunk_size = min(MAX_CHUNK, size // 2)
    return UploadPlan(size, chunk_size, size // chunk_size)


def resume_offset(plan: UploadPlan, reported: int) -> int:
    """Where to go on when TikTok reports `reported`: a count of bytes or the last byte's index, it doesn't say which.

    Chunks are stored whole, so the right reading is the one that lies on a chunk's edge; a report between two
    edges goes back to the lower one, and the upload host corrects it (416) if that was wrong.
    """
    edges = {0, plan.size, *(index * plan.chunk_size for index in range(plan.count))}
    for candidate in (reported, reported + 1):
        if candidate in edges:
            return candidate
    return max(edge for edge in edges if edge <= reported)
