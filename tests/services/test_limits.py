"""TikTok's limits on drafts, on an app's creators and on an app that was not audited: waited for or held, never run into."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace

import pytest

from app import clock
from app.domain.post_rules import PrivacyLevel
from tests import factories
from tests.flows import FLOWS
from tests.steps import load, settle, step

DIRECT, DRAFT = FLOWS[0], FLOWS[1]


@pytest.fixture
def scene(app, tiktok, frozen, alice, tmp_path):
    accounts = {}

    def schedule(flow, creator="northbound", minutes=2, **options):
        if creator not in accounts:
            if creator != "northbound":
                tiktok.post("/sandbox/api/creators", username=creator, nickname=creator)
            accounts[creator] = factories.connect_account(app, alice, tiktok, creator)
        return factories.make_post(app, alice, account_id=accounts[creator], media_file_id=flow.make_media(app, alice, tmp_path),
                                   scheduled_at=clock.utcnow() + timedelta(minutes=minutes), mode=flow.mode,
                                   **{"privacy": PrivacyLevel.PUBLIC if flow.mode == "direct" else None, **options}).target_id
    return SimpleNamespace(schedule=schedule, ports=factories.wired(app).publishing)


def send_five_drafts(app, frozen, scene):
    drafts = [scene.schedule(DRAFT) for _ in range(5)]
    frozen.advance(minutes=2)
    for target_id in drafts:
        assert settle(app, target_id, frozen).state == "in_inbox"
        frozen.advance(seconds=30)
    return drafts


def test_a_sixth_draft_waits_until_its_creator_has_posted_one(app, tiktok, frozen, scene):
    first, *_ = send_five_drafts(app, frozen, scene)
    sixth = scene.schedule(DRAFT)
    frozen.advance(minutes=2)
    target = step(app, sixth)
    assert (target.state, target.problem_code) == ("scheduled", "waits_for_inbox"), "it has not failed"
    assert "follows when one is posted" in target.problem_text and target.due_at == clock.utcnow() + timedelta(minutes=10)
    assert len(tiktok.calls("inbox_init")) == 5, "TikTok was not even asked"
    tiktok.post(f"/sandbox/api/drafts/{load(app, first).publish_id}/post")
    frozen.advance(minutes=10)
    assert step(app, first).state == "published"
    assert settle(app, sixth, frozen).state == "in_inbox"


@pytest.mark.parametrize(("frees_by_time", "state"), [(True, "in_inbox"), (False, "scheduled")])
def test_whether_a_draft_counts_for_ever_is_a_setting(app, tiktok, frozen, scene, frees_by_time, state):
    send_five_drafts(app, frozen, scene)
    tiktok.switch(pending_frees_by_time=frees_by_time)
    ports = replace(scene.ports, drafts_free_by_time=frees_by_time)
    sixth = scene.schedule(DRAFT, minutes=25 * 60)
    frozen.advance(hours=25)
    for _ in range(3):
        target = step(app, sixth, ports)
        frozen.advance(seconds=20)
    assert target.state == state


def test_direct_posts_do_not_count_as_drafts_nor_drafts_as_posts(app, tiktok, frozen, scene):
    send_five_drafts(app, frozen, scene)
    ports = replace(scene.ports, posts_per_day=1)
    target_id = scene.schedule(DIRECT)
    frozen.advance(minutes=2)
    assert step(app, target_id, ports).state == "processing"


def test_the_day_before_a_person_is_told_that_a_sixth_draft_will_wait(app, tiktok, frozen, scene):
    targets = [scene.schedule(DRAFT, minutes=25 * 60 + n) for n in range(6)]
    frozen.advance(hours=1, minutes=5)
    found = [step(app, target_id).finding_code for target_id in targets]
    assert found == [None] * 5 + ["over_daily_cap"]
    assert "6 drafts are planned" in load(app, targets[5]).finding_text


def test_an_app_with_room_for_one_creator_lets_the_second_wait_and_the_first_go_on(app, tiktok, frozen, scene):
    ports = replace(scene.ports, active_creators=1)
    first, second, third = scene.schedule(DIRECT), scene.schedule(DIRECT, "other"), scene.schedule(DIRECT, minutes=4)
    draft = scene.schedule(DRAFT, "other")
    frozen.advance(minutes=2)
    assert step(app, first, ports).state == "processing"
    begun = clock.utcnow()
    target = step(app, second, ports)
    assert (target.state, target.problem_code) == ("scheduled", "waits_for_creators")
    assert target.due_at == begun + timedelta(hours=24)
    assert step(app, draft, ports).state == "processing", "drafts do not count"
    frozen.advance(minutes=2)
    assert step(app, third, ports).state == "processing"
    frozen.advance(hours=24)
    assert step(app, second, ports).state == "processing"


def test_an_app_that_was_not_audited_holds_what_tiktok_would_refuse(app, tiktok, frozen, scene):
    ports = replace(scene.ports, is_audited=False)
    tiktok.switch(audited=False)
    public, private = scene.schedule(DIRECT, privacy=PrivacyLevel.ONLY_ME), scene.schedule(DIRECT, "other", privacy=PrivacyLevel.ONLY_ME)
    tiktok.patch_creator("other", private=True)
    frozen.advance(minutes=2)
    target = step(app, public, ports)
    assert (target.state, target.problem_code) == ("missed", "unaudited_public_account")
    assert "private" in target.problem_text
    assert settle(app, private, frozen).state == "published"
    assert [call["error_code"] for call in tiktok.calls("video_init")] == ["ok"]
