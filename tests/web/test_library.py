"""The library's pages: finding files, one file, deleting it, fetching by link."""

from __future__ import annotations

import dataclasses
import io
import re
from contextlib import contextmanager
from datetime import timedelta

import pytest
import sqlalchemy as sa
from PIL import Image
from sqlalchemy.engine import Engine

from app import clock
from app.domain.media_rules import PhotoFacts, photo_problems
from app.infra.fetch import Limits, WebFetcher
from app.models import ImportState, MediaFile, MediaImport, PostTarget, Workspace, db
from app.queries.media import MediaFilter, MediaState, list_media
from app.web.library import page
from tests import factories
from tests.videos import make_photo
from tests.websites import serving


@contextmanager
def count_statements():
    seen: list[str] = []

    def listen(_connection, _cursor, statement, *_rest):
        seen.append(statement)

    sa.event.listen(Engine, "before_cursor_execute", listen)
    try:
        yield seen
    finally:
        sa.event.remove(Engine, "before_cursor_execute", listen)


@pytest.fixture
def stock(app, alice):
    """Puts files into the library as rows only: (name, changes) each; returns their ids."""
    def put(*files):
        with app.app_context():
            start = db.session.query(MediaFile).count()
            for number, (name, changes) in enumerate(files, start):
                values = {"kind": "photo", "container": "jpeg", "width": 1080, "height": 1920, "size_bytes": 1000 + number,
                          "is_rotated": False, "alt_text": "", **changes}
                db.session.add(MediaFile(name=name, workspace_id=alice.workspace_id, uploaded_by_id=alice.user_id, sha256=f"{number:064}",
                                         storage_key=f"k{number}", poster_key=f"p{number}",
                                         created_at=clock.utcnow() + timedelta(seconds=number), **values))
            db.session.commit()
            return [found for found, in db.session.query(MediaFile.id).order_by(MediaFile.id)][start:]
    return put


VIDEO = {"kind": "video", "container": "mp4", "codec": "h264", "fps": 30.0, "duration_seconds": 65.2}


def names(text: str) -> list[str]:
    return re.findall(r'class="media-item__name"[^>]*>([^<]+)<', text)


def post_to(client, path, headers=None, **data):
    return client.post(path, data={**data, "csrf_token": client.csrf}, headers=headers)


def test_an_empty_library_says_what_to_do(as_alice):
    answer = as_alice.get("/library/")
    assert answer.status_code == 200 and "No media yet" in answer.text and "data-dropzone" in answer.text


def test_shows_each_file_with_its_facts_and_state(app, as_alice, stock):
    ids = stock(("clip.mp4", VIDEO | {"width": 1920, "height": 1080}), ("menu.png", {"container": "png", "size_bytes": 2_500_000}))
    text = as_alice.get("/library/").text
    assert names(text) == ["menu.png", "clip.mp4"]
    assert all(words in text for words in ("1:05", "Photo", "1920 × 1080", "2.5 MB", "Unused", "Can&#39;t be posted yet",
                                           "It is wider than tall", f"/media/{ids[0]}/poster", 'loading="lazy"'))


SEARCHES = {
    "café": {"Café crème.mp4"}, "CAFE": {"Café crème.mp4"}, "ЁЛКА": {"Ёлка.jpg"}, "jpg елка": {"Ёлка.jpg"}, "barista": {"Ёлка.jpg"},
    "50%": {"50% off_now.jpg"}, "%": {"50% off_now.jpg"}, "f_n": {"50% off_now.jpg"}, "f n": {"50% off_now.jpg"}, "\\": set(),
    "a\x00b": set(), "": {"Café crème.mp4", "Ёлка.jpg", "50% off_now.jpg"},
}


def test_finds_by_name_and_alt_text_in_any_script_and_takes_nothing_as_a_wildcard(as_alice, stock):
    stock(("Café crème.mp4", VIDEO), ("Ёлка.jpg", {"alt_text": "A Barista smiles"}), ("50% off_now.jpg", {}))
    for words, found in SEARCHES.items():
        assert set(names(as_alice.get("/library/", query_string={"q": words}).text)) == found, words


