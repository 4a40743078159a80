"""The one table of a target's legal moves, read back as a person would draw it."""

from __future__ import annotations

from itertools import product

import pytest

from app.domain import lifecycle
from app.domain.lifecycle import CANCELABLE, EDITABLE, IN_FLIGHT, NEEDS_DUE_AT, TRANSITIONS, TargetState, is_legal

S = TargetState

COLUMNS = ["draft", "in_review", "changes_requested", "scheduled", "publishing", "processing",
           "in_inbox", "published", "failed", "missed", "unconfirmed", "canceled"]

# A row is where a target is, a column where it may go.
#                     dra rev chg sch pub pro inb don fai mis unc can
EXPECTED = """
draft                  .   x   .   x   .   .   .   .   .   .   .   x
in_review              x   .   x   x   .   .   .   .   .   x   .   x
changes_requested      x   x   .   .   .   .   .   .   .   x   .   x
scheduled              x   x   .   .   x   .   .   .   .   x   .   x
publishing             .   .   .   x   .   x   .   .   x   x   x   .
processing             .   .   .   .   x   .   x   x   x   .   x   .
in_inbox               .   .   .   .   .   .   .   x   x   .   .   .
published              .   .   .   .   .   .   .   .   .   .   .   .
failed                 x   .   .   x   .   .   .   .   .   .   .   x
missed                 x   x   .   x   .   .   .   .   .   .   .   x
unconfirmed            .   .   .   .   .   .   x   x   x   .   .   .
canceled               .   .   .   .   .   .   .   .   .   .   .   .
"""
ROWS = {name: marks for name, *marks in (line.split() for line in EXPECTED.strip().splitlines())}


@pytest.mark.parametrize(("current", "following"), [*product(COLUMNS, COLUMNS)])
def test_a_move_is_legal_exactly_where_the_table_says_so(current, following):
    assert is_legal(S(current), S(following)) == (ROWS[current][COLUMNS.index(following)] == "x")


def test_the_table_above_knows_every_state():
    assert set(COLUMNS) == set(ROWS) == {state.value for state in S}
    assert set(TRANSITIONS) == set(S)


def test_only_published_and_canceled_are_final():
    assert {state for state in S if not TRANSITIONS[state]} == {S.PUBLISHED, S.CANCELED}


def test_no_state_leads_to_itself():
    assert not [state for state in S if is_legal(state, state)]


@pytest.mark.parametrize(("start", "out_of_reach"), [(S.DRAFT, set()), (S.SCHEDULED, set()), (S.PUBLISHED, set(S) - {S.PUBLISHED})])
def test_every_state_can_be_reached_from_where_targets_begin(start, out_of_reach):
    reached, frontier = {start}, [start]
    while frontier:
        for following in TRANSITIONS[frontier.pop()] - reached:
            reached.add(following)
            frontier.append(following)
    assert set(S) - reached == out_of_reach


@pytest.mark.parametrize("state", [s for s in S if TRANSITIONS[s]])
def test_an_end_can_be_reached_from_every_state(state):
    reached, frontier = {state}, [state]
    while frontier:
        for following in TRANSITIONS[frontier.pop()] - reached:
            reached.add(following)
            frontier.append(following)
    assert reached & {S.PUBLISHED, S.CANCELED}


def test_what_the_engine_carries_on_by_itself_needs_a_due_time():
    assert {S.SCHEDULED, S.PUBLISHING, S.PROCESSING} == NEEDS_DUE_AT
    assert IN_FLIGHT <= NEEDS_DUE_AT


def test_nobody_edits_or_cancels_what_tiktok_may_have():
    with_tiktok = {S.PUBLISHING, S.PROCESSING, S.IN_INBOX, S.UNCONFIRMED, S.PUBLISHED}
    assert not with_tiktok & EDITABLE
    assert not with_tiktok & CANCELABLE


def test_what_can_be_edited_can_be_canceled_and_the_other_way_round():
    assert EDITABLE == CANCELABLE == {S.DRAFT, S.IN_REVIEW, S.CHANGES_REQUESTED, S.SCHEDULED, S.FAILED, S.MISSED}


@pytest.mark.parametrize("state", [S.FAILED, S.MISSED])
def test_a_person_may_schedule_anew_what_went_wrong(state):
    assert is_legal(state, S.SCHEDULED)


@pytest.mark.parametrize("state", [S.IN_INBOX, S.UNCONFIRMED, S.PUBLISHED])
def test_nothing_that_may_be_on_tiktok_already_is_ever_sent_again(state):
    assert not TRANSITIONS[state] & {S.SCHEDULED, S.PUBLISHING}


def test_states_are_stored_and_shown_by_their_own_names():
    assert [str(s) for s in S] == [s.value for s in S]
    assert lifecycle.S is S
