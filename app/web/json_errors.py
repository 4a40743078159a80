"""Refusals for programs: `application/problem+json` with a stable code, words, and the field that each problem belongs to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from flask import Blueprint, Response, json, request
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import BadRequest, HTTPException

from app.domain.errors import DomainError, Problem, refuse
from app.web.errors import STATUS, TEXTS

BODY_MAX = 64 * 1024
CSRF = Problem("csrf_token_missing", "Send your session's token in the header X-CSRFToken.")


def init_blueprint(blueprint: Blueprint, status_of: Mapping[str, int]) -> None:
    """Have a blueprint answer so; `status_of` has the codes whose status is another than that of their kind."""
    def refused(error: DomainError) -> Response:
        return problem_response(status_of.get(error.code, STATUS[error.kind]), error.problems)

    def failed(error: HTTPException) -> Response:
        status = error.code or 500
        return problem_response(status, [Problem(f"http_{status}", " ".join(TEXTS.get(status, TEXTS[400])))])

    blueprint.register_error_handler(DomainError, refused)
    blueprint.register_error_handler(HTTPException, failed)
    blueprint.register_error_handler(CSRFError, lambda _error: problem_response(400, [CSRF]))


def problem_response(status: int, problems: Iterable[Problem]) -> Response:
    """All problems, the first as the headline."""
    listed = as_json(problems)
    body = {"status": status, **listed[0], "title": listed[0]["message"], "problems": listed}
    return Response(json.dumps(body), status, mimetype="application/problem+json")


def as_json(problems: Iterable[Problem]) -> list[dict[str, str | None]]:
    return [{"code": problem.code, "message": problem.message, "field": problem.field} for problem in problems]


def body_fields(**kinds: type) -> dict[str, Any]:
    """The fields of a JSON object: each of its type, or missing. Raises DomainError for anything else."""
    request.max_content_length = BODY_MAX
    try:
        body = request.get_json(force=True) if request.get_data() else {}
    except BadRequest:
        body = None
    if not isinstance(body, dict):
        raise refuse("body_malformed", "Send a JSON object.")
    problems = [Problem("field_unknown", f"There is no field “{name[:50]}”. Send only {', '.join(kinds)}.", name[:50])
                for name in body if name not in kinds]
    problems += [Problem("field_malformed", f"{name} must be a JSON {WORDS[kind]}.", name) for name, kind in kinds.items()
                 if type(body.get(name, kind())) is not kind]
    if problems:
        raise DomainError(problems)
    return {name: body.get(name, kind()) for name, kind in kinds.items()}


WORDS = {str: "string", int: "integer", dict: "object"}
