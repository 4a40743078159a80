"""Files of posts: looked at row by row, confirmed once, and made into posts each once, whoever dies in between."""

from __future__ import annotations

import contextlib
import dataclasses
import secrets
import threading
from datetime import UTC, datetime, timedelta

import httpx
import pytest
import sqlalchemy as sa

from app import clock
from app.domain.bulk import Column
from app.domain.bulk_times import DateOrder
from app.domain.errors import DomainError, ErrorKind
from app.domain.media_rules import MediaKind
from app.domain.post_rules import CONSENT_TEXT, PostMode
from app.infra.fetch import Limits, WebFetcher
from app.jobs.bulk import advance_due
from app.jobs.pruning import prune
from app.models import BulkImport, MediaFile, MediaImport, Post, PostPhoto, PostTarget, db
from app.services import accounts, bulk
from app.services.bulk import advance_bulk, choose_columns, confirm, keep_file, load_import, preview
from app.services.media_imports import advance_import
from tests import factories
from tests.websites import serving

HEADER = ("account", "date", "time", "caption", "media", "privacy", "mode", "title", "cover", "allow_comment")
GOOD = {"account": "@northbound", "date": "2026-11-24", "time": "09:00", "caption": "Hello", "media": "clip.mp4", "privacy": "everyone"}


class Files:
    """A person's files of posts, by hand."""

    def __init__(self, app, person, ports):
        self.app, self.person, self.ports = app, person, ports

    def keep(self, *rows: dict[str, str], header=HEADER) -> str:
        """A file with these rows, its columns chosen by their names."""
        text = "\n".join([",".join(header), *(",".join(f'"{row.get(name, "")}"' for name in header) for row in rows)])
        with self.app.app_context():
            import_id = keep_file(text.encode(), name="posts.csv", workspace_id=self.person.workspace_id, actor_id=self.person.user_id,
                                  time_zone="Europe/Berlin", now=clock.utcnow())
            choose_columns(import_id, [Column(name) for name in header], DateOrder.AS_WRITTEN, workspace_id=self.person.workspace_id,
                           time_zone="Europe/Berlin", now=clock.utcnow())
        return import_id

    def load(self, import_id):
        with self.app.app_context():
            return load_import(import_id, self.person.workspace_id, clock.utcnow())

    def preview(self, import_id):
        with self.app.app_context():
            return preview(load_import(import_id, self.person.workspace_id, clock.utcnow()), self.ports())

    def check(self, **changes):
        """What the preview says of one row."""
        [checked] = self.preview(self.keep({**GOOD, **changes}))
        return checked

    def confirm(self, import_id, *, only_good=False, revision=1):
        with self.app.app_context():
            confirm(import_id, revision=revision, only_good=only_good, workspace_id=self.person.workspace_id,
                    actor_id=self.person.user_id, ports=self.ports())

    def advance(self, import_id) -> bool:
        with self.app.app_context():
            return advance_bulk(import_id, self.ports())

    def work(self):
        with self.app.app_context():
            advance_due()

    def captions(self) -> list[str]:
        with self.app.app_context():
            return sorted(db.session.scalars(sa.select(Post.caption)))


def add_media(app, person, name: str) -> int:
    """A file as the probe would have found it; nobody here looks at its bytes."""
    facts = {"kind": MediaKind.PHOTO, "container": "jpeg"}
    if name.endswith("mp4"):
        facts = {"kind": MediaKind.VIDEO, "container": "mp4", "codec": "h264", "fps": 30.0, "duration_seconds": 2.0}
    with app.app_context():
        media = MediaFile(workspace_id=person.workspace_id, name=name, storage_key=name, poster_key=name, sha256=secrets.token_hex(32),
                          size_bytes=5000, width=1080, height=1920, uploaded_by_id=person.user_id, created_at=clock.utcnow(), **facts)
        db.session.add(media)
        db.session.commit()
        return media.id


