"""What has to be so for TikTok to fetch from here, and what to do where it is not."""

from __future__ import annotations

import pytest

from app.domain.reach import NO_FILE, Answer, CheckState, Standing, address_checks, file_check, photo_checks

OK, FAILED, UNKNOWN = CheckState.OK, CheckState.FAILED, CheckState.UNKNOWN
PHOTO = bytes(range(200))
WHOLE = Answer(200, {"content-type": "image/jpeg"}, PHOTO)
PART = Answer(206, {"content-range": "bytes 0-99/200"}, PHOTO[:100])


def states(checks) -> list[CheckState]:
    assert all(check.found[-1] == "." for check in checks)
    assert all(bool(check.advice) for check in checks if check.state is FAILED), "what failed can be mended"
    return [check.state for check in checks]


@pytest.mark.parametrize(("url", "standing", "expected"), [
    ("https://oncue.example.com", Standing.PUBLIC, [OK, OK, OK]), ("http://oncue.example.com", Standing.PUBLIC, [FAILED, OK, OK]),
    ("https://oncue.example.com:8443", Standing.PUBLIC, [OK, OK, UNKNOWN]),
    ("https://oncue.example.com:443", Standing.PUBLIC, [OK, OK, OK]),
    ("https://93.184.215.14", Standing.ADDRESS, [OK, FAILED, OK]), ("http://localhost:8000", Standing.INSIDE, [FAILED, FAILED, UNKNOWN]),
    ("https://oncue.example.com", Standing.LEADS_INSIDE, [OK, UNKNOWN, OK]),
    ("https://oncue.example.com", Standing.NOT_FOUND, [OK, FAILED, OK]),
])
def test_an_address_that_tiktok_takes_is_https_a_public_name_and_the_usual_port(url, standing, expected):
    assert states(address_checks(url, standing)) == expected


@pytest.mark.parametrize(("whole", "part", "expected"), [
    (WHOLE, PART, [OK, OK, OK, OK]),
    (Answer(trouble="it took too long."), PART, [UNKNOWN] * 4),
    (Answer(302, {"location": "https://www.example.com/"}), PART, [FAILED, FAILED, UNKNOWN, UNKNOWN]),
    (Answer(404, {}), PART, [FAILED, OK, UNKNOWN, UNKNOWN]),
    (Answer(200, {"content-type": "text/html"}, b"<html>login"), PART, [FAILED, OK, UNKNOWN, UNKNOWN]),
    (Answer(200, {"content-type": "application/octet-stream"}, PHOTO), PART, [OK, OK, FAILED, OK]),
    (WHOLE, Answer(200, {}, PHOTO), [OK, OK, OK, FAILED]),
    (WHOLE, Answer(206, {"content-range": "bytes 0-99/*"}, PHOTO[:100]), [OK, OK, OK, FAILED]),
    (WHOLE, Answer(trouble="the connection broke."), [OK, OK, OK, UNKNOWN]),
])
def test_a_photo_arrives_as_it_is_at_once_and_in_parts(whole, part, expected):
    assert states(photo_checks(whole, part, PHOTO)) == expected


@pytest.mark.parametrize(("answer", "expected"), [
    (Answer(200, {}, b"tiktok-developers-site-verification=A\n"), OK), (Answer(200, {}, b"something else"), FAILED),
    (Answer(404, {}), FAILED), (Answer(trouble="it took too long."), UNKNOWN),
])
def test_a_verification_file_has_its_content(answer, expected):
    assert states([file_check("tiktokA.txt", "tiktok-developers-site-verification=A", answer)]) == [expected]


def test_a_domain_that_dns_verifies_needs_no_file():
    assert states([NO_FILE]) == [OK] and "TIKTOK_VERIFICATION_FILES" in NO_FILE.advice
