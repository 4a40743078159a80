"""The page about the machine: what it says when something is wrong, to whom, and that it keeps itself fresh."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from app import clock
from app.infra.presence import Kind, Process
from app.models import MediaImport, db
from app.queries.imports import Waiting
from app.web import access
from app.web.pulse import Pulse, findings
from tests import factories
from tests.web.test_health import without_redis

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
SCHEDULER = Process(Kind.SCHEDULER, "alpha", 11, NOW, is_beating=True)
BEAT = Process(Kind.WORKER, "alpha", 12, NOW, ("beat",), 2, 0)
PUBLISH = Process(Kind.WORKER, "alpha", 13, NOW, ("publish",), 16, 4)
WELL = Pulse(now=NOW, database=True, redis=True, beat_at=NOW, oldest_due_at=None, processes=(SCHEDULER, BEAT, PUBLISH))


def titles(**differently) -> list[str]:
    return [finding.title for finding in findings(replace(WELL, **differently))]


def seconds_ago(seconds: float) -> datetime:
    return NOW - timedelta(seconds=seconds)


def silent(process: Process, seconds: float = 11) -> Process:
    return replace(process, seen_at=seconds_ago(seconds))


@pytest.mark.parametrize(("differently", "expected"), [
    ({}, []),
    ({"oldest_due_at": seconds_ago(29), "beat_at": seconds_ago(29)}, []),
    ({"redis": False, "beat_at": None, "processes": ()}, ["Redis does not answer"]),
    ({"processes": ()}, ["No scheduler runs", "Nobody answers the beat", "Nobody publishes"]),
    ({"processes": (BEAT, PUBLISH)}, ["No scheduler runs"]),
    ({"processes": (SCHEDULER, PUBLISH), "beat_at": None}, ["Nobody answers the beat"]),
    ({"processes": (SCHEDULER, BEAT), "oldest_due_at": seconds_ago(60)}, ["Nobody publishes"]),
    ({"processes": (SCHEDULER, replace(BEAT, queues=("beat", "publish")))}, []),
    ({"beat_at": seconds_ago(31)}, ["The beat is late"]),
    ({"oldest_due_at": seconds_ago(31)}, ["Something is due and not begun"]),
    ({"oldest_due_at": seconds_ago(31), "processes": (SCHEDULER, BEAT, replace(PUBLISH, busy_hands=16))},
     ["More is due than hands can do"]),
    ({"imports": Waiting(2, NOW)}, ["Nobody fetches files"]),
    ({"imports": Waiting(2, seconds_ago(600)), "processes": (*WELL.processes, replace(PUBLISH, queues=("media",)))}, []),
    ({"processes": (silent(SCHEDULER), BEAT, PUBLISH)}, ["No scheduler runs", "Scheduler on alpha is silent"]),
    ({"processes": (SCHEDULER, silent(replace(SCHEDULER, pid=9)), BEAT, PUBLISH)}, ["Scheduler on alpha is silent"]),
    ({"processes": (SCHEDULER, BEAT, PUBLISH, silent(replace(PUBLISH, host="beta")))}, ["Worker publish on beta is silent"]),
])
def test_says_what_is_wrong_and_nothing_else(differently, expected):
    assert titles(**differently) == expected


def test_every_finding_says_what_to_do():
    wrong = [replace(WELL, redis=False), replace(WELL, processes=()), replace(WELL, beat_at=None),
             replace(WELL, oldest_due_at=seconds_ago(60)), replace(WELL, processes=(*WELL.processes, silent(PUBLISH)))]
    for pulse in wrong:
        for finding in findings(pulse):
            assert any(word in finding.advice for word in ("Start", "Look into", "raise", "start it again")), finding


def test_shows_every_process_with_its_hands(app, as_alice, frozen):
    presence = factories.wired(app).presence
    presence.report_worker(clock.utcnow(), queues=["publish"], hands=16, busy_hands=3)
    page = as_alice.get("/settings/system/").text
    assert "Worker publish" in page and "3 of 16 hands busy" in page and "Runs" in page
    assert "No scheduler runs" in page
    frozen.advance(seconds=20)
    page = as_alice.get("/settings/system/").text
    assert "Silent" in page and "Seen 20 s ago" in page


def test_says_so_when_everything_runs(app, as_alice, frozen, monkeypatch):
    factories.wired(app).tasks.record_beat(clock.utcnow())
    monkeypatch.setattr("app.infra.presence.Presence.everyone", lambda *_: WELL.processes)
    page = as_alice.get("/settings/system/").text
    assert "Everything runs" in page and "Nothing waits" in page and "Beats" in page and "alpha, process 13" in page


def test_says_what_is_late(app, as_alice, alice, tiktok, frozen, video_path):
    account_id = factories.connect_account(app, alice, tiktok)
    factories.make_post(app, alice, account_id=account_id, media_file_id=factories.make_media(app, alice, video_path),
                        scheduled_at=clock.utcnow() + timedelta(seconds=10))
    frozen.advance(seconds=190)
    page = as_alice.get("/settings/system/").text
    assert "Due 3 min ago" in page and "Not seen yet" in page
    assert "A post was due 3 min ago, and nobody looks for due posts" in page, "the banner says so too, without a beat"


def test_says_how_many_files_wait_to_be_fetched_and_since_when(app, as_alice, alice, frozen):
    assert "None waits" in as_alice.get("/settings/system/").text
    with app.app_context():
        for _ in range(2):
            db.session.add(MediaImport(workspace_id=alice.workspace_id, url="https://example.com/a.mp4", created_by_id=alice.user_id,
                                       created_at=clock.utcnow(), due_at=clock.utcnow()))
        db.session.commit()
    frozen.advance(seconds=190)
    page = as_alice.get("/settings/system/").text
    assert "2 wait<" in page and "The oldest since 3 min ago" in page and "Nobody fetches files" in page


def test_without_redis_it_says_so(app, as_alice, frozen):
    with without_redis(app):
        page = as_alice.get("/settings/system/").text
    assert "Redis does not answer" in page and "REDIS_URL" in page


def test_asks_for_itself(as_alice, frozen):
    fragment = as_alice.get("/settings/system/", headers={"HX-Request": "true"}).text
    assert "<html" not in fragment
    for text in (fragment, as_alice.get("/settings/system/").text):
        assert 'data-poll hx-get="/settings/system/" hx-trigger="load delay:5s, poll"' in text


def test_is_for_owners_and_settings_lead_there(as_alice, frozen, monkeypatch):
    assert 'href="/settings/system/"' in as_alice.get("/settings/").text
    load = access._load_member
    monkeypatch.setattr(access, "_load_member", lambda user_id: replace(load(user_id), is_owner=False))
    assert 'href="/settings/system/"' not in as_alice.get("/settings/").text
    assert as_alice.get("/settings/system/").status_code == 403
