"""A target from its hour to its permalink, and what happens when something is in the way."""

from __future__ import annotations

import itertools
import threading
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace

import httpx
import pytest
import sqlalchemy as sa

from app import clock
from app.domain.post_rules import PrivacyLevel
from app.infra.storage.disk import DiskStorage
from app.infra.storage.s3 import S3Storage
from app.models import Connection, Event, PostTarget, PublishAttempt, TikTokAccount, db
from app.queries.due import due_targets
from app.services import accounts
from app.services.moving import Move, move_media
from app.services.publishing import PublishingPorts, advance
from app.services.publishing.targets import claim
from app.services.transactions import writing
from tests import factories
from tests.servers import wait_for
from tests.videos import make_video

MB = 1_000_000


@pytest.fixture
def scene(app, tiktok, frozen, alice, video_path):
    """A connected creator, a video, and a way to schedule it two minutes ahead."""
    account_id = factories.connect_account(app, alice, tiktok)
    media_id = factories.make_media(app, alice, video_path)

    def schedule(**options):
        options = {"account_id": account_id, "media_file_id": media_id, **options}
        post = factories.make_post(app, alice, scheduled_at=clock.utcnow() + timedelta(minutes=2), **options)
        return post.target_id
    return SimpleNamespace(schedule=schedule, account_id=account_id, media_id=media_id, person=alice)


@pytest.fixture
def big_video(video_path, tmp_path):
    """A playable MP4 of 70 MB, which goes to TikTok in two chunks: a video with a `free` box behind it."""
    path = tmp_path / "big.mp4"
    filler = 70 * MB - video_path.stat().st_size
    path.write_bytes(video_path.read_bytes() + filler.to_bytes(4, "big") + b"free" + bytes(filler - 8))
    return path


def step(app, target_id, ports=None):
    """One step, as a worker makes it; returns the target afterwards."""
    with app.app_context():
        advance(target_id, ports or factories.wired(app).publishing)
    return load(app, target_id)


def load(app, target_id):
    with app.app_context():
        target = db.session.get_one(PostTarget, target_id)
        db.session.expunge(target)
        return target


def attempts(app, target_id):
    with app.app_context():
        return db.session.execute(
            sa.select(PublishAttempt.step, PublishAttempt.code, PublishAttempt.log_id, PublishAttempt.detail, PublishAttempt.publish_id)
            .where(PublishAttempt.target_id == target_id).order_by(PublishAttempt.id)).all()


def follow(app, frozen, target_id):
    """Steps until TikTok has made up its mind."""
    def decided():
        frozen.advance(seconds=60)
        return step(app, target_id).state != "processing"
    wait_for(decided, every=0.1)


def with_storage(app, storage):
    ports = factories.wired(app).publishing
    return PublishingPorts(ports.accounts, ports.tiktok, ports.cipher, storage, ports.utcnow)


class WatchedStorage(DiskStorage):
    """The real storage; calls `watch` before each block that is read for an upload."""

    def __init__(self, root, watch):
        super().__init__(root)
        self._watch = watch

    def open(self, key):
        file, watch = super().open(key), self._watch

        class Watched:
            def read(self, size):
                watch(file.tell())
                return file.read(size)

            def seek(self, position):
                return file.seek(position)

            def __enter__(self):
                return self

            def __exit__(self, *_):
                file.close()
        return Watched()


def test_goes_out_once_and_gets_its_permalink(app, tiktok, frozen, scene):
    target_id = scene.schedule(caption="Ünïcode ☕ #coffee", allow_comment=True)
    frozen.advance(minutes=2)
    assert step(app, target_id).state == "processing"
    frozen.advance(seconds=5)
    target = step(app, target_id)
    assert (target.state, target.due_at) == ("published", None)
    [post] = tiktok.posts()
    assert target.tiktok_post_id == post["post_id"] and len(target.tiktok_post_id) == 19
    assert target.permalink == post["url"] == f"{tiktok.url}/@northbound/video/{post['post_id']}"
    assert httpx.get(target.permalink).status_code == 200
    assert (post["caption"], post["privacy_level"]) == ("Ünïcode ☕ #coffee", "PUBLIC_TO_EVERYONE")
    options = post["options"]
    assert (options["disable_comment"], options["disable_duet"], options["disable_stitch"]) == (False, True, True)


