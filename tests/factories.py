"""Rows for tests, made by the services themselves wherever one exists."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace

import httpx
from flask import Flask

from app import clock
from app.domain.post_rules import PostMode, PrivacyLevel, TargetChoices
from app.models import Member, PostTarget, db
from app.services import accounts, media, posts, team
from app.services.ports import MediaProbe, Probe
from app.wiring import Wiring
from tests import videos
from tests.servers import Sandbox

PASSWORD = "correct horse battery"
PROBED: dict[str, Probe] = {}
"""What the probe said, by the SHA-256 of the file."""
ALL_SCOPES = ["user.info.basic", "user.info.profile", "video.publish", "video.upload", "video.list"]


def wired(app: Flask) -> Wiring:
    found: Wiring = app.extensions["oncue"]
    return found


def make_person(app: Flask, name: str, email: str, time_zone: str) -> SimpleNamespace:
    """A user with a workspace of their own."""
    with app.app_context():
        user_id = team.sign_up(workspace_name=f"{name}'s studio", time_zone=time_zone, name=name, email=email, password=PASSWORD,
                               passwords=wired(app).passwords, now=clock.utcnow(), is_demo=True)
        workspace_id = db.session.query(Member.workspace_id).filter_by(user_id=user_id).scalar()
    return SimpleNamespace(user_id=user_id, workspace_id=workspace_id, email=email, password=PASSWORD, time_zone=time_zone)


def connect_account(app: Flask, person: SimpleNamespace, sandbox: Sandbox, creator: str = "northbound",
                    scopes: list[str] | None = None) -> int:
    """Connect a creator through the sandbox's consent page; returns the account's id."""
    wiring = wired(app)
    redirect_uri = "http://localhost:8000/accounts/connected"
    url = wiring.login.authorization_url(state="s" * 20, redirect_uri=redirect_uri, verifier=None, ask_again=True)
    answer = httpx.URL(sandbox.consent(url, creator, scopes=scopes))
    with app.app_context():
        account = accounts.connect_account(code=answer.params["code"], redirect_uri=redirect_uri, verifier=None,
                                           workspace_id=person.workspace_id, actor_id=person.user_id, ports=wiring.accounts)
        return account.id


def connect_creators(app: Flask, person: SimpleNamespace, sandbox: Sandbox, count: int) -> list[int]:
    """Connect so many creators, made for this; TikTok takes 6 posts a minute from one. Returns the accounts' ids."""
    found = []
    for number in range(count):
        name = f"creator{number}"
        sandbox.post("/sandbox/api/creators", username=name, nickname=name.capitalize())
        found.append(connect_account(app, person, sandbox, name))
    return found


def make_media(app: Flask, person: SimpleNamespace, path: Path) -> int:
    """Upload a file through the service; returns the media file's id."""
    wiring = wired(app)
    incoming = wiring.storage.incoming()
    with app.app_context():
        try:
            incoming.write(path.read_bytes())
            return media.keep_media(incoming=incoming, name=path.name, workspace_id=person.workspace_id,
                                    actor_id=person.user_id, ports=replace(wiring.media, probe=remembering(wiring.media.probe)))
        finally:
            incoming.close()


def remembering(probe: MediaProbe) -> MediaProbe:
    """The probe, asked once in a run about the same bytes: its answer depends on nothing else, and takes a process of its own."""
    def look(path: str) -> Probe:
        with Path(path).open("rb") as file:
            content = hashlib.file_digest(file, "sha256").hexdigest()
        if content not in PROBED:
            PROBED[content] = probe(path)
        return PROBED[content]
    return look


def make_photos(app: Flask, person: SimpleNamespace, directory: Path, count: int = 3) -> tuple[int, ...]:
    """Upload so many small photos, each another; returns the media files' ids."""
    return tuple(make_media(app, person, videos.make_photo(directory / f"photo{number}.jpg", number)) for number in range(count))


def make_post(app: Flask, person: SimpleNamespace, *, account_id: int, media_file_id: int | tuple[int, ...], scheduled_at: datetime,
              caption: str = "Behind the counter at 6 am #coffeetok", privacy: PrivacyLevel | None = PrivacyLevel.PUBLIC,
              mode: PostMode = PostMode.DIRECT, title: str = "", cover: int = 0,
              cover_timestamp_ms: int | None = None, **choices: bool) -> SimpleNamespace:
    """Schedule a post through the service; returns its id and its target's."""
    media_file_ids = media_file_id if isinstance(media_file_id, tuple) else (media_file_id,)
    new = posts.NewPost(account_id=account_id, media_file_ids=media_file_ids, caption=caption, scheduled_at=scheduled_at, title=title,
                        cover=cover, cover_timestamp_ms=cover_timestamp_ms, choices=TargetChoices(privacy, mode=mode, **choices),
                        creation_key=secrets.token_hex(8))
    with app.app_context():
        post_id = posts.schedule_post(new, workspace_id=person.workspace_id, actor_id=person.user_id, ports=wired(app).accounts)
        target_id = db.session.query(PostTarget.id).filter_by(post_id=post_id).scalar()
    return SimpleNamespace(post_id=post_id, target_id=target_id)
