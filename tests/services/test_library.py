"""Files renamed, described and deleted: refused while a post may need them, and never a file without its bytes."""

from __future__ import annotations

import dataclasses
import random
import threading
from datetime import timedelta

import pytest
import sqlalchemy as sa

from app import clock
from app.domain.errors import DomainError
from app.domain.lifecycle import NEEDS_DUE_AT, NEEDS_MEDIA, TargetState
from app.infra.storage.disk import DiskStorage
from app.jobs.pruning import prune
from app.models import Event, ImportState, MediaFile, MediaImport, PostTarget, Upload, db
from app.services import library, media, storage_quota
from app.services.library import delete_media, dismiss_import, end_published_media, finish_ended, keep_published_media, rename_media
from app.services.moving import Move, move_media
from tests import factories
from tests.infra.storage.places import files_below

S = TargetState


@pytest.fixture
def storage(app, tmp_path, monkeypatch):
    """The application's storage, empty and the test's own."""
    found = DiskStorage(tmp_path / "media")
    monkeypatch.setitem(app.extensions, "oncue", dataclasses.replace(factories.wired(app), storage=found))
    return found


@pytest.fixture
def photo(app, storage, alice, tmp_path):
    return factories.make_photos(app, alice, tmp_path, 1)[0]


@pytest.fixture
def post(app, tiktok, alice, storage, video_path):
    """A scheduled post with its video."""
    account_id = factories.connect_account(app, alice, tiktok)
    media_id = factories.make_media(app, alice, video_path)
    made = factories.make_post(app, alice, account_id=account_id, media_file_id=media_id, scheduled_at=clock.utcnow() + timedelta(days=1))
    made.media_id, made.account_id = media_id, account_id
    return made


def set_target(app, target_id, state, published_at=None):
    with app.app_context():
        db.session.execute(sa.update(PostTarget).where(PostTarget.id == target_id).values(
            state=state, published_at=(published_at or clock.utcnow()) if state is S.PUBLISHED else None, problem_code="x", publish_id="p",
            due_at=clock.utcnow() if state in NEEDS_DUE_AT else None))
        db.session.commit()


def delete(app, person, media_id, ports=None):
    with app.app_context():
        delete_media(media_id, workspace_id=person.workspace_id, actor_id=person.user_id, ports=ports or factories.wired(app).media)


def row(app, media_id) -> MediaFile | None:
    with app.app_context():
        found = db.session.get(MediaFile, media_id)
        if found is not None:
            db.session.expunge(found)
        return found


def events(app, kind):
    with app.app_context():
        return db.session.scalars(sa.select(Event.data).where(Event.kind == kind)).all()


def test_a_file_has_another_name_and_words_and_both_are_in_the_history(app, alice, photo):
    with app.app_context():
        rename_media(photo, workspace_id=alice.workspace_id, actor_id=alice.user_id, name=" Über uns.jpg ", now=clock.utcnow())
        library.set_alt_text(photo, workspace_id=alice.workspace_id, actor_id=alice.user_id, alt_text="Two CUPS\r\non a bar",
                             now=clock.utcnow())
    found = row(app, photo)
    assert (found.name, found.alt_text, found.search_text) == ("Über uns.jpg", "Two CUPS\non a bar", "uber uns.jpg\ntwo cups\non a bar")
    renamed = {"media_file_id": photo, "before": "photo0.jpg", "after": "Über uns.jpg"}
    assert events(app, "media.renamed") == [renamed] and events(app, "media.described") == [{"media_file_id": photo}]


def test_a_name_is_one_line(app, alice, photo):
    for name, code in (("", "name_missing"), ("  ", "name_missing"), ("x" * 201, "name_invalid"), ("a\nb", "name_invalid"),
                       ("a\x00", "name_invalid")):
        with app.app_context(), pytest.raises(DomainError, match=code):
            rename_media(photo, workspace_id=alice.workspace_id, actor_id=alice.user_id, name=name, now=clock.utcnow())


def test_alt_text_has_its_limit(app, alice, photo):
    with app.app_context():
        for text in ("x" * 1001, "\x00"):
            with pytest.raises(DomainError, match="alt_text_long"):
                library.set_alt_text(photo, workspace_id=alice.workspace_id, actor_id=alice.user_id, alt_text=text, now=clock.utcnow())


def test_a_stranger_s_file_can_not_be_named_described_or_deleted(app, alice, bob, photo):
    with app.app_context():
        who = {"workspace_id": bob.workspace_id, "actor_id": bob.user_id}
        for attempt in (lambda: rename_media(photo, name="Mine", now=clock.utcnow(), **who),
                        lambda: library.set_alt_text(photo, alt_text="Mine", now=clock.utcnow(), **who),
                        lambda: delete_media(photo, ports=factories.wired(app).media, **who)):
            with pytest.raises(DomainError, match="media_not_found"):
                attempt()


