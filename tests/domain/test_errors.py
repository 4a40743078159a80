"""One family of errors: a code, words that say what to do, and the field they belong to."""

from __future__ import annotations

import pytest

from app.domain.errors import DomainError, ErrorKind, Problem, raise_if, refuse

FIRST = Problem("caption_too_long", "Shorten it.", "caption")
SECOND = Problem("time_past", "Choose a later one.", "scheduled_local")


def test_the_first_problem_is_the_headline():
    error = DomainError([FIRST, SECOND])
    assert (error.code, error.message) == ("caption_too_long", "Shorten it.")
    assert error.problems == (FIRST, SECOND)


def test_a_single_problem_needs_no_list():
    assert DomainError(FIRST).problems == (FIRST,)


def test_its_text_names_the_codes_and_nothing_that_a_person_typed():
    assert str(DomainError([FIRST, SECOND])) == "caption_too_long; time_past"


def test_is_invalid_unless_said_otherwise():
    assert DomainError(FIRST).kind is ErrorKind.INVALID
    assert DomainError(FIRST, ErrorKind.CONFLICT).kind is ErrorKind.CONFLICT


def test_refuse_makes_the_error_of_one_problem():
    error = refuse("not_yours", "It belongs to others.", kind=ErrorKind.FORBIDDEN)
    assert error.problems == (Problem("not_yours", "It belongs to others.", None),)
    assert error.kind is ErrorKind.FORBIDDEN


def test_raise_if_raises_all_problems_at_once():
    with pytest.raises(DomainError) as caught:
        raise_if(problem for problem in (FIRST, SECOND))
    assert caught.value.problems == (FIRST, SECOND)


def test_raise_if_is_silent_without_problems():
    raise_if([])
    raise_if(problem for problem in ())


def test_a_problem_can_not_be_changed():
    with pytest.raises(AttributeError):
        FIRST.code = "other"
