"""The short form of `make chaos`: everything goes wrong for twenty seconds, and nothing is lost or posted twice."""

from __future__ import annotations

import os

import pytest

from tests.chaos.report import Plan
from tests.chaos.run import run

SEED = int(os.environ.get("CHAOS_SEED", "20261120"))
PLAN = Plan(SEED, targets=40, accounts=8, kills=10, seconds=16, workers=2, hands=4, settle_seconds=60)


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_every_post_is_live_exactly_once_or_its_page_says_why_not(database):
    report = run(PLAN, database)
    assert report.complaints == [], str(report)
    assert report.kills == PLAN.kills
    assert sum(report.states.values()) == PLAN.targets
    assert report.states["published"] + report.states["in_inbox"] > PLAN.targets / 2, "most posts survive all of that"
