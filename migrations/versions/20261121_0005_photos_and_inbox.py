"""Photos, drafts for the creator's inbox, and the address that photos are fetched from

Revision: 0005, after 0004. Imports nothing of the application: it must still run when
the models have moved on. Columns are removed a release after nothing reads them.
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

FACTS_BEFORE = "width > 0 AND height > 0 AND fps > 0 AND duration_seconds > 0"
FACTS = "width > 0 AND height > 0 AND (fps IS NULL OR fps > 0) AND (duration_seconds IS NULL OR duration_seconds > 0)"
FACTS_OF_KIND = ("(kind = 'video') = (codec IS NOT NULL) AND (kind = 'video') = (fps IS NOT NULL)"
                 " AND (kind = 'video') = (duration_seconds IS NOT NULL)")
CONSENT_BEFORE = "state IN ('draft', 'canceled') OR (privacy_level IS NOT NULL AND consent_at IS NOT NULL)"
CONSENT = "state IN ('draft', 'canceled') OR (consent_at IS NOT NULL AND (privacy_level IS NOT NULL OR mode = 'inbox'))"
PULL_WHOLE = "(pull_token IS NULL) = (pull_until IS NULL) AND (pulled_at IS NULL OR pull_token IS NOT NULL)"
STEPS_BEFORE = "step IN ('creator_info', 'init', 'upload', 'status')"
STEPS = "step IN ('creator_info', 'init', 'upload', 'status', 'list')"
LEASED = sa.text("lease_until IS NOT NULL")
NULLABLE = (("codec", sa.String(length=16)), ("fps", sa.Double()), ("duration_seconds", sa.Double()))


def kinds(name, *members):
    return sa.Enum(*members, name=name, native_enum=False, create_constraint=True, length=32)


def upgrade():
    with op.batch_alter_table("media_files") as batch:
        batch.add_column(sa.Column("kind", kinds("mediakind", "video", "photo"), nullable=False, server_default="video"))
        for name, kind in NULLABLE:
            batch.alter_column(name, existing_type=kind, nullable=True)
        batch.drop_constraint(op.f("ck_media_files_facts_positive"), type_="check")
        batch.create_check_constraint(op.f("ck_media_files_facts_positive"), FACTS)
        batch.create_check_constraint(op.f("ck_media_files_facts_of_kind"), FACTS_OF_KIND)
    with op.batch_alter_table("media_files") as batch:
        batch.alter_column("kind", existing_type=sa.String(length=32), server_default=None)
    with op.batch_alter_table("posts") as batch:
        batch.add_column(sa.Column("title", sa.String(length=255), nullable=False, server_default=""))
    with op.batch_alter_table("posts") as batch:
        batch.alter_column("title", existing_type=sa.String(length=255), server_default=None)
    op.create_table(
        "post_photos",
        sa.Column("post_id", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("media_file_id", sa.Integer(), nullable=False),
        sa.CheckConstraint("position >= 0", name=op.f("ck_post_photos_position_counts_from_zero")),
        sa.ForeignKeyConstraint(["media_file_id"], ["media_files.id"], name=op.f("fk_post_photos_media_file_id_media_files")),
        sa.ForeignKeyConstraint(["post_id"], ["posts.id"], name=op.f("fk_post_photos_post_id_posts")),
        sa.PrimaryKeyConstraint("post_id", "position", name=op.f("pk_post_photos")),
    )
    op.create_index(op.f("ix_post_photos_media_file_id"), "post_photos", ["media_file_id"])
    with op.batch_alter_table("post_targets") as batch:
        batch.add_column(sa.Column("mode", kinds("postmode", "direct", "inbox"), nullable=False, server_default="direct"))
        batch.add_column(sa.Column("auto_add_music", sa.Boolean(), nullable=False, server_default=sa.false()))
        batch.add_column(sa.Column("pull_token", sa.String(length=32), nullable=True))
        batch.add_column(sa.Column("pull_until", sa.DateTime(timezone=True), nullable=True))
        batch.add_column(sa.Column("pulled_at", sa.DateTime(timezone=True), nullable=True))
        batch.create_unique_constraint(op.f("uq_post_targets_pull_token"), ["pull_token"])
        batch.drop_constraint(op.f("ck_post_targets_consent_before_schedule"), type_="check")
        batch.create_check_constraint(op.f("ck_post_targets_consent_before_schedule"), CONSENT)
        batch.create_check_constraint(op.f("ck_post_targets_pull_whole"), PULL_WHOLE)
        batch.create_index("ix_post_targets_leased", ["account_id"], sqlite_where=LEASED, postgresql_where=LEASED)
    with op.batch_alter_table("post_targets") as batch:
        batch.alter_column("mode", existing_type=sa.String(length=32), server_default=None)
        batch.alter_column("auto_add_music", existing_type=sa.Boolean(), server_default=None)
    with op.batch_alter_table("publish_attempts") as batch:
        batch.drop_constraint(op.f("ck_publish_attempts_step"), type_="check")
        batch.create_check_constraint(op.f("ck_publish_attempts_step"), STEPS)


def downgrade():
    op.execute("DELETE FROM publish_attempts WHERE step = 'list'")
    with op.batch_alter_table("publish_attempts") as batch:
        batch.drop_constraint(op.f("ck_publish_attempts_step"), type_="check")
        batch.create_check_constraint(op.f("ck_publish_attempts_step"), STEPS_BEFORE)
    op.execute("UPDATE post_targets SET privacy_level = 'SELF_ONLY' WHERE privacy_level IS NULL AND mode = 'inbox'")
    with op.batch_alter_table("post_targets") as batch:
        batch.drop_index("ix_post_targets_leased")
        batch.drop_constraint(op.f("ck_post_targets_pull_whole"), type_="check")
        batch.drop_constraint(op.f("ck_post_targets_consent_before_schedule"), type_="check")
        batch.create_check_constraint(op.f("ck_post_targets_consent_before_schedule"), CONSENT_BEFORE)
        batch.drop_constraint(op.f("uq_post_targets_pull_token"), type_="unique")
        batch.drop_constraint(op.f("ck_post_targets_postmode"), type_="check")
        for name in ("pulled_at", "pull_until", "pull_token", "auto_add_music", "mode"):
            batch.drop_column(name)
    op.drop_table("post_photos")
    with op.batch_alter_table("posts") as batch:
        batch.drop_column("title")
    # What an older release can't hold: photos become videos of no length, which it shows and never sends.
    op.execute("UPDATE media_files SET codec = 'none', fps = 1, duration_seconds = 1 WHERE kind = 'photo'")
    with op.batch_alter_table("media_files") as batch:
        batch.drop_constraint(op.f("ck_media_files_facts_of_kind"), type_="check")
        batch.drop_constraint(op.f("ck_media_files_facts_positive"), type_="check")
        batch.create_check_constraint(op.f("ck_media_files_facts_positive"), FACTS_BEFORE)
        batch.drop_constraint(op.f("ck_media_files_mediakind"), type_="check")
        batch.drop_column("kind")
        for name, kind in NULLABLE:
            batch.alter_column(name, existing_type=kind, nullable=False)
