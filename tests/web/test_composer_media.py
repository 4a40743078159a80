"""Videos and photos in the composer: order, cover, what does not fit together, and all of it without JavaScript."""

from __future__ import annotations

import io
import re

import pytest
from PIL import Image

from app import clock
from app.models import MediaFile, Post, PostPhoto, PostTarget, db
from tests import factories
from tests.statements import count_statements
from tests.videos import make_photo, make_video


@pytest.fixture
def account_id(app, tiktok, frozen, alice):
    """A connected creator, on 20 November 2026 at noon UTC."""
    return factories.connect_account(app, alice, tiktok)


def keep_rows(app, person, *media: MediaFile) -> tuple[int, ...]:
    """Files that nobody looks into here: without their bytes, whose probe would take longer than the test."""
    with app.app_context():
        for number, each in enumerate(media):
            each.sha256, each.name = str(number) * 64, f"file{number}.{each.container}"
            each.storage_key = each.poster_key = f"nowhere/{number}"
            each.workspace_id, each.uploaded_by_id = person.workspace_id, person.user_id
            each.width, each.height, each.size_bytes, each.created_at = 720, 1280, 1000, clock.utcnow()
        db.session.add_all(media)
        db.session.commit()
        return tuple(each.id for each in media)


@pytest.fixture
def files(app, alice):
    """Three photos and a video of two seconds."""
    photos = [MediaFile(kind="photo", container="jpeg") for _ in range(3)]
    return keep_rows(app, alice, *photos, MediaFile(kind="video", container="mp4", codec="h264", fps=30, duration_seconds=2))


@pytest.fixture
def photo_ids(files):
    return files[:3]


@pytest.fixture
def video_id(files):
    return files[3]


@pytest.fixture
def compose(as_alice, account_id):
    """Sends the composer's form, complete but for what a test gives."""
    def send(**changes):
        data = {"account_id": account_id, "caption": "Hello ☕", "privacy_level": "PUBLIC_TO_EVERYONE", "date": "2026-11-24",
                "time": "09:00", "creation_key": "k" * 32, "csrf_token": as_alice.csrf, **changes}
        return as_alice.post("/posts/", data=data, content_type="multipart/form-data")
    return send


def posts(app) -> list[Post]:
    with app.app_context():
        found = db.session.query(Post).all()
        db.session.expunge_all()
        return found


def photos_of(app) -> list[int]:
    with app.app_context():
        return list(db.session.scalars(db.select(PostPhoto.media_file_id).order_by(PostPhoto.post_id, PostPhoto.position)))


def shown(page: str) -> list[int]:
    """The media files in the page's form, in their order."""
    return [int(found) for found in re.findall(r'name="media_file_id" value="(\d+)"', page)]


def cover_of(page: str) -> list[str]:
    return re.findall(r'name="cover" value="(\d+)" checked', page)


def sent(*paths) -> list[tuple[io.BytesIO, str]]:
    """Files as a form's field takes them."""
    return [(io.BytesIO(path.read_bytes()), path.name) for path in paths]


# Photos


def test_photos_are_posted_in_the_order_and_with_the_cover_that_were_sent(app, compose, photo_ids):
    order = [photo_ids[2], photo_ids[0], photo_ids[1]]
    answer = compose(media_file_id=order, cover="1", title="Three mornings", auto_add_music="y", allow_comment="y")
    assert answer.status_code == 303, answer.text
    [post] = posts(app)
    assert (photos_of(app), post.media_file_id, post.title) == (order, photo_ids[0], "Three mornings")
    with app.app_context():
        target = db.session.query(PostTarget).one()
        assert (target.auto_add_music, target.allow_comment, target.allow_duet) == (True, True, False)


def test_the_post_s_page_shows_its_photos(app, as_alice, compose, photo_ids):
    page = as_alice.get(compose(media_file_id=list(photo_ids), cover="2", title="Three mornings").location).text
    carousel = page[page.index("data-preview-carousel"):]
    assert re.findall(r'src="/media/(\d+)/poster"', carousel)[:3] == [str(photo_id) for photo_id in photo_ids]
    assert "<dt>Photos</dt><dd>3</dd>" in page and "Three mornings" in page


