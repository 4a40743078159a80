"""Every setting of Oncue, read once from the environment into one frozen object.

The comment behind a field is its line in the README's table; a test compares the two.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

SANDBOX_CLIENT_KEY = "sbxoncuelocalkey"
SANDBOX_CLIENT_SECRET = "sandbox-secret"
GB = 1_000_000_000
MAX_PORT = 65_535


class SettingsError(Exception):
    """A setting is missing or malformed; the text names the variable and what it accepts."""


class Secret(str):
    """A string that no log line or traceback shows."""

    def __repr__(self) -> str:
        return "***"


def setting(env: str, default: Any, about: str) -> Any:
    """A field read from variable `env` (or, for secrets, from the file named by `env` + _FILE)."""
    return field(default=default, metadata={"env": env, "about": about})


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What one process runs with. Build it with `from_env`, or directly in tests."""

    env: str = setting("ONCUE_ENV", "development", "`development` or `production`")
    instance_dir: Path = setting("ONCUE_INSTANCE", Path("instance"), "Directory for everything that Oncue keeps")
    host: str = setting("ONCUE_HOST", "127.0.0.1", "Address that the web process listens on")
    port: int = setting("ONCUE_PORT", 8000, "Port of the web process")
    public_url: str = setting("PUBLIC_URL", "", "Address under which people reach Oncue; default: http://localhost and the port")
    secret_key: Secret = setting("SECRET_KEY", Secret(""), "Signs sessions and forms; made in the instance directory in development")
    token_keys: tuple[Secret, ...] = setting(
        "TOKEN_KEYS", (), "Comma list of Fernet keys for stored tokens, newest first; made in the instance directory in development"
    )
    database_url: str = setting("DATABASE_URL", "", "SQLAlchemy address; default: SQLite in the instance directory")
    redis_url: str = setting("REDIS_URL", "", "Redis address; default: an embedded Redis with its file in the instance directory")
    media_dir: Path | None = setting("MEDIA_DIR", None, "Directory for uploaded files; default: `media` in the instance directory")
    upload_max_bytes: int = setting("UPLOAD_MAX_BYTES", 4 * GB, "Largest video that may be uploaded, in bytes")
    session_days: int = setting("SESSION_DAYS", 14, "Days until an unused login ends")
    web_threads: int = setting("WEB_THREADS", 8, "Threads of the web process")
    publish_workers: int = setting("PUBLISH_WORKERS", 2, "Worker processes that upload and follow posts")
    publish_hands: int = setting("PUBLISH_HANDS", 16, "Posts that each of them works on side by side")
    log_level: str = setting("LOG_LEVEL", "INFO", "`DEBUG`, `INFO`, `WARNING` or `ERROR`")
    log_format: str = setting("LOG_FORMAT", "text", "`text` or `json`")
    tiktok_client_key: str = setting("TIKTOK_CLIENT_KEY", "", "Client key of your TikTok app; without it Oncue uses the sandbox")
    tiktok_client_secret: Secret = setting("TIKTOK_CLIENT_SECRET", Secret(""), "Client secret of your TikTok app")
    tiktok_auth_url: str = setting("TIKTOK_AUTH_URL", "https://www.tiktok.com", "Host of TikTok's consent page")
    tiktok_api_url: str = setting("TIKTOK_API_URL", "https://open.tiktokapis.com", "Host of TikTok's API")
    tiktok_web_url: str = setting("TIKTOK_WEB_URL", "https://www.tiktok.com", "Host of TikTok's profile and video pages, for permalinks")
    tiktok_upload_hosts: tuple[str, ...] = setting(
        "TIKTOK_UPLOAD_HOSTS", ("*.tiktokapis.com",), "Comma list of hosts that TikTok's upload URLs may have"
    )
    tiktok_scopes: tuple[str, ...] = setting(
        "TIKTOK_SCOPES",
        ("user.info.basic", "user.info.profile", "video.publish", "video.upload", "video.list"),
        "Comma list of scopes to ask creators for",
    )
    tiktok_posts_per_day: int = setting("TIKTOK_POSTS_PER_DAY", 15, "Posts that TikTok takes from one account in 24 hours")
    tiktok_pkce: str = setting("TIKTOK_PKCE", "off", "`off`, or `hex` to send PKCE with TikTok's hexadecimal challenge")
    sandbox_port: int = setting("SANDBOX_PORT", 8100, "Port of the sandbox TikTok")
    sandbox_processing_seconds: float = setting("SANDBOX_PROCESSING_SECONDS", 3.0, "How long the sandbox processes a video")

    @classmethod
    def from_env(cls, environ: Mapping[str, str] = os.environ) -> Settings:
        """Read and check every setting. Raises SettingsError naming the first bad variable."""
        values: dict[str, Any] = {}
        for f in fields(cls):
            raw = _read(environ, f.metadata["env"])
            if raw is not None:
                values[f.name] = _parse(f.metadata["env"], raw, f.default)
        return cls(**values).checked()

    def checked(self) -> Settings:
        """Refuse combinations that cannot work. Raises SettingsError."""
        _one_of("ONCUE_ENV", self.env, ("development", "production"))
        _one_of("LOG_LEVEL", self.log_level, ("DEBUG", "INFO", "WARNING", "ERROR"))
        _one_of("LOG_FORMAT", self.log_format, ("text", "json"))
        _one_of("TIKTOK_PKCE", self.tiktok_pkce, ("off", "hex"))
        if self.is_production:
            missing = [name for name, value in self._production_secrets().items() if not value]
            if missing:
                raise SettingsError(
                    f"In production these settings must be set: {', '.join(missing)}. "
                    "`flask secrets` prints fresh values for SECRET_KEY and TOKEN_KEYS."
                )
        return self

    def _production_secrets(self) -> dict[str, Any]:
        needed: dict[str, Any] = {
            "SECRET_KEY": self.secret_key, "TOKEN_KEYS": self.token_keys, "PUBLIC_URL": self.public_url,
        }
        if not self.uses_sandbox:
            needed["TIKTOK_CLIENT_SECRET"] = self.tiktok_client_secret
        return needed

    @property
    def is_production(self) -> bool:
        return self.env == "production"

    @property
    def uses_sandbox(self) -> bool:
        return self.tiktok_client_key in ("", SANDBOX_CLIENT_KEY)

    @property
    def base_url(self) -> str:
        return self.public_url.rstrip("/") or f"http://localhost:{self.port}"

    @property
    def sandbox_url(self) -> str:
        return f"http://127.0.0.1:{self.sandbox_port}"

    @property
    def sqlalchemy_url(self) -> str:
        """The database's address with its driver; plain `postgres://` addresses are accepted too."""
        url = self.database_url or f"sqlite:///{self.instance_dir.resolve() / 'oncue.sqlite3'}"
        for plain in ("postgres://", "postgresql://"):
            if url.startswith(plain):
                return "postgresql+psycopg://" + url.removeprefix(plain)
        return url

    @property
    def media_path(self) -> Path:
        return self.media_dir or self.instance_dir / "media"


