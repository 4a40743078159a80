"""From a post's due time to its init at TikTok, one post at a time."""

from __future__ import annotations

import random
import tempfile
from datetime import timedelta
from pathlib import Path

from app import clock
from app.models import PublishAttempt, Step, db
from tests import factories
from tests.bench.scene import Scene, percentile, report
from tests.house import House
from tests.videos import make_video

POSTS = 20


def run(house: House) -> None:
    """Twenty posts at moments spread over the second."""
    scene, dice = Scene(house), random.Random(7)
    with tempfile.TemporaryDirectory() as directory:
        media_id = factories.make_media(scene.app, scene.person, make_video(Path(directory, "clip.mp4")))
    late = []
    for account_id in scene.connect(POSTS):
        due = clock.utcnow() + timedelta(seconds=2 + dice.random())
        post = factories.make_post(scene.app, scene.person, account_id=account_id, media_file_id=media_id, scheduled_at=due)
        scene.wait_until(post.target_id, lambda target: target.publish_id is not None)
        with scene.app.app_context():
            sent = db.session.query(PublishAttempt.started_at).filter_by(target_id=post.target_id, step=Step.INIT).scalar()
        late.append((sent - due).total_seconds())
    report(f"lateness, due to init, {POSTS} posts one at a time: p50 {percentile(late, .5):.2f} s, p99 {percentile(late, .99):.2f} s "
           f"(aim: 1.5 s at most; the closest peer: p50 7.6 s, p95 15.5 s)")