def test_without_a_choice_the_first_photo_is_the_cover(app, compose, photo_ids):
    assert compose(media_file_id=list(photo_ids)).status_code == 303
    assert posts(app)[0].media_file_id == photo_ids[0]


@pytest.mark.parametrize(("changes", "words"), [
    ({"cover": "3"}, "The cover must be one of the photos"),
    ({"cover": "-1"}, "The cover must be one of the photos"),
    ({"cover": "x"}, "Not a valid integer"),
    ({"title": "x" * 91}, "90 are allowed"),
    ({"caption": "x" * 4001}, "4,000 are allowed"),
    ({"allow_duet": "y"}, "TikTok has no duets of photos"),
    ({"privacy_level": ""}, "Choose who can see these photos"),
    ({"cover_timestamp_ms": "500"}, "Only a video&#39;s cover is a moment of it"),
], ids=lambda value: None if isinstance(value, str) else str(value)[:30])
def test_what_photos_can_t_have_is_refused_in_words_and_nothing_is_lost(app, compose, photo_ids, changes, words):
    answer = compose(media_file_id=list(photo_ids), **{"title": "Kept", **changes})
    assert answer.status_code == 422 and words in answer.text
    assert shown(answer.text) == list(photo_ids) and posts(app) == []


def test_a_long_description_is_fine_for_photos(compose, photo_ids):
    assert compose(media_file_id=list(photo_ids), caption="x" * 4000, title="🎬" * 45).status_code == 303


def test_more_photos_than_tiktok_takes_are_refused(compose, photo_ids):
    answer = compose(media_file_id=[photo_ids[0]] * 36)
    assert answer.status_code == 422 and "Take 1 away" in answer.text


def test_a_video_and_photos_don_t_go_together_and_both_stay(app, compose, video_id, photo_ids):
    answer = compose(media_file_id=[video_id, *photo_ids])
    assert answer.status_code == 422 and "one video or up to 35 photos, not both" in answer.text
    assert sorted(shown(answer.text)) == sorted([video_id, *photo_ids]) and posts(app) == []


def test_the_panel_asks_for_photos_what_photos_can_have(as_alice, account_id, video_id, photo_ids):
    of_photos = as_alice.get("/posts/panel", query_string={"account_id": account_id, "media_file_id": photo_ids}).text
    assert "Who can see these photos" in of_photos and 'name="auto_add_music"' in of_photos and 'name="allow_comment"' in of_photos
    assert "allow_duet" not in of_photos.partition("hx-swap")[2] and not re.search(r'name="auto_add_music"[^>]*checked', of_photos)
    of_video = as_alice.get("/posts/panel", query_string={"account_id": account_id, "media_file_id": video_id}).text
    assert "Who can see this video" in of_video and 'name="allow_duet"' in of_video and 'name="auto_add_music"' not in of_video


def test_comes_from_the_library_with_all_that_was_picked_there(as_alice, account_id, photo_ids, video_id):
    order = [photo_ids[1], photo_ids[0]]
    page = as_alice.get("/posts/new", query_string={"media_file_id": order}).text
    assert shown(page) == order and cover_of(page) == ["0"] and "2 of 35 photos" in page
    assert shown(as_alice.get(f"/posts/new?media_file_id={video_id}").text) == [video_id]
    assert shown(as_alice.get("/posts/new?media_file_id=999&media_file_id=x&media_file_id=-1").text) == []


def test_a_stranger_s_files_are_not_there(as_bob, tiktok, photo_ids):
    assert shown(as_bob.get("/posts/new", query_string={"media_file_id": photo_ids}).text) == []


# Covers of videos


