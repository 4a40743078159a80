"""The instance directory: the secrets that Oncue makes for itself, and where its own Redis listens."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import tempfile
from dataclasses import replace
from pathlib import Path

from cryptography.fernet import Fernet

from app.settings import SANDBOX_CLIENT_KEY, SANDBOX_CLIENT_SECRET, Secret, Settings

MAX_SOCKET_PATH = 100
"""A UNIX socket's address holds 108 bytes on Linux and 104 elsewhere."""


def completed(settings: Settings) -> Settings:
    """The settings with everything filled in that may be left out: own secrets, the embedded Redis, the sandbox."""
    settings.instance_dir.mkdir(parents=True, exist_ok=True)
    if not settings.is_production:
        made = _own_secrets(settings.instance_dir / "secrets.json")
        settings = replace(
            settings,
            secret_key=settings.secret_key or Secret(made["SECRET_KEY"]),
            token_keys=settings.token_keys or (Secret(made["TOKEN_KEYS"]),),
        )
    if not settings.redis_url:
        settings = replace(settings, redis_url=f"unix://{redis_socket(settings.instance_dir)}")
    return _on_sandbox(settings) if settings.uses_sandbox else settings


def new_secrets() -> dict[str, str]:
    """Fresh values for the secrets that production wants from its environment."""
    return {"SECRET_KEY": secrets.token_urlsafe(48), "TOKEN_KEYS": Fernet.generate_key().decode()}


def redis_socket(instance_dir: Path) -> Path:
    """Where the embedded Redis of this instance listens; a short private place when the path is too long."""
    path = instance_dir.resolve() / "redis" / "redis.sock"
    if len(os.fsencode(path)) <= MAX_SOCKET_PATH:
        return path
    name = hashlib.sha256(os.fsencode(path)).hexdigest()[:12]
    return Path(tempfile.gettempdir(), f"oncue-{os.getuid()}-{name}", "redis.sock")


def _own_secrets(path: Path) -> dict[str, str]:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        made = new_secrets()
        json.dump(made, file, indent=2)
    return made


def _on_sandbox(settings: Settings) -> Settings:
    """The sandbox is one server for what TikTok spreads over four hosts."""
    url = settings.sandbox_url
    return replace(
        settings,
        tiktok_client_key=SANDBOX_CLIENT_KEY, tiktok_client_secret=Secret(SANDBOX_CLIENT_SECRET),
        tiktok_auth_url=url, tiktok_api_url=url, tiktok_web_url=url,
        tiktok_upload_hosts=(url.removeprefix("http://"),),
    )