def test_narrows_and_sorts_by_its_address(app, as_alice, stock):
    stock(("b.mp4", VIDEO | {"size_bytes": 5}), ("A.jpg", {"size_bytes": 9}), ("c.png", {"container": "png", "size_bytes": 7}))

    def shown(**query):
        return names(as_alice.get("/library/", query_string=query).text)
    assert shown() == ["c.png", "A.jpg", "b.mp4"]
    assert shown(sort="name") == ["A.jpg", "b.mp4", "c.png"] and shown(sort="largest") == ["A.jpg", "c.png", "b.mp4"]
    assert shown(kind="video") == ["b.mp4"] and shown(kind="photo", sort="name") == ["A.jpg", "c.png"]
    assert shown(state="convertible") == ["c.png"] and shown(state="ended") == []
    assert shown(kind="x", state="x", sort="x", page="x") == shown(page="99") == shown()
    assert "Nothing found" in (text := as_alice.get("/library/?q=nothing").text) and "Clear filters" in text


def test_knows_what_is_scheduled_published_unused_and_deleted(app, tiktok, as_alice, alice, video_path, tmp_path):
    account_id = factories.connect_account(app, alice, tiktok)
    video, photos = factories.make_media(app, alice, video_path), factories.make_photos(app, alice, tmp_path, 4)
    later = clock.utcnow() + timedelta(days=1)
    factories.make_post(app, alice, account_id=account_id, media_file_id=video, scheduled_at=later)
    carousel = factories.make_post(app, alice, account_id=account_id, media_file_id=photos[:2], cover=1, scheduled_at=later)
    ended = factories.make_post(app, alice, account_id=account_id, media_file_id=photos[2:3], scheduled_at=later)
    with app.app_context():
        db.session.execute(sa.update(PostTarget).where(PostTarget.id.in_([carousel.target_id, ended.target_id])).values(
            state="published", published_at=later, due_at=None))
        db.session.commit()
    assert post_to(as_alice, f"/library/{photos[2]}/delete").status_code == 303
    for state, expected in (("scheduled", {"clip.mp4"}), ("published", {"photo0.jpg", "photo1.jpg"}), ("unused", {"photo3.jpg"}),
                            ("ended", {"photo2.jpg"}), ("", {"clip.mp4", "photo0.jpg", "photo1.jpg", "photo3.jpg"})):
        assert set(names(as_alice.get(f"/library/?state={state}").text)) == expected
    text = as_alice.get(f"/library/{video}").text
    assert "Behind the counter at 6 am" in text and "Scheduled" in text and f"/media/{video}/video" in text
    assert "In no post yet" in as_alice.get(f"/library/{photos[3]}").text
    deleted = as_alice.get(f"/library/{photos[2]}").text
    assert "This file was deleted" in deleted and "Download" not in deleted
    assert as_alice.get(f"/media/{photos[2]}/photo").status_code == as_alice.get(f"/library/{photos[2]}/download").status_code == 404
    assert as_alice.get(f"/media/{photos[2]}/poster").status_code == 200


def test_what_needs_conversion_is_what_the_rules_say(app, alice, stock):
    facts = [PhotoFacts(container, width, height, size, is_rotated)
             for container, width, height, size, is_rotated in (
                 ("jpeg", 1080, 1920, 20_000_000, False), ("webp", 1920, 1080, 1, False), ("jpeg", 1081, 1920, 1, False),
                 ("jpeg", 1920, 1081, 1, False), ("jpeg", 1080, 1921, 1, False), ("jpeg", 1921, 2, 1, False), ("png", 9, 9, 1, False),
                 ("jpeg", 9, 9, 1, True), ("jpeg", 9, 9, 20_000_001, False), ("heic", 9, 9, 1, False), ("jpeg", 1080, 1080, 1, False))]
    ids = stock(*((f"{number}", {"container": f.container, "width": f.width, "height": f.height, "size_bytes": f.size_bytes,
                                 "is_rotated": f.is_rotated}) for number, f in enumerate(facts)))
    with app.app_context():
        found = {row.media.id for row in list_media(alice.workspace_id, MediaFilter(state=MediaState.CONVERTIBLE), limit=99, offset=0).rows}
    assert found == {media_id for media_id, f in zip(ids, facts, strict=True) if list(photo_problems(f))}


