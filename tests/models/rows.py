"""Whole rows, written by SQL past all Python, so that only the database can refuse what is changed in them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)

WHOLE: dict[str, dict[str, Any]] = {
    "workspaces": {"id": 1, "name": "Studio", "time_zone": "Europe/Berlin", "is_demo": False, "created_at": NOW},
    "users": {"id": 1, "email": "alice@example.com", "name": "Alice", "password_hash": "x", "session_version": 1,
              "theme": "system", "week_starts_on": 0, "created_at": NOW},
    "members": {"id": 1, "workspace_id": 1, "user_id": 1, "role": "owner", "created_at": NOW},
    "tiktok_accounts": {
        "id": 1, "workspace_id": 1, "open_id": "-000abc", "username": "northbound", "nickname": "Northbound", "scopes": "[]",
        "connection": "connected", "access_token_sealed": "a", "refresh_token_sealed": "r", "access_expires_at": NOW,
        "refresh_expires_at": NOW, "connected_at": NOW, "authorized_at": NOW},
    "media_files": {
        "id": 1, "workspace_id": 1, "kind": "video", "name": "clip.mp4", "storage_key": "1/clip.mp4", "poster_key": "1/clip.jpg",
        "sha256": "0" * 64,
        "size_bytes": 5_000_000_000, "container": "mp4", "codec": "h264", "width": 360, "height": 640, "fps": 30.0,
        "duration_seconds": 2.0, "is_rotated": False, "alt_text": "", "search_text": "clip.mp4\n", "uploaded_by_id": 1, "created_at": NOW},
    "media_imports": {
        "id": 1, "workspace_id": 1, "url": "https://example.com/clip.mp4", "state": "done", "received_bytes": 5_000_000_000,
        "total_bytes": 5_000_000_000, "media_file_id": 1, "created_by_id": 1, "created_at": NOW, "tries": 1},
    "posts": {"id": 1, "workspace_id": 1, "media_file_id": 1, "title": "", "caption": "", "creation_key": "k1",
              "created_by_id": 1, "created_at": NOW},
    "post_photos": {"post_id": 1, "position": 0, "media_file_id": 1},
    "post_targets": {
        "id": 1, "workspace_id": 1, "post_id": 1, "account_id": 1, "state": "scheduled", "scheduled_at": NOW,
        "privacy_level": "SELF_ONLY", "allow_comment": False, "allow_duet": False, "allow_stitch": False, "mode": "direct",
        "auto_add_music": False,
        "consent_text": "By posting", "consent_at": NOW, "consent_by_id": 1, "due_at": NOW, "failed_tries": 0, "polls": 0,
        "uploaded_bytes": 0},
    "publish_attempts": {"id": 1, "target_id": 1, "account_id": 1, "step": "init", "started_at": NOW},
    "events": {"id": 1, "workspace_id": 1, "kind": "post.scheduled", "data": "{}", "created_at": NOW},
    "uploads": {"id": "0" * 32, "workspace_id": 1, "owner_id": 1, "way": "pieces", "name": "clip.mp4", "client_metadata": "",
                "size_bytes": 5_000_000_000, "created_at": NOW, "expires_at": NOW},
    "calendar_feeds": {"id": 1, "workspace_id": 1, "account_id": 1, "created_by_id": 1, "created_at": NOW},
    "bulk_imports": {"id": "0" * 32, "workspace_id": 1, "created_by_id": 1, "name": "posts.csv", "read_as": "UTF-8", "header": "[]",
                     "rows": "[]", "mapping": "{}", "confirmed_at": NOW, "confirmed_by_id": 1,
                     "date_order": "as_written", "time_zone": "Europe/Berlin", "revision": 0, "problems": "{}",
                     "fetches": "{}", "created_at": NOW, "expires_at": NOW},
    "incoming_webhooks": {"id": 1, "idempotency_key": "0" * 64, "event": "post.publish.complete", "content": "{}",
                          "happened_at": NOW, "received_at": NOW},
}
"""One valid row of each table, parents before children."""


def insert(connection: Any, table: str, /, without: tuple[str, ...] = (), **changes: Any) -> None:
    """Write one row that is whole but for the changes, and for columns that an older schema lacks. Takes a connection or a session."""
    dialect = connection.get_bind().dialect.name if hasattr(connection, "get_bind") else connection.dialect.name
    row = {name: as_stored(value, dialect) for name, value in {**WHOLE[table], **changes}.items() if name not in without}
    columns, values = ", ".join(row), ", ".join(f":{name}" for name in row)
    connection.execute(sa.text(f"INSERT INTO {table} ({columns}) VALUES ({values})"), row)


def seed(connection: Any) -> None:
    """One row in every table."""
    for table in WHOLE:
        insert(connection, table)


def as_stored(value: Any, dialect: str) -> Any:
    if not isinstance(value, datetime):
        return value
    return value.strftime("%Y-%m-%d %H:%M:%S.%f") if dialect == "sqlite" else value
