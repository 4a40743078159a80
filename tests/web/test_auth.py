"""Signing up, in and out."""

from __future__ import annotations

import pytest

from app.models import User, db
from tests.web.conftest import csrf_of, sign_in

SETUP = {"workspace_name": "Riverside", "time_zone": "Europe/Berlin", "name": "Riva", "email": "riva@example.com",
         "password": "a long enough password"}


def post_setup(client, **changes):
    return client.post("/setup", data={**SETUP, **changes, "csrf_token": csrf_of(client)})


def test_the_first_visitor_is_offered_the_sign_up(client):
    answer = client.get("/")
    assert answer.status_code == 303 and answer.location.startswith("/setup")
    assert "Make the workspace" in client.get("/setup").text


def test_sign_up_makes_owner_and_workspace_and_signs_in(app, client):
    answer = post_setup(client)
    assert (answer.status_code, answer.location) == (303, "/calendar")
    page = client.get("/calendar").text
    assert "Riverside" in page and "Berlin, UTC+" in page


def test_there_is_only_one_owner(client, app):
    post_setup(client)
    other = app.test_client()
    assert other.get("/setup").status_code == 303
    answer = post_setup(other, email="second@example.com")
    assert answer.status_code == 422 and "has an owner already" in answer.text


@pytest.mark.parametrize(("field", "value", "words"), [
    ("email", "riva", "not an e-mail address"), ("password", "short", "10 characters or more"), ("workspace_name", " ", "name"),
    ("time_zone", "Mars/Olympus", "Not a valid choice"), ("name", "", "call you"), ("name", "x" * 101, "100 characters"),
])
def test_sign_up_says_what_is_wrong_beside_the_field(client, field, value, words):
    answer = post_setup(client, **{field: value})
    assert answer.status_code == 422
    assert words in answer.text and f'id="{field}-error"' in answer.text


def test_passwords_are_argon2id(app, client):
    post_setup(client)
    with app.app_context():
        assert db.session.query(User.password_hash).scalar().startswith("$argon2id$")


def test_signs_in_and_out(client, alice):
    sign_in(client, alice)
    assert client.get("/calendar").status_code == 200
    assert client.post("/logout", data={"csrf_token": csrf_of(client)}).status_code == 303
    assert client.get("/calendar").status_code == 303


def test_leads_to_the_page_that_was_asked_for_but_never_elsewhere(client, alice):
    login = client.get("/posts/").location
    assert login == "/login?next=/posts/"
    data = {"email": alice.email, "password": alice.password, "csrf_token": csrf_of(client)}
    assert client.post(login, data=data).location == "/posts/"
    for trap in ("https://evil.example", "//evil.example", "/\\evil.example"):
        assert client.post("/login", query_string={"next": trap}, data={**data, "csrf_token": csrf_of(client)}).location == "/calendar"


def test_a_wrong_password_and_an_unknown_address_are_answered_alike(client, alice):
    answers = [client.post("/login", data={"email": email, "password": "wrong password", "csrf_token": csrf_of(client)})
               for email in (alice.email, "nobody@example.com")]
    assert all(a.status_code == 422 and "Address and password don&#39;t match" in a.text for a in answers)


def test_guessing_is_slowed_down(client, alice):
    data = {"email": alice.email, "password": "wrong password", "csrf_token": csrf_of(client)}
    for _ in range(10):
        client.post("/login", data=data)
    answer = client.post("/login", data={**data, "password": alice.password})
    assert "Too many tries" in answer.text


def test_a_changed_password_ends_the_other_sessions(app, as_alice, alice):
    elsewhere = sign_in(app.test_client(), alice)
    answer = as_alice.post("/settings/password", data={"current_password": alice.password, "new_password": "another long password",
                                                       "csrf_token": as_alice.csrf})
    assert answer.status_code == 303
    assert as_alice.get("/calendar").status_code == 200
    assert elsewhere.get("/calendar").status_code == 303
    alice.password = "another long password"
    sign_in(app.test_client(), alice)


@pytest.mark.parametrize(("current", "new", "words"), [
    ("wrong one here", "another long password", "not your present password"), (None, "short", "10 characters or more"),
])
def test_a_password_change_is_refused_beside_the_field(as_alice, alice, current, new, words):
    answer = as_alice.post("/settings/password", data={"current_password": current or alice.password, "new_password": new,
                                                       "csrf_token": as_alice.csrf})
    assert answer.status_code == 422 and words in answer.text


def test_signing_out_everywhere_ends_all_sessions(app, as_alice, alice):
    elsewhere = sign_in(app.test_client(), alice)
    as_alice.post("/settings/sessions/end", data={"csrf_token": as_alice.csrf})
    assert as_alice.get("/calendar").status_code == elsewhere.get("/calendar").status_code == 303


def test_a_form_without_its_token_is_refused_in_plain_words(as_alice):
    answer = as_alice.post("/settings/theme", data={"theme": "dark"})
    assert answer.status_code == 400 and "out of date" in answer.text


def test_an_expired_session_during_an_htmx_call_is_401(client, alice):
    assert client.get("/calendar", headers={"HX-Request": "true"}).status_code == 401


def test_the_session_cookie_is_out_of_reach_of_scripts(client, alice):
    sign_in(client, alice)
    cookie = client.get_cookie("oncue_session")
    assert cookie.http_only and cookie.same_site == "Lax" and cookie.expires is not None