def test_the_bytes_arrive_as_they_are(app, tiktok, frozen, scene, video_path):
    import hashlib
    target_id = scene.schedule()
    frozen.advance(minutes=2)
    step(app, target_id)
    frozen.advance(seconds=5)
    step(app, target_id)
    [post] = tiktok.posts()
    assert post["sha256"] == hashlib.sha256(video_path.read_bytes()).hexdigest()


def test_every_attempt_is_recorded_with_code_and_log_id(app, tiktok, frozen, scene):
    target_id = scene.schedule()
    frozen.advance(minutes=2)
    step(app, target_id)
    frozen.advance(seconds=5)
    step(app, target_id)
    rows = attempts(app, target_id)
    assert [(r.step, r.code) for r in rows] == [("creator_info", "ok"), ("init", "ok"), ("upload", "ok"), ("status", "ok")]
    assert all(r.log_id for r in rows if r.step != "upload")
    assert rows[1].publish_id == rows[3].publish_id == load(app, target_id).publish_id
    assert rows[3].detail == "PUBLISH_COMPLETE"


def test_nothing_happens_before_its_time(app, tiktok, frozen, scene):
    target_id = scene.schedule()
    frozen.advance(minutes=1, seconds=59)
    with app.app_context():
        assert due_targets(clock.utcnow()) == []
    assert step(app, target_id).state == "scheduled"
    assert tiktok.calls("video_init") == []


