"""FLUSHALL on a running Oncue, at the moment that hurts most: when jobs are queued and nobody has taken them yet."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace

import pytest
import sqlalchemy as sa

from app import clock
from app.factory import create_app
from app.models import Member, PostTarget, User, db
from app.settings import Settings
from tests import factories, servers
from tests.conftest import close_app
from tests.house import running_house
from tests.servers import wait_for

GOES_OUT_WITHIN = timedelta(seconds=5)


@pytest.fixture(params=["sqlite", "postgresql"])
def house(request, tmp_path):
    database_url = ""
    if request.param == "postgresql":
        database_url = servers.create_database(request.getfixturevalue("postgres_url"), "oncue_emptied_redis")
    with running_house(tmp_path / "instance", DATABASE_URL=database_url, PUBLISH_WORKERS="1", PUBLISH_HANDS="2") as house:
        yield house


@pytest.fixture
def inside(house):
    """The services of that instance, in this process, and its demo user."""
    app = create_app(Settings.from_env(house.settings))
    with app.app_context():
        user_id, workspace_id = db.session.execute(sa.select(User.id, Member.workspace_id).join(Member, Member.user_id == User.id)).one()
    yield SimpleNamespace(app=app, person=SimpleNamespace(user_id=user_id, workspace_id=workspace_id))
    close_app(app)


def test_five_posts_go_out_in_time_and_once(house, inside, video_path, record_property):
    """Two keep both hands busy, one waits in the queue, two are due later."""
    redis = factories.wired(inside.app).redis
    accounts = []
    for number in range(5):  # of one account only one post at a time would be sent
        house.sandbox.post("/sandbox/api/creators", username=f"creator{number}", nickname=f"Creator {number}")
        accounts.append(factories.connect_account(inside.app, inside.person, house.sandbox, f"creator{number}"))
    media_id = factories.make_media(inside.app, inside.person, video_path)
    now = clock.utcnow()
    dues = [now + timedelta(seconds=seconds) for seconds in (4, 4, 4, 9, 9)]
    ids = [factories.make_post(inside.app, inside.person, account_id=account_id, media_file_id=media_id, scheduled_at=due).target_id
           for due, account_id in zip(dues, accounts, strict=True)]
    house.sandbox.post("/sandbox/api/faults", match={"endpoint": "creator_info"}, kind="slow", seconds=1.5, times=2)
    wait_for(lambda: redis.llen("rq:queue:publish") == 1, every=0.005)
    redis.flushall()
    emptied_at = clock.utcnow()
    assert dues[0] < emptied_at < dues[-1]
    sent = wait_for(lambda: sent_at(inside.app, ids), seconds=30)
    delays = [(at - max(due, emptied_at)).total_seconds() for at, due in zip(sent, dues, strict=True)]
    record_property("delays", delays)
    assert max(delays) < GOES_OUT_WITHIN.total_seconds(), delays
    wait_for(lambda: len(house.sandbox.posts()) == 5)
    assert len(house.sandbox.calls("video_init")) == 5
    assert "Traceback" not in house.log


def sent_at(app, ids):
    """When each was sent, once all are."""
    with app.app_context():
        found = db.session.execute(sa.select(PostTarget.id, PostTarget.sent_at).where(PostTarget.id.in_(ids)).order_by(PostTarget.id)).all()
    return [row.sent_at for row in found] if all(row.sent_at for row in found) else None
