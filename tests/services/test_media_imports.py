"""Import by link: queued, fetched by a worker, probed and kept; taken over when a worker dies; a dead link is said to be one."""

from __future__ import annotations

import dataclasses
import hashlib
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
import sqlalchemy as sa

from app import clock
from app.domain.errors import DomainError
from app.infra.fetch import Limits, WebFetcher
from app.infra.task_queue import QueueName
from app.jobs.publishing import beat, sweep_uploads
from app.jobs.worker import make_hand
from app.models import Event, ImportState, MediaFile, MediaImport, db
from app.queries.due import due_imports
from app.queries.imports import load_import, waiting_imports
from app.services import media_imports
from app.services.media_imports import LEASE, PAUSES, advance_import, retry_import, start_import
from tests import factories
from tests.house import flask_process
from tests.servers import wait_for
from tests.websites import serving

S = ImportState
MB = 1_000_000


@pytest.fixture
def site(video_path):
    with serving() as found:
        found.pages["/clip.mp4"] = (200, {"Content-Type": "video/mp4"}, video_path.read_bytes())
        yield found


@pytest.fixture
def ports(app, site, monkeypatch):
    """What imports need, with this site allowed; the application's own jobs use it too."""
    web = WebFetcher(Limits(max_bytes=10 * MB, idle_seconds=2), [site.netloc])
    monkeypatch.setitem(app.extensions, "oncue", dataclasses.replace(factories.wired(app), web=web))
    return factories.wired(app).media_imports


@pytest.fixture
def start(app, alice, site, ports):
    def make(path="/clip.mp4"):
        with app.app_context():
            return start_import(f"http://{site.netloc}{path}", workspace_id=alice.workspace_id, actor_id=alice.user_id, ports=ports)
    return make


def load(app, import_id) -> MediaImport:
    with app.app_context():
        found = db.session.get_one(MediaImport, import_id)
        db.session.expunge(found)
        return found


def advance(app, import_id, ports):
    with app.app_context():
        advance_import(import_id, ports)
    return load(app, import_id)


def files(app) -> int:
    with app.app_context():
        return db.session.scalar(sa.select(sa.func.count()).select_from(MediaFile))


def run_beat(app):
    factories.wired(app).redis.delete("oncue:beat:gate")
    with app.app_context():
        beat()


def test_a_file_is_found_by_the_beat_fetched_by_a_worker_and_kept_like_an_upload(app, start, alice, site, video_path):
    import_id = start()
    assert (load(app, import_id).state, site.asked) == (S.QUEUED, [])
    run_beat(app)
    run_beat(app)
    assert [job.args[0] for job in factories.wired(app).tasks.queue(QueueName.MEDIA).jobs] == [import_id]
    make_hand(app, [QueueName.MEDIA]).work(burst=True, logging_level="ERROR")
    done, size = load(app, import_id), video_path.stat().st_size
    assert (done.state, done.received_bytes, done.total_bytes, done.due_at, done.lease_token) == (S.DONE, size, size, None, None)
    with app.app_context():
        media = db.session.get_one(MediaFile, done.media_file_id)
        assert (media.name, media.size_bytes, media.workspace_id, media.uploaded_by_id) == (
            "clip.mp4", size, alice.workspace_id, alice.user_id)
        assert due_imports(clock.utcnow()) == []
    assert factories.wired(app).redis.keys("oncue:import-queued:*") == [] and len(site.asked) == 1


@pytest.mark.parametrize("url", ["http://127.0.0.1/", "http://169.254.169.254/latest/", "file:///etc/passwd", "clip.mp4", "http://2130706433/"])
def test_what_may_never_be_fetched_is_refused_at_once_beside_its_field(app, alice, ports, url):
    with app.app_context():
        with pytest.raises(DomainError) as caught:
            start_import(url, workspace_id=alice.workspace_id, actor_id=alice.user_id, ports=ports)
        assert caught.value.problems[0].field == "url" and caught.value.code in ("url_invalid", "url_forbidden")
        assert db.session.scalar(sa.select(sa.func.count()).select_from(MediaImport)) == 0


@pytest.mark.parametrize(("status", "body", "code"), [(404, b"", "url_not_found"), (403, b"", "url_denied"), (200, b"", "media_empty"),
                                                      (200, b"no film", "video_not_media"), (200, b"x" * 11 * MB, "url_too_large")])
def test_what_time_does_not_heal_fails_in_words_and_is_not_tried_again(app, start, ports, site, status, body, code):
    site.pages["/clip.mp4"] = (status, {}, body)
    failed = advance(app, start(), ports)
    assert (failed.state, failed.problem_code, failed.due_at, failed.media_file_id) == (S.FAILED, code, None, None)
    assert failed.problem_text.endswith(".")
    assert advance(app, failed.id, ports).tries == 1 and len(site.asked) == 1