def test_a_file_that_no_post_had_goes_with_all_that_belongs_to_it(app, alice, storage, photo, tmp_path):
    with app.app_context():
        now = clock.utcnow()
        db.session.add(Upload(id="a" * 32, workspace_id=alice.workspace_id, owner_id=alice.user_id, name="photo0.jpg", client_metadata="",
                              size_bytes=1, created_at=now, expires_at=now, media_file_id=photo))
        db.session.add(MediaImport(workspace_id=alice.workspace_id, url="https://example.com/", state=ImportState.DONE, created_at=now,
                                   created_by_id=alice.user_id, media_file_id=photo))
        converted = factories.make_photos(app, alice, tmp_path, 2)[1]
        db.session.execute(sa.update(MediaFile).where(MediaFile.id == converted).values(original_id=photo))
        db.session.commit()
    delete(app, alice, photo)
    assert row(app, photo) is None
    assert row(app, converted).original_id is None
    assert len(files_below(tmp_path / "media")) == 2, "those of the other photo"
    with app.app_context():
        assert db.session.query(Upload).count() == db.session.query(MediaImport).count() == 0
    assert events(app, "media.deleted") == [{"media_file_id": photo, "name": "photo0.jpg"}]


def test_a_file_stays_while_something_may_still_become_of_its_post(app, alice, post, storage):
    key = row(app, post.media_id).storage_key
    for state in NEEDS_MEDIA:
        set_target(app, post.target_id, state)
        with pytest.raises(DomainError) as caught:
            delete(app, alice, post.media_id)
        assert caught.value.code == "media_in_use" and "Behind the counter at 6 am" in caught.value.message
        assert row(app, post.media_id).ended_at is None and storage.size(key), state
    set_target(app, post.target_id, S.CANCELED)
    delete(app, alice, post.media_id)
    assert row(app, post.media_id).ended_at is not None and storage.size(key) is None


def test_all_but_published_and_canceled_posts_need_their_media():
    assert set(TargetState) - NEEDS_MEDIA == {S.PUBLISHED, S.CANCELED}


def test_a_refusal_names_two_posts_and_counts_the_others(app, alice, post):
    for caption in ("Second", "Third", "Fourth"):
        factories.make_post(app, alice, account_id=post.account_id, media_file_id=post.media_id, caption=caption,
                            scheduled_at=clock.utcnow() + timedelta(days=2))
    with pytest.raises(DomainError) as caught:
        delete(app, alice, post.media_id)
    assert caught.value.message.count("“") == 2 and "2 more" in caught.value.message


def test_any_photo_of_a_carousel_is_needed(app, tiktok, alice, storage, tmp_path):
    account_id, photos = factories.connect_account(app, alice, tiktok), factories.make_photos(app, alice, tmp_path, 3)
    carousel = factories.make_post(app, alice, account_id=account_id, media_file_id=photos, cover=1,
                                   scheduled_at=clock.utcnow() + timedelta(days=1))
    for photo in photos:
        with pytest.raises(DomainError, match="media_in_use"):
            delete(app, alice, photo)
    set_target(app, carousel.target_id, S.PUBLISHED)
    delete(app, alice, photos[2])
    assert row(app, photos[2]).ended_at is not None


def test_of_a_file_with_published_posts_the_row_and_the_poster_stay_and_deleting_twice_is_harmless(app, alice, post, storage, video_path):
    set_target(app, post.target_id, S.PUBLISHED)
    for _ in range(2):
        delete(app, alice, post.media_id)
    ended = row(app, post.media_id)
    assert storage.size(ended.storage_key) is None and storage.size(ended.poster_key)
    again = factories.make_media(app, alice, video_path)
    assert again != post.media_id and storage.size(ended.storage_key)
    delete(app, alice, post.media_id)
    assert storage.size(ended.storage_key), "they are the new file's now"
    delete(app, alice, again)
    assert row(app, again) is None and storage.size(ended.storage_key) is None
    assert storage.size(ended.poster_key), "the old file's post still shows it"


class Interrupted:
    """A storage in front of the real one, which does something at a moment of our choice."""

    def __init__(self, storage, **before):
        self.storage, self.before = storage, before

    def __getattr__(self, name):
        def call(*args):
            self.before.pop(name, lambda: None)()
            return getattr(self.storage, name)(*args)
        return call


def elsewhere(work):
    """Runs it as another process would, with a connection of its own, and waits for its end."""
    def run():
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    return run