def test_leads_to_the_next_page_and_back_with_its_filters(as_alice, stock, monkeypatch):
    monkeypatch.setattr(page, "PER_PAGE", 2)
    stock(*((f"{n}.jpg", {}) for n in range(5)))
    second = as_alice.get("/library/?kind=photo&sort=name&page=2").text
    assert names(second) == ["2.jpg", "3.jpg"] and "Page 2 of 3" in second
    assert 'href="/library/?kind=photo&amp;sort=name"' in second and 'href="/library/?kind=photo&amp;sort=name&amp;page=3"' in second


def test_statements_do_not_grow_with_the_files(as_alice, stock):
    def needed():
        with count_statements() as seen:
            assert as_alice.get("/library/").status_code == 200
        return len(seen)
    stock(*((f"{n}.jpg", {}) for n in range(3)))
    few = needed()
    stock(*((f"{n}.mp4", VIDEO) for n in range(30)))
    assert needed() == few <= 10


def test_htmx_gets_the_wall_alone(as_alice, stock):
    stock(("a.jpg", {}))
    text = as_alice.get("/library/?q=a", headers={"HX-Request": "true"}).text
    assert "<html" not in text and text.lstrip().startswith("<section") and 'id="library-grid"' in text and names(text) == ["a.jpg"]


def test_says_how_much_room_is_used_and_could_be_freed(app, as_alice, stock, monkeypatch):
    stock(("a.mp4", VIDEO | {"size_bytes": 3_000_000_000}), ("b.jpg", {"size_bytes": 1_000_000}),
          ("c.jpg", {"size_bytes": 7_000_000_000, "ended_at": clock.utcnow()}))
    assert "in videos" not in (text := as_alice.get("/library/").text) and 'hx-get="/library/space"' in text
    text = as_alice.get("/library/?space=1").text
    assert "3.0 GB in videos, 1.0 MB in photos" in text and "3.0 GB could be freed" in text and "<meter" not in text
    wiring = factories.wired(app)
    monkeypatch.setitem(app.extensions, "oncue", dataclasses.replace(
        wiring, settings=dataclasses.replace(wiring.settings, media_quota_bytes=6_000_000_000)))
    assert "3.0 GB of 6.0 GB" in as_alice.get("/library/space", headers={"HX-Request": "true"}).text


def test_a_file_is_named_and_described(app, as_alice, stock):
    media_id, = stock(("a.jpg", {}))
    assert post_to(as_alice, f"/library/{media_id}", name="Counter.jpg", alt_text="Two cups").status_code == 303
    text = as_alice.get(f"/library/{media_id}").text
    assert 'value="Counter.jpg"' in text and "Two cups</textarea>" in text
    refused = post_to(as_alice, f"/library/{media_id}", name=" ", alt_text="x" * 1001)
    assert refused.status_code == 422 and "This can&#39;t be empty" in refused.text and "use 1,000 at most" in refused.text
    assert post_to(as_alice, f"/library/{media_id}", name="a\x00b", alt_text="").status_code == 422


def test_a_file_is_downloaded_under_its_name_and_shown_as_it_came(app, as_alice, alice, tmp_path):
    media_id = factories.make_media(app, alice, make_photo(tmp_path / "Übung.jpg"))
    answer = as_alice.get(f"/library/{media_id}/download")
    assert answer.data == (tmp_path / "Übung.jpg").read_bytes()
    assert answer.headers["Content-Disposition"] == "attachment; filename*=UTF-8''%C3%9Cbung.jpg"
    shown = as_alice.get(f"/media/{media_id}/photo")
    assert (shown.mimetype, shown.data) == ("image/jpeg", answer.data)
    assert f"/media/{media_id}/photo" in as_alice.get(f"/library/{media_id}").text
    answer.close()
    shown.close()


