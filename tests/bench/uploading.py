"""A file of 1 GB to the sandbox: the worker's memory, and its speed beside curl's."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import threading
from datetime import timedelta
from pathlib import Path

from app import clock
from app.domain.post_rules import PrivacyLevel
from app.domain.upload_plan import plan_upload
from app.models import PublishAttempt, Step, db
from app.services import accounts
from app.services.ports import VideoInit
from tests import factories
from tests.bench.scene import Scene, report
from tests.house import House
from tests.videos import fill_up, make_video

SIZE = 1_000_000_000
MIB = 2**20
ROUNDS = 3
SMALL = 6


def resident(pid: int) -> int:
    """Resident memory of a process now, in bytes."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    return 0


class Watch(threading.Thread):
    """Samples the workers' memory."""

    def __init__(self, pids: list[int]) -> None:
        super().__init__(daemon=True)
        self.idle = {pid: resident(pid) for pid in pids}
        self.growth = 0
        self.done = threading.Event()

    def run(self) -> None:
        while not self.done.wait(0.02):
            self.growth = max(self.growth, *(resident(pid) - idle for pid, idle in self.idle.items()))


def run(house: House) -> None:
    """One small post first, so that every worker has loaded what it uses; then the big one, and curl."""
    scene = Scene(house)
    creators = iter(scene.connect(SMALL + 2 * ROUNDS))
    with tempfile.TemporaryDirectory(dir=house.instance) as directory:
        small = factories.make_media(scene.app, scene.person, make_video(Path(directory, "small.mp4")))
        for _ in range(SMALL):
            _publish(scene, next(creators), small)
        path = fill_up(make_video(Path(directory, "clip.mp4")), Path(directory, "big.mp4"), SIZE)
        media_id = _keep(scene, path)
        watch = Watch(house.pids("worker publish"))
        watch.start()
        ours = min(_publish(scene, next(creators), media_id) for _ in range(ROUNDS))
        watch.done.set()
        report(f"memory of the worker while 1 GB is uploaded: {watch.growth / MIB:.1f} MiB above idle "
               "(aim: 32 MiB at most; peer: the whole file)")
        curls = min(_curl(scene, next(creators), path, Path(directory)) for _ in range(ROUNDS))
    report(f"upload of 1 GB: {SIZE / ours / MIB:.0f} MiB/s; curl -T of the same chunks to the same sandbox: "
           f"{SIZE / curls / MIB:.0f} MiB/s; ratio {curls / ours:.2f} (best of {ROUNDS} each)")


def _keep(scene: Scene, path: Path) -> int:
    """As factories.make_media, in blocks."""
    from app.services import media
    wiring = factories.wired(scene.app)
    incoming = wiring.storage.incoming()
    with scene.app.app_context(), path.open("rb") as file:
        shutil.copyfileobj(file, incoming, MIB)  # type: ignore[misc]  # has write()
        media_id = media.keep_media(incoming=incoming, name=path.name, workspace_id=scene.person.workspace_id,
                                    actor_id=scene.person.user_id, ports=wiring.media)
    incoming.close()
    return media_id


def _publish(scene: Scene, account_id: int, media_id: int) -> float:
    """Publish through the running instance; seconds that the bytes took."""
    post = factories.make_post(scene.app, scene.person, account_id=account_id, media_file_id=media_id,
                               scheduled_at=clock.utcnow() + timedelta(seconds=1), privacy=PrivacyLevel.ONLY_ME)
    scene.wait_until(post.target_id, lambda target: target.state not in ("scheduled", "publishing"))
    with scene.app.app_context():
        row = db.session.query(PublishAttempt).filter_by(target_id=post.target_id, step=Step.UPLOAD).one()
        return (row.finished_at - row.started_at).total_seconds()


def _curl(scene: Scene, account_id: int, path: Path, directory: Path) -> float:
    """curl with the same chunks of the same file, one after the other; seconds in all."""
    plan, wiring = plan_upload(SIZE), factories.wired(scene.app)
    with scene.app.app_context():
        token = accounts.access_token(account_id, wiring.accounts)
    receipt = wiring.tiktok.init_video(token, VideoInit("curl", PrivacyLevel.ONLY_ME, False, False, False, plan))
    seconds, part = 0.0, directory / "part"
    with path.open("rb") as file:
        for chunk in plan.chunks():
            part.write_bytes(file.read(chunk.size))
            seconds += _curl_chunk(part, receipt.upload_url, f"bytes {chunk.first}-{chunk.last}/{SIZE}", chunk.size)
    part.unlink()
    return seconds


def _curl_chunk(part: Path, url: str, content_range: str, size: int) -> float:
    # From standard input: curl appends a file's name to an address whose path ends with a slash.
    command = ["curl", "--silent", "--show-error", "--output", "/dev/null", "--write-out", "%{http_code} %{time_total}", "-T", "-",
               "-H", "Content-Type: video/mp4", "-H", f"Content-Range: {content_range}", "-H", f"Content-Length: {size}",
               "-H", "Transfer-Encoding:", "-H", "Expect:", url]
    with part.open("rb") as body:
        done = subprocess.run(command, stdin=body, check=True, capture_output=True, text=True)
    status, seconds = done.stdout.split()
    assert status in ("201", "206"), done.stdout
    return float(seconds)
