"""`flask demo`: the whole main job without a browser, on a running instance, each step with its time."""

from __future__ import annotations

import contextlib
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import sqlalchemy as sa

from app import clock, processes
from app.demo_video import make_video
from app.domain.lifecycle import TargetState
from app.domain.post_rules import PrivacyLevel, TargetChoices
from app.models import Member, PostTarget, TikTokAccount, User, db
from app.services import accounts, media, posts
from app.wiring import Wiring

CREATOR = "northbound"
GIVE_UP_SECONDS = 120
FRESH_BEAT = timedelta(seconds=10)
ENDED = {TargetState.FAILED, TargetState.MISSED, TargetState.CANCELED, TargetState.UNCONFIRMED}

Say = Callable[[str], None]


class DemoFailed(Exception):
    """The demo could not show what it is there to show; the text says why."""


@contextlib.contextmanager
def running_instance(wiring: Wiring, say: Say) -> Iterator[None]:
    """The scheduler, the workers and the sandbox of this instance; whatever is not running is run meanwhile."""
    if _is_running(wiring):
        say("the instance is running")
        yield
        return
    log_path = wiring.settings.instance_dir / "demo.log"
    say(f"starting the engine and the sandbox (their log: {log_path})")
    with log_path.open("wb") as log:
        command = [sys.executable, "-m", "flask", "--app", "wsgi", "up", "--no-web"]
        house = subprocess.Popen(command, stdout=log, stderr=log, cwd=processes.ROOT)  # noqa: S603 a fixed command
        try:
            _wait(lambda: house.poll() is not None or _is_running(wiring), "the instance did not start")
            if house.poll() is not None:
                raise DemoFailed(f"the instance did not start; see {log_path}")
            yield
        finally:
            house.terminate()
            house.wait()


def run_demo(wiring: Wiring, user: User, video: Path | None, lead_seconds: float, say: Say) -> str:
    """Connect, upload, schedule, wait; returns the permalink. Raises DemoFailed unless the sandbox holds exactly one post."""
    workspace_id: int = db.session.scalars(sa.select(Member.workspace_id).where(Member.user_id == user.id)).one()
    user_id = user.id
    account = _connect(wiring, workspace_id, user_id)
    account_id = account.id
    say(f"connected {account.nickname} (@{account.username}): {', '.join(account.scopes)}")
    media_id = _upload(wiring, workspace_id, user_id, video, say)
    due = clock.utcnow() + timedelta(seconds=lead_seconds)
    new = posts.NewPost(account_id=account_id, media_file_ids=(media_id,), caption="On cue. #oncue", scheduled_at=due,
                        choices=TargetChoices(PrivacyLevel.PUBLIC, allow_comment=True), creation_key=secrets.token_hex(16))
    post_id = posts.schedule_post(new, workspace_id=workspace_id, actor_id=user_id, ports=wiring.accounts)
    say(f"scheduled post {post_id} for {due:%H:%M:%S} UTC")
    target = _follow(post_id, say)
    _check_ledger(wiring.settings.sandbox_url, target, say)
    assert target.permalink is not None
    return target.permalink


def _connect(wiring: Wiring, workspace_id: int, user_id: int) -> TikTokAccount:
    """As a creator would on TikTok's page, whose form the sandbox documents."""
    redirect_uri = f"{wiring.settings.base_url}/accounts/connected"
    verifier = wiring.login.new_verifier()
    asked = httpx.URL(wiring.login.authorization_url(
        state=secrets.token_hex(16), redirect_uri=redirect_uri, verifier=verifier, ask_again=True))
    form = {**asked.params, "creator": CREATOR, "scopes": asked.params["scope"].split(","), "decision": "allow"}
    answer = httpx.post(str(asked.copy_with(query=None)), data=form, trust_env=False)
    if "code" not in (back := httpx.URL(answer.headers.get("location", ""))).params:
        raise DemoFailed(f"the sandbox did not give consent (HTTP {answer.status_code})")
    return accounts.connect_account(code=back.params["code"], redirect_uri=redirect_uri, verifier=verifier,
                                    workspace_id=workspace_id, actor_id=user_id, ports=wiring.accounts)


def _upload(wiring: Wiring, workspace_id: int, user_id: int, video: Path | None, say: Say) -> int:
    with tempfile.TemporaryDirectory(prefix="oncue-demo-") as directory:
        path = video or make_video(Path(directory, "demo.mp4"), seconds=6, width=540, height=960)
        incoming = wiring.storage.incoming()
        try:
            with path.open("rb") as file:
                while block := file.read(1 << 20):
                    incoming.write(block)
            media_id = media.keep_media(incoming=incoming, name=path.name, workspace_id=workspace_id, actor_id=user_id, ports=wiring.media)
        finally:
            incoming.close()
    kept = media.load_media(workspace_id, media_id)
    say(f"uploaded {kept.name}: {kept.width} × {kept.height}, {kept.duration_seconds:.1f} s, {kept.size_bytes:,} bytes")
    return media_id


def _follow(post_id: int, say: Say) -> PostTarget:
    """The target once it has its permalink, telling each state on the way."""
    told: set[str] = set()
    deadline = time.monotonic() + GIVE_UP_SECONDS
    while time.monotonic() < deadline:
        db.session.rollback()
        target = db.session.scalars(sa.select(PostTarget).where(PostTarget.post_id == post_id)).one()
        if target.state not in told:
            told.add(target.state)
            say(f"state: {target.state.value}")
        if target.state in ENDED:
            raise DemoFailed(f"the post ended as {target.state.value}: {target.problem_text}")
        if target.permalink:
            return target
        time.sleep(0.2)
    raise DemoFailed(f"the post was not live after {GIVE_UP_SECONDS} s")


def _check_ledger(sandbox_url: str, target: PostTarget, say: Say) -> None:
    found: list[dict[str, Any]] = httpx.get(f"{sandbox_url}/sandbox/api/ledger", params={"publish_id": target.publish_id},
                                            trust_env=False).json()["posts"]
    if len(found) != 1:
        raise DemoFailed(f"the sandbox holds the post {len(found)} times")
    page = httpx.get(target.permalink or "", trust_env=False)
    if page.status_code != 200 or "<video" not in page.text:
        raise DemoFailed("the permalink does not play the video")
    say("the sandbox holds the post exactly once, and its page plays it")


def _is_running(wiring: Wiring) -> bool:
    beat = wiring.tasks.last_beat_at()
    if beat is None or clock.utcnow() - beat > FRESH_BEAT:
        return False
    with contextlib.suppress(httpx.HTTPError):
        return httpx.get(f"{wiring.settings.sandbox_url}/sandbox/api/ledger", trust_env=False).is_success
    return False


def _wait(condition: Callable[[], bool], otherwise: str) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        if time.monotonic() > deadline:
            raise DemoFailed(otherwise)
        time.sleep(0.2)
