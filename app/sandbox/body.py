"""The request's bytes, in large blocks and constant memory."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from flask import request

_BLOCK = 1 << 20
_DRAIN_LIMIT = 256 << 20


def receive(path: Path, offset: int, length: int) -> int:
    """Write the body into the file at `offset`; returns how many bytes came, fewer than `length` when it was cut."""
    stream: Any = request.environ["wsgi.input"]
    length = min(length, request.environ.get("sandbox.cut_after", length))  # a fault may end it early
    stored = 0
    file = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
    try:
        while stored < length:
            block = read_block(stream, min(_BLOCK, length - stored))
            if not block:
                break
            os.pwrite(file, block, offset + stored)
            stored += len(block)
    finally:
        os.close(file)
        request.environ["sandbox.read"] = request.environ.get("sandbox.read", 0) + stored
    return stored


def drain() -> None:
    """Read what a refused request still sends: a closed connection would lose the answer on its way."""
    stream: Any = request.environ["wsgi.input"]
    if "sandbox.cut_after" in request.environ:
        return
    left = min((request.content_length or 0) - request.environ.get("sandbox.read", 0), _DRAIN_LIMIT)
    while left > 0:
        block = read_block(stream, min(_BLOCK, left))
        if not block:
            return
        left -= len(block)


def read_block(stream: Any, size: int) -> bytes:
    """A cut connection reads like the end of the body."""
    try:
        block: bytes = stream.read(size)
    except OSError:
        return b""
    return block
