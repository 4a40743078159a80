"""Browsers without JavaScript, whose every page is checked for what a page must have."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
from flask.testing import FlaskClient

VOID_IDS = re.compile(r"^[A-Za-z][\w-]*$")


class PageChecker(HTMLParser):
    """Collects what makes a page hard to use."""

    def __init__(self):
        super().__init__()
        self.ids, self.h1, self.titles, self.labels_for, self.inputs, self.problems = [], 0, 0, set(), [], []
        self._in_label = 0

    def handle_starttag(self, tag, pairs):
        attrs = dict(pairs)
        if "id" in attrs:
            self.ids.append(attrs["id"])
        self.h1 += tag == "h1"
        self.titles += tag == "title"
        self._in_label += tag == "label"
        if tag == "label" and "for" in attrs:
            self.labels_for.add(attrs["for"])
        if tag == "form" and ("action" not in attrs or "method" not in attrs):
            self.problems.append(f"a form without action or method: {attrs}")
        if tag == "img" and "alt" not in attrs:
            self.problems.append(f"a picture without alt: {attrs}")
        if tag in ("input", "select", "textarea") and attrs.get("type") not in ("hidden", "submit"):
            self.inputs.append((attrs, self._in_label))
        if "style" in attrs or any(name.startswith("on") for name in attrs):
            self.problems.append(f"inline style or script: {attrs}")
        if tag == "script" and "src" not in attrs:
            self.problems.append("an inline script")

    def handle_endtag(self, tag):
        self._in_label -= tag == "label"


def check_page(text: str) -> None:
    """Fails when the page lacks a title, one h1, labels, unique ids, or shows a hole in a template."""
    checker = PageChecker()
    checker.feed(text)
    assert checker.h1 == 1 and checker.titles == 1
    assert checker.problems == []
    doubles = {i for i in checker.ids if checker.ids.count(i) > 1}
    assert not doubles, f"ids twice: {doubles}"
    for attrs, in_label in checker.inputs:
        assert in_label or attrs.get("id") in checker.labels_for or "aria-label" in attrs, f"no label for {attrs}"
    assert "undefined" not in text.lower()


class CheckedClient(FlaskClient):
    """Checks each whole page that it gets, and never accepts a 5xx."""

    def open(self, *args, **kwargs):
        response = super().open(*args, **kwargs)
        assert response.status_code < 500 or response.status_code == 503, response.get_data(as_text=True)[:3000]
        if response.mimetype == "text/html" and "<html" in (text := response.get_data(as_text=True)):
            check_page(text)
        return response


def csrf_of(client) -> str:
    """The token of this browser's session, as any of its pages carries it."""
    page = client.get("/login").get_data(as_text=True)
    return re.search(r'name="csrf_token" value="([^"]+)"', page)[1]


def sign_in(client, person):
    answer = client.post("/login", data={"email": person.email, "password": person.password, "csrf_token": csrf_of(client)})
    assert answer.status_code == 303
    return client


@pytest.fixture
def client(app):
    app.test_client_class = CheckedClient
    return app.test_client()


@pytest.fixture
def as_alice(app, client, alice):
    """Alice's browser; `csrf` is her session's token."""
    sign_in(client, alice)
    client.csrf = csrf_of(client)
    return client


@pytest.fixture
def as_bob(app, bob):
    app.test_client_class = CheckedClient
    client = sign_in(app.test_client(), bob)
    client.csrf = csrf_of(client)
    return client
