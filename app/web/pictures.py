"""Pictures from our storage, with a type taken from their bytes."""

from __future__ import annotations

from contextlib import suppress
from io import BytesIO

from flask import Response, send_file

from app.domain.errors import ErrorKind, refuse
from app.wiring import wiring

SIGNATURES = {b"\xff\xd8\xff": "image/jpeg", b"\x89PNG": "image/png", b"RIFF": "image/webp"}
KEEP_SECONDS = 3600


def picture(key: str) -> Response:
    """The picture under `key`; anything that is not one, or is gone, is not found."""
    with suppress(FileNotFoundError):
        with wiring().storage.open(key) as file:
            content = file.read()
        for signature, mimetype in SIGNATURES.items():
            if content.startswith(signature):
                response = send_file(BytesIO(content), mimetype=mimetype)
                response.headers["Cache-Control"] = f"private, max-age={KEEP_SECONDS}"
                return response
    raise refuse("picture_missing", "This picture is gone.", kind=ErrorKind.NOT_FOUND)
