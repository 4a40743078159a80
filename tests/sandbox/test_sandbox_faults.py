"""Faults: every kind, whom they hit and when."""

from __future__ import annotations

import time
from pathlib import Path

import httpx
import pytest

from .driver import CALLBACK, Account, Driver

INIT = "/v2/post/publish/video/init/"
INFO = "/v2/post/publish/creator_info/query/"


def codes(sandbox: Driver, account: Account, count: int) -> list[int]:
    return [sandbox.post(account, INFO).status_code for _ in range(count)]


@pytest.mark.parametrize(("fault", "status", "code"), [
    ({"kind": "error_json"}, 500, "internal_error"),
    ({"kind": "error_json", "status": 503}, 503, "internal_error"),
    ({"kind": "rate_limit"}, 429, "rate_limit_exceeded"),
    ({"kind": "error_code", "code": "spam_risk_too_many_posts"}, 403, "spam_risk_too_many_posts"),
    ({"kind": "error_code", "code": "spam_risk", "status": 200}, 200, "spam_risk"),
    ({"kind": "expire_token"}, 401, "access_token_invalid"),
])
def test_answers_instead_of_the_work(sandbox: Driver, northbound: Account, fault: dict[str, object], status: int,
                                     code: str) -> None:
    sandbox.fault(match={"endpoint": "video_init"}, **fault)
    reply = sandbox.init(northbound, 10)
    assert (reply.status_code, reply.json()["error"]["code"]) == (status, code)
    assert sandbox.ledger()["publishes_total"] == 0
    assert sandbox.ledger(endpoint="video_init")["calls"][0]["fault"] == fault["kind"]


def test_a_gateway_page(sandbox: Driver, northbound: Account) -> None:
    sandbox.fault(match="video_init", kind="error_html", status=504)
    reply = sandbox.init(northbound, 10)
    assert reply.status_code == 504 and reply.headers["Content-Type"].startswith("text/html")
    assert sandbox.ledger()["publishes_total"] == 0


def test_accepted_but_answered_with_an_error(sandbox: Driver, northbound: Account) -> None:
    sandbox.fault(match="video_init", kind="accept_then_error", status=502)
    assert sandbox.init(northbound, 10).status_code == 502
    assert sandbox.ledger()["publishes_total"] == 1


def test_an_aborted_connection(sandbox: Driver, northbound: Account) -> None:
    sandbox.fault(match="video_init", kind="abort")
    with pytest.raises(httpx.TransportError):
        sandbox.init(northbound, 10)
    assert sandbox.ledger()["publishes_total"] == 0
    assert sandbox.ledger(endpoint="video_init")["calls"][0]["status"] == 0


@pytest.mark.parametrize(("kind", "publishes"), [("hang", 0), ("accept_then_timeout", 1)])
def test_timeouts_with_and_without_the_work_done(sandbox: Driver, northbound: Account, kind: str,
                                                 publishes: int) -> None:
    sandbox.fault(match="video_init", kind=kind, seconds=30)
    started = time.monotonic()
    with pytest.raises(httpx.TimeoutException):
        httpx.post(sandbox.url + INIT, headers=northbound.headers, timeout=0.15, trust_env=False, json={
            "post_info": {"privacy_level": "SELF_ONLY"},
            "source_info": {"source": "FILE_UPLOAD", "video_size": 9, "chunk_size": 9, "total_chunk_count": 1}})
    assert time.monotonic() - started < 5
    assert sandbox.ledger()["publishes_total"] == publishes


@pytest.mark.parametrize("kind", ["hang", "accept_then_timeout"])
def test_the_connection_closes_after_the_wait(sandbox: Driver, northbound: Account, kind: str) -> None:
    sandbox.fault(match="creator_info", kind=kind, seconds=0.1)
    with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
        sandbox.post(northbound, INFO)


def test_a_slow_answer_is_an_answer(sandbox: Driver, northbound: Account) -> None:
    sandbox.fault(match="video_init", kind="slow", seconds=0.1)
    started = time.monotonic()
    assert sandbox.init(northbound, 10).status_code == 200
    assert time.monotonic() - started >= 0.1


def test_a_cut_answer(sandbox: Driver, northbound: Account) -> None:
    sandbox.fault(match="video_init", kind="cut", bytes=20)
    with pytest.raises(httpx.RemoteProtocolError):
        sandbox.init(northbound, 10)
    assert sandbox.ledger()["publishes_total"] == 1


