"""Only TikTok's own signature over the very body counts, and only for as long as TikTok would deliver it."""

from __future__ import annotations

import hashlib
import hmac
from datetime import UTC, datetime, timedelta

import pytest

from app.infra.tiktok.webhook_signature import signature_problem

SECRET, T = "test_client_secret", 1633174587
BODY = (b'{"client_key":"bwo2m45353a6k85","event":"post.publish.complete","create_time":1633174586,"user_openid":"-000abc",'
        b'"content":"{\\"publish_id\\":\\"v_pub_file~v2-1.123456789\\",\\"publish_type\\":\\"DIRECT_PUBLISH\\"}"}')
DIGEST = "65763c8dcf0981a29f92caa96fe32ed01e290cb31448a962d06d4fdd1a236d9d"
GOOD = f"t={T},s={DIGEST}"
NOW = datetime.fromtimestamp(T, UTC)


def problem(header=GOOD, body=BODY, secret=SECRET, age=timedelta(0)):
    return signature_problem(header, body, client_secret=secret, now=NOW + age)


def signed(t, secret=SECRET):
    return f"t={t},s={hmac.new(secret.encode(), f'{t}.'.encode() + BODY, hashlib.sha256).hexdigest()}"


def test_the_vector_is_genuine():
    assert len(BODY) == 208
    assert problem() is None


@pytest.mark.parametrize("header", [f"s={DIGEST},t={T}", f"t={T}, s={DIGEST}", f"t={T},s={DIGEST},v=1"])
def test_order_blanks_and_further_parts_do_not_matter(header):
    assert problem(header) is None


@pytest.mark.parametrize("header", [None, ""])
def test_without_a_signature(header):
    assert problem(header) == "signature_missing"


@pytest.mark.parametrize("header", [
    "x", DIGEST, f"s={DIGEST}", f"t={T}", f"t={T},s=", f"t=,s={DIGEST}", f"t=-1,s={DIGEST}", f"t=1e9,s={DIGEST}", f"t={T}.0,s={DIGEST}",
    f"t=١٦٣٣,s={DIGEST}", f"t={'9' * 5000},s={DIGEST}", f"t={T};s={DIGEST}", "=,=,=", ",,,",
])
def test_a_header_that_is_none(header):
    assert problem(header) == "signature_malformed"


@pytest.mark.parametrize("header", [
    f"t={T},s={'0' * 64}", f"t={T},s={DIGEST[:-1]}", f"t={T},s={DIGEST.upper()}", f"t={T + 1},s={DIGEST}", f"t=0{T},s={DIGEST}",
    f"t={T},s=ünïcode", f"t={T},s={DIGEST},s=0", signed(T, "another_secret"),
])
def test_a_signature_of_somebody_else(header):
    assert problem(header) == "signature_wrong"


@pytest.mark.parametrize("body", [b"", BODY + b"\n", BODY.replace(b"complete", b"failed__"), BODY.replace(b",", b", "), BODY[:-1]])
def test_an_altered_body(body):
    assert problem(body=body) == "signature_wrong"


def test_without_a_client_secret_nothing_is_genuine():
    assert problem(signed(T, ""), secret="") == "signature_wrong"


@pytest.mark.parametrize(("age", "expected"), [
    (timedelta(hours=72), None), (timedelta(hours=72, seconds=1), "signature_expired"), (timedelta(days=4000), "signature_expired"),
    (timedelta(seconds=-300), None), (timedelta(seconds=-301), "signature_early"),
])
def test_is_taken_as_long_as_tiktok_delivers(age, expected):
    assert problem(age=age) == expected


def test_the_age_of_a_forgery_is_not_told():
    assert problem(f"t={T},s={'0' * 64}", age=timedelta(days=10)) == "signature_wrong"
