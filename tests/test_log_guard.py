"""The guard over what tests log: it finds what is planted, and a run with a leak is red."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from pathlib import Path

import pytest

from app.instance import new_secrets
from tests.house import ROOT, House
from tests.log_guard import Guard

SEALED = "gAAAAABpY2FudHJlYWR0aGlzc2VhbGVkdGhpbmc"
PLANTED = [
    ("token %s", "act.example12345!4521.va"), ("got %s", "rft.example-67890"), ("asked %s", "https://x/?code=Xyz*0!6410"),
    ("sent to %s", "https://open-upload.tiktokapis.com/video/?upload_token=Xza123"), ("stored %s", SEALED),
    ("with %s", "{'access_token': 'plainA'}"), ("header %s", "Bearer opaque"), ("my own %s", "the-value-itself"),
]
HARMLESS = [
    ("step failed code=%s", "rate_limit_exceeded"), ("token %s", "act.***"), ("asked %s", "/accounts/connected?code=***&scopes=a"),
    ("published %s", "v_pub_file~v2-1.7602997070760331285"), ("the %s", "contract. Next factor."), ("upload_token=%s", "***"),
]


@pytest.fixture
def guard():
    """A guard of this test's own; the run's own must not hear what is planted."""
    found = Guard()
    found.secrets.add("the-value-itself")
    return found


def say(guard, name, message, *arguments, exc_info=None, **beside):
    record = logging.LogRecord(name, logging.INFO, __file__, 1, message, arguments, exc_info)
    record.__dict__.update(beside)
    guard.handle(record)


@pytest.mark.parametrize(("message", "value"), PLANTED)
def test_finds_what_our_own_code_logs_though_it_would_be_redacted(guard, message, value):
    say(guard, "app.services.publishing", message, value)
    with pytest.raises(AssertionError, match="a secret was logged"):
        guard.check()
    guard.check()  # said once


@pytest.mark.parametrize("value", [SEALED, "the-value-itself"])
def test_finds_what_a_library_logs_and_redaction_does_not_know(guard, value):
    say(guard, "somelibrary", "asked", detail=value)
    assert guard.found


def test_finds_what_hides_in_an_exception(guard):
    try:
        raise ValueError(SEALED)
    except ValueError as error:
        say(guard, "somelibrary", "failed", exc_info=(ValueError, error, error.__traceback__))
    assert guard.found


def test_what_a_library_logs_may_be_redacted(guard):
    say(guard, "httpx", "PUT %s", PLANTED[3][1])
    guard.check()


@pytest.mark.parametrize(("message", "value"), HARMLESS)
def test_lets_pass_what_is_no_secret(guard, message, value):
    say(guard, "app.services.publishing", message, value)
    guard.check()


@pytest.mark.parametrize("processes", ["0", "2"])
def test_a_run_with_a_leak_is_red_and_shows_the_line(tmp_path, processes):
    """In a run of its own, in this process and in processes of pytest-xdist."""
    (tmp_path / "test_leak.py").write_text(
        "import logging\n"
        "def test_quiet(): logging.getLogger('app.x').info('nothing')\n"
        "def test_leaky(): logging.getLogger('app.x').debug('token ' + 'act.' + 'planted123')\n")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "tests.log_guard", "-n", processes, "--rootdir", str(tmp_path),
               "-c", "/dev/null", str(tmp_path)]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 1, run.stdout + run.stderr
    assert "ERROR" in run.stdout and "test_leaky" in run.stdout and "planted123" in run.stdout
    assert "2 passed, 1 error" in run.stdout


def test_the_log_of_processes_is_looked_through_with_their_own_secrets(tmp_path: Path):
    house = House(tmp_path / "instance")
    house.instance.mkdir()
    made = new_secrets()
    (house.instance / "secrets.json").write_text(json.dumps(made))
    log = tmp_path / "up.log"
    log.write_text("12:00:01 web | GET /accounts/connected?code=***\n")
    house.check_log()
    for planted in (made["SECRET_KEY"], made["TOKEN_KEYS"], "act.planted123"):
        log.write_text(f"12:00:01 web | it is {planted}\n")
        with pytest.raises(AssertionError, match="a process logged a secret"):
            house.check_log()