def test_what_may_heal_is_tried_three_times_more_and_then_fails(app, start, ports, site, frozen):
    site.pages["/clip.mp4"] = (503, {}, b"")
    import_id = start()
    for number, pause in enumerate(PAUSES, 1):
        waiting = advance(app, import_id, ports)
        assert (waiting.state, waiting.problem_code, waiting.tries) == (S.QUEUED, "url_unavailable", number)
        assert waiting.due_at == clock.utcnow() + pause
        assert advance(app, import_id, ports).tries == number, "not before its time"
        frozen.advance(seconds=pause.total_seconds())
    assert advance(app, import_id, ports).state == S.FAILED
    assert len(site.asked) == 4


def test_a_try_that_succeeds_takes_the_problem_away(app, start, ports, site, frozen):
    good, site.pages["/clip.mp4"] = site.pages["/clip.mp4"], (500, {}, b"")
    import_id = start()
    assert advance(app, import_id, ports).problem_code == "url_unavailable"
    site.pages["/clip.mp4"] = good
    frozen.advance(seconds=10)
    done = advance(app, import_id, ports)
    assert (done.state, done.problem_code, done.problem_text, done.tries) == (S.DONE, None, None, 2)


def test_a_failed_import_is_begun_anew_by_a_person_and_no_other_is(app, start, ports, alice, bob, site):
    good, site.pages["/clip.mp4"] = site.pages["/clip.mp4"], (404, {}, b"")
    import_id = start()
    assert advance(app, import_id, ports).state == S.FAILED
    site.pages["/clip.mp4"] = good
    with app.app_context():
        with pytest.raises(DomainError, match="import_not_found"):
            retry_import(import_id, workspace_id=bob.workspace_id, ports=ports)
        retry_import(import_id, workspace_id=alice.workspace_id, ports=ports)
    assert (load(app, import_id).state, load(app, import_id).problem_code) == (S.QUEUED, None)
    assert advance(app, import_id, ports).state == S.DONE
    with app.app_context(), pytest.raises(DomainError, match="import_not_failed"):
        retry_import(import_id, workspace_id=alice.workspace_id, ports=ports)


def test_a_dead_worker_s_import_is_taken_over_and_a_living_one_s_is_not(app, start, ports, site, frozen):
    import_id = start()
    with app.app_context():
        taken = media_imports._claim(import_id, clock.utcnow())
        assert due_imports(clock.utcnow()) == []
    assert advance(app, import_id, ports).state == S.FETCHING and site.asked == []
    frozen.advance(seconds=LEASE.total_seconds() + 1)
    with app.app_context():
        assert due_imports(clock.utcnow()) == [import_id]
    assert advance(app, import_id, ports).state == S.DONE
    with app.app_context(), pytest.raises(media_imports.LeaseLost):
        media_imports._work_on(taken, ports)  # the thought-dead worker wakes up
    assert files(app) == 1 and load(app, import_id).state == S.DONE


def test_a_file_that_kills_each_of_its_workers_is_given_up(app, start, ports, site, frozen):
    import_id = start()
    for _ in range(4):
        with app.app_context():
            assert media_imports._claim(import_id, clock.utcnow())
        frozen.advance(seconds=LEASE.total_seconds() + 1)
    failed = advance(app, import_id, ports)
    assert (failed.state, failed.problem_code, site.asked) == (S.FAILED, "import_interrupted", [])


def test_a_stopping_process_hands_its_file_over_without_counting_the_try(app, start, ports, site):
    import_id = start()
    handed = advance(app, import_id, dataclasses.replace(ports, is_stopping=lambda: True))
    assert (handed.state, handed.tries, handed.lease_token) == (S.QUEUED, 0, None)
    assert advance(app, import_id, ports).state == S.DONE


def slowly(body, go_on: threading.Event, first=65536):
    """A page that sends its beginning, and the rest when it may."""
    def page(handler):
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body))
        handler.wfile.write(body[:first])
        go_on.wait(20)
        handler.wfile.write(body[first:])
    return page


def test_progress_is_written_and_renews_the_lease(app, start, ports, site, monkeypatch, video_path):
    monkeypatch.setattr(media_imports, "REPORT_SECONDS", 0.0)
    go_on, body = threading.Event(), video_path.read_bytes()
    site.pages["/clip.mp4"] = slowly(body, go_on, first=1000)
    import_id = start()
    worker = threading.Thread(target=advance, args=(app, import_id, ports))
    worker.start()
    halfway = wait_for(lambda: (found := load(app, import_id)).received_bytes and found)
    go_on.set()
    worker.join()
    assert (halfway.state, halfway.total_bytes, halfway.received_bytes) == (S.FETCHING, len(body), 1000)
    assert load(app, import_id).state == S.DONE


