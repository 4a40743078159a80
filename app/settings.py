"""Every setting of Oncue, read once from the environment into one frozen object.

The comment behind a field is its line in the README's table; a test compares the two.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

SANDBOX_CLIENT_KEY = "sbxoncuelocalkey"
SANDBOX_CLIENT_SECRET = "sandbox-secret"
GB = 1_000_000_000
MAX_PORT = 65_535
LONGEST_CALL_SECONDS = 25
"""A step makes two calls, and its lease of a minute has to hold until both are answered."""

ALLOWED_HOST = re.compile(r"(\[[0-9a-fA-F:]+\]|[\w.-]+):\d{1,5}")
VERIFICATION_FILE = re.compile(r"tiktok([A-Za-z0-9_-]{1,200})\.txt(?:=([ -~]{1,500}))?")
BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")


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
    storage: str = setting("STORAGE", "disk", "Where uploaded files are kept: `disk` or `s3`")
    s3_bucket: str = setting("S3_BUCKET", "", "Bucket for uploaded files")
    s3_endpoint_url: str = setting("S3_ENDPOINT_URL", "", "Address of a server that speaks S3; default: Amazon's")
    s3_region: str = setting("S3_REGION", "us-east-1", "Region of the bucket, as its server names it")
    s3_access_key_id: str = setting("S3_ACCESS_KEY_ID", "", "Key for the bucket; default: what boto3 finds, such as the machine's role")
    s3_secret_access_key: Secret = setting("S3_SECRET_ACCESS_KEY", Secret(""), "Secret of that key")
    s3_prefix: str = setting("S3_PREFIX", "", "Begins the name of every object, so that a bucket may be shared")
    upload_max_bytes: int = setting("UPLOAD_MAX_BYTES", 4 * GB, "Largest video that may be uploaded, in bytes")
    fetch_allowed_hosts: tuple[str, ...] = setting(
        "FETCH_ALLOWED_HOSTS", (), "Comma list of `host:port` inside your own network that files may be fetched from"
    )
    media_quota_bytes: int = setting(
        "MEDIA_QUOTA_BYTES", 0, "Bytes that the files of one workspace may take together; 0 for as many as there is room for"
    )
    session_days: int = setting("SESSION_DAYS", 14, "Days until an unused login ends")
    web_threads: int = setting("WEB_THREADS", 8, "Threads of the web process")
    publish_workers: int = setting("PUBLISH_WORKERS", 2, "Worker processes that upload and follow posts")
    publish_hands: int = setting("PUBLISH_HANDS", 16, "Posts that each of them works on side by side")
    keep_webhooks_days: int = setting("KEEP_WEBHOOKS_DAYS", 7, "Days until a webhook that TikTok sent is deleted, 4 or more")
    keep_attempts_days: int = setting(
        "KEEP_ATTEMPTS_DAYS", 90, "Days until the record of a try is deleted, if its post is finished; 2 or more"
    )
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
    tiktok_pending_drafts: int = setting("TIKTOK_PENDING_DRAFTS", 5, "Drafts that may wait in a creator's TikTok inbox")
    tiktok_drafts_free_by_time: bool = setting(
        "TIKTOK_DRAFTS_FREE_BY_TIME", True, "`yes` if a waiting draft stops counting after 24 hours, `no` if only posting it makes room"
    )
    tiktok_audited: bool = setting(
        "TIKTOK_AUDITED", True, "`no` while TikTok has not audited your app: only private accounts, `Only me`, 5 creators in 24 hours"
    )
    tiktok_active_creators: int = setting(
        "TIKTOK_ACTIVE_CREATORS", 0, "Creators that your app may post for in 24 hours, as TikTok has set it; 0 when you don't know"
    )
    tiktok_timeout_seconds: int = setting(
        "TIKTOK_TIMEOUT_SECONDS", 20, f"How long to wait for an answer of TikTok's API, {LONGEST_CALL_SECONDS} at most"
    )
    tiktok_upload_timeout_seconds: int = setting(
        "TIKTOK_UPLOAD_TIMEOUT_SECONDS", 120, "How long an upload may stand still before it is begun again where it stopped"
    )
    tiktok_pkce: str = setting("TIKTOK_PKCE", "off", "`off`, or `hex` to send PKCE with TikTok's hexadecimal challenge")
    tiktok_verification_files: tuple[str, ...] = setting(
        "TIKTOK_VERIFICATION_FILES", (), "Comma list of the files that TikTok has you put at `PUBLIC_URL` to verify it, by their names:"
        " `tiktokABC123.txt`, or `tiktokABC123.txt=what is in it`"
    )
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
        _all_match("FETCH_ALLOWED_HOSTS", self.fetch_allowed_hosts, ALLOWED_HOST, "host:port")
        _all_match("TIKTOK_VERIFICATION_FILES", self.tiktok_verification_files, VERIFICATION_FILE, "names such as tiktokABC123.txt")
        if self.tiktok_timeout_seconds > LONGEST_CALL_SECONDS:
            raise SettingsError(f"TIKTOK_TIMEOUT_SECONDS must be {LONGEST_CALL_SECONDS} at most, not {self.tiktok_timeout_seconds}")
        _at_least("KEEP_WEBHOOKS_DAYS", self.keep_webhooks_days, 4, "TikTok repeats a webhook for three days")
        _at_least("KEEP_ATTEMPTS_DAYS", self.keep_attempts_days, 2, "TikTok's limits count the tries of the last 24 hours")
        _one_of("STORAGE", self.storage, ("disk", "s3"))
        if self.storage == "s3":
            self.check_s3()
        if self.is_production:
            missing = [name for name, value in self._production_secrets().items() if not value]
            if missing:
                raise SettingsError(
                    f"In production these settings must be set: {', '.join(missing)}. "
                    "`flask secrets` prints fresh values for SECRET_KEY and TOKEN_KEYS."
                )
        return self

    def check_s3(self) -> None:
        """Refuse settings of S3 that cannot work. Raises SettingsError. Apart, because files may be moved to where none is used yet."""
        if not BUCKET.fullmatch(self.s3_bucket):
            raise SettingsError(f"S3_BUCKET must be a bucket's name, 3 to 63 of a-z, 0-9, dots and hyphens, not {self.s3_bucket!r}")
        if bool(self.s3_access_key_id) != bool(self.s3_secret_access_key):
            raise SettingsError("S3_ACCESS_KEY_ID and S3_SECRET_ACCESS_KEY must be set both, or neither")
        if self.s3_prefix and any(part in ("", ".", "..") for part in self.s3_prefix.split("/")):
            raise SettingsError(f"S3_PREFIX must be names with single slashes between them, such as media/oncue, not {self.s3_prefix!r}")
        if find_spec("boto3") is None:
            raise SettingsError("STORAGE=s3 needs the package boto3, Oncue's extra `s3`: pip install boto3")

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
    def verification_files(self) -> dict[str, str]:
        """Names and contents of the files by which TikTok verifies this address; unless told, the content is what TikTok's always is."""
        found = [match for file in self.tiktok_verification_files if (match := VERIFICATION_FILE.fullmatch(file))]
        return {f"tiktok{match[1]}.txt": match[2] or f"tiktok-developers-site-verification={match[1]}" for match in found}

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
    if isinstance(default, bool):
        _one_of(name, raw, ("yes", "no"))
        return raw == "yes"
    if isinstance(default, int | float):
        return _parse_number(name, raw, default)
    if name.endswith(("_DIR", "_INSTANCE")):
        return Path(raw)
    if name.endswith("_URL") and name not in ("DATABASE_URL", "REDIS_URL"):
        return _parse_url(name, raw)
    return raw


def _parse_number(name: str, raw: str, default: int | float) -> int | float:
    kind = type(default)
    try:
        number = kind(raw)
    except ValueError:
        raise SettingsError(f"{name} must be a number, not {raw!r}") from None
    if not math.isfinite(number):
        raise SettingsError(f"{name} must be a number, not {raw!r}")
    if name.endswith("_PORT") and number > MAX_PORT:
        raise SettingsError(f"{name} must be {MAX_PORT} at most, not {raw!r}")
    if number < 0 or (number == 0 and kind is int and default != 0):
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


def _all_match(name: str, values: tuple[str, ...], pattern: re.Pattern[str], what: str) -> None:
    for value in values:
        if not pattern.fullmatch(value):
            raise SettingsError(f"{name} must list {what}, not {value!r}")


def _at_least(name: str, value: int, least: int, reason: str) -> None:
    if value < least:
        raise SettingsError(f"{name} must be {least} or more, not '{value}': {reason}")
