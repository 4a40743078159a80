"""Moving posts: what is refused and why, what is only told, and who wins when two move at once."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa

from app import clock
from app.domain.errors import DomainError
from app.domain.lifecycle import EDITABLE, TargetState
from app.domain.moving import moved_to_day
from app.models import Event, PostTarget, db
from app.services import accounts
from app.services.scheduling import AT_ONCE, DailyCaps, Move, MovesRefused, move_target, move_targets
from app.services.transactions import writing
from tests import factories
from tests.steps import events, load

S = TargetState
NEEDED = {S.PUBLISHED: {"published_at": clock.utcnow()}, S.PROCESSING: {"publish_id": "v_1"}, S.FAILED: {"problem_code": "x"},
          S.MISSED: {"problem_code": "x"}}


@pytest.fixture
def account_id(app, tiktok, frozen, alice):
    return factories.connect_account(app, alice, tiktok)


@pytest.fixture
def schedule(app, alice, account_id, video_path):
    media_id = factories.make_media(app, alice, video_path)

    def make(at, caption="Clip", state=None):
        made = factories.make_post(app, alice, account_id=account_id, media_file_id=media_id, scheduled_at=at, caption=caption)
        if state:
            put(app, made.target_id, state)
        return made.target_id
    return make


def put(app, target_id, state, **values):
    with app.app_context(), writing() as session:
        session.execute(sa.update(PostTarget).where(PostTarget.id == target_id)
                        .values({"state": state, **NEEDED.get(state, {}), **values}))


def day(number, hour=9, minute=0):
    return datetime(2026, 11, number, hour, minute, tzinfo=UTC)


@pytest.fixture
def moving(app, alice):
    """Alice moves targets: pairs of a target and its new time, or whole moves."""
    def move(*moves, **options):
        whole = [m if isinstance(m, Move) else Move(*m) for m in moves]
        with app.app_context():
            return move_targets(whole, workspace_id=alice.workspace_id, actor_id=alice.user_id, now=clock.utcnow(), **options)
    return move


def codes(refused):
    return {r.target_id: r.problem.code for r in refused.value.refusals}


def test_a_move_gives_another_time_and_is_written_down(app, schedule, moving):
    target_id = schedule(day(24))
    result = moving((target_id, day(26), day(24)))
    [moved] = result.moved
    assert (moved.before, moved.after, result.warnings) == (day(24), day(26), ())
    target = load(app, target_id)
    assert (target.scheduled_at, target.due_at, target.state) == (day(26), day(25), S.SCHEDULED)
    with app.app_context():
        assert db.session.scalar(sa.select(Event.data).where(Event.kind == "target.moved")) == {
            "before": day(24).isoformat(), "after": day(26).isoformat()}


def test_a_move_to_where_it_is_changes_nothing(app, schedule, moving):
    target_id = schedule(day(24))
    moving((target_id, day(24)))
    assert events(app, load(app, target_id).post_id) == ["post.scheduled"]


def test_what_may_be_moved_and_what_becomes_of_it(app, schedule, moving):
    for state in sorted(S):
        target_id = schedule(day(24), state=None if state is S.SCHEDULED else state)
        if state in EDITABLE:
            moved = moving((target_id, day(26))).moved[0]
            after = load(app, target_id)
            goes_out = state in (S.SCHEDULED, S.FAILED, S.MISSED)
            assert (after.scheduled_at, after.state) == (day(26), S.SCHEDULED if goes_out else state)
            assert moved.is_scheduled_anew == (state in (S.FAILED, S.MISSED))
            continue
        with pytest.raises(MovesRefused) as refused:
            moving((target_id, day(26)))
        assert codes(refused) == {target_id: "target_started"} and refused.value.kind == "conflict"
        assert load(app, target_id).scheduled_at == day(24)


def test_the_past_and_the_far_future_are_refused(app, schedule, moving):
    target_id = schedule(day(24))
    for at, code in ((day(20, 11, 59), "time_past"), (day(20, 12, 0), "time_past"), (day(24) + timedelta(days=400), "time_too_far")):
        with pytest.raises(MovesRefused) as refused:
            moving((target_id, at))
        assert (codes(refused), refused.value.kind) == ({target_id: code}, "invalid")


def test_an_account_that_is_not_connected_is_refused_but_its_drafts_move(app, alice, schedule, moving, account_id):
    scheduled, draft = schedule(day(24)), schedule(day(24), state=S.DRAFT)
    with app.app_context():
        accounts.disconnect_account(account=accounts.load_account(alice.workspace_id, account_id), actor_id=alice.user_id,
                                    ports=factories.wired(app).accounts)
    with pytest.raises(MovesRefused) as refused:
        moving((scheduled, day(26)))
    assert codes(refused) == {scheduled: "account_not_connected"}
    moving((draft, day(26)))
    assert load(app, draft).scheduled_at == day(26)


def test_a_day_that_is_full_takes_no_more_but_may_be_put_in_order(app, schedule, moving):
    caps = DailyCaps(posts=3)
    full = [schedule(day(24, 8 + n)) for n in range(4)]
    other = schedule(day(26))
    with pytest.raises(MovesRefused) as refused:
        moving((other, day(24, 20)), caps=caps)
    assert codes(refused) == {other: "over_daily_cap"} and "5 posts within 24 hours" in refused.value.message
    with pytest.raises(MovesRefused):
        moving((other, day(23, 12)), caps=caps)
    moving((full[0], day(24, 12)), caps=caps)
    moving((full[1], day(27)), caps=caps)
    assert [load(app, key).scheduled_at for key in full[:2]] == [day(24, 12), day(27)]


def test_drafts_and_what_was_canceled_take_no_place_of_a_day(app, schedule, moving):
    for n, state in enumerate([S.DRAFT, S.CANCELED, S.FAILED]):
        schedule(day(24, 8 + n), state=state)
    moving((schedule(day(26)), day(24, 12)), caps=DailyCaps(posts=1))


def test_the_third_post_within_an_hour_is_told_and_goes_through(app, schedule, moving):
    schedule(day(24, 9, 0))
    schedule(day(24, 9, 20))
    third = schedule(day(26), "A third\nwith more")
    [warning] = moving((third, day(24, 9, 50))).warnings
    assert (warning.target_id, warning.title, warning.problem.code) == (third, "A third", "crowded_hour")
    assert load(app, third).scheduled_at == day(24, 9, 50)
    assert moving((third, day(24, 10, 21))).warnings == ()


def test_several_move_together_or_not_at_all(app, schedule, moving):
    first, second = schedule(day(24)), schedule(day(25), state=S.PUBLISHED)
    third = schedule(day(26))
    with pytest.raises(MovesRefused) as refused:
        moving((first, day(27)), (second, day(28)), (third, day(19)), (999_999, day(28)))
    assert codes(refused) == {second: "target_started", third: "time_past", 999_999: "target_not_found"}
    assert [load(app, key).scheduled_at for key in (first, third)] == [day(24), day(26)]
    assert len(moving((first, day(27)), (third, day(28))).moved) == 2


def test_too_many_at_once_and_none_are_refused(moving):
    for moves in ([], [Move(n, day(24)) for n in range(AT_ONCE + 1)]):
        with pytest.raises(DomainError) as refused:
            moving(*moves)
        assert refused.value.code == "too_many_moves"


def test_a_stranger_s_post_is_not_found(app, bob, schedule):
    target_id = schedule(day(24))
    with app.app_context(), pytest.raises(DomainError) as refused:
        move_target(workspace_id=bob.workspace_id, target_id=target_id, scheduled_at=day(26), actor_id=bob.user_id, now=clock.utcnow())
    assert refused.value.code == "target_not_found"


def test_who_saw_an_older_time_is_told_and_changes_nothing(app, schedule, moving):
    target_id = schedule(day(24))
    moving((target_id, day(26), day(24)))
    with pytest.raises(MovesRefused) as refused:
        moving((target_id, day(28), day(24)))
    assert codes(refused) == {target_id: "version_conflict"} and refused.value.kind == "conflict"
    assert refused.value.refusals[0].scheduled_at == day(26) == load(app, target_id).scheduled_at


def at_once(app, *work):
    """Run each in a thread of its own; what each returned or raised."""
    gate, found = threading.Barrier(len(work)), {}

    def run(key, do):
        with app.app_context():
            gate.wait(timeout=5)
            try:
                found[key] = do()
            except DomainError as error:
                found[key] = error
    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(work)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=20)
    return [found[key] for key in range(len(work))]


def test_of_two_movers_at_once_one_wins_and_the_other_is_told(app, schedule, moving):
    for round_number in range(5):
        target_id = schedule(day(24))
        answers = at_once(app, *(lambda to=to, key=target_id: moving((key, day(to), day(24))) for to in (26, 27)))
        refused = [a for a in answers if isinstance(a, MovesRefused)]
        assert [r.refusals[0].problem.code for r in refused] == ["version_conflict"], round_number
        [won] = [a for a in answers if not isinstance(a, DomainError)]
        assert load(app, target_id).scheduled_at == won.moved[0].after == refused[0].refusals[0].scheduled_at


def test_of_two_movers_at_once_only_one_finds_the_last_place_of_a_day(app, schedule, moving):
    schedule(day(24))
    keys = schedule(day(26)), schedule(day(28))
    answers = at_once(app, *(lambda key=key: moving((key, day(24, 15)), caps=DailyCaps(posts=2)) for key in keys))
    assert sorted(type(a).__name__ for a in answers) == ["MoveResult", "MovesRefused"]


def test_a_drag_over_a_clock_change_keeps_the_time_on_the_wall(app, schedule, moving):
    for zone, before, after in (
        ("America/New_York", "2027-03-13T12:30+00:00", "2027-03-14T11:30+00:00"),
        ("Europe/London", "2027-03-27T09:07+00:00", "2027-03-28T08:07+00:00"),
        ("Australia/Lord_Howe", "2027-04-03T01:00+00:00", "2027-04-04T01:30+00:00"),
        ("Africa/Casablanca", "2027-03-13T09:00+00:00", "2027-03-14T08:00+00:00"),
    ):
        tz, at = ZoneInfo(zone), datetime.fromisoformat(before).astimezone(UTC)
        target_id = schedule(at)
        moving((target_id, moved_to_day(at, at.astimezone(tz).date() + timedelta(days=1), tz).at, at))
        found = load(app, target_id).scheduled_at
        assert found == datetime.fromisoformat(after)
        assert found.astimezone(tz).time() == at.astimezone(tz).time()
