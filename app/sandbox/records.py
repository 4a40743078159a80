"""What the sandbox remembers. Each record holds JSON values only, because that is how it is stored."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

PROCESSING_UPLOAD = "PROCESSING_UPLOAD"
PROCESSING_DOWNLOAD = "PROCESSING_DOWNLOAD"
SEND_TO_USER_INBOX = "SEND_TO_USER_INBOX"
PUBLISH_COMPLETE = "PUBLISH_COMPLETE"
FAILED = "FAILED"
PROCESSING = (PROCESSING_UPLOAD, PROCESSING_DOWNLOAD)

PUBLIC = "PUBLIC_TO_EVERYONE"
MUTUAL = "MUTUAL_FOLLOW_FRIENDS"
FOLLOWERS = "FOLLOWER_OF_CREATOR"
SELF_ONLY = "SELF_ONLY"


@dataclass
class Creator:
    """A TikTok account. `id` stays when the username changes."""

    id: str
    username: str
    nickname: str
    private: bool = False
    comment_disabled: bool = False
    duet_disabled: bool = False
    stitch_disabled: bool = False
    max_seconds: int = 600
    banned: bool = False
    capped: bool = False
    verified: bool = False
    bio: str = ""
    app_version: str = "40.1.0"
    follower_count: int = 0
    following_count: int = 0
    created_at: float = 0.0


@dataclass
class Code:
    """An authorisation code on its way through the browser."""

    code: str
    creator_id: str
    scopes: list[str]
    redirect_uri: str
    challenge: str
    expires_at: float
    used: bool = False


@dataclass
class Grant:
    """What a creator lets the app do, until one of the two takes it back."""

    creator_id: str
    scopes: list[str]
    granted_at: float
    open_id: str


@dataclass
class Token:
    """One issued pair."""

    access: str
    refresh: str
    creator_id: str
    scopes: list[str]
    access_expires_at: float
    refresh_expires_at: float
    revoked: bool = False
    replaced_at: float | None = None


@dataclass
class Publish:
    """One accepted init and all that became of it."""

    publish_id: str
    creator_id: str
    kind: str  # video | photo
    direct: bool
    source: str  # FILE_UPLOAD | PULL_FROM_URL
    status: str
    created_at: float
    post_info: dict[str, Any] = field(default_factory=dict)
    video_size: int = 0
    chunk_size: int = 0
    chunk_count: int = 0
    upload_id: str = ""
    upload_token: str = ""
    upload_expires_at: float = 0.0
    content_type: str = ""
    received: int = 0
    urls: list[str] = field(default_factory=list)
    cover_index: int = 0
    arrived_at: float | None = None  # all bytes are here
    processing_seconds: float = 0.0
    finished_at: float | None = None
    fail_reason: str = ""
    post_ids: list[int] = field(default_factory=list)
    sha256: str = ""
    media: dict[str, Any] = field(default_factory=dict)
    files: list[str] = field(default_factory=list)
    stuck: bool = False
    withhold_id: bool = False
    forced_reason: str = ""
    discarded: bool = False

    @property
    def is_processing(self) -> bool:
        return self.status in PROCESSING


@dataclass
class Post:
    """A post on a creator's profile."""

    post_id: int
    publish_id: str
    creator_id: str
    kind: str
    privacy_level: str
    caption: str
    options: dict[str, Any]
    bytes: int
    sha256: str
    created_at: float
    public_at: float | None  # when moderation lets everybody see it; None = never
    files: list[str]
    content_type: str
    description: str = ""
    duration: float = 0.0
    width: int = 0
    height: int = 0
    deleted: bool = False
    withhold_id: bool = False

    def is_public(self, now: float) -> bool:
        return not self.deleted and self.public_at is not None and self.public_at <= now


@dataclass
class Delivery:
    """One webhook on its way, or delivered, or given up."""

    id: str
    event: str
    body: str
    created_at: float
    due_at: float
    attempts: int = 0
    last_status: int = 0
    signed_at: int = 0
    delivered_at: float | None = None
    dropped: bool = False

    @property
    def is_open(self) -> bool:
        return self.delivered_at is None and not self.dropped


@dataclass
class ApiCall:
    """One line of the ledger; secrets never get in."""

    seq: int
    at: float
    endpoint: str
    method: str
    path: str
    status: int
    error_code: str
    log_id: str
    username: str
    publish_id: str
    duration_ms: float
    fault: str = ""
