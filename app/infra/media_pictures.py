"""Makes pictures of uploaded files, in the process that may die of them."""

from __future__ import annotations

import tempfile
from pathlib import Path

from app.domain.errors import DomainError, Problem
from app.infra.media_decoding import Unusable, run_child


def convert_photo(path: str) -> bytes:
    """A JPEG that TikTok takes of the photo at `path`; the same bytes for the same photo. Raises DomainError."""
    return _picture("convert", path)


def take_frame(path: str, milliseconds: int) -> bytes:
    """A JPEG of the frame that the video at `path` shows at that moment. Raises DomainError."""
    return _picture("frame", path, str(milliseconds))


def _picture(task: str, path: str, *arguments: str) -> bytes:
    with tempfile.TemporaryDirectory(prefix="oncue-picture-") as directory:
        jpeg = Path(directory, "picture.jpg")
        try:
            run_child(task, path, str(jpeg), *arguments)
            return jpeg.read_bytes()
        except Unusable as error:
            raise DomainError(error.problem) from None
        except OSError:
            raise DomainError(Problem("media_broken", "The file is damaged and can't be shown. Upload it anew.", "media")) from None