@pytest.mark.parametrize(("given", "kept"), [
    ({}, None), ({"cover_timestamp_ms": ""}, None), ({"cover_timestamp_ms": "1500"}, 1500), ({"cover_seconds": "1.25"}, 1250),
    ({"cover_seconds": "0"}, None),
])
def test_the_moment_of_a_video_s_cover_is_kept(app, as_alice, compose, video_id, given, kept):
    answer = compose(media_file_id=video_id, **given)
    assert answer.status_code == 303 and posts(app)[0].cover_timestamp_ms == kept
    assert (f"Frame at {kept / 1000} s" if kept else "First frame") in as_alice.get(answer.location).text


@pytest.mark.parametrize("given", [{"cover_timestamp_ms": "2001"}, {"cover_timestamp_ms": "-1"}, {"cover_seconds": "2.5"}])
def test_a_moment_outside_of_the_video_is_refused(app, compose, video_id, given):
    answer = compose(media_file_id=video_id, **given)
    assert answer.status_code == 422 and "the video runs 2 s" in answer.text and posts(app) == []


@pytest.mark.parametrize("given", [{"cover_timestamp_ms": "x"}, {"cover_timestamp_ms": "9" * 30}, {"cover_seconds": "NaN"},
                                  {"cover_seconds": "Infinity"}, {"cover_seconds": "-1"}, {"cover_seconds": "1e9"}, {"cover": "9" * 30}])
def test_a_cover_that_is_none_is_refused_and_no_crash(app, compose, video_id, given):
    assert compose(media_file_id=video_id, **given).status_code == 422 and posts(app) == []


def test_the_scrubber_stands_where_it_was_left(compose, video_id):
    page = compose(media_file_id=video_id, cover_timestamp_ms="1500", privacy_level="").text
    assert re.search(r'type="range"[^>]* value="1500"', page) and 'name="cover_seconds"' in page


def test_the_strip_of_a_video_is_there_when_it_has_been_made(app, as_alice, alice, account_id, video_path):
    video_id = factories.make_media(app, alice, video_path)
    with app.app_context():
        media = db.session.get_one(MediaFile, video_id)
        media.strip_key = None
        db.session.commit()
        assert as_alice.get(f"/media/{video_id}/strip").status_code == 404
        db.session.get_one(MediaFile, video_id).strip_key = db.session.get_one(MediaFile, video_id).poster_key
        db.session.commit()
    assert as_alice.get(f"/media/{video_id}/strip").data[:3] == b"\xff\xd8\xff"
    assert f'data-strip-url="/media/{video_id}/strip"' in as_alice.get(f"/posts/new?media_file_id={video_id}").text


# What an upload answers


def upload(client, *paths):
    return client.post("/media/", data={"file": sent(*paths)}, content_type="multipart/form-data", headers={"X-CSRFToken": client.csrf})


def test_a_photo_becomes_a_tile_and_a_wide_video_says_how_it_will_look(as_alice, tmp_path):
    tile = upload(as_alice, make_photo(tmp_path / "beach.jpg", 1, (1080, 1920)))
    assert tile.status_code == 201 and "data-photo " in tile.text and "beach.jpg" in tile.text and "Convert" not in tile.text
    video = upload(as_alice, make_video(tmp_path / "wide.mp4", width=640, height=360, seconds=0.5))
    assert video.status_code == 201 and "bars above and below" in video.text and "can&#39;t be posted" not in video.text


def test_says_when_a_file_was_there_before(as_alice, frozen, tmp_path):
    path = make_photo(tmp_path / "beach.jpg")
    assert "You already had this file" not in upload(as_alice, path).text
    frozen.advance(minutes=1)
    assert "You already had this file" in upload(as_alice, path).text


def test_a_bad_photo_is_called_a_photo_and_good_ones_beside_it_are_kept(app, as_alice, tmp_path):
    (tmp_path / "notes.txt").write_text("Only words.")
    answer = upload(as_alice, make_photo(tmp_path / "a.jpg", 1), tmp_path / "notes.txt", make_photo(tmp_path / "b.jpg", 2))
    assert answer.status_code == 422 and len(shown(answer.text)) == 2 and "notes.txt: " in answer.text


# Without JavaScript


