"""Secrets in logs: by their shape, and by the values that really were in use."""

from __future__ import annotations

import json
import re
import sqlite3
from pathlib import Path

from app.settings import SANDBOX_CLIENT_SECRET

SHAPES = re.compile(r"\b(?:act|rft)\.[\w-]{8,}|upload_token=(?!\*\*\*)[^&\s\"']+|[?&]code=(?!\*\*\*)[^&\s\"']+|[Bb]earer (?!\*\*\*)\S{8,}")
SECRET_FIELDS = ("access", "refresh", "code", "upload_token")


def used_secrets(instance: Path) -> set[str]:
    """Every token, code and upload token that the sandbox ever gave out, the client's secret, and the instance's own."""
    found = {SANDBOX_CLIENT_SECRET, *json.loads((instance / "secrets.json").read_text()).values()}
    store = sqlite3.connect(instance / "sandbox" / "sandbox.sqlite3")
    try:
        for (body,) in store.execute("SELECT body FROM record WHERE kind IN ('token', 'code', 'publish')"):
            record = json.loads(body)
            found |= {record[name] for name in SECRET_FIELDS if record.get(name)}
    finally:
        store.close()
    return found


def leaks(logs: Path, secrets: set[str]) -> list[str]:
    """File and line of every secret in a log; the secret itself is not told again."""
    known = re.compile("|".join(re.escape(secret) for secret in sorted(secrets)))
    return [f"{path.name}:{number} holds a secret" for path in sorted(logs.glob("*.log"))
            for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1) if SHAPES.search(line) or known.search(line)]
