"""Structured logs with no secret in them."""

from __future__ import annotations

import json
import logging
import re
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from types import MappingProxyType
from typing import Any

SECRET_NAMES = ("upload_token", "upload_id", "access_token", "refresh_token", "client_secret", "code_verifier")
SECRETS = re.compile(
    r"\b(act|rft)\.[\w!*.~-]+"
    # In forms and addresses, and in JSON or a dict that was made text. A code is a secret in an address alone:
    # elsewhere it is what TikTok answered, and the only diagnosis.
    rf"|((?:(?:{'|'.join(SECRET_NAMES)})\\?[\"']?\s*[=:]\s*\\?[\"']?)|[?&](?:code|state|signature|X-Amz-Signature)=)[^&\s\"'\\]+"
    r"|\b((?i:bearer) )[^\s\"'\\]+"
)
_context: ContextVar[Mapping[str, object]] = ContextVar("log_context", default=MappingProxyType({}))
STANDARD = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}


def redact(text: str) -> str:
    """The text without tokens, codes and upload addresses."""
    return SECRETS.sub(lambda m: f"{m[1]}.***" if m[1] else f"{m[2] or m[3]}***", text)


def cleaned(value: Any) -> Any:
    """The value as JSON takes it, with every text in it redacted."""
    if isinstance(value, dict):
        return {str(k): "***" if k in SECRET_NAMES else cleaned(v) for k, v in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [cleaned(v) for v in value]
    return value if value is None or isinstance(value, bool | int | float) else redact(str(value))


def _extras(record: logging.LogRecord) -> dict[str, Any]:
    return {k: v for k, v in record.__dict__.items() if k not in STANDARD}


@contextmanager
def log_context(**values: object) -> Iterator[None]:
    """Every line that this thread logs inside, whoever writes it, carries these values and what `bind_log` adds.

    So does the line of whoever logs an exception that comes out.
    """
    token = _context.set({**_context.get(), **values})
    try:
        yield
    except Exception as error:  # of any kind, and it goes on: only what was being worked on is noted on it
        error.__dict__.setdefault("log_context", _context.get())
        raise
    finally:
        _context.reset(token)


def bind_log(**values: object) -> None:
    """Add values to the `log_context` around, until its end; without one nothing is added."""
    if around := _context.get():
        _context.set({**around, **values})


class ContextFilter(logging.Filter):
    """Puts the context on a line; what the line says itself stays."""

    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        for name, value in {**getattr(error, "log_context", {}), **_context.get()}.items():
            record.__dict__.setdefault(name, value)
        return True


class TextFormatter(logging.Formatter):
    """`12:00:01 INFO app.services.publishing published target_id=7`."""

    converter = staticmethod(time.gmtime)

    def format(self, record: logging.LogRecord) -> str:
        extras = "".join(f" {k}={v}" for k, v in _extras(record).items())
        line = f"{self.formatTime(record, '%H:%M:%S')} {record.levelname} {record.name} {record.getMessage()}{extras}"
        if record.exc_info:
            line += "\n" + self.formatException(record.exc_info)
        return redact(line)


class JsonFormatter(logging.Formatter):
    """One JSON object a line."""

    converter = staticmethod(time.gmtime)

    def format(self, record: logging.LogRecord) -> str:
        entry = {
            "at": self.formatTime(record, "%Y-%m-%dT%H:%M:%S") + f".{int(record.msecs):03d}Z",
            "level": record.levelname, "logger": record.name, "message": record.getMessage(), **_extras(record),
        }
        if record.exc_info:
            entry["exception"] = self.formatException(record.exc_info)
        return json.dumps(cleaned(entry))


def configure_logging(level: str, log_format: str) -> None:
    """Send everything to standard error in one format."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter() if log_format == "json" else TextFormatter())
    # On the handler: a logger's filter does not see the lines of the loggers below it.
    handler.addFilter(ContextFilter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    # Their INFO lines carry whole addresses, or one line per beat.
    for noisy in ("httpx", "httpcore", "rq", "rq.worker", "rq_scheduler.scheduler", "alembic", "werkzeug"):
        logging.getLogger(noisy).setLevel(max(logging.WARNING, logging.getLevelName(level)))