@pytest.fixture
def scene(app, tiktok, frozen, alice):
    """A connected creator, a video and two photos, on 20 November 2026 at noon UTC (13:00 in Berlin)."""
    factories.connect_account(app, alice, tiktok)
    for name in ("clip.mp4", "photo0.jpg", "photo1.jpg"):
        add_media(app, alice, name)
    return Files(app, alice, lambda: factories.wired(app).bulk)


def codes(problems) -> list[str]:
    return [problem.code for problem in problems]


# Looking


def test_nothing_is_made_by_looking(app, scene):
    import_id = scene.keep(GOOD)
    [checked] = scene.preview(import_id)
    assert checked.problems == () and checked.new.scheduled_at == datetime(2026, 11, 24, 8, tzinfo=UTC)
    assert not scene.advance(import_id) and scene.captions() == []


def test_every_row_tells_everything_that_is_wrong_with_it(scene):
    checked = scene.check(account="@nobody", date="05/06/2026", media="lost.mp4", privacy="")
    assert set(codes(checked.problems)) == {"account_unknown", "date_ambiguous", "media_unknown", "privacy_missing"}
    assert checked.new is None


RULES = [
    ({"account": "nobody"}, "account_unknown", "Connected: @northbound"),
    ({"media": "photo0.jpg|clip.mp4"}, "media_mixed", "not both"),
    ({"media": "|".join(["photo0.jpg"] * 36)}, "photos_too_many", "36 photos"),
    ({"caption": "x" * 2201}, "caption_too_long", "2,201"),
    ({"title": "On cue"}, "title_not_for_videos", "photos only"),
    ({"date": "2026-11-19"}, "time_past", "has passed"),
    ({"date": "2028-01-01"}, "time_too_far", "more than a year"),
    ({"date": "2027-03-28", "time": "02:30"}, "time_skipped", "does not exist"),
    ({"privacy": "followers"}, "privacy_not_allowed", "is not open to"),
    ({"privacy": ""}, "privacy_missing", "Say who can see it: Everyone, Friends, Only me"),
    ({"cover": "99"}, "cover_outside_video", "runs 2 s"),
    ({"media": "photo0.jpg", "cover": "2"}, "cover_not_found", "none of the 1 photos"),
]


def test_every_row_is_checked_by_the_rules_of_the_composer(scene):
    checked = scene.preview(scene.keep(*({**GOOD, **changes} for changes, _, _ in RULES)))
    for found, (changes, code, words) in zip(checked, RULES, strict=True):
        assert codes(found.problems) == [code] and words in found.problems[0].message, changes


def test_an_account_is_known_by_its_name_and_its_nickname_and_a_file_by_its_name(scene):
    names = [("northbound", "clip.mp4"), ("@NorthBound", "CLIP.MP4"), ("Northbound ☀", "#1"), ("northbound ☀", "clip.mp4#1")]
    rows = scene.preview(scene.keep(*({**GOOD, "account": account, "media": media} for account, media in names)))
    assert [(row.problems, row.new.media_file_ids) for row in rows] == [((), (1,))] * 4


def test_of_files_with_the_same_name_one_must_be_chosen(app, scene, alice):
    ids = [add_media(app, alice, "same.jpg") for _ in range(2)]
    checked = scene.check(media="same.jpg")
    assert codes(checked.problems) == ["media_ambiguous"] and f"same.jpg#{ids[0]} (of 2026-11-20)" in checked.problems[0].message
    assert scene.check(media=f"same.jpg#{ids[1]}").new.media_file_ids == (ids[1],)


def test_another_workspace_s_files_and_accounts_are_unknown(app, scene, bob):
    stranger = Files(app, bob, scene.ports)
    assert set(codes(stranger.check().problems)) == {"account_unknown", "media_unknown"}
    import_id = scene.keep(GOOD)
    with pytest.raises(DomainError) as refused:
        stranger.load(import_id)
    assert refused.value.kind is ErrorKind.NOT_FOUND


