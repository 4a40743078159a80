"""The calendar's month and a drop, with 2,000 posts in the month, alone and among 100,000 in the workspace."""

from __future__ import annotations

import secrets
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from flask.testing import FlaskClient
from sqlalchemy.engine import Engine

from app import clock
from app.models import Event, MediaFile, Post, PostTarget, db
from app.services.transactions import writing
from tests.bench.scene import Scene, percentile, report
from tests.house import House

IN_MONTH, IN_WORKSPACE, ROUNDS, DROPS = 2_000, 100_000, 40, 30
BATCH = 5_000
MONTH_P50_MS, MONTH_BYTES, RATIO = 60, 150_000, 1.3


def run(house: House) -> None:
    """Over the application's own request handling, without the network: what the server takes by itself."""
    scene = Scene(house)
    accounts = scene.connect(4)
    first = (clock.utcnow().replace(day=1, hour=6, minute=0, second=0, microsecond=0) + timedelta(days=63)).replace(day=1)
    post_id = _post(scene)
    _targets(scene, post_id, accounts, first, timedelta(days=28) / IN_MONTH, IN_MONTH)
    client, path = _client(scene), f"/calendar?date={first:%Y-%m-%d}"
    alone = _month(client, path, f"month of {IN_MONTH:,} posts")
    _drops(scene, client, first)
    # All of them over and published: what fell due now would set the instance's own workers to work beside the measurement.
    _targets(scene, post_id, accounts, clock.utcnow() - timedelta(days=760), timedelta(days=700) / IN_WORKSPACE, IN_WORKSPACE)
    among = _month(client, path, f"the same among {IN_WORKSPACE:,}")
    _drops(scene, client, first)
    report(f"month among {IN_WORKSPACE:,} posts beside alone: {among / alone:.2f} times (aim: {RATIO} at most)")


def _post(scene: Scene) -> int:
    with scene.app.app_context(), writing() as session:
        now = clock.utcnow()
        media = MediaFile(workspace_id=scene.person.workspace_id, kind="photo", name="bench.jpg", storage_key="bench", poster_key="bench",
                          sha256="b" * 64, size_bytes=1, container="jpeg", width=1080, height=1920, uploaded_by_id=scene.person.user_id,
                          created_at=now)
        session.add(media)
        session.flush()
        post = Post(workspace_id=scene.person.workspace_id, media_file_id=media.id, title="", caption="Behind the counter at 6 am",
                    creation_key=secrets.token_hex(8), created_by_id=scene.person.user_id, created_at=now)
        session.add(post)
        session.flush()
        return post.id


def _targets(scene: Scene, post_id: int, accounts: list[int], start: datetime, step: timedelta, count: int) -> None:
    """So many published ones in the past, scheduled ones in the future, spread evenly."""
    now = clock.utcnow()
    rows: list[dict[str, Any]] = []
    for n in range(count):
        at = start + n * step
        is_past = at < now
        rows.append({
            "workspace_id": scene.person.workspace_id, "post_id": post_id, "account_id": accounts[n % len(accounts)], "scheduled_at": at,
            "state": "published" if is_past else "scheduled", "published_at": at if is_past else None, "due_at": None if is_past else at,
            "mode": "direct", "privacy_level": "SELF_ONLY", "allow_comment": False, "allow_duet": False, "allow_stitch": False,
            "auto_add_music": False, "consent_at": now, "consent_by_id": scene.person.user_id, "failed_tries": 0, "polls": 0,
            "uploaded_bytes": 0})
    for first in range(0, count, BATCH):
        with scene.app.app_context(), writing() as session:
            session.execute(sa.insert(PostTarget), rows[first:first + BATCH])


def _client(scene: Scene) -> FlaskClient:
    scene.app.config["WTF_CSRF_ENABLED"] = False
    client = scene.app.test_client()
    with client.session_transaction() as session:
        session["_user_id"], session["_fresh"] = f"{scene.person.user_id}.1", True
    return client


def _month(client: FlaskClient, path: str, name: str) -> float:
    statements: list[str] = []

    def listen(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        statements.append(statement)
    answer = client.get(path)
    assert answer.status_code == 200, answer.status
    sa.event.listen(Engine, "before_cursor_execute", listen)
    client.get(path)
    sa.event.remove(Engine, "before_cursor_execute", listen)
    times = []
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        client.get(path)
        times.append(1000 * (time.perf_counter() - begun))
    report(f"{name}: p50 {percentile(times, .5):.0f} ms (aim: {MONTH_P50_MS}), p95 {percentile(times, .95):.0f} ms, "
           f"{len(answer.data) / 1000:.0f} kB (aim: {MONTH_BYTES / 1000:.0f}), {len(statements)} statements (aim: 15 at most)")
    return percentile(times, .5)


def _drops(scene: Scene, client: FlaskClient, first: datetime) -> None:
    """Drops of a draft, which no daily cap concerns, from one day to the next and on: from POST to the cells drawn anew."""
    target_id = _draft(scene, first)
    times = []
    for n in range(DROPS):
        with scene.app.app_context():
            seen = db.session.get_one(PostTarget, target_id).scheduled_at
        begun = time.perf_counter()
        answer = client.post(f"/calendar/move?view=month&date={first:%Y-%m-%d}", headers={"HX-Request": "true"}, data={
            "target": target_id, "seen": seen.isoformat(), "held": target_id, "to": f"{first + timedelta(days=1 + n % 20):%Y-%m-%d}"})
        times.append(1000 * (time.perf_counter() - begun))
        assert answer.status_code == 200, answer.headers.get("HX-Trigger")
    with scene.app.app_context(), writing() as session:
        session.execute(sa.delete(Event).where(Event.kind == "target.moved"))
    report(f"a drop, from POST to new cells: p50 {percentile(times, .5):.0f} ms, p95 {percentile(times, .95):.0f} ms, "
           f"{len(answer.data) / 1000:.1f} kB")


def _draft(scene: Scene, first: datetime) -> int:
    with scene.app.app_context(), writing() as session:
        row = dict(session.execute(sa.select(PostTarget.__table__).limit(1)).mappings().one())
        row.pop("id")
        draft = PostTarget(**{**row, "state": "draft", "due_at": None, "published_at": None, "scheduled_at": first.astimezone(UTC)})
        session.add(draft)
        session.flush()
        return draft.id
