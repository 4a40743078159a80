"""Logs that help, and hold no secret."""

from __future__ import annotations

import io
import json
import logging
import re

import pytest

from app.log import JsonFormatter, TextFormatter, configure_logging, redact

FORMATTERS = {"text": TextFormatter(), "json": JsonFormatter()}
SECRETS = {
    "access token": ("token act.example12345!4521.va is new", "act.example12345!4521.va"),
    "refresh token": ("got rft.example-67890*abc~x", "rft.example-67890*abc~x"),
    "bearer": ("Authorization: Bearer act.secret.value", "secret"),
    "any bearer": ("{'Authorization': 'Bearer opaque-Token_1'}", "opaque-Token_1"),
    "lower-case bearer": ("authorization: bearer opaque-Token_1", "opaque-Token_1"),
    "callback": ("GET /accounts/connected?code=Xyz*0!6410&state=S3cretState&scopes=a", "Xyz*0!6410"),
    "state": ("GET /accounts/connected?code=Xyz&state=S3cretState&scopes=a", "S3cretState"),
    "an upload's address": ("PUT /media/presigned/00/content?expires=1&signature=0a1b2c", "0a1b2c"),
    "a bucket's address": ("PUT https://s3.example.com/oncue/uploads/00?X-Amz-Expires=900&X-Amz-Signature=0a1b2c", "0a1b2c"),
    "encoded code": ("GET /accounts/connected?scopes=a&code=Xyz%2A0%216410", "Xyz%2A0%216410"),
    "upload address": ("PUT https://open-upload.tiktokapis.com/video/?upload_id=6974&upload_token=Xza123", "Xza123"),
    "upload id": ("PUT https://open-upload.tiktokapis.com/video/?upload_id=69740011&upload_token=Xza123", "69740011"),
    "form": ("client_key=aw1&client_secret=Sup3rS3cret&grant_type=refresh_token&refresh_token=plainR", "Sup3rS3cret"),
    "form's token": ("client_secret=Sup3rS3cret&grant_type=refresh_token&refresh_token=plainR", "plainR"),
    "json answer": ('{"access_token":"plainA","expires_in":86400}', "plainA"),
    "json refresh": ("{'refresh_token': 'plainR', 'scope': 'a'}", "plainR"),
    "verifier": ("code_verifier=dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk&x=1", "dBjftJeZ4CVP"),
}
every_secret = pytest.mark.parametrize(("text", "secret"), SECRETS.values(), ids=SECRETS)
both = pytest.mark.parametrize("formatter", FORMATTERS.values(), ids=FORMATTERS)


def record(message: str, *args, exc_info=None, **extra) -> logging.LogRecord:
    made = logging.LogRecord("app.services.publishing", logging.WARNING, __file__, 1, message, args, exc_info)
    made.__dict__.update(extra)
    made.created, made.msecs = 1_795_176_001.25, 250.0
    return made


def raised(text: str):
    try:
        raise ValueError(text)
    except ValueError as error:
        return type(error), error, error.__traceback__


# Redaction


@every_secret
def test_a_text_loses_its_secrets(text, secret):
    assert secret not in redact(text)
    assert "***" in redact(text)


@both
@every_secret
def test_a_message_loses_its_secrets(formatter, text, secret):
    assert secret not in formatter.format(record(text))
    assert secret not in formatter.format(record("asked %s", text))


@both
@every_secret
def test_what_is_logged_beside_a_message_loses_its_secrets(formatter, text, secret):
    assert secret not in formatter.format(record("asked", detail=text))


@both
@every_secret
def test_an_exception_loses_its_secrets(formatter, text, secret):
    assert secret not in formatter.format(record("failed", exc_info=raised(text)))


@pytest.mark.parametrize("text", [
    "published target_id=7 publish_id=v_pub_file~v2-1.7602997070760331285 log_id=202210112248442CB9319E1FB30C1073F3",
    "step failed code=spam_risk_too_many_posts action=hold", "the contract. Next factor.", "statement=5 decode=7",
    "https://www.tiktok.com/@northbound/video/7678907398077074696", "exact.match", "scopes=user.info.basic,video.publish",
])
def test_what_is_no_secret_stays(text):
    assert redact(text) == text


