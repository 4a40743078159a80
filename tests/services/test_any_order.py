"""Whatever happens in whatever order: no state leaves the table of transitions, and nothing is at TikTok twice.

The database itself writes down each change of a state, by a trigger; TikTok is an adversary that accepts, refuses, loses its
answers, fetches photos late, fails posts and keeps silent, by dice.
"""

from __future__ import annotations

import itertools
import random
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app import clock
from app.domain.errors import DomainError
from app.domain.lifecycle import TRANSITIONS, TargetState, is_legal
from app.domain.post_rules import CreatorInfo, PrivacyLevel
from app.models import db
from app.services.incoming_webhooks import ABOUT_A_POST, receive_webhook
from app.services.ports import InitReceipt, PublishStatus, TikTokError, VideoList, Webhook
from app.services.posts import cancel_target
from app.services.publishing import advance, confirm_live, fetched_photo
from app.services.publishing.targets import claim
from app.services.scheduling import move_target
from app.services.transactions import writing
from tests import factories
from tests.flows import FLOWS
from tests.steps import load

TRANSIENT = ("timeout", "broken", "unreadable", "internal_error", "rate_limit_exceeded", "unreachable")
REFUSED = ("spam_risk_too_many_posts", "access_token_invalid", "scope_not_authorized", "invalid_params", "spam_risk", "never_heard_of")
REASONS = ("internal", "photo_pull_failed", "spam_risk", "file_format_check_failed", "auth_removed", "never_heard_of")
ids = itertools.count(1)


class Adversary:
    """TikTok at its worst. `alive` are the publish ids that are, or may become, a post."""

    def __init__(self, dice, ports):
        self.dice, self.ports = dice, ports
        self.alive, self.failed, self.late = set(), {}, []

    def refuse_at_times(self):
        if self.dice.random() < 0.3:
            code = self.dice.choice(TRANSIENT + REFUSED)
            raise TikTokError(code, http_status={"internal_error": 500, "rate_limit_exceeded": 429}.get(code, 400))

    def creator_info(self, _token):
        self.refuse_at_times()
        options = tuple(PrivacyLevel) if self.dice.random() < 0.9 else (PrivacyLevel.ONLY_ME,)
        return CreatorInfo("northbound", "Northbound", "", options, False, False, False, 600)

    def init_video(self, _token, _request):
        self.refuse_at_times()
        return InitReceipt(f"v{next(ids)}", "http://127.0.0.1/upload", None)

    def put_chunk(self, _url, _chunk, _total, _content_type, body):
        fate = self.dice.choice(("arrives", "arrives", "lost", "refused"))
        if fate == "refused":
            raise TikTokError(self.dice.choice(("upload_403", "upload_404", "upload_500", "upload_416", "upload_400")))
        for _ in body:
            pass
        self.alive.add(self.uploading())
        if fate == "lost":
            raise TikTokError("timeout")
        return True

    def uploading(self):
        return db.session.execute(sa.text("SELECT publish_id FROM post_targets WHERE id = :id"), {"id": self.target_id}).scalar()

    def init_photos(self, _token, request):
        self.refuse_at_times()
        publish_id, fate = f"p{next(ids)}", self.dice.choice(("arrives", "arrives", "lost", "late"))
        fetch = (publish_id, request.urls[0].split("/")[2])
        if fate == "late":
            self.late.append(fetch)
            raise TikTokError("timeout")
        self.fetch(*fetch)
        if fate == "lost":
            raise TikTokError("broken")
        return InitReceipt(publish_id, None, None)

    def fetch(self, publish_id, token):
        if fetched_photo(token, 0, self.ports):
            self.alive.add(publish_id)
        else:
            self.failed[publish_id] = "photo_pull_failed"

    def fetch_status(self, _token, publish_id):
        self.refuse_at_times()
        if publish_id not in self.alive | self.failed.keys():
            return PublishStatus("PROCESSING_UPLOAD", None, (), 0, None)
        if publish_id in self.alive and self.dice.random() < 0.3:
            self.alive.discard(publish_id)
            self.failed[publish_id] = self.dice.choice(REASONS)
        if publish_id in self.failed:
            return PublishStatus("FAILED", self.failed[publish_id], (), None, None)
        status = self.dice.choice(("PROCESSING_UPLOAD", "PROCESSING_DOWNLOAD", "SEND_TO_USER_INBOX", "PUBLISH_COMPLETE"))
        return PublishStatus(status, None, ("7601234567890123456",) if status == "PUBLISH_COMPLETE" else (), 10**9, None)

    def list_videos(self, _token):
        self.refuse_at_times()
        return VideoList((), None)

    def permalink(self, username, post_id, *, is_photo):
        return f"https://www.tiktok.com/@{username}/{'photo' if is_photo else 'video'}/{post_id}"


