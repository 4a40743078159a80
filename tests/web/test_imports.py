"""Files from links, as programs ask for them."""

from __future__ import annotations

import dataclasses

import pytest

from app.infra.fetch import Limits, WebFetcher
from app.services.media_imports import advance_import
from tests import factories
from tests.websites import serving


@pytest.fixture
def site(app, monkeypatch, video_path):
    with serving() as found:
        found.pages["/clip.mp4"] = (200, {}, video_path.read_bytes())
        web = WebFetcher(Limits(max_bytes=10_000_000, idle_seconds=2), [found.netloc])
        monkeypatch.setitem(app.extensions, "oncue", dataclasses.replace(factories.wired(app), web=web))
        yield found


def post(client, path, body=None):
    return client.post(f"/media/imports{path}", headers={"X-CSRFToken": client.csrf}, json=body)


def fetch(app, import_id):
    with app.app_context():
        advance_import(import_id, factories.wired(app).media_imports)


def test_an_import_is_begun_looked_at_and_becomes_a_file(app, as_alice, site, video_path):
    begun = post(as_alice, "", {"url": f"http://{site.netloc}/clip.mp4"})
    assert (begun.status_code, begun.json["state"], begun.json["waits_for_others"]) == (202, "queued", False)
    where = begun.headers["Location"]
    fetch(app, begun.json["id"])
    done = as_alice.get(where).json
    assert (done["state"], done["received_bytes"], done["problem_code"]) == ("done", video_path.stat().st_size, None)
    poster = as_alice.get(f"/media/{done['media_file_id']}/poster")
    assert poster.status_code == 200


def test_a_dead_link_is_said_to_be_one_and_may_be_tried_again(app, as_alice, site):
    good, site.pages["/clip.mp4"] = site.pages["/clip.mp4"], (404, {}, b"")
    begun = post(as_alice, "", {"url": f"http://{site.netloc}/clip.mp4"}).json
    fetch(app, begun["id"])
    failed = as_alice.get(f"/media/imports/{begun['id']}").json
    assert (failed["state"], failed["problem_code"]) == ("failed", "url_not_found") and "Check the link" in failed["problem_text"]
    site.pages["/clip.mp4"] = good
    assert post(as_alice, f"/{begun['id']}/retry").status_code == 202
    refused = post(as_alice, f"/{begun['id']}/retry")
    assert (refused.status_code, refused.json["code"]) == (409, "import_not_failed")
    fetch(app, begun["id"])
    assert as_alice.get(f"/media/imports/{begun['id']}").json["state"] == "done"


def test_what_may_never_be_fetched_is_refused_beside_its_field(as_alice, site):
    for body, status, code, field in (({"url": "http://169.254.169.254/"}, 422, "url_forbidden", "url"), ({}, 422, "url_invalid", "url"),
                                      ({"url": 5}, 400, "field_malformed", "url")):
        refused = post(as_alice, "", body)
        assert (refused.status_code, refused.json["code"], refused.json["field"]) == (status, code, field)
        assert refused.mimetype == "application/problem+json"


def test_strangers_find_nothing(as_alice, as_bob, site):
    begun = post(as_alice, "", {"url": f"http://{site.netloc}/clip.mp4"}).json
    answers = [as_bob.get(f"/media/imports/{begun['id']}"), post(as_bob, f"/{begun['id']}/retry")]
    assert [(answer.status_code, answer.json["code"]) for answer in answers] == [(404, "import_not_found")] * 2