def _read(environ: Mapping[str, str], name: str) -> str | None:
    if file_name := environ.get(f"{name}_FILE"):
        try:
            return Path(file_name).read_text(encoding="utf-8").strip()
        except OSError as error:
            raise SettingsError(f"{name}_FILE names a file that can't be read: {error.strerror}") from error
    value = environ.get(name, "").strip()
    return value or None


def _parse(name: str, raw: str, default: Any) -> Any:
    if isinstance(default, Secret):
        return Secret(raw)
    if isinstance(default, tuple):
        items = (item.strip() for item in raw.split(","))
        return tuple(Secret(i) if name == "TOKEN_KEYS" else i for i in items if i)
    if isinstance(default, int | float):
        return _parse_number(name, raw, type(default))
    if name.endswith(("_DIR", "_INSTANCE")):
        return Path(raw)
    if name.endswith("_URL") and name not in ("DATABASE_URL", "REDIS_URL"):
        return _parse_url(name, raw)
    return raw


def _parse_number(name: str, raw: str, kind: type[int] | type[float]) -> int | float:
    try:
        number = kind(raw)
    except ValueError:
        raise SettingsError(f"{name} must be a number, not {raw!r}") from None
    if not math.isfinite(number):
        raise SettingsError(f"{name} must be a number, not {raw!r}")
    if name.endswith("_PORT") and number > MAX_PORT:
        raise SettingsError(f"{name} must be {MAX_PORT} at most, not {raw!r}")
    if number < 0 or (number == 0 and kind is int):
        raise SettingsError(f"{name} must be above zero, not {raw!r}")
    return number


def _parse_url(name: str, raw: str) -> str:
    try:
        parts = urlsplit(raw)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        good = False
    if not good:
        raise SettingsError(f"{name} must be an http or https address, not {raw!r}")
    return raw.rstrip("/")


def _one_of(name: str, value: str, accepted: tuple[str, ...]) -> None:
    if value not in accepted:
        raise SettingsError(f"{name} must be one of {', '.join(accepted)}, not {value!r}")