@pytest.mark.parametrize(("keeps", "progress"), [(False, 0), (True, 700_000)])
def test_a_cut_upload(sandbox: Driver, northbound: Account, keeps: bool, progress: int) -> None:
    sandbox.switch(keep_partial_chunk=keeps)
    size = 1_000_000
    data = sandbox.init(northbound, size).json()["data"]
    sandbox.fault(match="upload", kind="cut", bytes=700_000)
    started = time.monotonic()
    with pytest.raises(httpx.TransportError):
        sandbox.put(data["upload_url"], bytes(size))
    assert time.monotonic() - started < 2, "cut, not timed out"
    assert sandbox.status(northbound, data["publish_id"])["uploaded_bytes"] == progress
    assert sandbox.put(data["upload_url"], bytes(size - progress), progress, size).status_code == 201


@pytest.mark.parametrize(("fault", "status", "stored"), [
    ({"kind": "error_html", "status": 503}, 503, 0), ({"kind": "error_json"}, 500, 0),
    ({"kind": "rate_limit"}, 429, 0), ({"kind": "expire_upload_url"}, 403, 0),
    ({"kind": "error_code", "code": "range_mismatch", "status": 416}, 416, 0),
    ({"kind": "accept_then_error"}, 502, 1_000),
])
def test_upload_errors(sandbox: Driver, northbound: Account, fault: dict[str, object], status: int,
                       stored: int) -> None:
    data = sandbox.init(northbound, 1_000).json()["data"]
    sandbox.fault(match="upload", **fault)
    assert sandbox.put(data["upload_url"], bytes(1_000)).status_code == status
    assert sandbox.status(northbound, data["publish_id"])["uploaded_bytes"] == stored


def test_an_upload_url_that_is_dead_on_arrival(sandbox: Driver, northbound: Account) -> None:
    sandbox.fault(match="video_init", kind="expire_upload_url")
    data = sandbox.init(northbound, 1_000).json()["data"]
    assert sandbox.put(data["upload_url"], bytes(1_000)).status_code == 403


@pytest.mark.parametrize("when", ["video_init", "upload", "status"])
@pytest.mark.parametrize(("fault", "expected"), [
    ({"kind": "stuck"}, ("PROCESSING_UPLOAD", None, 0)),
    ({"kind": "withhold_id"}, ("PUBLISH_COMPLETE", None, 0)),
    ({"kind": "fail", "code": "internal"}, ("FAILED", "internal", 0)),
])
def test_fates(sandbox: Driver, northbound: Account, video: Path, fault: dict[str, object], when: str,
               expected: tuple[str, str | None, int]) -> None:
    sandbox.fault(match=when, **fault)
    publish_id = sandbox.publish(northbound, video)
    sandbox.advance(80_000)
    status = sandbox.status(northbound, publish_id)
    assert (status["status"], status.get("fail_reason"), len(status["publicaly_available_post_id"])) == expected
    assert sandbox.ledger()["posts_total"] == (1 if fault["kind"] == "withhold_id" else 0)


def test_after_and_times(sandbox: Driver, northbound: Account) -> None:
    sandbox.fault(match="creator_info", kind="error_json", after=2, times=2)
    assert codes(sandbox, northbound, 6) == [200, 200, 500, 500, 200, 200]


def test_always(sandbox: Driver, northbound: Account) -> None:
    fault_id = sandbox.fault(match="creator_info", kind="error_json", times=0)
    assert codes(sandbox, northbound, 4) == [500] * 4
    assert sandbox.http.delete(f"/sandbox/api/faults/{fault_id}").status_code == 200
    assert codes(sandbox, northbound, 1) == [200]
    assert sandbox.http.delete(f"/sandbox/api/faults/{fault_id}").status_code == 404


def test_a_seed_repeats_the_dice(sandbox: Driver, northbound: Account) -> None:
    sandbox.switch(rate_limits=False)
    seen = []
    for _ in range(2):
        sandbox.fault(match="creator_info", kind="error_json", times=0, probability=0.5, seed=7)
        seen.append(codes(sandbox, northbound, 24))
        sandbox.http.delete("/sandbox/api/faults")
    assert seen[0] == seen[1] and set(seen[0]) == {200, 500}


def test_only_one_creator_and_one_endpoint(sandbox: Driver, northbound: Account, lumen: Account) -> None:
    sandbox.fault(match={"endpoint": "creator_info", "username": "lumen.studio"}, kind="error_json", times=0)
    assert (codes(sandbox, northbound, 1), codes(sandbox, lumen, 1)) == ([200], [500])
    assert sandbox.init(lumen, 10, privacy_level="SELF_ONLY").status_code == 200


