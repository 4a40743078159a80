"""Every line that is logged while a target is being worked on says which target, and which try."""

from __future__ import annotations

import json
import logging
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta

import pytest

from app import clock
from app.infra.task_queue import QueueName
from app.jobs.worker import make_hand
from app.log import ContextFilter, JsonFormatter
from app.models import PublishAttempt, db
from app.services.publishing import advance
from tests import factories

LIBRARIES = ("httpx", "httpcore")


class Lines(logging.Handler):
    """What a log in JSON would hold."""

    def __init__(self):
        super().__init__(logging.DEBUG)
        self.addFilter(ContextFilter())
        self.setFormatter(JsonFormatter())
        self.entries = []

    def emit(self, record):
        self.entries.append(json.loads(self.format(record)))

    def of(self, logger):
        return [entry for entry in self.entries if entry["logger"].startswith(logger)]


@contextmanager
def listening():
    """All that is logged meanwhile, the HTTP client's own lines with it."""
    root, lines = logging.getLogger(), Lines()
    before = {name: logging.getLogger(name).level for name in (None, *LIBRARIES)}
    root.addHandler(lines)
    for name in before:
        logging.getLogger(name).setLevel(logging.DEBUG)
    try:
        yield lines
    finally:
        root.removeHandler(lines)
        for name, level in before.items():
            logging.getLogger(name).setLevel(level)


@pytest.fixture
def target_id(app, tiktok, frozen, alice, video_path):
    account_id = factories.connect_account(app, alice, tiktok)
    post = factories.make_post(app, alice, account_id=account_id, media_file_id=factories.make_media(app, alice, video_path),
                               scheduled_at=clock.utcnow() + timedelta(minutes=2))
    frozen.advance(minutes=2)
    return post.target_id


def attempts(app, target_id):
    with app.app_context():
        return {row.id: row.step.value for row in db.session.query(PublishAttempt).filter_by(target_id=target_id)}


def test_from_the_first_call_to_the_last_whoever_writes_the_line(app, frozen, target_id):
    with listening() as lines, app.app_context():
        advance(target_id, factories.wired(app).publishing)
    assert {"init accepted", "upload complete"} <= {entry["message"] for entry in lines.of("app.")}
    assert len(lines.of("httpx")) == 3 and len(lines.of("httpcore")) > 10
    assert {entry["target_id"] for entry in lines.entries} == {target_id}
    by_step = {step: attempt_id for attempt_id, step in attempts(app, target_id).items()}
    asked = [entry["attempt_id"] for entry in lines.of("httpx")]
    assert asked == [by_step["creator_info"], by_step["init"], by_step["upload"]]


def test_a_failed_try_names_the_try_that_failed(app, tiktok, frozen, target_id):
    tiktok.post("/sandbox/api/faults", match={"endpoint": "video_init"}, kind="error_json", times=1)
    with listening() as lines, app.app_context():
        advance(target_id, factories.wired(app).publishing)
    failed, = [entry for entry in lines.of("app.") if entry["message"] == "step failed"]
    assert failed["level"] == "WARNING" and failed["target_id"] == target_id
    assert attempts(app, target_id)[failed["attempt_id"]] == "init"


def test_a_bug_is_logged_with_target_and_try_too(app, frozen, target_id, monkeypatch):
    wired = factories.wired(app)

    class Broken:
        def creator_info(self, token):
            raise ZeroDivisionError("a bug")
    monkeypatch.setitem(app.extensions, "oncue", replace(wired, tiktok=Broken()))
    wired.tasks.advance([target_id])
    with listening() as lines:
        make_hand(app, [QueueName.PUBLISH]).work(burst=True, logging_level=None)
    failed, = [entry for entry in lines.entries if entry["message"] == "job failed"]
    assert "a bug" in failed["exception"] and failed["target_id"] == target_id
    assert failed["attempt_id"] in attempts(app, target_id)


def test_afterwards_lines_belong_to_nothing(app, frozen, target_id):
    with app.app_context():
        advance(target_id, factories.wired(app).publishing)
    with listening() as lines:
        logging.getLogger("app.anything").info("something else")
    assert "target_id" not in lines.entries[0] and "attempt_id" not in lines.entries[0]