def test_several_photos_come_with_the_form_in_their_order(app, compose, tmp_path):
    assert compose(file=sent(*(make_photo(tmp_path / f"photo{n}.jpg", n) for n in (2, 0, 1))), cover="1").status_code == 303
    with app.app_context():
        names = [db.session.get_one(MediaFile, media_id).name for media_id in photos_of(app)]
    assert names == ["photo2.jpg", "photo0.jpg", "photo1.jpg"]


def test_files_are_shown_before_the_rest_of_the_form_is_filled_in(app, compose, photo_ids, tmp_path):
    page = compose(file=sent(make_photo(tmp_path / "more.jpg", 5)), media_file_id=list(photo_ids), arrange="show", privacy_level="").text
    assert shown(page)[:3] == list(photo_ids) and len(shown(page)) == 4 and "Hello ☕" in page and posts(app) == []


@pytest.mark.parametrize(("action", "order", "cover"), [
    ("earlier:1", (1, 0, 2), "0"), ("earlier:0", (0, 1, 2), "1"), ("later:1", (0, 2, 1), "2"), ("later:2", (0, 1, 2), "1"),
    ("remove:0", (1, 2), "0"), ("remove:1", (0, 2), "0"), ("nonsense", (0, 1, 2), "1"), ("earlier:x", (0, 1, 2), "1"),
])
def test_buttons_order_the_photos_and_the_cover_goes_along(compose, photo_ids, action, order, cover):
    verb, _, place = action.partition(":")
    which = photo_ids[int(place)] if place.isdigit() else "x"
    answer = compose(media_file_id=list(photo_ids), cover="1", arrange=f"{verb}:{which}")
    assert answer.status_code == 200
    assert shown(answer.text) == [photo_ids[n] for n in order] and cover_of(answer.text) == [cover]


def test_shows_a_carousel_with_as_few_statements_as_one_photo(as_alice, account_id, photo_ids):
    counts = []
    for many in (1, 1, 3):
        with count_statements() as seen:
            as_alice.get("/posts/new", query_string={"media_file_id": photo_ids[:many]})
        counts.append(len(seen))
    assert counts[1] == counts[2]


# Conversion


def make_png(path):
    Image.new("RGB", (400, 700), (10, 120, 90)).save(path, "PNG")
    return path


def test_a_photo_that_tiktok_refuses_says_why_and_is_converted(app, as_alice, account_id, tmp_path):
    tile = upload(as_alice, make_png(tmp_path / "leaf.png")).text
    assert "This is a PNG picture" in tile and "Convert for TikTok" in tile
    [media_id] = shown(tile)
    converted = as_alice.post(f"/media/{media_id}/convert", headers={"X-CSRFToken": as_alice.csrf})
    assert converted.status_code == 200 and "leaf.jpg" in converted.text and "Convert for TikTok" not in converted.text
    assert shown(converted.text) != [media_id]


def test_what_needs_no_conversion_stays_as_it_is_and_says_so(as_alice, photo_ids):
    answer = as_alice.post(f"/media/{photo_ids[0]}/convert", headers={"X-CSRFToken": as_alice.csrf})
    assert answer.status_code == 422 and shown(answer.text) == [photo_ids[0]] and 'role="alert"' in answer.text


def test_strangers_convert_nothing(as_bob, photo_ids):
    assert as_bob.post(f"/media/{photo_ids[0]}/convert", headers={"X-CSRFToken": as_bob.csrf}).status_code == 404


def test_a_post_of_a_photo_that_needs_converting_is_refused_and_one_button_mends_it(app, as_alice, compose, photo_ids, tmp_path):
    [media_id] = shown(upload(as_alice, make_png(tmp_path / "leaf.png")).text)
    refused = compose(media_file_id=[photo_ids[0], media_id], cover="1")
    assert refused.status_code == 422 and "leaf.png: This is a PNG picture" in refused.text and posts(app) == []
    mended = compose(media_file_id=[photo_ids[0], media_id], cover="1", arrange="convert:all").text
    assert shown(mended)[0] == photo_ids[0] and shown(mended)[1] != media_id and cover_of(mended) == ["1"]
    assert compose(media_file_id=shown(mended), cover="1").status_code == 303
