"""Static files under addresses that change with their content, so that browsers may keep them for good."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path
from typing import Any

from flask import Flask, Response, request


def init_app(app: Flask) -> None:
    folder = Path(app.static_folder or "")

    def add_version(endpoint: str, values: dict[str, Any]) -> None:
        if endpoint == "static" and (version := _version(folder / values.get("filename", ""), app.debug)):
            values["v"] = version

    app.url_defaults(add_version)
    app.after_request(_allow_keeping)


def _allow_keeping(response: Response) -> Response:
    # What CSS refers to (fonts) has no version in its address and must be asked for again one day.
    if request.endpoint == "static":
        kept = "max-age=31536000, immutable" if "v" in request.args else "max-age=86400"
        response.headers["Cache-Control"] = f"public, {kept}"
    return response


def _version(path: Path, fresh: bool) -> str | None:
    try:
        changed = path.stat().st_mtime_ns if fresh else 0
        return _digest(path, changed)
    except OSError:
        return None


@cache
def _digest(path: Path, _changed: int) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:12]