@pytest.fixture
def scene(app, tiktok, frozen, alice, tmp_path):
    account_id = factories.connect_account(app, alice, tiktok)
    media = {flow: flow.make_media(app, alice, tmp_path) for flow in FLOWS}
    log = "INSERT INTO state_log VALUES (NEW.id, OLD.state, NEW.state)"
    postgresql = (
        "CREATE TABLE state_log (target_id integer, before text, after text)",
        f"CREATE FUNCTION log_state() RETURNS trigger AS $$ BEGIN {log}; RETURN NEW; END $$ LANGUAGE plpgsql",
        "CREATE TRIGGER log_state AFTER UPDATE ON post_targets FOR EACH ROW WHEN (OLD.state <> NEW.state) EXECUTE FUNCTION log_state()")
    sqlite = (postgresql[0], f"CREATE TRIGGER log_state AFTER UPDATE ON post_targets WHEN OLD.state <> NEW.state BEGIN {log}; END")
    with app.app_context():
        is_sqlite = db.engine.dialect.name == "sqlite"
        run(sqlite if is_sqlite else postgresql)
        yield SimpleNamespace(account_id=account_id, person=alice, media=media)
        run(["DROP TRIGGER log_state" + ("" if is_sqlite else " ON post_targets"), "DROP TABLE state_log",
             *([] if is_sqlite else ["DROP FUNCTION log_state"])])


def run(statements):
    db.session.rollback()
    for statement in statements:
        db.session.execute(sa.text(statement))
    db.session.commit()


def happen(event, scene, frozen, target_id, adversary, ports):
    """One thing that engine, TikTok, people or fate may do."""
    who = {"workspace_id": scene.person.workspace_id, "target_id": target_id, "actor_id": scene.person.user_id, "now": clock.utcnow()}
    if event == "step":
        advance(target_id, ports)
    elif event == "dies":
        with writing() as session:
            claim(session, target_id, clock.utcnow())
    elif event == "fetches late" and adversary.late:
        adversary.fetch(*adversary.late.pop())
    elif event == "webhook":
        known = [*adversary.alive, *adversary.failed]
        name = adversary.dice.choice(sorted(ABOUT_A_POST))
        receive_webhook(Webhook(name, clock.utcnow(), "-000open", adversary.dice.choice(known) if known else "x", None, {}), clock.utcnow())
    elif isinstance(event, int):
        frozen.now += timedelta(seconds=event)
    with suppress(DomainError):
        if event == "moved":
            move_target(**who, scheduled_at=clock.utcnow() + timedelta(minutes=1))
        elif event == "canceled":
            cancel_target(**who)
        elif event == "is live":
            confirm_live(**who, link="")


EVENTS = st.sampled_from(["step"] * 8 + ["dies", "fetches late", "webhook", "moved", "canceled", "is live"] + [5, 61, 61, 3600, 6 * 3600])


@pytest.mark.parametrize("flow", FLOWS, ids=str)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(story=st.lists(EVENTS, max_size=40), seed=st.integers(0, 2**32))
def test_no_story_leaves_the_table_or_posts_twice(app, frozen, scene, flow, story, seed):
    frozen.now += timedelta(days=2)
    ports = factories.wired(app).publishing
    adversary = Adversary(random.Random(seed), ports)
    ports = replace(ports, tiktok=adversary, accounts=replace(ports.accounts, tiktok=adversary, oauth=NoRefresh()), posts_per_day=10**6,
                    pending_drafts=10**6)
    target_id = adversary.target_id = make(app, scene, flow, adversary, ports)
    for event in story:
        happen(event, scene, frozen, target_id, adversary, ports)
        assert len(adversary.alive) <= 1, "TikTok was given it twice"
    target = load(app, target_id)
    if target.state in ("scheduled", "missed", "canceled"):
        assert not adversary.alive, "it may be live and nobody says so"
    for before, after in db.session.execute(sa.text("SELECT before, after FROM state_log")):
        assert is_legal(TargetState(before), TargetState(after))


def test_the_log_of_states_is_written_by_the_database(app, frozen, scene):
    target_id = make(app, scene, FLOWS[0], None, factories.wired(app).publishing)
    run([f"UPDATE post_targets SET state = 'canceled', due_at = NULL WHERE id = {target_id}"])
    assert list(db.session.execute(sa.text("SELECT before, after FROM state_log"))) == [("scheduled", "canceled")]


def test_the_story_can_reach_every_state_that_the_engine_knows():
    reached, frontier = set(), {TargetState.SCHEDULED}
    while frontier:
        reached |= frontier
        frontier = set().union(*(TRANSITIONS[state] for state in frontier)) - reached
    assert reached == set(TargetState)


class NoRefresh:
    """Tokens outlive the story."""

    def refresh(self, _token):
        raise TikTokError("unreachable")


def make(app, scene, flow, _adversary, _ports):
    frozen_start = clock.utcnow() + timedelta(seconds=1)
    with app.app_context():
        db.session.execute(sa.text("UPDATE tiktok_accounts SET connection = 'connected'"))
        db.session.commit()
    return flow.schedule(app, scene.person, scene.account_id, scene.media[flow], frozen_start)