def test_a_disconnected_account_is_said_to_be_one(app, scene, alice):
    with app.app_context():
        account = accounts.load_account(alice.workspace_id, 1)
        accounts.disconnect_account(account=account, actor_id=alice.user_id, ports=factories.wired(app).accounts)
    assert codes(scene.check().problems) == ["account_not_connected"]


def test_tiktok_is_asked_once_for_an_account_and_not_for_the_inbox(scene, tiktok):
    before = len(tiktok.calls("creator_info"))
    scene.preview(scene.keep(GOOD, {**GOOD, "time": "10:00"}, {**GOOD, "time": "11:00"}))
    assert len(tiktok.calls("creator_info")) == before + 1
    assert scene.check(mode="inbox", privacy="").problems == ()
    assert len(tiktok.calls("creator_info")) == before + 1


def test_what_tiktok_can_t_be_asked_for_is_a_warning_and_no_problem(scene, tiktok):
    tiktok.post("/sandbox/api/faults", match={"endpoint": "creator_info"}, kind="error_json", times=0)
    checked = scene.check()
    assert checked.problems == () and "It is asked again before the post is made" in checked.warnings[0].message
    assert codes(scene.check(privacy="").problems) == ["privacy_missing"]


def test_rows_that_go_badly_together_are_warned_about(app, scene, alice):
    factories.make_post(app, alice, account_id=1, media_file_id=2, scheduled_at=datetime(2026, 11, 24, 9, tzinfo=UTC))
    rows = scene.preview(scene.keep(GOOD, {**GOOD, "media": "photo0.jpg"}, {**GOOD, "time": "10:00"}))
    assert [[w.code for w in row.warnings if w.field != "media" or w.code == "same_media"] for row in rows] == [
        [], ["same_time"], ["same_media", "time_taken"]]
    assert "Row 2" in rows[1].warnings[-1].message


def test_a_day_that_is_fuller_than_tiktok_takes_is_warned_about(app, scene, alice, monkeypatch):
    monkeypatch.setattr(scene, "ports", lambda: dataclasses.replace(factories.wired(app).bulk, posts_per_day=2))
    factories.make_post(app, alice, account_id=1, media_file_id=2, scheduled_at=datetime(2026, 11, 23, 12, tzinfo=UTC))
    rows = scene.preview(scene.keep(GOOD, {**GOOD, "time": "10:00"}, {**GOOD, "date": "2026-11-26"},
                                    {**GOOD, "time": "10:30", "mode": "inbox", "privacy": ""}))
    full = [[w.message for w in row.warnings if w.code == "day_full"] for row in rows]
    assert full[0] == full[2] == full[3] == [] and "post 3 of @northbound within 24 hours, and TikTok takes about 2" in full[1][0]


# Confirming


def test_confirmed_rows_become_posts_with_the_consent_of_who_confirmed(app, scene, alice, frozen):
    import_id = scene.keep({**GOOD, "allow_comment": "yes", "cover": "1.5"},
                           {**GOOD, "time": "10:00", "media": "photo1.jpg|photo0.jpg", "cover": "2", "title": "On cue", "caption": "Two"},
                           {**GOOD, "mode": "inbox", "time": "11:00", "privacy": "", "caption": "Three"})
    scene.confirm(import_id)
    consented = clock.utcnow()
    frozen.advance(seconds=5)
    assert not scene.advance(import_id)
    with app.app_context():
        rows = db.session.execute(sa.select(Post, PostTarget).join(PostTarget, PostTarget.post_id == Post.id).order_by(Post.id)).all()
        photos = db.session.scalars(sa.select(PostPhoto.media_file_id).order_by(PostPhoto.position)).all()
    assert [(t.consent_text, t.consent_at, t.consent_by_id) for _, t in rows] == [(CONSENT_TEXT, consented, alice.user_id)] * 3
    assert [t.mode for _, t in rows] == [PostMode.DIRECT, PostMode.DIRECT, PostMode.INBOX]
    assert (rows[0][0].cover_timestamp_ms, rows[0][1].allow_comment, rows[0][1].allow_duet) == (1500, True, False)
    assert (rows[1][0].title, rows[1][0].media_file_id, photos) == ("On cue", 2, [3, 2]), "the second photo of the row is the cover"
    assert rows[0][1].scheduled_at == datetime(2026, 11, 24, 8, tzinfo=UTC)
    assert scene.load(import_id).due_at is None