def test_one_click_makes_a_photo_of_it_that_tiktok_takes(app, as_alice, alice, tmp_path):
    Image.new("RGB", (1500, 2500), "teal").save(tmp_path / "menu.png")
    original = factories.make_media(app, alice, tmp_path / "menu.png")
    assert "Convert for TikTok" in (text := as_alice.get(f"/library/{original}").text) and "Use in a new post" not in text
    answer = post_to(as_alice, f"/library/{original}/convert")
    assert answer.status_code == 303 and f"/library/{original}" not in answer.headers["Location"]
    converted = as_alice.get(answer.headers["Location"]).text
    assert "JPEG" in converted and "Use in a new post" in converted and f'href="/library/{original}">menu.png</a>' in converted
    assert "It was converted for TikTok" in (text := as_alice.get(f"/library/{original}").text) and "Convert for TikTok" not in text
    assert names(as_alice.get("/library/?state=convertible").text) == []
    again = post_to(as_alice, f"/library/{original}/convert")
    assert again.headers["Location"] == answer.headers["Location"]
    video = post_to(as_alice, f"{answer.headers['Location']}/convert")
    assert "TikTok takes" in as_alice.get(video.headers["Location"]).text
    assert post_to(as_alice, f"/library/{original}/delete").status_code == 303
    assert "Converted from" not in as_alice.get(answer.headers["Location"]).text


def test_asks_before_it_deletes(app, as_alice, alice, tmp_path):
    media_id, = factories.make_photos(app, alice, tmp_path, 1)
    assert "No post uses it" in as_alice.get(f"/library/{media_id}/delete").text
    answer = post_to(as_alice, f"/library/{media_id}/delete")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/library/")
    assert as_alice.get(f"/library/{media_id}").status_code == post_to(as_alice, f"/library/{media_id}/delete").status_code == 404


def test_what_is_needed_is_not_deleted_and_the_page_says_by_what(app, tiktok, as_alice, alice, video_path):
    media_id, account_id = factories.make_media(app, alice, video_path), factories.connect_account(app, alice, tiktok)
    factories.make_post(app, alice, account_id=account_id, media_file_id=media_id, scheduled_at=clock.utcnow() + timedelta(days=1))
    question = as_alice.get(f"/library/{media_id}/delete").text
    assert "is still needed" in question and "Behind the counter" in question and ">Delete</span>" not in question
    answer = post_to(as_alice, f"/library/{media_id}/delete")
    assert answer.status_code == 303
    assert "is still needed by “Behind the counter" in as_alice.get(answer.headers["Location"]).text


def test_strangers_find_nothing(as_bob, stock):
    media_id, = stock(("a.jpg", {}))
    assert names(as_bob.get("/library/").text) == []
    assert as_bob.get(f"/library/{media_id}").status_code == as_bob.get(f"/library/{media_id}/download").status_code == 404
    assert as_bob.get(f"/library/{media_id}/delete").status_code == as_bob.get(f"/media/{media_id}/photo").status_code == 404
    for path in (f"/library/{media_id}", f"/library/{media_id}/delete"):
        assert post_to(as_bob, path, name="x").status_code == 404


def test_without_javascript_files_come_with_the_form(app, as_alice, tmp_path):
    files = [(io.BytesIO(make_photo(tmp_path / f"{n}.jpg", n).read_bytes()), f"{n}.jpg") for n in range(2)]
    answer = as_alice.post("/library/", data={"file": files, "csrf_token": as_alice.csrf}, content_type="multipart/form-data")
    assert answer.status_code == 303 and set(names(as_alice.get("/library/").text)) == {"0.jpg", "1.jpg"}
    refused = as_alice.post("/library/", data={"file": [(io.BytesIO(b"words"), "notes.txt")], "csrf_token": as_alice.csrf},
                            content_type="multipart/form-data")
    assert refused.status_code == 422 and "notes.txt: " in refused.text
    assert "Choose a file first" in post_to(as_alice, "/library/").text


# By link


@pytest.fixture
def site(app, monkeypatch):
    with serving() as found:
        web = WebFetcher(Limits(max_bytes=1_000_000, idle_seconds=2), [found.netloc])
        monkeypatch.setitem(app.extensions, "oncue", dataclasses.replace(factories.wired(app), web=web))
        yield found