def test_ten_workers_at_once_publish_once(app, tiktok, frozen, scene):
    target_id = scene.schedule()
    frozen.advance(minutes=2)
    barrier = threading.Barrier(10)

    def work():
        with app.app_context():
            barrier.wait()
            advance(target_id, factories.wired(app).publishing)
    threads = [threading.Thread(target=work) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(tiktok.calls("video_init")) == 1
    assert load(app, target_id).state == "processing"


def test_of_one_account_one_post_is_sent_at_a_time_and_of_two_side_by_side(app, tiktok, frozen, scene):
    tiktok.post("/sandbox/api/creators", username="other", nickname="Other")
    other = factories.connect_account(app, scene.person, tiktok, "other")
    first, second, stranger = scene.schedule(), scene.schedule(), scene.schedule(account_id=other)
    frozen.advance(minutes=2)
    with app.app_context():
        with writing() as session:
            assert claim(session, first, clock.utcnow())
        with writing() as session:
            assert claim(session, second, clock.utcnow()) is None
        assert due_targets(clock.utcnow()) == [stranger], "what may not be worked on is not queued either"
        with writing() as session:
            assert claim(session, stranger, clock.utcnow())
        frozen.advance(seconds=61)
        with writing() as session:
            assert claim(session, second, clock.utcnow()), "a dead worker blocks its account for the lease at most"


def test_following_a_post_does_not_wait_for_another_s_upload(app, tiktok, frozen, scene):
    first, second = scene.schedule(), scene.schedule()
    frozen.advance(minutes=2)
    assert step(app, first).state == "processing"
    with app.app_context(), writing() as session:
        assert claim(session, second, clock.utcnow())
    frozen.advance(seconds=5)
    assert step(app, first).state == "published"


def test_two_workers_at_two_posts_of_one_account_do_not_both_begin(app, tiktok, frozen, scene):
    targets = [scene.schedule() for _ in range(4)]
    frozen.advance(minutes=2)
    barrier, claimed = threading.Barrier(4), []

    def work(target_id):
        with app.app_context():
            barrier.wait()
            with writing() as session:
                claimed.append(claim(session, target_id, clock.utcnow()) is not None)
    threads = [threading.Thread(target=work, args=(target_id,)) for target_id in targets]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(claimed) == [False, False, False, True]


class Overtaken:
    """TikTok, that answers so late that another worker has taken the target over meanwhile."""

    def __init__(self, real, meanwhile):
        self._real, self._meanwhile = real, meanwhile

    def __getattr__(self, name):
        return getattr(self._real, name)

    def creator_info(self, token):
        answer = self._real.creator_info(token)
        self._meanwhile()
        return answer


def test_a_worker_that_was_overtaken_makes_no_further_call(app, tiktok, frozen, scene):
    target_id = scene.schedule()
    frozen.advance(minutes=2)

    def take_over():
        frozen.advance(seconds=61)
        assert step(app, target_id).state == "processing"
    ports = factories.wired(app).publishing
    after = step(app, target_id, replace(ports, tiktok=Overtaken(ports.tiktok, take_over)))
    assert after.state == "processing"
    assert len(tiktok.calls("video_init")) == 1
    assert [(row.step, row.code) for row in attempts(app, target_id)] == [
        ("creator_info", "ok"), ("creator_info", "ok"), ("init", "ok"), ("upload", "ok")], "also the overtaken call has its end"


def test_the_publish_id_is_committed_before_the_first_byte(app, tiktok, frozen, scene):
    target_id, seen = scene.schedule(), []
    frozen.advance(minutes=2)

    def watch(_position):
        with app.app_context():
            seen.append(db.session.scalar(sa.select(PostTarget.publish_id).where(PostTarget.id == target_id)))
    step(app, target_id, with_storage(app, WatchedStorage(factories.wired(app).settings.media_path, watch)))
    assert seen and all(seen)


def test_no_database_connection_is_held_while_bytes_are_sent(app, tiktok, frozen, scene):
    target_id, held = scene.schedule(), []
    frozen.advance(minutes=2)
    with app.app_context():
        pool = db.engine.pool
    before = pool.checkedout()
    storage = WatchedStorage(factories.wired(app).settings.media_path, lambda _: held.append(pool.checkedout() - before))
    step(app, target_id, with_storage(app, storage))
    assert held and set(held) == {0}


class Killed(BaseException):
    """A worker's sudden death."""


def test_an_upload_from_s3_goes_on_at_the_byte_that_tiktok_has(app, tiktok, frozen, scene, big_video, s3_bucket, tmp_path):
    target_id = scene.schedule(media_file_id=factories.make_media(app, scene.person, big_video))
    storage = S3Storage(s3_bucket.client, bucket=s3_bucket.name, prefix="", incoming=tmp_path)
    with app.app_context():
        move_media(Move(factories.wired(app).storage, storage, target_in_use=False, delete_source=False, say=lambda _: None))
    frozen.advance(minutes=2)
    ranges = []
    s3_bucket.client.meta.events.register("before-call.s3.GetObject", lambda params, **_: ranges.append(params["headers"]["Range"]))
    # The worker is told to stop in the second chunk.
    ports, asked = with_storage(app, storage), itertools.count()
    step(app, target_id, replace(ports, is_stopping=lambda: next(asked) > 160))
    assert (load(app, target_id).state, load(app, target_id).lease_token) == ("publishing", None)
    assert step(app, target_id, ports).state == "processing"
    assert ranges == ["bytes=0-", f"bytes={35 * MB}-"]
    follow(app, frozen, target_id)
    assert load(app, target_id).state == "published"


def test_a_killed_worker_s_upload_goes_on_at_the_byte_that_tiktok_has(app, tiktok, frozen, scene, big_video):
    target_id = scene.schedule(media_file_id=factories.make_media(app, scene.person, big_video))
    frozen.advance(minutes=2)

    def die_in_the_second_chunk(position):
        if position > 40 * MB:
            raise Killed
    with pytest.raises(Killed):
        step(app, target_id, with_storage(app, WatchedStorage(factories.wired(app).settings.media_path, die_in_the_second_chunk)))
    target = load(app, target_id)
    assert (target.state, target.uploaded_bytes) == ("publishing", 35 * MB)
    frozen.advance(seconds=30)
    assert step(app, target_id).lease_token == target.lease_token, "the lease still belongs to the dead worker"
    frozen.advance(seconds=40)
    read = []
    target = step(app, target_id, with_storage(app, WatchedStorage(factories.wired(app).settings.media_path, read.append)))
    assert target.state == "processing" and min(read) == 35 * MB
    follow(app, frozen, target_id)  # the sandbox examines a large file in its own time
    target = load(app, target_id)
    assert (target.state, target.problem_code) == ("published", None)
    assert len(tiktok.posts()) == len(tiktok.calls("video_init")) == 1


def test_a_worker_killed_after_the_last_byte_does_not_send_it_again(app, tiktok, frozen, scene):
    target_id = scene.schedule()
    frozen.advance(minutes=2)
    wired = factories.wired(app).publishing

    class DiesAfterSending(type(wired.tiktok)):
        def put_chunk(self, *args):
            super().put_chunk(*args)
            raise Killed
    settings = factories.wired(app).settings
    tiktok_client = DiesAfterSending(api_url=settings.tiktok_api_url, web_url=settings.tiktok_web_url,
                                     upload_hosts=settings.tiktok_upload_hosts)
    with pytest.raises(Killed):
        step(app, target_id, PublishingPorts(wired.accounts, tiktok_client, wired.cipher, wired.storage, wired.utcnow))
    tiktok_client.close()
    frozen.advance(seconds=70)
    assert step(app, target_id).state == "processing"
    assert step(app, target_id).state == "published"
    assert len(tiktok.posts()) == len(tiktok.calls("video_init")) == 1


def test_polls_after_5_10_20_and_then_every_60_seconds(app, tiktok, frozen, scene):
    tiktok.switch(processing_seconds=1000)
    target_id = scene.schedule()
    frozen.advance(minutes=2)
    waits = []
    for _ in range(6):
        due_at = step(app, target_id).due_at
        waits.append((due_at - clock.utcnow()).total_seconds())
        frozen.advance(seconds=waits[-1])
    assert waits == [5, 10, 20, 60, 60, 60]
    assert load(app, target_id).state == "processing"


def test_is_published_before_it_has_a_link_and_gets_it_later(app, tiktok, frozen, scene):
    tiktok.switch(moderation_seconds=30)
    target_id = scene.schedule()
    frozen.advance(minutes=2)
    step(app, target_id)
    frozen.advance(seconds=5)
    target = step(app, target_id)
    assert (target.state, target.permalink) == ("published", None)
    assert target.due_at == clock.utcnow() + timedelta(seconds=5)
    frozen.advance(seconds=31)
    assert step(app, target_id).permalink == tiktok.posts()[0]["url"]


def test_a_private_post_has_no_link_and_is_not_asked_about_again(app, tiktok, frozen, scene):
    target_id = scene.schedule(privacy=PrivacyLevel.ONLY_ME)
    frozen.advance(minutes=2)
    step(app, target_id)
    frozen.advance(seconds=5)
    target = step(app, target_id)
    assert (target.state, target.permalink, target.due_at) == ("published", None, None)


def test_is_held_when_the_creator_no_longer_allows_what_was_chosen(app, tiktok, frozen, scene):
    target_id = scene.schedule(allow_comment=True)
    httpx.patch(f"{tiktok.url}/sandbox/api/creators/northbound", json={"comment_disabled": True}).raise_for_status()
    frozen.advance(minutes=2)
    target = step(app, target_id)
    assert (target.state, target.problem_code, target.due_at) == ("missed", "comment_disabled", None)
    assert "comments off" in target.problem_text
    assert tiktok.calls("video_init") == []
    with app.app_context():
        assert db.session.scalar(sa.select(sa.func.count()).select_from(Event).where(Event.kind == "target.missed")) == 1


def test_is_held_when_the_account_was_disconnected(app, tiktok, frozen, scene):
    target_id = scene.schedule()
    with app.app_context():
        account = accounts.load_account(scene.person.workspace_id, scene.account_id)
        assert accounts.disconnect_account(account=account, actor_id=scene.person.user_id, ports=factories.wired(app).accounts)
    frozen.advance(minutes=2)
    target = step(app, target_id)
    assert (target.state, target.problem_code) == ("missed", "token_missing")


def test_fails_when_its_media_is_gone_and_nothing_is_sent(app, tiktok, frozen, scene, tmp_path):
    target_id = scene.schedule()
    frozen.advance(minutes=2)
    target = step(app, target_id, with_storage(app, DiskStorage(tmp_path / "empty")))
    assert (target.state, target.problem_code) == ("failed", "media_missing")
    assert tiktok.calls("video_init") == []


def test_waits_while_tiktok_cannot_be_reached_and_stays_editable(app, tiktok, frozen, scene):
    target_id = scene.schedule()
    frozen.advance(minutes=2)
    wired = factories.wired(app).publishing
    nowhere = type(wired.tiktok)(api_url="http://127.0.0.1:9", web_url="", upload_hosts=())
    ports = PublishingPorts(wired.accounts, nowhere, wired.cipher, wired.storage, wired.utcnow)
    waits = []
    real = wired.accounts
    ports = PublishingPorts(accounts.AccountPorts(nowhere, real.oauth, real.cipher, real.storage, real.utcnow), nowhere,
                            wired.cipher, wired.storage, wired.utcnow)
    for _ in range(3):
        target = step(app, target_id, ports)
        assert (target.state, target.problem_code) == ("scheduled", "unreachable")
        waits.append((target.due_at - clock.utcnow()).total_seconds())
        with app.app_context():
            assert due_targets(clock.utcnow()) == [], "back-off is part of what `due` means"
        frozen.advance(seconds=waits[-1])
    nowhere.close()
    assert waits == [10, 20, 40]
    assert step(app, target_id).state == "processing"
    frozen.advance(seconds=5)
    assert step(app, target_id).state == "published"
    assert len(tiktok.posts()) == 1


def test_fails_with_the_reason_that_tiktok_gives(app, tiktok, frozen, scene):
    target_id = scene.schedule(caption="Great sandbox-spam-text offer")
    frozen.advance(minutes=2)
    step(app, target_id)
    frozen.advance(seconds=5)
    target = step(app, target_id)
    assert (target.state, target.problem_code, target.published_at) == ("failed", "spam_risk_text", None)
    assert "caption" in target.problem_text
    assert tiktok.posts() == []


def test_a_token_that_tiktok_refuses_is_renewed_once_and_the_call_repeated(app, tiktok, frozen, scene):
    target_id = scene.schedule()
    before = len(tiktok.calls("token"))
    frozen.advance(hours=26)  # past the token's 24 hours: it has to be renewed first
    assert step(app, target_id).state == "processing"
    assert len(tiktok.calls("token")) == before + 1
    assert len(tiktok.calls("video_init")) == 1


def test_needs_reconnecting_when_the_creator_took_the_permission_back(app, tiktok, frozen, scene):
    target_id = scene.schedule()
    with app.app_context():
        account = accounts.load_account(scene.person.workspace_id, scene.account_id)
        factories.wired(app).login.revoke(factories.wired(app).cipher.open(account.access_token_sealed))
    frozen.advance(minutes=2)
    target = step(app, target_id)
    assert target.state == "missed"
    with app.app_context():
        assert db.session.get_one(TikTokAccount, scene.account_id).connection is Connection.NEEDS_RECONNECT


def test_a_bug_rests_the_target_instead_of_spinning(app, tiktok, frozen, scene):
    target_id = scene.schedule()
    frozen.advance(minutes=2)

    def explode(_position):
        raise ZeroDivisionError
    with pytest.raises(ZeroDivisionError):
        step(app, target_id, with_storage(app, WatchedStorage(factories.wired(app).settings.media_path, explode)))
    target = load(app, target_id)
    assert (target.lease_token, target.due_at) == (None, clock.utcnow() + timedelta(minutes=1))
    frozen.advance(minutes=1)
    assert step(app, target_id).state == "processing"
    assert len(tiktok.calls("video_init")) == 1


def test_a_video_that_tiktok_can_t_use_fails_with_its_check(app, tiktok, frozen, scene, tmp_path):
    """The creator's limit shrinks between the last check and TikTok's own: TikTok's word counts."""
    media_id = factories.make_media(app, scene.person, make_video(tmp_path / "long.mp4", seconds=5, fps=24))
    target_id = scene.schedule(media_file_id=media_id)
    frozen.advance(minutes=2)
    step(app, target_id)
    httpx.patch(f"{tiktok.url}/sandbox/api/creators/northbound", json={"max_seconds": 3}).raise_for_status()
    frozen.advance(seconds=5)
    target = step(app, target_id)
    assert (target.state, target.problem_code) == ("failed", "duration_check_failed")


def test_a_seventh_post_in_a_minute_waits_its_turn_and_has_not_failed(app, tiktok, frozen, scene):
    ids = [scene.schedule() for _ in range(7)]
    frozen.advance(minutes=2)
    for target_id in ids[:6]:
        assert step(app, target_id).state == "processing"
        frozen.advance(seconds=1)
    waiting = step(app, ids[6])
    assert (waiting.state, waiting.problem_code, waiting.failed_tries) == ("scheduled", "waits_for_minute", 0)
    assert [(row.step, row.code) for row in attempts(app, waiting.id)] == [("creator_info", "ok")], "what was asked has its end"
    assert waiting.due_at == clock.utcnow() + timedelta(seconds=54)
    assert "waits its turn" in waiting.problem_text
    assert len(tiktok.calls("video_init")) == 6
    frozen.advance(seconds=54)
    assert step(app, ids[6]).state == "processing"


def test_a_sixteenth_post_in_a_day_waits_for_the_day(app, tiktok, frozen, scene):
    tiktok.switch(caps=False)
    ids = [scene.schedule(privacy=PrivacyLevel.ONLY_ME) for _ in range(16)]
    frozen.advance(minutes=2)
    first = clock.utcnow()
    for target_id in ids[:15]:
        assert step(app, target_id).state == "processing"
        frozen.advance(minutes=2)
    calls = len(tiktok.calls("creator_info"))
    waiting = step(app, ids[15])
    assert (waiting.state, waiting.problem_code, waiting.due_at) == ("scheduled", "waits_for_day", first + timedelta(hours=24))
    assert len(tiktok.calls("creator_info")) == calls, "nothing is asked that will not be used"
    frozen.now = first
    frozen.advance(hours=24)
    assert step(app, ids[15]).state == "processing"


def test_tiktok_s_own_cap_is_waited_for(app, tiktok, frozen, scene):
    target_id = scene.schedule()
    httpx.patch(f"{tiktok.url}/sandbox/api/creators/northbound", json={"capped": True}).raise_for_status()
    frozen.advance(minutes=2)
    target = step(app, target_id)
    assert (target.state, target.problem_code) == ("scheduled", "spam_risk_too_many_posts")
    assert target.due_at == clock.utcnow() + timedelta(hours=1)
    httpx.patch(f"{tiktok.url}/sandbox/api/creators/northbound", json={"capped": False}).raise_for_status()
    frozen.advance(hours=1)
    assert step(app, target_id).state == "processing"


@pytest.mark.parametrize("code", [
    "internal_error", "spam_risk_user_banned_from_posting", "a_code_of_tomorrow", "token_not_authorized_for_specified_publish_id",
])
def test_what_tiktok_may_have_is_unconfirmed_and_never_failed_or_sent_again(app, tiktok, frozen, scene, code):
    """Whatever a status call answers: the bytes are at TikTok, and only its FAILED says that there is no post."""
    target_id = scene.schedule()
    frozen.advance(minutes=2)
    step(app, target_id)
    with app.app_context():  # as after hours of trying
        db.session.execute(sa.update(PostTarget).values(failed_tries=30))
        db.session.commit()
    tiktok.post("/sandbox/api/faults", match={"endpoint": "status"}, kind="error_code", code=code, times=1)
    frozen.advance(hours=1)
    target = step(app, target_id)
    assert (target.state, target.published_at) == ("unconfirmed", None), target.problem_text
    assert target.problem_code == code and "will not send it again" in target.problem_text
    with app.app_context():
        db.session.execute(sa.update(TikTokAccount).values(connection=Connection.CONNECTED))
        db.session.commit()
    frozen.advance(hours=1)
    assert step(app, target_id).state == "published"
    assert len(tiktok.calls("video_init")) == len(tiktok.posts()) == 1