def test_all_are_refused_when_one_can_t_be_and_nothing_is_made(scene):
    import_id = scene.keep(GOOD, {**GOOD, "media": "lost.mp4"})
    with pytest.raises(DomainError) as refused:
        scene.confirm(import_id)
    assert refused.value.code == "rows_have_problems" and "1 row can't" in refused.value.message
    scene.work()
    assert scene.captions() == [] and scene.load(import_id).confirmed_at is None


def test_the_good_ones_are_made_and_the_others_keep_their_problems(scene):
    import_id = scene.keep(GOOD, {**GOOD, "media": "lost.mp4", "caption": "Bad"}, {**GOOD, "time": "10:00", "caption": "Third"})
    scene.confirm(import_id, only_good=True)
    scene.work()
    assert scene.captions() == ["Hello", "Third"]
    assert {n: codes(p) for n, p in scene.load(import_id).problems.items()} == {3: ["media_unknown"]}


def test_a_file_without_a_good_row_can_t_be_confirmed(scene):
    with pytest.raises(DomainError) as refused:
        scene.confirm(scene.keep({**GOOD, "media": "lost.mp4"}), only_good=True)
    assert refused.value.code == "no_good_rows"


def test_nobody_confirms_what_they_have_not_seen(app, scene, alice):
    import_id = scene.keep(GOOD)
    with app.app_context():
        choose_columns(import_id, [Column(name) for name in HEADER], DateOrder.DAY_FIRST, workspace_id=alice.workspace_id,
                       time_zone="Europe/Berlin", now=clock.utcnow())
    with pytest.raises(DomainError) as refused:
        scene.confirm(import_id, revision=1)
    assert refused.value.code == "bulk_changed"


def test_a_double_click_and_a_late_choice_of_columns_change_nothing(app, scene, alice):
    import_id = scene.keep(GOOD)
    for _ in range(2):
        scene.confirm(import_id)
        scene.work()
    assert scene.captions() == ["Hello"]
    for late in (lambda: choose_columns(import_id, [Column(n) for n in HEADER], DateOrder.AS_WRITTEN, workspace_id=alice.workspace_id,
                                        time_zone="UTC", now=clock.utcnow()),
                 lambda: bulk.discard(import_id, workspace_id=alice.workspace_id, now=clock.utcnow())):
        with app.app_context(), pytest.raises(DomainError) as refused:
            late()
        assert refused.value.code == "bulk_confirmed"


