"""The one family of errors that every face renders in its own way."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class ErrorKind(StrEnum):
    """What sort of refusal it is; a face maps it to a status."""

    INVALID = "invalid"
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not_found"
    CONFLICT = "conflict"
    UNAVAILABLE = "unavailable"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong: a stable code, words that say what to do, and the field it belongs to."""

    code: str
    message: str
    field: str | None = None


class DomainError(Exception):
    """A use case was refused. `problems` is never empty; the first one is the headline."""

    def __init__(self, problems: Problem | Iterable[Problem], kind: ErrorKind = ErrorKind.INVALID) -> None:
        self.problems = (problems,) if isinstance(problems, Problem) else tuple(problems)
        self.kind = kind
        super().__init__("; ".join(p.code for p in self.problems))

    @property
    def code(self) -> str:
        return self.problems[0].code

    @property
    def message(self) -> str:
        return self.problems[0].message


def refuse(code: str, message: str, field: str | None = None, kind: ErrorKind = ErrorKind.INVALID) -> DomainError:
    """The error for a single problem, ready to be raised."""
    return DomainError(Problem(code, message, field), kind)


def raise_if(problems: Iterable[Problem]) -> None:
    """Raise a DomainError with all problems, or return when there are none."""
    found = tuple(problems)
    if found:
        raise DomainError(found)
