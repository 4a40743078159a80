"""A worker dies at every single point of every flow, one after the other; each time the post goes out exactly once."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace

import httpx
import pytest

from app import clock
from app.models import Post, PostTarget, db
from app.services.publishing import advance
from tests import factories
from tests.flows import FLOWS
from tests.servers import wait_for
from tests.steps import load

POINTS_AT_LEAST = {"video-direct": 24, "video-inbox": 20, "photo-direct": 18, "photo-inbox": 16}
"""Commits and calls of one post, before and after each; a flow with fewer would not have been tried everywhere."""


class Killed(BaseException):
    """A worker's sudden death."""


class Reaper:
    """Kills at the `at`-th of the points that work passes: before and after each commit and each call to TikTok."""

    def __init__(self):
        self.at, self.passed, self.where = 0, 0, ""

    def point(self, where):
        if threading.current_thread() is not threading.main_thread():
            return  # the web process, which lives on
        self.passed += 1
        if self.passed == self.at:
            self.where = where
            raise Killed(where)

    def around(self, name, function):
        def wrapped(*args, **kwargs):
            label = f"{name} {args[0].url.path}" if args and isinstance(args[0], httpx.Request) else name
            self.point(f"before {label}")
            result = function(*args, **kwargs)
            self.point(f"after {label}")
            return result
        return wrapped


@pytest.fixture
def reaper(app, tiktok, frozen, monkeypatch):
    found = Reaper()
    monkeypatch.setattr(db.session, "commit", found.around("commit", db.session.commit))
    http = factories.wired(app).tiktok._http
    monkeypatch.setattr(http, "send", found.around("call", http.send))
    return found


@pytest.fixture
def scene(app, tiktok, frozen, served, alice):
    frozen.meet()
    tiktok.switch(caps=False, rate_limits=False)
    ports = replace(factories.wired(app).publishing, posts_per_day=10_000, pending_drafts=10_000)
    return SimpleNamespace(ports=ports, account_id=factories.connect_account(app, alice, tiktok), person=alice)


def work(app, tiktok, frozen, scene, target_id, patience=60):
    """Steps until the target's fate is known; dies with the reaper's Killed."""
    for _ in range(patience):
        wait_for(lambda: all(p["status"] != "PROCESSING_DOWNLOAD" for p in tiktok.get("/sandbox/api/ledger")["publishes"]))
        tiktok.post("/sandbox/api/webhooks/deliver")
        with app.app_context():
            advance(target_id, scene.ports)
        if load(app, target_id).state in ("published", "in_inbox", "failed", "missed"):
            return
        frozen.advance(seconds=20)
    raise AssertionError(f"target {target_id} is still {load(app, target_id).state}")


def arrived(tiktok):
    """Publish ids that have become a post or a draft."""
    return {p["publish_id"] for p in tiktok.get("/sandbox/api/ledger")["publishes"]
            if p["status"] in ("PUBLISH_COMPLETE", "SEND_TO_USER_INBOX")}


@pytest.mark.parametrize("flow", FLOWS, ids=str)
def test_a_worker_may_die_anywhere(app, tiktok, frozen, scene, reaper, tmp_path, flow):
    media = flow.make_media(app, scene.person, tmp_path)
    deaths = []
    for point in range(1, 200):
        reaper.at, before = 0, arrived(tiktok)
        target_id = flow.schedule(app, scene.person, scene.account_id, media, clock.utcnow() + timedelta(seconds=30))
        frozen.advance(seconds=30)
        reaper.at, reaper.passed, reaper.where = point, 0, ""
        try:
            work(app, tiktok, frozen, scene, target_id)
        except Killed:
            deaths.append(reaper.where)
            frozen.advance(seconds=61)
            work(app, tiktok, frozen, scene, target_id)
        target = load(app, target_id)
        assert target.state == ("published" if flow.mode == "direct" else "in_inbox"), (reaper.where, target.state, target.problem_code)
        at_tiktok = arrived(tiktok) - before
        assert len(at_tiktok) == 1, (reaper.where, at_tiktok)
        if not reaper.where:
            break
    else:
        raise AssertionError("the reaper was never late")
    assert len(deaths) >= POINTS_AT_LEAST[str(flow)], deaths
    with app.app_context():
        assert db.session.query(Post).count() == db.session.query(PostTarget).count() == len(deaths) + 1
