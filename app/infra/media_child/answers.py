"""What the child says when a file is no good."""

from __future__ import annotations


class Unusable(Exception):
    """The file can't be a post: a code of the parent's messages, and the values that its words name."""

    def __init__(self, code: str, **values: object) -> None:
        super().__init__(code)
        self.code = code
        self.values = values