# Going on where it broke


class Ranged:
    """A page that breaks off after so many bytes, and has the rest for whoever asks for it with the right version."""

    def __init__(self, body: bytes, etag: str | None = '"v1"') -> None:
        self.body, self.etag, self.breaks_after, self.asked = body, etag, None, []

    def __call__(self, handler) -> None:
        wanted = handler.headers.get("Range") if handler.headers.get("If-Range") == self.etag else None
        first = int(wanted.removeprefix("bytes=").removesuffix("-")) if wanted else 0
        self.asked.append(first)
        handler.send_response(206 if wanted else 200)
        if wanted:
            handler.send_header("Content-Range", f"bytes {first}-{len(self.body) - 1}/{len(self.body)}")
        if self.etag:
            handler.send_header("ETag", self.etag)
        handler.send_header("Content-Length", str(len(self.body) - first))
        handler.end_headers()
        handler.wfile.write(self.body[first:self.breaks_after])
        handler.close_connection = True


@pytest.fixture
def ranged(site, video_path):
    site.pages["/clip.mp4"] = page = Ranged(video_path.read_bytes())
    return page


@pytest.fixture
def partials(ports):
    for name in ports.partials.ids():
        ports.partials.discard(name)
    return ports.partials


def break_off(app, import_id, ports, ranged, frozen, after=20_000):
    """One try that ends after so many bytes, and the time until the next."""
    ranged.breaks_after = after
    broken = advance(app, import_id, ports)
    assert (broken.state, broken.problem_code) == (S.QUEUED, "url_broken")
    ranged.breaks_after = None
    frozen.advance(minutes=6)
    return broken


def test_a_broken_download_goes_on_at_its_byte(app, start, ports, ranged, partials, frozen):
    import_id = start()
    broken = break_off(app, import_id, ports, ranged, frozen)
    assert (broken.version, [partials.size(name) for name in partials.ids()]) == ('"v1"', [20_000])
    done = advance(app, import_id, ports)
    assert (done.state, done.received_bytes, ranged.asked) == (S.DONE, len(ranged.body), [0, 20_000])
    with app.app_context():
        assert db.session.query(MediaFile.sha256).scalar() == hashlib.sha256(ranged.body).hexdigest()
    assert partials.ids() == []


def test_another_version_begins_anew(app, start, ports, ranged, partials, frozen):
    import_id = start()
    break_off(app, import_id, ports, ranged, frozen)
    ranged.etag = '"v2"'
    done = advance(app, import_id, ports)
    assert (done.state, done.version, ranged.asked) == (S.DONE, '"v2"', [0, 0]) and partials.ids() == []


def test_without_a_version_nothing_is_kept_between_tries(app, start, ports, ranged, partials, frozen):
    ranged.etag, import_id = None, start()
    break_off(app, import_id, ports, ranged, frozen)
    assert partials.ids() == []
    assert (advance(app, import_id, ports).state, ranged.asked) == (S.DONE, [0, 0])


def test_a_machine_that_has_other_bytes_does_not_go_on_with_them(app, start, ports, ranged, partials, frozen):
    import_id = start()
    break_off(app, import_id, ports, ranged, frozen)
    with app.app_context():  # as another machine has begun it meanwhile
        db.session.execute(sa.update(MediaImport).values(version='"v2"'))
        db.session.commit()
    ranged.etag = '"v2"'
    assert (advance(app, import_id, ports).state, ranged.asked) == (S.DONE, [0, 0])


def test_a_line_that_breaks_often_but_brings_much_is_not_given_up(app, start, ports, ranged, partials, frozen, monkeypatch):
    monkeypatch.setattr(media_imports, "GOOD_TRY_BYTES", 4000)
    import_id = start()
    for number in range(1, 7):
        assert break_off(app, import_id, ports, ranged, frozen, after=number * 5000).tries == 0
    assert advance(app, import_id, ports).state == S.DONE
    assert ranged.asked == [n * 5000 for n in range(7)]


def test_what_nobody_goes_on_with_is_swept(app, start, ports, ranged, partials, frozen):
    waiting = start()
    break_off(app, waiting, ports, ranged, frozen)
    for name in (f"{waiting}v00", "x", "999999v00"):
        partials.hold(name).close()
    with app.app_context():
        sweep_uploads()
    assert [partials.size(name) for name in partials.ids()] == [20_000]


