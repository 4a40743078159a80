"""The judge itself: every way in which Oncue could be wrong is noticed."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from app.domain.lifecycle import TargetState
from tests.chaos.kinds import KINDS, Kind
from tests.chaos.leaks import leaks
from tests.chaos.truth import Ledger, Row, complaints

S = TargetState
AT = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
VIDEO = KINDS[0]
PHOTO = Kind("photo", VIDEO.make, "content_init", S.PUBLISHED, is_always_told=False)
DRAFT = Kind("draft", VIDEO.make, "inbox_init", S.IN_INBOX, is_always_told=False)
POST = {"caption": "one", "publish_id": "v_pub~1", "post_id": "7", "is_public": True}


def row(state: TargetState, kind: Kind = VIDEO, **values: object) -> Row:
    made = Row(1, kind, "one", "creator0", state, None, "v_pub~1", "7", None, ((AT, AT + timedelta(seconds=2), "ok"),))
    return replace(made, **values)


def ledger(posts: int = 0, drafts: int = 0, calls: tuple[dict, ...] = ()) -> Ledger:
    draft = {"caption": "one", "publish_id": "v_inbox~1", "direct": False, "status": "SEND_TO_USER_INBOX"}
    return Ledger({"posts": [POST] * posts, "publishes": [draft] * drafts, "calls": list(calls)}, {"one"})


@pytest.mark.parametrize(("target", "truth"), [
    (row(S.PUBLISHED), ledger(posts=1)),
    (row(S.IN_INBOX, DRAFT), ledger(drafts=1)),
    (row(S.PUBLISHED, DRAFT), ledger(posts=1, drafts=1)),
    *((row(state), ledger()) for state in (S.FAILED, S.MISSED, S.CANCELED)),
])
def test_what_is_as_it_says_is_fine(target, truth):
    assert complaints([target], truth) == []


@pytest.mark.parametrize(("target", "truth", "complaint"), [
    (row(S.PUBLISHED), ledger(), "is not at TikTok"),
    (row(S.PUBLISHED), ledger(posts=2), "twice at TikTok"),
    (row(S.PUBLISHED, tiktok_post_id=None), ledger(posts=1), "has the post id None, TikTok has 7"),
    (row(S.IN_INBOX, DRAFT), ledger(), "is not a draft that waits"),
    (row(S.IN_INBOX, DRAFT), ledger(drafts=2), "twice at TikTok"),
    (row(S.IN_INBOX, DRAFT), ledger(drafts=1, posts=1), "is not a draft that waits"),
    (row(S.IN_INBOX), ledger(drafts=1), "is not a draft that waits"),
    *((row(state), ledger(posts=1), "is at TikTok") for state in (S.FAILED, S.MISSED, S.CANCELED, S.SCHEDULED)),
    (row(S.FAILED, DRAFT), ledger(drafts=1), "is at TikTok"),
    (row(S.UNCONFIRMED, PHOTO), ledger(posts=2), "twice at TikTok"),
    *((row(state), ledger(), "has not come to an end") for state in (S.PUBLISHING, S.PROCESSING, S.SCHEDULED)),
    (row(S.UNCONFIRMED, PHOTO), ledger(posts=1), "is in doubt"),
])
def test_what_is_not_as_it_says_is_told(target, truth, complaint):
    assert complaint in "\n".join(complaints([target], truth))


def test_a_post_that_nobody_scheduled_is_told():
    assert "nobody scheduled: 'one'" in complaints([], ledger(posts=1))[0]


@pytest.mark.parametrize("name", ["caption", "description", "sha256"])
def test_a_post_is_recognised_by_whatever_is_its_own(name):
    post = {**POST, "caption": "", name: "one"}
    assert complaints([row(S.PUBLISHED)], Ledger({"posts": [post], "publishes": [], "calls": []}, {"one"})) == []


CALL = {"endpoint": "content_init", "username": "creator0", "fault": "accept_then_timeout", "at": AT.timestamp() + 1, "log_id": "L",
        "duration_ms": 3.0}


@pytest.mark.parametrize(("init", "call", "is_fine"), [
    ((AT, AT + timedelta(seconds=2), "timeout"), CALL, True),
    ((AT, None, None), None, True),
    ((AT, AT + timedelta(seconds=2), "ok"), CALL, False),
    ((AT, AT + timedelta(seconds=2), "timeout"), CALL | {"fault": "error_json"}, False),
    ((AT, AT + timedelta(seconds=2), "timeout"), CALL | {"fault": "", "duration_ms": 1_200.0}, True),
    ((AT, AT + timedelta(seconds=2), "timeout"), CALL | {"fault": "", "duration_ms": 900.0}, False),
    ((AT, AT + timedelta(seconds=2), "timeout"), CALL | {"username": "creator1"}, False),
    ((AT, AT + timedelta(seconds=2), "timeout"), CALL | {"at": AT.timestamp() + 60}, False),
    ((AT, AT + timedelta(seconds=2), "timeout"), CALL | {"endpoint": "status"}, False),
])
def test_doubt_needs_an_answer_that_was_swallowed(init, call, is_fine):
    found = complaints([row(S.UNCONFIRMED, PHOTO, inits=(init,))], ledger(posts=1, calls=(call,) if call else ()))
    assert (found == []) is is_fine


def test_a_video_never_ends_in_doubt():
    assert complaints([row(S.UNCONFIRMED, inits=((AT, None, None),))], ledger()) != []


@pytest.mark.parametrize(("line", "is_a_leak"), [
    ("token act.Q2lhbyBtb25kbw!4523.u1", True), ("rft.Q2lhbyBtb25kbw", True), ("PUT /video/?upload_id=1&upload_token=abc", True),
    ("GET /accounts/connected?code=abc&state=x", True), ("Authorization: Bearer abcdefghij", True), ("made of rosewater", True),
    ("token act.*** and upload_token=*** and ?code=*** with Bearer ***", False), ("published target_id=7 code=timeout", False),
])
def test_a_secret_in_a_log_is_found(tmp_path, line, is_a_leak):
    (tmp_path / "web.log").write_text(f"fine\n{line}\n")
    assert leaks(tmp_path, {"rosewater"}) == (["web.log:2 holds a secret"] if is_a_leak else [])
