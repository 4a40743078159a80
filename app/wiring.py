"""Builds what the services need from outside, once per process, and hands it to the faces."""

from __future__ import annotations

import threading
from dataclasses import dataclass

from flask import Flask, current_app
from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from app import clock
from app.infra.crypto import PasswordHasher, TokenCipher
from app.infra.media_probe import probe_media
from app.infra.storage.disk import DiskStorage
from app.infra.task_queue import RedisTaskQueue
from app.infra.tiktok.client import TikTokClient
from app.infra.tiktok.oauth import TikTokLogin
from app.infra.tiktok.webhooks import WebhookReader
from app.services.accounts import AccountPorts
from app.services.media import MediaPorts
from app.services.publishing import PublishingPorts
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
    storage: DiskStorage
    stopping: threading.Event
    """Set when this process was told to stop: a long step hands its work over."""

    @property
    def accounts(self) -> AccountPorts:
        return AccountPorts(self.tiktok, self.login, self.cipher, self.storage, clock.utcnow)

    @property
    def media(self) -> MediaPorts:
        return MediaPorts(self.storage, probe_media, clock.utcnow)

    @property
    def publishing(self) -> PublishingPorts:
        return PublishingPorts(self.accounts, self.tiktok, self.cipher, self.storage, clock.utcnow,
                               posts_per_day=self.settings.tiktok_posts_per_day, is_stopping=self.stopping.is_set)


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
            api_url=settings.tiktok_api_url, web_url=settings.tiktok_web_url, upload_hosts=settings.tiktok_upload_hosts
        ),
        login=TikTokLogin(
            client_key=settings.tiktok_client_key, client_secret=settings.tiktok_client_secret,
            auth_url=settings.tiktok_auth_url, api_url=settings.tiktok_api_url,
            scopes=settings.tiktok_scopes, pkce=settings.tiktok_pkce, utcnow=clock.utcnow,
        ),
        webhooks=WebhookReader(settings.tiktok_client_key, settings.tiktok_client_secret),
        cipher=TokenCipher(settings.token_keys),
        passwords=PasswordHasher(),
        storage=DiskStorage(settings.media_path),
        stopping=threading.Event(),
    )


def wiring() -> Wiring:
    """The Wiring of the current application."""
    found: Wiring = current_app.extensions["oncue"]
    return found