def test_many_confirmations_and_workers_at_once_make_each_row_once(app, scene):
    import_id = scene.keep(*({**GOOD, "time": f"10:{n:02}", "caption": f"Post {n}"} for n in range(6)))

    def hurry():
        scene.confirm(import_id)
        with app.app_context():
            # As if each had waited until the claim of the one before was over.
            db.session.execute(sa.update(BulkImport).values(due_at=clock.utcnow()))
            db.session.commit()
        scene.advance(import_id)
    threads = [threading.Thread(target=hurry) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    scene.work()
    assert scene.captions() == [f"Post {n}" for n in range(6)]


@pytest.mark.parametrize("looks", range(1, 9))
def test_whoever_is_killed_in_the_middle_is_taken_over_and_no_row_is_doubled_or_lost(app, scene, frozen, looks):
    import_id = scene.keep(*({**GOOD, "time": f"10:{n:02}", "caption": f"Post {n}"} for n in range(3)))
    scene.confirm(import_id)
    left = iter(range(looks))

    def mortal_clock():
        """Somebody looks at the clock at the beginning and the end of a run, and for each post twice."""
        if next(left, None) is None:
            raise KeyboardInterrupt
        return clock.utcnow()
    ports = scene.ports()
    mortal = dataclasses.replace(ports, accounts=dataclasses.replace(ports.accounts, utcnow=mortal_clock))
    with app.app_context(), contextlib.suppress(KeyboardInterrupt):
        advance_bulk(import_id, mortal)
    made = len(scene.captions())
    scene.work()
    assert len(scene.captions()) == made, "the claim keeps others away for a while"
    frozen.advance(minutes=2)
    scene.work()
    assert scene.captions() == [f"Post {n}" for n in range(3)] and scene.load(import_id).due_at is None


def test_many_rows_are_made_a_hundred_at_a_time(scene, monkeypatch):
    monkeypatch.setattr(bulk, "ROWS_AT_ONCE", 2)
    import_id = scene.keep(*({**GOOD, "time": f"10:{n:02}", "caption": f"Post {n}"} for n in range(5)))
    scene.confirm(import_id)
    assert [scene.advance(import_id) for _ in range(4)] == [True, True, False, False]
    assert len(scene.captions()) == 5


def test_while_tiktok_can_t_be_asked_rows_wait_and_say_why(scene, tiktok, frozen):
    import_id = scene.keep(GOOD, {**GOOD, "mode": "inbox", "privacy": "", "time": "10:00", "caption": "Inbox"})
    scene.confirm(import_id)
    tiktok.post("/sandbox/api/faults", match={"endpoint": "creator_info"}, kind="error_json", times=0)
    assert not scene.advance(import_id)
    assert scene.captions() == ["Inbox"], "a draft asks nothing"
    assert scene.load(import_id).waits_text and scene.load(import_id).due_at == clock.utcnow() + timedelta(minutes=1)
    httpx.delete(f"{tiktok.url}/sandbox/api/faults").raise_for_status()
    frozen.advance(minutes=1)
    scene.work()
    assert scene.captions() == ["Hello", "Inbox"] and scene.load(import_id).waits_text is None


def test_what_the_creator_has_changed_since_is_found_when_the_post_is_made(scene, tiktok):
    import_id = scene.keep(GOOD, {**GOOD, "time": "10:00", "privacy": "only me", "caption": "Kept"})
    scene.confirm(import_id)
    tiktok.patch_creator("northbound", private=True)
    scene.work()
    assert scene.captions() == ["Kept"]
    assert codes(scene.load(import_id).problems[2]) == ["privacy_not_allowed"]


# Files by link


@pytest.fixture
def site(video_path):
    with serving() as found:
        found.pages["/clip.mp4"] = (200, {"Content-Type": "video/mp4"}, video_path.read_bytes())
        yield found


@pytest.fixture
def linked(app, scene, site, monkeypatch):
    """The scene, with this site allowed; `fetch` does what the media worker does."""
    web = WebFetcher(Limits(max_bytes=10_000_000, idle_seconds=2), [site.netloc])
    monkeypatch.setitem(app.extensions, "oncue", dataclasses.replace(factories.wired(app), web=web))

    def fetch():
        with app.app_context():
            for import_id in db.session.scalars(sa.select(MediaImport.id).where(MediaImport.due_at.is_not(None))).all():
                advance_import(import_id, factories.wired(app).media_imports)
    scene.fetch = fetch
    return scene


def imports(app) -> int:
    with app.app_context():
        return db.session.scalar(sa.select(sa.func.count()).select_from(MediaImport))


def test_a_file_by_link_is_fetched_after_confirming_and_its_row_follows(app, linked, site, frozen):
    url = f"http://{site.netloc}/clip.mp4"
    import_id = linked.keep({**GOOD, "media": url, "caption": "By link"}, {**GOOD, "time": "10:00"},
                            {**GOOD, "media": url, "time": "11:00"})
    [checked, _, _] = linked.preview(import_id)
    assert (checked.problems, checked.new, checked.waits_for) == ((), None, (url,))
    assert imports(app) == 0 and site.asked == [], "looking fetches nothing"
    linked.confirm(import_id)
    linked.work()
    assert linked.captions() == ["Hello"] and imports(app) == 1, "the same address is fetched once"
    linked.fetch()
    frozen.advance(seconds=10)
    linked.work()
    assert linked.captions() == ["By link", "Hello", "Hello"] and linked.load(import_id).due_at is None


def test_while_files_are_waited_for_tiktok_is_not_asked(linked, site, tiktok, frozen):
    import_id = linked.keep({**GOOD, "media": f"http://{site.netloc}/clip.mp4"})
    linked.confirm(import_id)
    before = len(tiktok.calls("creator_info"))
    for _ in range(3):
        linked.work()
        frozen.advance(seconds=10)
    assert len(tiktok.calls("creator_info")) == before


def test_a_file_that_can_t_be_fetched_is_told_and_may_be_tried_again(app, linked, site, frozen, alice, video_path):
    import_id = linked.keep({**GOOD, "media": f"http://{site.netloc}/gone.mp4"})
    linked.confirm(import_id)
    linked.work()
    linked.fetch()
    frozen.advance(seconds=10)
    linked.work()
    assert codes(linked.load(import_id).problems[2]) == ["url_not_found"] and linked.load(import_id).due_at is None
    site.pages["/gone.mp4"] = (200, {}, video_path.read_bytes())
    with app.app_context():
        bulk.retry_files(import_id, workspace_id=alice.workspace_id, ports=linked.ports())
        with pytest.raises(DomainError):
            bulk.retry_files(import_id, workspace_id=alice.workspace_id, ports=linked.ports())
    linked.work()
    linked.fetch()
    frozen.advance(seconds=10)
    linked.work()
    assert linked.captions() == ["Hello"] and linked.load(import_id).problems == {}


def test_addresses_that_may_never_be_fetched_are_refused_in_the_preview(scene):
    urls = {"http://127.0.0.1:6379/x.mp4": "url_forbidden", "http://169.254.169.254/x.mp4": "url_forbidden",
            "https://[nonsense/x.mp4": "url_invalid"}
    rows = scene.preview(scene.keep(*({**GOOD, "media": url} for url in urls)))
    assert [codes(row.problems) for row in rows] == [[code] for code in urls.values()]


def test_what_is_wrong_whatever_the_file_turns_out_to_be_is_said_before_it_is_fetched(linked, site):
    url = f"http://{site.netloc}/clip.mp4"
    assert codes(linked.check(media=url, caption="x" * 4001, privacy="").problems) == ["caption_too_long", "privacy_missing"]
    assert codes(linked.check(media=url, caption="x" * 3000).problems) == [], "a photo may say that much"
    assert codes(linked.check(media=f"{url}|clip.mp4").problems) == ["media_mixed"]


# The end


def test_files_are_forgotten_after_their_time_and_posts_stay(app, scene, frozen, alice):
    left, confirmed = scene.keep(GOOD), scene.keep({**GOOD, "time": "10:00"})
    scene.confirm(confirmed)
    scene.work()
    frozen.advance(days=7)
    with pytest.raises(DomainError):
        scene.load(left)
    with app.app_context():
        prune()
        assert db.session.scalars(sa.select(BulkImport.id)).all() == [confirmed]
    frozen.advance(days=23)
    with app.app_context():
        prune()
        assert db.session.scalars(sa.select(BulkImport.id)).all() == []
    assert scene.captions() == ["Hello"]


def test_a_file_may_be_discarded_before_it_is_confirmed(app, scene, alice):
    import_id = scene.keep(GOOD)
    with app.app_context():
        bulk.discard(import_id, workspace_id=alice.workspace_id, now=clock.utcnow())
    with pytest.raises(DomainError):
        scene.load(import_id)
