"""Every refusal is a page that says what happened and leads on."""

from __future__ import annotations

import io

import pytest


def test_an_unknown_address_is_404_with_a_way_back(as_alice):
    answer = as_alice.get("/nowhere")
    assert answer.status_code == 404 and "There is nothing here" in answer.text and 'href="/calendar"' in answer.text


def test_signed_out_the_way_on_is_the_login(client):
    assert 'href="/login"' in client.get("/nowhere").text


def test_a_wrong_method_is_405_and_names_the_right_ones(as_alice):
    answer = as_alice.delete("/calendar", headers={"X-CSRFToken": as_alice.csrf})
    assert answer.status_code == 405 and "GET" in answer.headers["Allow"]


@pytest.mark.parametrize("path", [
    "/posts/abc", "/posts/99999999999999999999", "/calendar/cards/0", "/media/-1/video", "/accounts/1e3/avatar",
])
def test_odd_ids_are_404(as_alice, path):
    assert as_alice.get(path).status_code == 404


def test_an_upload_over_the_limit_is_told_before_it_is_read(app, as_alice):
    good, app.config["MAX_CONTENT_LENGTH"] = app.config["MAX_CONTENT_LENGTH"], 10_000
    try:
        data = {"file": (io.BytesIO(bytes(20_000)), "clip.mp4")}
        answer = as_alice.post("/media/", data=data, headers={"X-CSRFToken": as_alice.csrf})
    finally:
        app.config["MAX_CONTENT_LENGTH"] = good
    assert answer.status_code == 413 and "That is too large" in answer.text


def test_an_error_of_ours_shows_nothing_of_its_inside(app, as_alice, caplog):
    from app.web import errors
    with app.test_request_context("/calendar"):
        answer = errors._unexpected(ZeroDivisionError("secret detail"))
        page = answer.get_data(as_text=True)
    assert answer.status_code == 500 and "secret detail" not in page and "log says why" in page
    assert "unexpected error" in caplog.text


@pytest.mark.parametrize("body", [b"\xff\xfe", b"caption=%00%00&date=2026-11-24", b"a" * 3_000_000])
def test_damaged_forms_are_answered_and_never_a_500(as_alice, body):
    answer = as_alice.post("/posts/", data=body, content_type="application/x-www-form-urlencoded",
                           headers={"X-CSRFToken": as_alice.csrf})
    assert answer.status_code in (400, 413, 422)


def test_numbers_and_bytes_that_no_column_can_hold_are_refused(as_alice, client):
    huge = "9" * 20
    assert as_alice.get(f"/posts/new?media_file_id={huge}").status_code in (200, 404)
    assert as_alice.get(f"/posts/panel?account_id={huge}&media_file_id={huge}").status_code in (200, 404)
    data = {"account_id": huge, "media_file_id": huge, "date": "2027-01-01", "time": "09:00", "csrf_token": as_alice.csrf}
    assert as_alice.post("/posts/", data=data).status_code == 422
    data = {"email": "a\x00@example.com", "password": "x" * 12, "csrf_token": as_alice.csrf}
    assert as_alice.post("/login", data=data).status_code == 422
    assert as_alice.post("/settings/workspace", data={"name": "a\x00b", "time_zone": "UTC", "csrf_token": as_alice.csrf}).status_code == 422
