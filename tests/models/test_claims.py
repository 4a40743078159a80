"""A claim is a lease, and of many who reach for a target one gets it."""

from __future__ import annotations

import random
import threading
from collections import Counter
from datetime import timedelta

import pytest
import sqlalchemy as sa

from app.domain.lifecycle import TargetState
from app.models import PostTarget, db
from app.queries.due import due_targets
from app.services.publishing.targets import LEASE, LeaseLost, claim, keep, load_work, move, released
from app.services.transactions import writing
from tests.models.rows import NOW, insert, seed

SECOND = timedelta(seconds=1)


@pytest.fixture
def target(ctx):
    """A scheduled target that is due; the argument changes its columns."""
    seed(db.session)
    db.session.commit()

    def change(**columns):
        db.session.execute(sa.update(PostTarget).values(**columns))
        db.session.commit()
    return change


def take(now=NOW, target_id=1):
    with writing() as session:
        lease_token = claim(session, target_id, now)
    return load_work(target_id, lease_token) if lease_token else None


def stored(column):
    db.session.rollback()
    return db.session.scalar(sa.select(column).where(PostTarget.id == 1))


def test_of_eight_threads_each_of_sixty_targets_is_claimed_by_exactly_one(ctx):
    seed(db.session)
    for number in range(2, 61):
        insert(db.session, "tiktok_accounts", id=number, open_id=f"-000{number}")
        insert(db.session, "post_targets", id=number, account_id=number)
    db.session.commit()
    assert len(due_targets(NOW)) == 60
    db.session.rollback()
    claimed, errors, barrier = [], [], threading.Barrier(8)

    def work(number):
        ids = list(range(1, 61))
        random.Random(number).shuffle(ids)
        try:
            barrier.wait(10)
            for target_id in ids:
                with ctx.app_context():
                    if found := take(target_id=target_id):
                        claimed.append((found.target_id, found.lease_token))
        except Exception as error:  # noqa: BLE001 any error of a thread fails the test below
            errors.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert errors == []
    assert Counter(target_id for target_id, _ in claimed) == Counter(range(1, 61))
    db.session.rollback()
    assert dict(claimed) == dict(map(tuple, db.session.execute(sa.select(PostTarget.id, PostTarget.lease_token)).all()))
    assert due_targets(NOW) == []


def test_a_scheduled_target_starts_publishing_with_the_claim(target):
    work = take()
    assert work.state is TargetState.PUBLISHING
    assert stored(PostTarget.state) is TargetState.PUBLISHING
    assert stored(PostTarget.lease_until) == NOW + LEASE


def test_a_claim_carries_what_the_next_step_needs(target):
    work = take()
    assert (work.target_id, work.account_id, work.username, work.lead.storage_key, work.lead.size_bytes) == (
        1, 1, "northbound", "1/clip.mp4", 5_000_000_000)


@pytest.mark.parametrize("state", ["processing", "published", "unconfirmed", "in_inbox"])
def test_what_is_followed_after_sending_keeps_its_state(target, state):
    target(state=TargetState(state), publish_id="p", published_at=NOW if state == "published" else None)
    assert take().state is TargetState(state)
    assert stored(PostTarget.state) is TargetState(state)


@pytest.mark.parametrize("early", [SECOND / 1_000_000, SECOND, timedelta(days=3)])
def test_nothing_is_claimed_before_its_time(target, early):
    assert take(NOW - early) is None
    assert due_targets(NOW - early) == []
    assert stored(PostTarget.state) is TargetState.SCHEDULED


def test_what_has_no_due_time_is_never_claimed(target):
    target(state=TargetState.CANCELED, due_at=None)
    assert take(NOW + timedelta(days=4000)) is None
    assert due_targets(NOW + timedelta(days=4000)) == []


@pytest.mark.parametrize("after", [timedelta(0), SECOND, LEASE])
def test_a_living_lease_is_left_alone(target, after):
    first = take()
    assert take(NOW + after) is None
    assert due_targets(NOW + after) == []
    assert stored(PostTarget.lease_token) == first.lease_token


def test_an_expired_lease_is_inherited(target):
    first = take()
    later = NOW + LEASE + SECOND / 1000
    assert due_targets(later) == [1]
    heir = take(later)
    assert heir.lease_token != first.lease_token
    assert heir.state is TargetState.PUBLISHING
    assert stored(PostTarget.lease_until) == later + LEASE


def test_whoever_lost_the_lease_can_not_write_any_more(target):
    first = take()
    heir = take(NOW + LEASE + SECOND)
    with pytest.raises(LeaseLost), writing() as session:
        keep(session, first, uploaded_bytes=5)
    with writing() as session:
        assert not move(session, 1, TargetState.PUBLISHING, TargetState.FAILED, held_by=first.lease_token,
                        **released(due_at=None, problem_code="late"))
        keep(session, heir, uploaded_bytes=9)
    assert stored(PostTarget.uploaded_bytes) == 9


def test_a_target_that_waits_for_its_back_off_is_not_due(target):
    work, wait = take(), timedelta(seconds=40)
    with writing() as session:
        assert move(session, 1, TargetState.PUBLISHING, TargetState.SCHEDULED, held_by=work.lease_token,
                    **released(due_at=NOW + wait, failed_tries=3))
    assert due_targets(NOW) == due_targets(NOW + wait - SECOND) == []
    assert take(NOW + wait - SECOND) is None
    assert due_targets(NOW + wait) == [1]
    assert take(NOW + wait).failed_tries == 3


def test_what_is_due_comes_oldest_first_and_no_more_than_asked_for(target):
    for number, minutes in ((2, 30), (3, 10), (4, 20)):
        insert(db.session, "post_targets", id=number, due_at=NOW - timedelta(minutes=minutes))
    db.session.commit()
    assert due_targets(NOW) == [2, 4, 3, 1]
    assert due_targets(NOW, limit=2) == [2, 4]


def test_an_unknown_target_is_nothing_to_do(target):
    assert take(target_id=999) is None


def test_a_move_that_comes_too_late_changes_nothing(target):
    with writing() as session:
        assert move(session, 1, TargetState.SCHEDULED, TargetState.CANCELED, due_at=None)
        assert not move(session, 1, TargetState.SCHEDULED, TargetState.PUBLISHING)
    assert stored(PostTarget.state) is TargetState.CANCELED


def test_a_move_that_the_table_lacks_is_a_bug(target):
    with pytest.raises(ValueError, match="can't go from scheduled to published"), writing() as session:
        move(session, 1, TargetState.SCHEDULED, TargetState.PUBLISHED)