def test_what_failed_for_good_leaves_no_bytes(app, start, ports, ranged, partials):
    ranged.body = b"no film" * 1000
    assert advance(app, start(), ports).problem_code == "video_not_media"
    assert partials.ids() == []


# Side by side


def test_a_workspace_s_third_import_waits_and_says_so_and_another_s_does_not(app, start, alice, bob, ports, site, frozen):
    first, second, third = start(), start(), start()
    with app.app_context():
        other = start_import(f"http://{site.netloc}/clip.mp4", workspace_id=bob.workspace_id, actor_id=bob.user_id, ports=ports)
        assert load_import(alice.workspace_id, third, clock.utcnow()).waits_for_others is False
        for import_id in (first, second):
            assert media_imports._claim(import_id, clock.utcnow())
        assert due_imports(clock.utcnow()) == [other]
        assert media_imports._claim(third, clock.utcnow()) is None
        assert [load_import(alice.workspace_id, i, clock.utcnow()).waits_for_others for i in (first, third)] == [False, True]
        assert load_import(bob.workspace_id, third, clock.utcnow()) is None
        assert waiting_imports(clock.utcnow()).count == 2
    frozen.advance(seconds=LEASE.total_seconds() + 1)
    assert advance(app, third, ports).state == S.DONE


def test_of_many_claims_at_once_no_more_than_may_run_get_through(app, start, ports, frozen):
    ids = [start() for _ in range(6)]
    barrier = threading.Barrier(6)

    def claim(import_id):
        with app.app_context():
            barrier.wait(10)
            return media_imports._claim(import_id, clock.utcnow())
    with ThreadPoolExecutor(6) as pool:
        assert sum(found is not None for found in pool.map(claim, ids)) == 2


# Room and history


def test_a_file_that_has_no_room_is_not_fetched(app, start, ports, site, video_path):
    tight = dataclasses.replace(ports, quota_bytes=video_path.stat().st_size - 1)
    refused = advance(app, start(), tight)
    assert (refused.state, refused.problem_code, refused.received_bytes, files(app)) == (S.FAILED, "quota_full", 0, 0)


def test_a_file_that_did_not_say_its_size_is_not_kept_without_room(app, start, ports, site, video_path):
    def endless(handler):
        handler.wfile.write(b"HTTP/1.0 200 OK\r\n\r\n" + video_path.read_bytes())
        handler.close_connection = True
    site.pages["/clip.mp4"] = endless
    refused = advance(app, start(), dataclasses.replace(ports, quota_bytes=video_path.stat().st_size - 1))
    assert (refused.problem_code, refused.received_bytes, files(app)) == ("quota_full", video_path.stat().st_size, 0)
    assert advance(app, start(), dataclasses.replace(ports, quota_bytes=video_path.stat().st_size)).state == S.DONE


def test_history_tells_where_a_file_came_from_and_why_it_did_not(app, start, ports, site, alice):
    site.pages["/clip.mp4?token=hidden"] = site.pages["/clip.mp4"]
    done = advance(app, start("/clip.mp4?token=hidden"), ports)
    site.pages["/clip.mp4"] = (404, {}, b"")
    advance(app, start(), ports)
    with app.app_context():
        events = {event.kind: event for event in db.session.query(Event).filter(Event.kind.like("media.import%"))}
    assert set(events) == {"media.imported", "media.import_failed"}
    assert events["media.imported"].data == {"media_file_id": done.media_file_id, "host": "127.0.0.1"}
    assert events["media.import_failed"].data == {"host": "127.0.0.1", "code": "url_not_found"}
    assert {event.actor_id for event in events.values()} == {alice.user_id}


def test_a_killed_process_leaves_nothing_that_another_can_not_finish(app, start, ports, site, monkeypatch):
    good, go_on = site.pages["/clip.mp4"], threading.Event()
    site.pages["/clip.mp4"] = slowly(good[2], go_on, first=1000)
    monkeypatch.setenv("FETCH_ALLOWED_HOSTS", site.netloc)
    import_id = start()
    with flask_process(app, "worker", "media", "--hands", "1") as process:
        wait_for(lambda: run_beat(app) or site.asked, seconds=30, every=0.2)
        process.kill()
        process.wait()
    go_on.set()
    site.pages["/clip.mp4"] = good
    held = load(app, import_id)
    assert held.state == S.FETCHING and held.lease_until > clock.utcnow()
    later = dataclasses.replace(ports, media=dataclasses.replace(ports.media, utcnow=lambda: clock.utcnow() + LEASE + timedelta(seconds=1)))
    assert advance(app, import_id, later).state == S.DONE
    assert files(app) == 1
