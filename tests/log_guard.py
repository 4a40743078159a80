"""Watches what the tests log, and fails the test that lets a secret out; also looks through logs of processes.

Every line is looked at as Oncue would write it, in both formats. What Oncue's own code logs is looked at unredacted too:
redaction is for what slips through from elsewhere, not a licence to log tokens.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Iterator

import pytest

from app.log import STANDARD, ContextFilter, JsonFormatter, TextFormatter
from app.settings import SANDBOX_CLIENT_SECRET

PATTERNS = re.compile(
    r"\b(?:act|rft)\.\w"
    r"|\b(?:upload_token|upload_id|code_verifier|client_secret|access_token|refresh_token)\\?[\"']?\s*[=:]\s*\\?[\"']?[\w%-]"
    r"|[?&](?:code|state)=[\w%-]"
    r"|\bgAAAAA[\w-]{20}"  # a Fernet token: something sealed
    r"|(?i:bearer) (?!\*)\S"
)
FORMATTERS = (TextFormatter(), JsonFormatter())
OWN_LOGGERS = "app."
LINE_MAX = 300


class Guard(logging.Handler):
    """Keeps the lines that have a secret in them."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.addFilter(ContextFilter())
        self.secrets: set[str] = {SANDBOX_CLIENT_SECRET}
        """Values that may stand nowhere, besides what looks like a token."""
        self.found: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        lines = [formatter.format(record) for formatter in FORMATTERS]
        if record.name.startswith(OWN_LOGGERS):
            beside = {name: value for name, value in vars(record).items() if name not in STANDARD}
            lines.append(f"{record.name} {record.getMessage()} {beside}")
        self.found += [line[:LINE_MAX] for line in lines if self.is_leak(line)]

    def is_leak(self, line: str) -> bool:
        return bool(PATTERNS.search(line)) or any(secret in line for secret in self.secrets)

    def leaks(self, lines: Iterable[str]) -> list[str]:
        """Those of a process' lines that have a secret in them."""
        return [line[:LINE_MAX] for line in lines if self.is_leak(line)]

    def listen(self) -> None:
        """Hear everything, again if somebody has set up logging anew meanwhile."""
        root = logging.getLogger()
        root.setLevel(logging.DEBUG)
        if self not in root.handlers:
            root.addHandler(self)

    def check(self) -> None:
        """Fails with what was found since the last time."""
        found, self.found = self.found, []
        assert not found, "a secret was logged:\n" + "\n".join(found)


GUARD = Guard()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup() -> Iterator[None]:
    GUARD.listen()
    return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call() -> Iterator[None]:
    GUARD.listen()
    return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown() -> Iterator[None]:
    """The test fails at its end; after the last one this includes what the whole run takes down."""
    GUARD.listen()
    result = yield
    GUARD.check()
    return result
