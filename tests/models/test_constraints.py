"""The database itself refuses a broken row, whoever writes it."""

from __future__ import annotations

import re

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from app.domain.lifecycle import NEEDS_DUE_AT, TargetState
from app.models import db
from tests.models.rows import NOW, WHOLE, insert, seed

PUBLISHED = {"state": "published", "published_at": NOW, "due_at": None}
PHOTO = {"kind": "photo", "container": "jpeg", "codec": None, "fps": None, "duration_seconds": None}

BROKEN = [
    ("users", "ck_users_email_lower", {"email": "Alice@example.com"}),
    ("users", "ck_users_week_starts_on", {"week_starts_on": 7}),
    ("users", "ck_users_theme", {"theme": "neon"}),
    ("members", "ck_members_role", {"role": "emperor"}),
    ("members", "ck_members_role", {"role": "OWNER"}),
    ("tiktok_accounts", "ck_tiktok_accounts_connection", {"connection": "asleep"}),
    ("tiktok_accounts", "ck_tiktok_accounts_tokens_while_connected",
     {"access_token_sealed": None, "refresh_token_sealed": None, "access_expires_at": None}),
    ("tiktok_accounts", "ck_tiktok_accounts_tokens_while_connected", {"connection": "disconnected"}),
    ("tiktok_accounts", "ck_tiktok_accounts_tokens_together", {"refresh_token_sealed": None}),
    ("tiktok_accounts", "ck_tiktok_accounts_tokens_together", {"access_expires_at": None}),
    ("media_files", "ck_media_files_size_positive", {"size_bytes": 0}),
    ("media_files", "ck_media_files_facts_positive", {"width": 0}),
    ("media_files", "ck_media_files_facts_positive", {"height": -1}),
    ("media_files", "ck_media_files_facts_positive", {"fps": 0.0}),
    ("media_files", "ck_media_files_facts_positive", {"duration_seconds": 0.0}),
    ("media_files", "ck_media_files_sha256_length", {"sha256": "abc"}),
    ("media_files", "ck_media_files_mediakind", {"kind": "song", "codec": None, "fps": None, "duration_seconds": None}),
    ("media_files", "ck_media_files_facts_of_kind", {"codec": None}),
    ("media_files", "ck_media_files_facts_of_kind", {"fps": None}),
    ("media_files", "ck_media_files_facts_of_kind", {"duration_seconds": None}),
    ("media_files", "ck_media_files_facts_of_kind", {"kind": "photo"}),
    ("media_files", "ck_media_files_facts_of_kind", {**PHOTO, "audio_codec": "aac"}),
    ("media_files", "ck_media_files_facts_of_kind", {**PHOTO, "strip_key": "1/clip.strip.jpg"}),
    ("media_files", "ck_media_files_original_is_another", {"original_id": 1}),
    ("workspaces", "ck_workspaces_keep_positive", {"keep_published_media_days": 0}),
    ("posts", "ck_posts_cover_within_video", {"cover_timestamp_ms": -1}),
    ("media_imports", "ck_media_imports_importstate", {"state": "flying", "media_file_id": None}),
    ("media_imports", "ck_media_imports_unfinished_has_due_at", {"state": "queued", "media_file_id": None}),
    ("media_imports", "ck_media_imports_unfinished_has_due_at", {"state": "fetching", "media_file_id": None}),
    ("media_imports", "ck_media_imports_unfinished_has_due_at", {"due_at": NOW}),
    ("media_imports", "ck_media_imports_done_has_file", {"media_file_id": None}),
    ("media_imports", "ck_media_imports_done_has_file", {"state": "queued", "due_at": NOW}),
    ("media_imports", "ck_media_imports_failure_has_reason", {"state": "failed", "media_file_id": None}),
    ("media_imports", "ck_media_imports_failure_has_reason", {"state": "failed", "media_file_id": None, "problem_code": "url_not_found"}),
    ("media_imports", "ck_media_imports_lease_whole", {"lease_until": NOW}),
    ("media_imports", "ck_media_imports_lease_whole", {"lease_token": "t"}),
    ("media_imports", "ck_media_imports_bytes_not_negative", {"received_bytes": -1}),
    ("media_imports", "ck_media_imports_bytes_not_negative", {"total_bytes": -1}),
    ("bulk_imports", "ck_bulk_imports_dateorder", {"date_order": "year_first"}),
    ("bulk_imports", "ck_bulk_imports_id_length", {"id": "1"}),
    ("bulk_imports", "ck_bulk_imports_confirmed_by_somebody", {"confirmed_by_id": None}),
    ("bulk_imports", "ck_bulk_imports_confirmed_has_mapping", {"mapping": None}),
    ("bulk_imports", "ck_bulk_imports_due_when_confirmed", {"due_at": NOW, "confirmed_at": None, "confirmed_by_id": None}),
    ("post_photos", "ck_post_photos_position_counts_from_zero", {"position": -1}),
    ("post_targets", "ck_post_targets_postmode", {"mode": "pigeon"}),
    ("post_targets", "ck_post_targets_pull_whole", {"pull_token": "t" * 32}),
    ("post_targets", "ck_post_targets_pull_whole", {"pull_until": NOW}),
    ("post_targets", "ck_post_targets_pull_whole", {"pulled_at": NOW}),
    ("post_targets", "ck_post_targets_consent_before_schedule", {"mode": "inbox", "consent_at": None}),
    ("post_targets", "ck_post_targets_targetstate", {"state": "flying"}),
    ("post_targets", "ck_post_targets_targetstate", {"state": "SCHEDULED"}),
    ("post_targets", "ck_post_targets_privacylevel", {"privacy_level": "PUBLIC"}),
    ("post_targets", "ck_post_targets_waiting_has_due_at", {"due_at": None}),
    ("post_targets", "ck_post_targets_waiting_has_due_at", {"state": "publishing", "due_at": None}),
    ("post_targets", "ck_post_targets_waiting_has_due_at", {"state": "processing", "due_at": None, "publish_id": "p"}),
    ("post_targets", "ck_post_targets_published_has_time", {"state": "published"}),
    ("post_targets", "ck_post_targets_published_has_time", {"published_at": NOW}),
    ("post_targets", "ck_post_targets_processing_has_publish_id", {"state": "processing"}),
    ("post_targets", "ck_post_targets_lease_whole", {"lease_until": NOW}),
    ("post_targets", "ck_post_targets_lease_whole", {"lease_token": "t"}),
    ("post_targets", "ck_post_targets_consent_before_schedule", {"privacy_level": None}),
    ("post_targets", "ck_post_targets_consent_before_schedule", {"consent_at": None}),
    ("post_targets", "ck_post_targets_consent_before_schedule", {"state": "in_review", "consent_at": None}),
    ("post_targets", "ck_post_targets_failure_has_reason", {"state": "failed", "due_at": None}),
    ("post_targets", "ck_post_targets_failure_has_reason", {"state": "missed", "due_at": None}),
    ("post_targets", "ck_post_targets_permalink_has_id", {**PUBLISHED, "permalink": "https://www.tiktok.com/@n/video/1"}),
    ("uploads", "ck_uploads_size_positive", {"size_bytes": 0}),
    ("uploads", "ck_uploads_id_length", {"id": "short"}),
    ("uploads", "ck_uploads_one_result", {"media_file_id": 1, "problems": "[]"}),
    ("uploads", "ck_uploads_uploadway", {"way": "by post", "content_type": "video/mp4"}),
    ("uploads", "ck_uploads_type_unless_in_pieces", {"content_type": "video/mp4"}),
    ("uploads", "ck_uploads_type_unless_in_pieces", {"way": "bucket"}),
    ("uploads", "ck_uploads_received_whole", {"received_at": NOW}),
    ("publish_attempts", "ck_publish_attempts_step", {"step": "prayer"}),
    ("publish_attempts", "ck_publish_attempts_finished_has_code", {"finished_at": NOW}),
    ("publish_attempts", "ck_publish_attempts_finished_has_code", {"code": "ok"}),
]

