"""The request's bytes, in large blocks and constant memory."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

from flask import request

_BLOCK = 1 << 20
_DRAIN_LIMIT = 256 << 20
Source = Callable[[memoryview], int]


def receive(path: Path, offset: int, length: int) -> int:
    """Write the body into the file at `offset`; returns how many bytes came, fewer than `length` when it was cut."""
    length = min(length, request.environ.get("sandbox.cut_after", length))  # a fault may end it early
    file = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
    try:
        return copy_body(length, lambda block, done: write_all(file, block, offset + done))
    finally:
        os.close(file)


def drain() -> None:
    """Read what a refused request still sends: a closed connection would lose the answer on its way."""
    if "sandbox.cut_after" in request.environ:
        return
    left = (request.content_length or 0) - request.environ.get("sandbox.read", 0)
    copy_body(min(left, _DRAIN_LIMIT), lambda _block, _done: None)


def copy_body(length: int, sink: Callable[[memoryview, int], None]) -> int:
    """Hand the next `length` bytes of the body on, block by block; a cut connection reads like the end of it."""
    if length <= 0:
        return 0
    source = body_source()
    buffer = memoryview(bytearray(min(_BLOCK, length)))
    done = 0
    while done < length:
        try:
            count = source(buffer[:length - done])
        except OSError:
            break
        if not count:
            break
        sink(buffer[:count], done)
        done += count
    request.environ["sandbox.read"] = request.environ.get("sandbox.read", 0) + done
    return done


def write_all(file: int, block: memoryview, offset: int) -> None:
    while block:
        written = os.pwrite(file, block, offset)
        block, offset = block[written:], offset + written


def body_source() -> Source:
    """Fills a buffer: straight from the socket under gunicorn, whose own reader copies each block several times."""
    stream: Any = request.environ["wsgi.input"]
    reader = getattr(stream, "reader", None)
    unreader = getattr(reader, "unreader", None)
    client = request.environ.get("gunicorn.socket")
    if type(client) is socket.socket and hasattr(unreader, "take_buffered") and hasattr(reader, "length"):
        return gunicorn_source(client, stream, reader, unreader)
    return lambda buffer: read_into(stream, buffer)


def read_into(stream: Any, buffer: memoryview) -> int:
    block: bytes = stream.read(len(buffer))
    buffer[:len(block)] = block
    return len(block)


def gunicorn_source(client: socket.socket, stream: Any, reader: Any, unreader: Any) -> Source:
    """What gunicorn read ahead first, then the socket; `reader.length` stays true, gunicorn goes by it afterwards."""

    def fill(buffer: memoryview) -> int:
        buffered = stream.buf.tell() or unreader.buf.getbuffer().nbytes
        if buffered:
            return read_into(stream, buffer[:buffered])
        count = client.recv_into(buffer)
        reader.length -= count
        return count

    return fill
