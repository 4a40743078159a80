"""One account's upload hangs for a minute; what that costs another account's post."""

from __future__ import annotations

import tempfile
from datetime import timedelta
from pathlib import Path

from app import clock
from app.models import PublishAttempt, Step, db
from tests import factories
from tests.bench.scene import Scene, percentile, report
from tests.house import House
from tests.videos import make_video

HELD_SECONDS = 60
POSTS = 12


def run(house: House) -> None:
    """The same posts, at the same moments of the second, without a neighbour and beside one whose upload hangs."""
    scene = Scene(house)
    neighbour, *others = scene.connect(1 + 2 * POSTS)
    with tempfile.TemporaryDirectory() as directory:
        media_id = factories.make_media(scene.app, scene.person, make_video(Path(directory, "clip.mp4")))
    alone = [_lateness(scene, account_id, media_id, n / POSTS) for n, account_id in enumerate(others[:POSTS])]
    house.sandbox.post("/sandbox/api/faults", match={"endpoint": "upload", "username": "creator0"}, kind="slow", seconds=HELD_SECONDS)
    held = factories.make_post(scene.app, scene.person, account_id=neighbour, media_file_id=media_id,
                               scheduled_at=clock.utcnow() + timedelta(seconds=1))
    begun = scene.wait_until(held.target_id, lambda target: target.publish_id is not None)
    beside = [_lateness(scene, account_id, media_id, n / POSTS) for n, account_id in enumerate(others[POSTS:])]
    still = scene.wait_until(held.target_id, lambda target: True)
    assert begun.state == still.state == "publishing", "the neighbour's upload ended before the others had begun"
    added = percentile(beside, .5) - percentile(alone, .5)
    report(f"due to init alone: p50 {percentile(alone, .5):.2f} s, at most {max(alone):.2f} s; while another account's upload hangs: "
           f"p50 {percentile(beside, .5):.2f} s, at most {max(beside):.2f} s; added {added:+.2f} s at p50, "
           f"{max(beside) - max(alone):+.2f} s at most (1 s at most expected; {POSTS} posts each)")


def _lateness(scene: Scene, account_id: int, media_id: int, fraction: float) -> float:
    """Seconds from due to init of a post that is due at that fraction of a second."""
    due = clock.utcnow().replace(microsecond=0) + timedelta(seconds=2 + fraction)
    post = factories.make_post(scene.app, scene.person, account_id=account_id, media_file_id=media_id, scheduled_at=due)
    scene.wait_until(post.target_id, lambda target: target.publish_id is not None)
    with scene.app.app_context():
        sent = db.session.query(PublishAttempt.started_at).filter_by(target_id=post.target_id, step=Step.INIT).scalar()
    return float((sent - due).total_seconds())