@pytest.mark.parametrize("kind", ["error_json", "error_code"])
def test_the_token_endpoint(sandbox: Driver, northbound: Account, lumen: Account, kind: str) -> None:
    sandbox.fault(match={"endpoint": "token", "username": "northbound"}, kind=kind, code="invalid_grant", times=0)
    reply = sandbox.token(grant_type="refresh_token", refresh_token=northbound.refresh)
    assert reply.json()["error"] == ("server_error" if kind == "error_json" else "invalid_grant")
    assert reply.status_code == (500 if kind == "error_json" else 200)
    assert "access_token" in sandbox.token(grant_type="refresh_token", refresh_token=lumen.refresh).json()
    code = sandbox.decide("northbound")["code"]
    assert "error" in sandbox.exchange(code, redirect_uri=CALLBACK).json()
    sandbox.http.delete("/sandbox/api/faults")
    assert "access_token" in sandbox.exchange(code).json(), "the fault did not use the code up"


@pytest.mark.parametrize("body", [
    {}, {"kind": "explode"}, {"kind": "abort", "match": "nowhere"}, {"kind": "abort", "surprise": 1},
    {"kind": "abort", "after": -1}, {"kind": "abort", "times": "2"}, {"kind": "error_code"},
    {"kind": "fail", "code": "tired"}, {"kind": "error_json", "status": 100}, {"kind": "abort", "match": {"x": 1}}])
def test_faults_that_can_not_be_made(sandbox: Driver, body: dict[str, object]) -> None:
    reply = sandbox.http.post("/sandbox/api/faults", json=body)
    assert reply.status_code == 400 and reply.json()["error"]
    assert sandbox.http.get("/sandbox/api/faults").json() == {"faults": []}


def test_the_list_counts(sandbox: Driver, northbound: Account) -> None:
    sandbox.fault(match="creator_info", kind="error_json", after=1)
    codes(sandbox, northbound, 3)
    fault, = sandbox.http.get("/sandbox/api/faults").json()["faults"]
    assert (fault["seen"], fault["fired"]) == (3, 1)
    assert fault["match"] == {"endpoint": "creator_info", "username": ""}


# the page with the same levers


def test_the_control_page_moves_everything(sandbox: Driver) -> None:
    http = sandbox.http
    assert http.post("/sandbox/control/faults", data={"kind": "error_json", "endpoint": "status", "after": "1",
                                                      "probability": "0.5"}).status_code == 303
    fault, = http.get("/sandbox/api/faults").json()["faults"]
    assert (fault["kind"], fault["match"]["endpoint"], fault["after"], fault["probability"]) == (
        "error_json", "status", 1, 0.5)
    http.post(f"/sandbox/control/faults/{fault['id']}/delete")
    assert http.get("/sandbox/api/faults").json()["faults"] == []
    before = http.get("/sandbox/api/clock").json()["now"]
    http.post("/sandbox/control/clock", data={"advance_seconds": "60"})
    assert http.get("/sandbox/api/clock").json()["now"] == before + 60
    http.post("/sandbox/control/creators/kabinet", data={"username": "kabinet", "nickname": "K", "max_seconds": "30",
                                                         "banned": "on"})
    kabinet = next(item for item in http.get("/sandbox/api/creators").json()["creators"] if item["id"] == "kabinet")
    assert (kabinet["nickname"], kabinet["banned"], kabinet["comment_disabled"]) == ("K", True, False)
    http.post("/sandbox/control/creators", data={"username": "fresh", "max_seconds": "30"})
    assert http.get("/@fresh").status_code == 200


def test_the_control_page_changes_only_what_differs(sandbox: Driver) -> None:
    before = sandbox.http.get("/sandbox/api/switches").json()
    form = {name: str(value) for name, value in before.items() if value is not False}
    sandbox.http.post("/sandbox/control/switches", data={**form, "processing_seconds": "9", "oauth_error_status": "400"})
    assert sandbox.http.get("/sandbox/api/switches").json() == {
        **before, "processing_seconds": 9.0, "oauth_error_status": 400}
    del form["caps"]
    sandbox.http.post("/sandbox/control/switches", data=form)
    assert sandbox.http.get("/sandbox/api/switches").json() == {**before, "caps": False}


@pytest.mark.parametrize(("path", "form"), [
    ("faults", {"kind": "explode"}), ("clock", {"advance_seconds": "x"}), ("creators", {"username": "kabinet"}),
    ("switches", {"oauth_error_status": "9"}), ("creators/kabinet", {"max_seconds": "0"})])
def test_the_control_page_says_what_is_wrong(sandbox: Driver, path: str, form: dict[str, str]) -> None:
    reply = sandbox.http.post(f"/sandbox/control/{path}", data=form, follow_redirects=True)
    assert 'class="alert"' in reply.text