def keep(app, person, path, storage):
    with app.app_context():
        ports = dataclasses.replace(factories.wired(app).media, storage=storage)
        incoming = storage.incoming()
        try:
            incoming.write(path.read_bytes())
            return media.keep_media(incoming=incoming, name=path.name, workspace_id=person.workspace_id, actor_id=person.user_id,
                                    ports=ports)
        finally:
            incoming.close()


def test_bytes_that_are_deleted_while_they_come_again_are_asked_for_once_more(app, alice, storage, photo, tmp_path):
    # The upload has found its bytes stored; they are deleted before it has its row.
    between = Interrupted(storage, write=elsewhere(lambda: delete(app, alice, photo)))
    with pytest.raises(DomainError, match="media_changed"):
        keep(app, alice, tmp_path / "photo0.jpg", between)
    assert row(app, photo) is None
    again = row(app, keep(app, alice, tmp_path / "photo0.jpg", storage))
    assert storage.size(again.storage_key) and storage.size(again.poster_key)


def test_bytes_that_come_again_before_they_are_deleted_stay(app, alice, storage, post, video_path):
    set_target(app, post.target_id, S.PUBLISHED)

    def refuse():
        raise OSError("the storage can't be reached")
    delete(app, alice, post.media_id, dataclasses.replace(factories.wired(app).media, storage=Interrupted(storage, delete=refuse)))
    ended = row(app, post.media_id)
    assert ended.ended_at is not None and storage.size(ended.storage_key), "ended, and its bytes not yet gone"
    again = factories.make_media(app, alice, video_path)
    with app.app_context():
        finish_ended(factories.wired(app).media)
    assert storage.size(row(app, again).storage_key)


def test_what_a_killed_process_left_is_removed_later(app, alice, storage, photo, post, tmp_path):
    set_target(app, post.target_id, S.PUBLISHED)
    with app.app_context():
        for media_id in (photo, post.media_id):
            library._end(db.session(), media_id, clock.utcnow())
        db.session.commit()
        prune()
    assert row(app, photo) is None
    left = [key for key in files_below(tmp_path / "media") if "avatars" not in key]
    assert left == [row(app, post.media_id).poster_key]


def test_a_post_is_not_scheduled_with_a_file_that_is_deleted_meanwhile(app, alice, post, storage, photo):
    wiring = factories.wired(app)

    class SlowTikTok:
        """Answers after somebody has deleted the photo."""
        def creator_info(self, token):
            elsewhere(lambda: delete(app, alice, photo))()
            return wiring.tiktok.creator_info(token)

    with app.app_context():
        before = db.session.query(PostTarget).count()
    ports = dataclasses.replace(wiring.accounts, tiktok=SlowTikTok())
    with app.app_context(), pytest.raises(DomainError, match="media_ended"):
        factories.posts.schedule_post(
            factories.posts.NewPost(account_id=post.account_id, media_file_ids=(photo,), caption="", creation_key="k",
                                    scheduled_at=clock.utcnow() + timedelta(days=1),
                                    choices=factories.TargetChoices(factories.PrivacyLevel.PUBLIC)),
            workspace_id=alice.workspace_id, actor_id=alice.user_id, ports=ports)
    with app.app_context():
        assert db.session.query(PostTarget).count() == before


