"""Whether TikTok could fetch photos from here: the page for owners, and the files that TikTok looks at."""

from __future__ import annotations

from dataclasses import replace

import pytest

from app.web import access
from tests import factories
from tests.servers import serve

FILES = ("tiktokABC-1_x.txt", "tiktokDEF.txt=another content")


@pytest.fixture
def verified(app, monkeypatch):
    wired = factories.wired(app)
    monkeypatch.setitem(app.extensions, "oncue", replace(wired, settings=replace(wired.settings, tiktok_verification_files=FILES)))


def test_verification_files_are_served_at_the_root_and_below_the_prefix_to_everybody(client, verified):
    for place in ("/", "/pull/"):
        answer = client.get(f"{place}tiktokABC-1_x.txt")
        assert (answer.status_code, answer.mimetype, answer.text) == (200, "text/plain", "tiktok-developers-site-verification=ABC-1_x")
        assert client.get(f"{place}tiktokDEF.txt").text == "another content"
        assert client.get(f"{place}tiktokGHI.txt").status_code == 404


def test_without_the_setting_there_is_no_such_file(client):
    assert client.get("/pull/tiktokABC-1_x.txt").status_code == client.get("/tiktok.txt").status_code == 404


def test_the_check_photo_is_a_photo_for_everybody_in_parts_too(client):
    whole = client.get("/pull/check.jpeg")
    assert (whole.status_code, whole.mimetype, whole.data[:3]) == (200, "image/jpeg", b"\xff\xd8\xff") and "Set-Cookie" not in whole.headers
    part = client.get("/pull/check.jpeg", headers={"Range": "bytes=0-99"})
    assert (part.status_code, part.data) == (206, whole.data[:100])
    whole.close()
    part.close()


def test_the_page_asks_its_own_address_and_says_what_tiktok_would_miss(app, as_alice, verified):
    with serve(app, factories.wired(app).settings.port):
        page = as_alice.get("/settings/photos/").text
    base_url = factories.wired(app).settings.base_url
    for words in ("works with the sandbox", f"<code>{base_url}/pull/</code>", "over https only", "a name of this machine",
                  "The check photo arrived.", "It says image/jpeg.", "Parts of a file can be fetched.",
                  "Verification file tiktokABC-1_x.txt", "It is there."):
        assert words in page, words
    assert page.count("Not yet") == 2


def test_without_an_answer_it_says_so(as_alice):
    page = as_alice.get("/settings/photos/").text
    assert "nobody can be connected to there" in page and "None is set, which is right" in page


def test_with_tiktok_itself_it_says_what_will_fail(app, as_alice, monkeypatch):
    wired = factories.wired(app)
    monkeypatch.setitem(app.extensions, "oncue", replace(wired, settings=replace(wired.settings, tiktok_client_key="awreal")))
    page = as_alice.get("/settings/photos/").text
    assert "Posts with photos will fail" in page and "sandbox" not in page


def test_is_for_owners_and_settings_lead_there(as_alice, monkeypatch):
    assert 'href="/settings/photos/"' in as_alice.get("/settings/").text
    load = access._load_member
    monkeypatch.setattr(access, "_load_member", lambda user_id: replace(load(user_id), is_owner=False))
    assert 'href="/settings/photos/"' not in as_alice.get("/settings/").text
    assert as_alice.get("/settings/photos/").status_code == 403