def set_import(app, **values):
    with app.app_context():
        db.session.execute(sa.update(MediaImport).values(**values))
        db.session.commit()
        return db.session.query(MediaImport.id).scalar()


def test_a_link_is_fetched_with_progress_and_the_wall_hears_of_its_arrival(app, as_alice, stock, site):
    assert post_to(as_alice, "/library/imports", url=f"http://{site.netloc}/clip.mp4").status_code == 303
    text = as_alice.get("/library/").text
    assert f"{site.netloc}/clip.mp4" in text and "Waiting for its turn" in text and 'hx-get="/library/imports?running=1"' in text
    now = clock.utcnow()
    set_import(app, state=ImportState.FETCHING, received_bytes=250_000, total_bytes=1_000_000, lease_token="x", lease_until=now)
    running = as_alice.get("/library/imports?running=1", headers={"HX-Request": "true"})
    assert "25 % · 250.0 kB of 1.0 MB" in running.text and "HX-Trigger" not in running.headers
    media_id, = stock(("clip.mp4", VIDEO))
    set_import(app, state=ImportState.DONE, media_file_id=media_id, due_at=None, lease_token=None, lease_until=None)
    done = as_alice.get("/library/imports?running=1", headers={"HX-Request": "true"})
    assert done.headers["HX-Trigger"] == "library:changed" and "clip.mp4" not in done.text and "hx-get" not in done.text


def test_a_failed_link_says_why_and_is_tried_again_or_removed(app, as_alice, site):
    post_to(as_alice, "/library/imports", url=f"http://{site.netloc}/gone.mp4")
    import_id = set_import(app, state=ImportState.FAILED, problem_code="url_not_found", problem_text="There is nothing there.", due_at=None)
    assert "There is nothing there." in (text := as_alice.get("/library/").text) and "library/imports?running" not in text
    assert post_to(as_alice, f"/library/imports/{import_id}/retry").status_code == 303
    assert "Waiting for its turn" in as_alice.get("/library/imports").text
    assert post_to(as_alice, f"/library/imports/{import_id}/dismiss").status_code == 303
    assert "can be removed" in as_alice.get("/library/").text, "it runs again"
    set_import(app, state=ImportState.FAILED, problem_code="x", problem_text="Gone.", due_at=None)
    answer = post_to(as_alice, f"/library/imports/{import_id}/dismiss", headers={"HX-Request": "true"})
    assert answer.status_code == 200 and "gone.mp4" not in answer.text and 'id="library-imports"' in answer.text
    assert post_to(as_alice, f"/library/imports/{import_id}/retry").status_code == 404


def test_a_link_that_may_not_be_fetched_is_refused_beside_its_field(as_alice, site):
    for url in ("", "clip.mp4", "http://127.0.0.1/x.mp4", "a\x00b"):
        answer = post_to(as_alice, "/library/imports", url=url)
        assert answer.status_code == 422 and 'aria-invalid="true"' in answer.text


def test_strangers_do_not_touch_an_import(app, as_alice, as_bob, site):
    post_to(as_alice, "/library/imports", url=f"http://{site.netloc}/clip.mp4")
    import_id = set_import(app, received_bytes=1)
    assert "clip.mp4" not in as_bob.get("/library/imports").text
    for verb in ("retry", "dismiss"):
        assert post_to(as_bob, f"/library/imports/{import_id}/{verb}").status_code == 404


# The workspace's setting


def test_media_of_published_posts_can_be_set_to_end(app, as_alice, alice):
    def kept():
        with app.app_context():
            return db.session.get_one(Workspace, alice.workspace_id).keep_published_media_days
    assert post_to(as_alice, "/settings/media", keep_days="30").status_code == 303 and kept() == 30
    assert 'value="30"' in as_alice.get("/settings/").text
    for days in ("0", "3651", "-1", "x", "9" * 30):
        refused = post_to(as_alice, "/settings/media", keep_days=days)
        assert refused.status_code == 422 and 'aria-invalid="true"' in refused.text and kept() == 30
    assert post_to(as_alice, "/settings/media", keep_days="").status_code == 303 and kept() is None
