"""Forms parse, the domain judges: how its problems get beside their fields."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask_wtf import FlaskForm
from wtforms import SelectChoice

from app.domain.errors import DomainError
from app.domain.zones import zone_names

MAX_INTEGER = 2**31 - 1


class Form(FlaskForm):  # type: ignore[misc]  # flask-wtf has no types
    """The base of all forms: refuses what no database column can hold, beside its field."""

    def validate(self, extra_validators: Mapping[str, Any] | None = None) -> bool:
        good = bool(super().validate(extra_validators))
        for field in self:
            if not _can_be_stored(field.data):
                field.errors, field.data = [*field.errors, "That can't be stored. Enter it again."], None
                good = False
        return good


def _can_be_stored(value: object) -> bool:
    if isinstance(value, str):
        return "\x00" not in value
    if isinstance(value, list):
        return all(_can_be_stored(each) for each in value)
    return not isinstance(value, int) or abs(value) <= MAX_INTEGER


def apply_problems(form: FlaskForm, error: DomainError, fields: Mapping[str, str] | None = None) -> None:
    """Put each problem beside its field; those without one stand above the form."""
    for problem in error.problems:
        name = (fields or {}).get(problem.field or "", problem.field or "")
        if name in form:
            form[name].errors = [*form[name].errors, problem.message]
        else:
            form.form_errors.append(problem.message)


def zone_choices() -> list[SelectChoice]:
    """All time zones for a select."""
    return [SelectChoice(name, name.replace("_", " ")) for name in zone_names()]
