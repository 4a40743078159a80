"""Posts, their targets, and the append-only records of what was tried and done."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.domain.lifecycle import NEEDS_DUE_AT, TargetState
from app.domain.post_rules import PostMode, PrivacyLevel
from app.models.accounts import TikTokAccount
from app.models.base import Base, intpk, one_of, short
from app.models.media import MediaFile


class Post(Base):
    """Content: what is said and shown. Where and when it goes is a target's.

    `media_file_id` is the video, or the photo that is the cover; all photos, the cover included, are `PostPhoto`s.
    `caption` is a video's caption or the description of photos, which may have a `title` too.
    """

    __tablename__ = "posts"

    id: Mapped[intpk]
    workspace_id: Mapped[int] = mapped_column(sa.ForeignKey("workspaces.id"), index=True)
    media_file_id: Mapped[int] = mapped_column(sa.ForeignKey("media_files.id"), index=True)
    title: Mapped[str] = mapped_column(sa.String(255), default="")
    caption: Mapped[str] = mapped_column(sa.Text)
    cover_timestamp_ms: Mapped[int | None]
    """The moment of the video whose frame is the cover; without one TikTok takes the first."""
    # Made by the form before it is sent, so that sending it twice makes one post.
    creation_key: Mapped[str] = mapped_column(sa.String(64))
    created_by_id: Mapped[int] = mapped_column(sa.ForeignKey("users.id"))
    created_at: Mapped[datetime]

    media_file: Mapped[MediaFile] = relationship(lazy="raise")

    __table_args__ = (
        sa.UniqueConstraint("workspace_id", "creation_key"),
        sa.CheckConstraint("cover_timestamp_ms >= 0", name="cover_within_video"),
    )


class PostPhoto(Base):
    """One photo of a post, at its place (0 is the first)."""

    __tablename__ = "post_photos"

    post_id: Mapped[int] = mapped_column(sa.ForeignKey("posts.id"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    media_file_id: Mapped[int] = mapped_column(sa.ForeignKey("media_files.id"), index=True)

    __table_args__ = (sa.CheckConstraint("position >= 0", name="position_counts_from_zero"),)


class PostTarget(Base):
    """A post on one account at one time: what is scheduled, published and fails.

    `scheduled_at` is the time that a person chose; `due_at` is when the engine next has something to do,
    whatever the state; `lease_token` belongs to the one worker that may write until `lease_until`.
    """

    __tablename__ = "post_targets"

    id: Mapped[intpk]
    workspace_id: Mapped[int] = mapped_column(sa.ForeignKey("workspaces.id"))
    post_id: Mapped[int] = mapped_column(sa.ForeignKey("posts.id"), index=True)
    account_id: Mapped[int] = mapped_column(sa.ForeignKey("tiktok_accounts.id"), index=True)
    state: Mapped[TargetState]
    scheduled_at: Mapped[datetime]

    mode: Mapped[PostMode] = mapped_column(default=PostMode.DIRECT)
    privacy_level: Mapped[PrivacyLevel | None]
    allow_comment: Mapped[bool] = mapped_column(default=False)
    allow_duet: Mapped[bool] = mapped_column(default=False)
    allow_stitch: Mapped[bool] = mapped_column(default=False)
    auto_add_music: Mapped[bool] = mapped_column(default=False)
    consent_text: Mapped[short | None]
    consent_at: Mapped[datetime | None]
    consent_by_id: Mapped[int | None] = mapped_column(sa.ForeignKey("users.id"))

    due_at: Mapped[datetime | None]
    lease_until: Mapped[datetime | None]
    lease_token: Mapped[str | None] = mapped_column(sa.String(32))
    failed_tries: Mapped[int] = mapped_column(default=0)
    polls: Mapped[int] = mapped_column(default=0)

    publish_id: Mapped[str | None] = mapped_column(sa.String(64))
    upload_url_sealed: Mapped[str | None] = mapped_column(sa.Text)
    uploaded_bytes: Mapped[int] = mapped_column(sa.BigInteger, default=0)
    # Photos are fetched by TikTok from an address that ends with its try: what was never fetched can't have become a post.
    pull_token: Mapped[str | None] = mapped_column(sa.String(32), unique=True)
    pull_until: Mapped[datetime | None]
    pulled_at: Mapped[datetime | None]
    sent_at: Mapped[datetime | None]
    problem_code: Mapped[str | None] = mapped_column(sa.String(64))
    problem_text: Mapped[str | None] = mapped_column(sa.Text)
    checked_at: Mapped[datetime | None]
    finding_code: Mapped[str | None] = mapped_column(sa.String(64))
    finding_text: Mapped[str | None] = mapped_column(sa.Text)
    published_at: Mapped[datetime | None]
    tiktok_post_id: Mapped[str | None] = mapped_column(sa.String(32))
    permalink: Mapped[str | None] = mapped_column(sa.Text)

    post: Mapped[Post] = relationship(lazy="raise")
    account: Mapped[TikTokAccount] = relationship(lazy="raise")

    __table_args__ = (
        # The beat's one query: whatever waits for time, by time.
        sa.Index("ix_post_targets_due_at", "due_at", sqlite_where=sa.text("due_at IS NOT NULL"),
                 postgresql_where=sa.text("due_at IS NOT NULL")),
        # Who is being worked on, which decides whether another target of the account may be sent now.
        sa.Index("ix_post_targets_leased", "account_id", sqlite_where=sa.text("lease_until IS NOT NULL"),
                 postgresql_where=sa.text("lease_until IS NOT NULL")),
        sa.Index("ix_post_targets_workspace_id_scheduled_at", "workspace_id", "scheduled_at"),
        sa.CheckConstraint(f"NOT ({one_of('state', NEEDS_DUE_AT)}) OR due_at IS NOT NULL", name="waiting_has_due_at"),
        sa.CheckConstraint("(state = 'published') = (published_at IS NOT NULL)", name="published_has_time"),
        sa.CheckConstraint("state != 'processing' OR publish_id IS NOT NULL", name="processing_has_publish_id"),
        sa.CheckConstraint("(lease_until IS NULL) = (lease_token IS NULL)", name="lease_whole"),
        sa.CheckConstraint(
            "state IN ('draft', 'canceled') OR (consent_at IS NOT NULL AND (privacy_level IS NOT NULL OR mode = 'inbox'))",
            name="consent_before_schedule",
        ),
        sa.CheckConstraint("state NOT IN ('failed', 'missed') OR problem_code IS NOT NULL", name="failure_has_reason"),
        sa.CheckConstraint("(pull_token IS NULL) = (pull_until IS NULL) AND (pulled_at IS NULL OR pull_token IS NOT NULL)",
                           name="pull_whole"),
        sa.CheckConstraint("permalink IS NULL OR tiktok_post_id IS NOT NULL", name="permalink_has_id"),
    )


class Step(StrEnum):
    CREATOR_INFO = "creator_info"
    INIT = "init"
    UPLOAD = "upload"
    STATUS = "status"
    LIST = "list"


class PublishAttempt(Base):
    """One try of one step. Written once when it begins and once when it ends; never touched after that."""

    __tablename__ = "publish_attempts"

    id: Mapped[intpk]
    target_id: Mapped[int] = mapped_column(sa.ForeignKey("post_targets.id"), index=True)
    account_id: Mapped[int] = mapped_column(sa.ForeignKey("tiktok_accounts.id"))
    step: Mapped[Step]
    started_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    code: Mapped[str | None] = mapped_column(sa.String(64))
    http_status: Mapped[int | None]
    log_id: Mapped[str | None] = mapped_column(sa.String(64))
    publish_id: Mapped[str | None] = mapped_column(sa.String(64))
    detail: Mapped[str | None] = mapped_column(sa.Text)

    __table_args__ = (
        sa.CheckConstraint("(finished_at IS NULL) = (code IS NULL)", name="finished_has_code"),
        # How often an account was asked lately decides whether it may be asked again.
        sa.Index("ix_publish_attempts_account_id_step_started_at", "account_id", "step", "started_at"),
    )


class Event(Base):
    """The append-only history of who did what; `actor_id` is empty for what Oncue did by itself."""

    __tablename__ = "events"

    id: Mapped[intpk]
    workspace_id: Mapped[int] = mapped_column(sa.ForeignKey("workspaces.id"))
    post_id: Mapped[int | None] = mapped_column(sa.ForeignKey("posts.id"), index=True)
    account_id: Mapped[int | None] = mapped_column(sa.ForeignKey("tiktok_accounts.id"), index=True)
    actor_id: Mapped[int | None] = mapped_column(sa.ForeignKey("users.id"))
    kind: Mapped[str] = mapped_column(sa.String(64))
    data: Mapped[dict[str, Any]]
    created_at: Mapped[datetime]

    __table_args__ = (sa.Index("ix_events_workspace_id_created_at", "workspace_id", "created_at"),)
