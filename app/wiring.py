"""Builds what the services need from outside, once per process, and hands it to the faces."""

from __future__ import annotations

import hmac
import threading
from dataclasses import dataclass

from flask import Flask, current_app
from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from app import clock
from app.domain.quota import UNAUDITED_CREATORS
from app.infra.crypto import PasswordHasher, TokenCipher
from app.infra.fetch import Limits, WebFetcher
from app.infra.media_pictures import convert_photo, take_frame
from app.infra.media_probe import probe_media
from app.infra.presence import Presence
from app.infra.storage import s3
from app.infra.storage.disk import DiskStorage
from app.infra.storage.partials import DiskPartials
from app.infra.task_queue import RedisTaskQueue
from app.infra.tiktok.client import TikTokClient
from app.infra.tiktok.oauth import TikTokLogin
from app.infra.tiktok.webhooks import WebhookReader
from app.services.accounts import AccountPorts
from app.services.bulk_checks import BulkPorts
from app.services.media import MediaPorts
from app.services.media_imports import ImportPorts
from app.services.presigned import PresignedPorts
from app.services.publishing import PublishingPorts
from app.services.scheduling import DailyCaps
from app.services.uploads import UploadPorts
from app.settings import Settings


@dataclass(frozen=True)
class Wiring:
    """Everything from outside. A face takes from it what its service asks for."""

    settings: Settings
    redis: Redis
    tasks: RedisTaskQueue
    tiktok: TikTokClient
    login: TikTokLogin
    webhooks: WebhookReader
    cipher: TokenCipher
    passwords: PasswordHasher
    storage: DiskStorage | s3.S3Storage
    web: WebFetcher
    partials: DiskPartials
    stopping: threading.Event
    """Set when this process was told to stop: a long step hands its work over."""

    @property
    def presence(self) -> Presence:
        return Presence(self.redis)

    @property
    def accounts(self) -> AccountPorts:
        return AccountPorts(self.tiktok, self.login, self.cipher, self.storage, clock.utcnow)

    @property
    def media(self) -> MediaPorts:
        return MediaPorts(self.storage, probe_media, clock.utcnow, convert_photo, take_frame, self.settings.media_quota_bytes)

    @property
    def media_imports(self) -> ImportPorts:
        return ImportPorts(self.media, self.web, DiskPartials(self.settings.media_path / "incoming" / "imports"),
                           quota_bytes=self.settings.media_quota_bytes, is_stopping=self.stopping.is_set)

    @property
    def bulk(self) -> BulkPorts:
        return BulkPorts(self.accounts, self.media_imports, self.settings.tiktok_posts_per_day)

    @property
    def uploads(self) -> UploadPorts:
        return UploadPorts(self.media, self.partials, self.settings.upload_max_bytes, self.settings.media_quota_bytes)

    @property
    def presigned(self) -> PresignedPorts:
        # A key of its own, so that nothing else that the secret signs can pass for an address.
        key = hmac.new(self.settings.secret_key.encode(), b"addresses for uploads", "sha256").digest()
        bucket = self.storage if isinstance(self.storage, s3.S3Storage) else None
        return PresignedPorts(self.uploads, key, self._put_url, bucket)

    def _put_url(self, upload_id: str, expires: int, signature: str) -> str:
        return f"{self.settings.base_url}/media/presigned/{upload_id}/content?expires={expires}&signature={signature}"

    @property
    def publishing(self) -> PublishingPorts:
        settings = self.settings
        return PublishingPorts(self.accounts, self.tiktok, self.cipher, self.storage, clock.utcnow,
                               is_stopping=self.stopping.is_set,
                               posts_per_day=settings.tiktok_posts_per_day, pending_drafts=settings.tiktok_pending_drafts,
                               drafts_free_by_time=settings.tiktok_drafts_free_by_time, is_audited=settings.tiktok_audited,
                               active_creators=settings.tiktok_active_creators if settings.tiktok_audited else UNAUDITED_CREATORS,
                               photo_url=self._photo_url)

    @property
    def daily_caps(self) -> DailyCaps:
        return DailyCaps(self.settings.tiktok_posts_per_day, self.settings.tiktok_pending_drafts)

    def _photo_url(self, token: str, position: int, file_type: str) -> str:
        return f"{self.settings.base_url}/pull/{token}/{position}.{file_type}"


def build_storage(settings: Settings, kind: str) -> DiskStorage | s3.S3Storage:
    """Storage of this kind, whichever of the two is in use. Raises SettingsError when it is not set up."""
    if kind == "disk":
        return DiskStorage(settings.media_path)
    settings.check_s3()
    client = s3.connect(endpoint_url=settings.s3_endpoint_url, region=settings.s3_region, access_key_id=settings.s3_access_key_id,
                        secret_access_key=settings.s3_secret_access_key)
    return s3.S3Storage(client, bucket=settings.s3_bucket, prefix=settings.s3_prefix, incoming=settings.media_path / "incoming")


def wire(app: Flask, settings: Settings) -> None:
    """Attach a Wiring to the application; nothing is connected before it is used."""
    # One retry for a connection that was dropped while idle; the library's ten with pauses would hang every page.
    retry = Retry(NoBackoff(), 1)
    redis = Redis.from_url(settings.redis_url, socket_timeout=30, socket_connect_timeout=3, retry=retry)
    app.extensions["oncue"] = Wiring(
        settings=settings,
        redis=redis,
        tasks=RedisTaskQueue(redis),
        tiktok=TikTokClient(
            api_url=settings.tiktok_api_url, web_url=settings.tiktok_web_url, upload_hosts=settings.tiktok_upload_hosts,
            timeout_seconds=settings.tiktok_timeout_seconds, upload_timeout_seconds=settings.tiktok_upload_timeout_seconds,
        ),
        login=TikTokLogin(
            client_key=settings.tiktok_client_key, client_secret=settings.tiktok_client_secret,
            auth_url=settings.tiktok_auth_url, api_url=settings.tiktok_api_url,
            scopes=settings.tiktok_scopes, pkce=settings.tiktok_pkce, utcnow=clock.utcnow,
            timeout_seconds=settings.tiktok_timeout_seconds,
        ),
        webhooks=WebhookReader(settings.tiktok_client_key, settings.tiktok_client_secret),
        cipher=TokenCipher(settings.token_keys),
        passwords=PasswordHasher(),
        storage=build_storage(settings, settings.storage),
        web=WebFetcher(Limits(settings.upload_max_bytes), settings.fetch_allowed_hosts),
        partials=DiskPartials(settings.media_path / "incoming"),
        stopping=threading.Event(),
    )


def wiring() -> Wiring:
    """The Wiring of the current application."""
    found: Wiring = current_app.extensions["oncue"]
    return found
