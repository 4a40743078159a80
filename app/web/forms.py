"""Forms parse, the domain judges: how its problems get beside their fields."""

from __future__ import annotations

from collections.abc import Mapping

from flask_wtf import FlaskForm
from wtforms import SelectChoice

from app.domain.errors import DomainError
from app.domain.zones import zone_names


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