def test_a_code_of_tiktok_s_is_told_although_codes_of_callbacks_are_not():
    line = TextFormatter().format(record("step failed", code="rate_limit_exceeded", log_id="LOG-1"))
    assert "code=rate_limit_exceeded" in line and "LOG-1" in line
    assert "Xyz" not in TextFormatter().format(record("GET /accounts/connected?code=Xyz"))


@pytest.mark.parametrize("beside", [
    {"detail": {"access_token": "plainA", "n": 1}}, {"refresh_token": "plainA"}, {"all": [("x", {"y": "act.plainA"})]}])
def test_json_loses_the_secrets_of_whole_structures_too(beside):
    line = JsonFormatter().format(record("asked", **beside))
    assert "plainA" not in line and "***" in line
    assert json.loads(line)["message"] == "asked"


def test_the_rest_of_an_address_stays():
    assert redact("GET /accounts/connected?code=Xyz&scopes=a,b") == "GET /accounts/connected?code=***&scopes=a,b"


# Form


def test_a_line_of_text_has_time_level_name_message_and_what_was_beside_it():
    line = TextFormatter().format(record("published %s", "at last", target_id=7, publish_id="v_pub"))
    assert re.fullmatch(r"\d\d:\d\d:\d\d WARNING app\.services\.publishing published at last target_id=7 publish_id=v_pub", line)


def test_times_are_utc():
    assert TextFormatter().format(record("x")).startswith("12:00:01 ")
    assert json.loads(JsonFormatter().format(record("x")))["at"] == "2026-11-20T12:00:01.250Z"


def test_a_line_of_json_is_one_object():
    line = JsonFormatter().format(record("two\nlines “ü”", target_id=7, when=object))
    entry = json.loads(line)
    assert "\n" not in line
    assert {"at", "level", "logger", "message"} <= set(entry)
    assert (entry["level"], entry["logger"], entry["message"], entry["target_id"]) == (
        "WARNING", "app.services.publishing", "two\nlines “ü”", 7)


@every_secret
def test_a_line_of_json_stays_json_whatever_was_taken_out(text, secret):
    entry = json.loads(JsonFormatter().format(record(text, detail=text, exc_info=raised(text))))
    assert secret not in json.dumps(entry)


@both
def test_an_exception_is_shown_with_its_traceback(formatter):
    shown = formatter.format(record("failed", exc_info=raised("no luck")))
    assert "Traceback" in shown and "ValueError: no luck" in shown


# Setting up


LIBRARIES = ["httpx", "httpcore", "rq", "rq.worker", "rq_scheduler.scheduler", "alembic", "werkzeug"]


@pytest.fixture
def root():
    logger = logging.getLogger()
    before = logger.handlers[:], logger.level
    noisy = {name: logging.getLogger(name).level for name in LIBRARIES}
    yield logger
    logger.handlers[:], logger.level = before[0], before[1]
    for name, level in noisy.items():
        logging.getLogger(name).setLevel(level)


@pytest.mark.parametrize(("log_format", "formatter"), [("text", TextFormatter), ("json", JsonFormatter)])
def test_everything_goes_to_standard_error_in_one_format(root, capsys, log_format, formatter):
    configure_logging("INFO", log_format)
    handler, = root.handlers
    assert isinstance(handler.formatter, formatter)
    handler.stream = stream = io.StringIO()
    logging.getLogger("app.anything").info("token act.secret1 came")
    assert "secret1" not in stream.getvalue() and "came" in stream.getvalue()


@pytest.mark.parametrize(("level", "heard"), [("DEBUG", True), ("INFO", True), ("WARNING", False)])
def test_the_level_decides_what_is_heard(root, level, heard):
    configure_logging(level, "text")
    assert logging.getLogger("app.anything").isEnabledFor(logging.INFO) is heard


@pytest.mark.parametrize("name", LIBRARIES)
@pytest.mark.parametrize("level", ["DEBUG", "INFO", "WARNING", "ERROR"])
def test_libraries_that_log_whole_addresses_are_heard_only_when_something_is_wrong(root, name, level):
    configure_logging(level, "text")
    assert not logging.getLogger(name).isEnabledFor(logging.INFO)
    assert logging.getLogger(name).isEnabledFor(logging.ERROR)
