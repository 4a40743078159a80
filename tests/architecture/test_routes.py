"""Every address of the application, asked by somebody who is not signed in, and in ways that nobody meant."""

from __future__ import annotations

import itertools

import pytest
from werkzeug.routing import IntegerConverter

from app.web.access import PUBLIC_ENDPOINTS

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


def rules(app):
    return [rule for rule in app.url_map.iter_rules() if rule.endpoint != "static"]


def is_id(converter) -> bool:
    return isinstance(converter, IntegerConverter)


def address(app, rule) -> str:
    """The rule's address, with ids of things that do not exist."""
    filled = {name: 999_999 if is_id(converter) else "x" for name, converter in rule._converters.items()}
    with app.test_request_context():
        return app.url_map.bind("localhost").build(rule.endpoint, filled, method=sorted(rule.methods)[0])


def asked(app, methods=METHODS):
    """Every pair of an address that needs a login and a method that it takes."""
    return [(address(app, rule), method) for rule in rules(app) if rule.endpoint not in PUBLIC_ENDPOINTS
            for method in methods if method in rule.methods]


@pytest.fixture
def signed_in(app, client, alice):
    with client.session_transaction() as session:
        session["_user_id"], session["_fresh"] = f"{alice.user_id}.1", True
    return client


def test_every_public_endpoint_exists(app):
    assert PUBLIC_ENDPOINTS - {rule.endpoint for rule in app.url_map.iter_rules()} == set()


def test_little_is_public():
    assert {"static", "auth.login", "auth.sign_in", "auth.setup", "auth.sign_up", "hooks.events", "pull.photo",
            "pull.check_photo", "pull.verification", "presigned.content", "feeds.calendar"} == {
        endpoint for endpoint in PUBLIC_ENDPOINTS if not endpoint.startswith("health.")}


def test_signed_out_every_page_leads_to_the_login(app, client, alice):
    answers = {(url, client.get(url).status_code, client.get(url).headers.get("Location", "")) for url, _ in asked(app, ["GET"])}
    assert len(answers) > 8
    assert [answer for answer in answers if answer[1] != 303 or "/login" not in answer[2]] == []


def test_signed_out_no_form_and_no_fragment_is_answered(app, client, alice):
    answers = [(url, method, client.open(url, method=method).status_code) for url, method in asked(app, METHODS[1:])]
    answers += [(url, "htmx", client.get(url, headers={"HX-Request": "true"}).status_code) for url, _ in asked(app, ["GET"])]
    assert len(answers) > 15
    assert [answer for answer in answers if answer[2] != 401] == []


def test_on_a_fresh_instance_every_page_leads_to_the_setup(app, client):
    for url, _ in asked(app, ["GET"]):
        answer = client.get(url)
        assert (answer.status_code, "/setup" in answer.headers["Location"]) == (303, True), url


def test_public_pages_are_answered_without_a_login(app, client, alice):
    for endpoint, status in (("auth.login", 200), ("health.healthz", 200)):
        rule = next(rule for rule in rules(app) if rule.endpoint == endpoint)
        assert client.get(address(app, rule)).status_code == status


@pytest.mark.parametrize("who", ["signed_in", "client"])
def test_a_method_that_an_address_does_not_take_is_405_with_those_that_it_does(app, request, who):
    browser = request.getfixturevalue(who)
    by_url: dict[str, set[str]] = {}
    for rule in rules(app):
        by_url.setdefault(address(app, rule), set()).update(rule.methods)
    wrong = [(url, method) for url, methods in by_url.items() for method in METHODS if method not in methods]
    assert len(wrong) > 20
    for url, method in wrong:
        answer = browser.open(url, method=method)
        assert answer.status_code == 405, (url, method)
        assert set(answer.headers["Allow"].replace(" ", "").split(",")) == by_url[url], (url, method)


def test_an_id_of_nothing_is_not_found_and_no_crash(app, signed_in):
    pages = [address(app, rule) for rule in rules(app) if "GET" in rule.methods and any(map(is_id, rule._converters.values()))]
    assert pages
    for page, value in itertools.product(pages, [999_999, 0, 2**31, 2**63, 10**40]):
        url = page.replace("999999", str(value))
        assert signed_in.get(url).status_code == 404, url


def test_no_form_is_taken_without_its_token(app, signed_in):
    app.config["WTF_CSRF_ENABLED"] = True
    for url, method in asked(app, ["POST", "PUT", "PATCH", "DELETE"]):
        assert signed_in.open(url, method=method).status_code in (400, 413), (url, method)


def test_reading_and_writing_are_functions_of_their_own(app):
    both = [rule.endpoint for rule in rules(app) if "GET" in rule.methods and rule.methods & {"POST", "PUT", "PATCH", "DELETE"}]
    assert both == []


@pytest.mark.parametrize("who", ["signed_in", "client"])
def test_an_unknown_address_is_not_found(app, request, who):
    browser = request.getfixturevalue(who)
    for path in ("/nothing-here", "/posts/x", "/posts/-1", "/posts/1/nothing", "/%00", "/static/nothing.css", "/static/../pyproject.toml",
                 "/static/%2e%2e/pyproject.toml"):
        assert browser.get(path).status_code == 404, path


def test_every_answer_keeps_the_page_to_itself(app, signed_in):
    for url, headers in itertools.product(["/", "/login", "/nothing-here", "/healthz"], [{}, {"HX-Request": "true"}]):
        answer = signed_in.get(url, headers=headers)
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        assert "unsafe" not in answer.headers["Content-Security-Policy"]
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert "HX-Request" in answer.headers["Vary"]
        assert answer.headers["Cache-Control"] == "no-store"