NEEDED_BY_STATE = {
    TargetState.PROCESSING: {"publish_id": "v_pub_file~v2-1.1"},
    TargetState.PUBLISHED: {"published_at": NOW},
    TargetState.FAILED: {"problem_code": "spam_risk"},
    TargetState.MISSED: {"problem_code": "token_missing"},
}


@pytest.fixture
def session(ctx):
    """A session with one whole row in every table."""
    seed(db.session)
    db.session.commit()
    return db.session


def remove(session, table: str) -> None:
    """Make room for another version of a table's one row, its children first."""
    for child in reversed(WHOLE):
        session.execute(sa.text(f"DELETE FROM {child}"))
        if child == table:
            break


@pytest.mark.parametrize(("table", "constraint", "changes"), BROKEN)
def test_a_broken_row_is_refused(session, table, constraint, changes):
    remove(session, table)
    with pytest.raises(IntegrityError) as refusal:
        insert(session, table, **changes)
    assert constraint in str(refusal.value.orig)


def test_every_check_has_a_broken_row_above():
    existing = {constraint.name for table in db.metadata.tables.values() for constraint in table.constraints
                if isinstance(constraint, sa.CheckConstraint)}
    assert existing == {constraint for _, constraint, _ in BROKEN}


def test_every_table_has_a_whole_row():
    assert set(WHOLE) == set(db.metadata.tables)


@pytest.mark.parametrize("state", list(TargetState))
def test_each_state_is_stored_with_what_it_needs(session, state):
    remove(session, "post_targets")
    due = {} if state in NEEDS_DUE_AT else {"due_at": None}
    insert(session, "post_targets", state=state.value, **due, **NEEDED_BY_STATE.get(state, {}))
    assert session.scalar(sa.text("SELECT state FROM post_targets")) == state.value


