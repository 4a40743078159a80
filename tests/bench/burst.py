"""1,000 targets on 1,000 accounts due in the same second, with shipped settings."""

from __future__ import annotations

import os
import tempfile
import time
from datetime import timedelta
from pathlib import Path

import sqlalchemy as sa

from app import clock
from app.domain.post_rules import PrivacyLevel
from app.models import PostTarget, PublishAttempt, Step, TikTokAccount, db
from tests import factories
from tests.bench.scene import Scene, percentile, report
from tests.house import House
from tests.videos import make_video

TARGETS = int(os.environ.get("BENCH_TARGETS", "1000"))


def run(house: House) -> None:
    """From the second that all are due to the last one's end."""
    house.sandbox.switch(processing_seconds=1, moderation_seconds=0)
    scene = Scene(house)
    with tempfile.TemporaryDirectory() as directory:
        media_id = factories.make_media(scene.app, scene.person, make_video(Path(directory, "clip.mp4"), seconds=1))
    first, *_ = scene.connect(TARGETS)
    due = clock.utcnow() + timedelta(days=1)
    for account_id in range(first, first + TARGETS):
        factories.make_post(scene.app, scene.person, account_id=account_id, media_file_id=media_id, scheduled_at=due,
                            privacy=PrivacyLevel.ONLY_ME)
    with scene.app.app_context():
        assert db.session.scalar(sa.select(sa.func.count(TikTokAccount.id))) == TARGETS
        due = clock.utcnow() + timedelta(seconds=3)
        db.session.execute(sa.update(PostTarget).values(due_at=due, scheduled_at=due))
        db.session.commit()
    _wait(scene)
    with scene.app.app_context():
        inits = db.session.scalars(sa.select(PublishAttempt.started_at).where(PublishAttempt.step == Step.INIT))
        late = [(at - due).total_seconds() for at in inits]
        last = db.session.scalar(sa.select(sa.func.max(PostTarget.published_at)))
    report(f"{TARGETS} targets on as many accounts due in one second: due to init p50 {percentile(late, .5):.1f} s, "
           f"p99 {percentile(late, .99):.1f} s; all live after {(last - due).total_seconds():.1f} s "
           f"(p99 of 12 s expected; the closest peer starts 41 posts a minute)")
    posts = house.sandbox.get("/sandbox/api/ledger", posts_limit=1)["posts_total"]
    report(f"the sandbox holds {posts} posts for {TARGETS} targets")


def _wait(scene: Scene) -> None:
    while True:
        with scene.app.app_context():
            left = db.session.scalar(sa.select(sa.func.count(PostTarget.id)).where(PostTarget.state != "published"))
        if not left:
            return
        time.sleep(0.5)
