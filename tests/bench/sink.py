"""A program that takes one stream of bytes at a time and writes it to a file: what an upload costs when nothing is done to it.

Run as `python -m tests.bench.sink FILE`; prints its port, and answers each stream with one byte when it is on disk.
"""

from __future__ import annotations

import os
import socket
import sys

BLOCK_BYTES = 2**20


def serve(path: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        print(server.getsockname()[1], flush=True)  # noqa: T201 for whoever started it
        while True:
            connection, _ = server.accept()
            with connection:
                take(connection, path)


def take(connection: socket.socket, path: str) -> None:
    """All that comes, flushed to disk; then a byte back."""
    block = memoryview(bytearray(BLOCK_BYTES))
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    while count := connection.recv_into(block):
        os.write(file, block[:count])
    os.fsync(file)
    os.close(file)
    connection.sendall(b"!")


if __name__ == "__main__":
    serve(sys.argv[1])