@pytest.mark.parametrize("state", ["draft", "canceled"])
def test_only_what_is_not_on_its_way_may_lack_audience_and_consent(session, state):
    remove(session, "post_targets")
    insert(session, "post_targets", state=state, privacy_level=None, consent_at=None, due_at=None)
    assert session.scalar(sa.text("SELECT count(*) FROM post_targets")) == 1


def test_a_draft_for_the_inbox_needs_no_audience(session):
    remove(session, "post_targets")
    insert(session, "post_targets", mode="inbox", privacy_level=None)
    assert session.scalar(sa.text("SELECT count(*) FROM post_targets")) == 1


def test_a_photo_has_no_codec_frame_rate_or_length(session):
    remove(session, "media_files")
    insert(session, "media_files", kind="photo", container="jpeg", codec=None, fps=None, duration_seconds=None)
    assert session.scalar(sa.text("SELECT count(*) FROM media_files")) == 1


def test_a_disconnected_account_has_no_tokens(session):
    remove(session, "tiktok_accounts")
    insert(session, "tiktok_accounts", connection="disconnected", access_token_sealed=None, refresh_token_sealed=None,
           access_expires_at=None, refresh_expires_at=None)
    assert session.scalar(sa.text("SELECT count(*) FROM tiktok_accounts")) == 1


@pytest.mark.parametrize(("table", "constraint", "second"), [
    ("users", "uq_users_email", {}),
    ("members", "uq_members_workspace_id_user_id", {}),
    ("tiktok_accounts", "uq_tiktok_accounts_workspace_id_open_id", {"username": "renamed"}),
    ("posts", "uq_posts_workspace_id_creation_key", {"caption": "sent twice"}),
    ("incoming_webhooks", "uq_incoming_webhooks_idempotency_key", {"event": "delivered twice"}),
    ("post_targets", "uq_post_targets_pull_token", {"pull_token": "t" * 32, "pull_until": NOW}),
])
def test_what_must_be_unique_is_refused_the_second_time(session, table, constraint, second):
    unique = next(c for c in db.metadata.tables[table].constraints if c.name == constraint)
    if second.keys() & {column.name for column in unique.columns}:  # what the whole row leaves empty
        remove(session, table)
        insert(session, table, **second)
    with pytest.raises(IntegrityError) as refusal:
        insert(session, table, id=2, **second)
    text = str(refusal.value.orig)
    assert constraint in text or all(f"{table}.{column.name}" in text for column in unique.columns)


def test_every_unique_constraint_is_tried_above():
    names = {c.name for table in db.metadata.tables.values() for c in table.constraints if isinstance(c, sa.UniqueConstraint)}
    assert names == {"uq_users_email", "uq_members_workspace_id_user_id", "uq_tiktok_accounts_workspace_id_open_id",
                     "uq_posts_workspace_id_creation_key", "uq_incoming_webhooks_idempotency_key", "uq_post_targets_pull_token"}


@pytest.mark.parametrize(("table", "changes"), [
    ("tiktok_accounts", {"workspace_id": 2}), ("tiktok_accounts", {"open_id": "-000other"}),
    ("posts", {"workspace_id": 2}), ("posts", {"creation_key": "k2"}),
])
def test_the_same_is_welcome_in_another_workspace_or_under_another_key(session, table, changes):
    insert(session, "workspaces", id=2)
    insert(session, table, id=2, **changes)
    assert session.scalar(sa.text(f"SELECT count(*) FROM {table}")) == 2


def refusal(session, table: str, **changes) -> str:
    """What the database says to a row with these changes; the transaction goes on as before."""
    savepoint = session.begin_nested()
    with pytest.raises(IntegrityError) as caught:
        insert(session, table, **changes)
    savepoint.rollback()
    return str(caught.value.orig).lower()


@pytest.mark.parametrize("table", [table.name for table in db.metadata.sorted_tables if table.foreign_keys])
def test_a_row_can_not_point_at_nothing(session, table):
    remove(session, table)
    for key in db.metadata.tables[table].foreign_keys:
        assert "foreign key" in refusal(session, table, **{key.parent.name: 999}), key


@pytest.mark.parametrize("table", ["workspaces", "users", "tiktok_accounts", "media_files", "posts", "post_targets"])
def test_what_others_point_at_can_not_vanish(session, table):
    with pytest.raises(IntegrityError, match=r"(?i)foreign key"):
        session.execute(sa.text(f"DELETE FROM {table}"))


@pytest.mark.parametrize("table", [*WHOLE])
def test_a_row_can_not_lack_what_is_required(session, table):
    remove(session, table)
    for column in db.metadata.tables[table].columns:
        if not column.nullable and not column.primary_key:
            assert re.search("not.null", refusal(session, table, **{column.name: None})), column