def test_whoever_is_first_of_many_no_file_is_without_its_bytes(app, alice, storage, photo, tmp_path):
    path, known = tmp_path / "photo0.jpg", row(app, photo)
    probed = factories.wired(app).media.probe(str(path))
    ports = dataclasses.replace(factories.wired(app).media, storage=storage, probe=lambda _path: probed)
    kept, outcomes = [photo], []

    def upload():
        with app.app_context():
            incoming = storage.incoming()
            incoming.write(path.read_bytes())
            try:
                kept.append(media.keep_media(incoming=incoming, name="again.jpg", workspace_id=alice.workspace_id, actor_id=alice.user_id,
                                             ports=ports))
                outcomes.append("kept")
            except DomainError as error:
                outcomes.append(error.code)
            finally:
                incoming.close()

    def remove():
        try:
            delete(app, alice, random.choice(kept[-2:]), ports)
            outcomes.append("deleted")
        except DomainError as error:
            outcomes.append(error.code)

    for _ in range(8):
        threads = [threading.Thread(target=work) for work in (upload, remove, upload, remove)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        with app.app_context():
            live = db.session.query(MediaFile).filter(MediaFile.ended_at.is_(None)).count()
        assert live <= 1
        assert (storage.size(known.storage_key) is not None) >= bool(live)
    assert len(outcomes) == 32 and set(outcomes) <= {"kept", "deleted", "media_changed", "media_not_found"}


# Media of published posts


def end_all(app):
    with app.app_context():
        return end_published_media(factories.wired(app).media)


def choose(app, person, days):
    with app.app_context():
        keep_published_media(days, workspace_id=person.workspace_id, actor_id=person.user_id, now=clock.utcnow())


def test_media_end_so_many_days_after_the_last_of_their_posts_was_published(app, alice, frozen, post, storage, photo):
    second = factories.make_post(app, alice, account_id=post.account_id, media_file_id=post.media_id,
                                 scheduled_at=clock.utcnow() + timedelta(days=3))
    canceled = factories.make_post(app, alice, account_id=post.account_id, media_file_id=post.media_id,
                                   scheduled_at=clock.utcnow() + timedelta(days=3))
    set_target(app, canceled.target_id, S.CANCELED)
    set_target(app, post.target_id, S.PUBLISHED)
    frozen.advance(days=10)
    assert end_all(app) == 0, "nobody has chosen to"
    choose(app, alice, 7)
    assert end_all(app) == 0, "its other post is still to come"
    set_target(app, second.target_id, S.PUBLISHED)
    frozen.advance(days=6.9)
    assert end_all(app) == 0
    frozen.advance(days=0.2)
    with app.app_context():
        prune()
    ended = row(app, post.media_id)
    assert ended.ended_at == clock.utcnow() and storage.size(ended.storage_key) is None
    assert row(app, photo).ended_at is None, "no post has used it"
    assert events(app, "media.ended") == [{"media_file_id": post.media_id, "name": "clip.mp4"}]
    assert end_all(app) == 0


def test_media_of_a_post_that_a_person_may_go_on_with_do_not_end(app, alice, frozen, post):
    again = factories.make_post(app, alice, account_id=post.account_id, media_file_id=post.media_id,
                                scheduled_at=clock.utcnow() + timedelta(days=1))
    set_target(app, post.target_id, S.PUBLISHED)
    choose(app, alice, 1)
    frozen.advance(days=100)
    for state in NEEDS_MEDIA:
        set_target(app, again.target_id, state)
        assert end_all(app) == 0, state


def test_media_end_a_batch_at_a_time_and_only_where_it_was_chosen(app, alice, bob, frozen, post, monkeypatch, tmp_path):
    photos = factories.make_photos(app, alice, tmp_path, 3)
    for photo in photos:
        made = factories.make_post(app, alice, account_id=post.account_id, media_file_id=(photo,),
                                   scheduled_at=clock.utcnow() + timedelta(days=1))
        set_target(app, made.target_id, S.PUBLISHED)
    choose(app, bob, 1)
    frozen.advance(days=30)
    assert end_all(app) == 0
    choose(app, alice, 1)
    monkeypatch.setattr(library, "BATCH", 2)
    assert [end_all(app) for _ in range(3)] == [2, 1, 0]


def test_days_to_keep_have_their_limits(app, alice):
    for days in (0, -1, 3651):
        with pytest.raises(DomainError, match="keep_days_invalid"):
            choose(app, alice, days)


def test_ended_files_take_no_room_and_are_not_missed_when_storage_moves(app, alice, post, storage, tmp_path):
    size = row(app, post.media_id).size_bytes
    room = {"workspace_id": alice.workspace_id, "size_bytes": 1, "quota_bytes": size}
    with app.app_context(), pytest.raises(DomainError, match="quota_full"):
        storage_quota.check_room_now(**room)
    set_target(app, post.target_id, S.PUBLISHED)
    delete(app, alice, post.media_id)
    with app.app_context():
        storage_quota.check_room_now(**room)
        move = Move(storage, DiskStorage(tmp_path / "other"), target_in_use=False, delete_source=False, say=lambda _: None)
        problems = move_media(move).problems
    assert [problem for problem in problems if "mp4" in problem] == []


def test_only_an_import_that_failed_is_forgotten(app, alice, bob):
    with app.app_context():
        now = clock.utcnow()
        failed = MediaImport(workspace_id=alice.workspace_id, url="https://example.com/a", state=ImportState.FAILED, problem_code="x",
                             problem_text="Gone.", created_by_id=alice.user_id, created_at=now)
        queued = MediaImport(workspace_id=alice.workspace_id, url="https://example.com/b", created_by_id=alice.user_id, created_at=now,
                             due_at=now)
        db.session.add_all([failed, queued])
        db.session.commit()
        failed_id, queued_id = failed.id, queued.id
        with pytest.raises(DomainError, match="import_not_found"):
            dismiss_import(failed_id, workspace_id=bob.workspace_id)
        with pytest.raises(DomainError, match="import_not_failed"):
            dismiss_import(queued_id, workspace_id=alice.workspace_id)
        dismiss_import(failed_id, workspace_id=alice.workspace_id)
        assert [found.id for found in db.session.query(MediaImport)] == [queued_id]
