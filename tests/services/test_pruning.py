"""Old webhooks and old tries are deleted, and nothing that somebody still needs."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa

from app import clock
from app.domain.lifecycle import NEEDS_DUE_AT, TargetState
from app.jobs.pruning import prune
from app.models import ImportState, IncomingWebhook, MediaImport, PostTarget, PublishAttempt, Step, db
from app.services import pruning
from app.services.pruning import FINISHED, prune_attempts, prune_imports, prune_webhooks
from tests import factories
from tests.steps import step

S = TargetState


@pytest.fixture
def target_id(app, tiktok, frozen, alice, video_path):
    """A post that has been published, with its link."""
    account_id = factories.connect_account(app, alice, tiktok)
    post = factories.make_post(app, alice, account_id=account_id, media_file_id=factories.make_media(app, alice, video_path),
                               scheduled_at=clock.utcnow() + timedelta(minutes=2))
    for _ in range(5):
        frozen.advance(minutes=2)
        target = step(app, post.target_id)
    assert (target.state, target.due_at) == (S.PUBLISHED, None)
    return post.target_id


def count(app, model) -> int:
    with app.app_context():
        return db.session.scalar(sa.select(sa.func.count()).select_from(model))


def receive(app, *days_ago: float):
    with app.app_context():
        for n, days in enumerate(days_ago):
            at = clock.utcnow() - timedelta(days=days)
            db.session.add(IncomingWebhook(idempotency_key=str(n), event="post.publish.complete", content={}, happened_at=at,
                                           received_at=at))
        db.session.commit()


def set_target(app, target_id, **values):
    with app.app_context():
        db.session.execute(sa.update(PostTarget).where(PostTarget.id == target_id).values(**values))
        db.session.commit()


def test_webhooks_are_deleted_after_their_days_and_not_before(app, frozen):
    receive(app, 0, 6.9, 7.1, 30)
    with app.app_context():
        assert prune_webhooks(keep_days=7, now=clock.utcnow()) == 2
        left = db.session.scalars(sa.select(IncomingWebhook.received_at)).all()
    assert min(left) > clock.utcnow() - timedelta(days=7) and len(left) == 2


def test_tries_of_a_finished_post_are_deleted_after_their_days_and_not_before(app, frozen, target_id):
    before = count(app, PublishAttempt)
    with app.app_context():
        assert prune_attempts(keep_days=90, now=clock.utcnow() + timedelta(days=89)) == 0
        assert prune_attempts(keep_days=90, now=clock.utcnow() + timedelta(days=91)) == before >= 4
    assert count(app, PublishAttempt) == 0


def test_only_tries_of_finished_posts_are_deleted(app, frozen, target_id):
    with app.app_context():
        account_id = db.session.get_one(PostTarget, target_id).account_id
    long_ago, pruned_in = clock.utcnow() - timedelta(days=1000), set()
    for state in TargetState:
        set_target(app, target_id, state=state, published_at=clock.utcnow() if state is S.PUBLISHED else None, problem_code="x",
                   due_at=clock.utcnow() if state in NEEDS_DUE_AT else None)
        with app.app_context():
            db.session.add(PublishAttempt(target_id=target_id, account_id=account_id, step=Step.STATUS, started_at=long_ago))
            db.session.commit()
            if prune_attempts(keep_days=90, now=clock.utcnow()):
                pruned_in.add(state)
    assert pruned_in == set(FINISHED) == {S.PUBLISHED, S.FAILED, S.MISSED, S.CANCELED}


def test_tries_of_a_published_post_that_waits_for_its_link_stay(app, frozen, target_id):
    set_target(app, target_id, due_at=clock.utcnow())
    with app.app_context():
        assert prune_attempts(keep_days=90, now=clock.utcnow() + timedelta(days=1000)) == 0


def test_what_tiktok_s_limits_count_stays_however_little_shall_be_kept(app, frozen, target_id):
    with app.app_context():
        assert prune_attempts(keep_days=0, now=clock.utcnow() + timedelta(hours=24)) == 0
        assert prune_attempts(keep_days=0, now=clock.utcnow() + timedelta(hours=48)) > 0


def test_records_of_imports_are_deleted_a_month_after_and_those_on_their_way_are_not(app, frozen, alice):
    def remember(days_ago: float, state=ImportState.FAILED):
        at = clock.utcnow() - timedelta(days=days_ago)
        db.session.add(MediaImport(workspace_id=alice.workspace_id, url="https://example.com/a.mp4", created_by_id=alice.user_id,
                                   state=state, created_at=at, due_at=at if state is ImportState.QUEUED else None,
                                   problem_code="x", problem_text="X."))
    with app.app_context():
        for days in (0, 29, 31):
            remember(days)
        remember(31, ImportState.QUEUED)
        db.session.commit()
        assert prune_imports(now=clock.utcnow()) == 1
        assert sorted(db.session.scalars(sa.select(MediaImport.state))) == ["failed", "failed", "queued"]


def test_deletes_in_batches_and_goes_on_in_the_next_run(app, frozen, monkeypatch):
    receive(app, *[10] * 25)
    monkeypatch.setattr(pruning, "BATCHES", 2)
    with app.app_context():
        assert [prune_webhooks(keep_days=7, now=clock.utcnow(), batch=10) for _ in range(3)] == [20, 5, 0]


def test_the_periodic_job_keeps_as_long_as_the_settings_say(app, frozen, target_id):
    receive(app, 6, 8)
    with app.app_context():
        prune()
    assert count(app, IncomingWebhook) == 1 and count(app, PublishAttempt) > 0
    frozen.advance(days=91)
    with app.app_context():
        prune()
    assert count(app, IncomingWebhook) == count(app, PublishAttempt) == 0
