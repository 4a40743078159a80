"""The media library: one file per content, converted photos, alt text, ended media, a video's cover

Revision: 0008, after 0007. Imports nothing of the application: it must still run when
the models have moved on. Columns are removed a release after nothing reads them.
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

FACTS_OF_KIND_BEFORE = ("(kind = 'video') = (codec IS NOT NULL) AND (kind = 'video') = (fps IS NOT NULL)"
                        " AND (kind = 'video') = (duration_seconds IS NOT NULL)")
FACTS_OF_KIND = FACTS_OF_KIND_BEFORE + " AND (kind = 'video' OR (audio_codec IS NULL AND strip_key IS NULL))"
LIVE = sa.text("ended_at IS NULL")
REFERENCES = ("posts", "post_photos", "media_imports", "uploads")
FIRST = ("SELECT MIN(first.id) FROM media_files AS first JOIN media_files AS same"
         " ON same.workspace_id = first.workspace_id AND same.sha256 = first.sha256 WHERE same.id = {id}")


def upgrade():
    with op.batch_alter_table("media_files") as batch:
        batch.add_column(sa.Column("strip_key", sa.String(length=255), nullable=True))
        batch.add_column(sa.Column("audio_codec", sa.String(length=16), nullable=True))
        batch.add_column(sa.Column("is_rotated", sa.Boolean(), nullable=False, server_default=sa.false()))
        batch.add_column(sa.Column("original_id", sa.Integer(), nullable=True))
        batch.add_column(sa.Column("alt_text", sa.String(length=1000), nullable=False, server_default=""))
        batch.add_column(sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True))
        batch.create_foreign_key(op.f("fk_media_files_original_id_media_files"), "media_files", ["original_id"], ["id"])
        batch.drop_constraint(op.f("ck_media_files_facts_of_kind"), type_="check")
        batch.create_check_constraint(op.f("ck_media_files_facts_of_kind"), FACTS_OF_KIND)
        batch.create_check_constraint(op.f("ck_media_files_original_is_another"), "original_id <> id")
    with op.batch_alter_table("media_files") as batch:
        batch.alter_column("is_rotated", existing_type=sa.Boolean(), server_default=None)
        batch.alter_column("alt_text", existing_type=sa.String(length=1000), server_default=None)
    # The same bytes in several rows become the first of them.
    for table in REFERENCES:
        op.execute(f"UPDATE {table} SET media_file_id = ({FIRST.format(id=f'{table}.media_file_id')}) WHERE media_file_id IS NOT NULL")
    op.execute("DELETE FROM media_files WHERE id NOT IN (SELECT MIN(id) FROM media_files GROUP BY workspace_id, sha256)")
    op.create_index("uq_media_files_workspace_id_sha256", "media_files", ["workspace_id", "sha256"], unique=True, sqlite_where=LIVE,
                    postgresql_where=LIVE)
    op.create_index("ix_media_files_workspace_id_created_at", "media_files", ["workspace_id", "created_at"])
    op.create_index(op.f("ix_media_files_original_id"), "media_files", ["original_id"])
    with op.batch_alter_table("posts") as batch:
        batch.add_column(sa.Column("cover_timestamp_ms", sa.Integer(), nullable=True))
        batch.create_check_constraint(op.f("ck_posts_cover_within_video"), "cover_timestamp_ms >= 0")
    with op.batch_alter_table("workspaces") as batch:
        batch.add_column(sa.Column("keep_published_media_days", sa.Integer(), nullable=True))
        batch.create_check_constraint(op.f("ck_workspaces_keep_positive"), "keep_published_media_days > 0")


def downgrade():
    with op.batch_alter_table("workspaces") as batch:
        batch.drop_constraint(op.f("ck_workspaces_keep_positive"), type_="check")
        batch.drop_column("keep_published_media_days")
    with op.batch_alter_table("posts") as batch:
        batch.drop_constraint(op.f("ck_posts_cover_within_video"), type_="check")
        batch.drop_column("cover_timestamp_ms")
    op.drop_index(op.f("ix_media_files_original_id"), "media_files")
    op.drop_index("ix_media_files_workspace_id_created_at", "media_files")
    op.drop_index("uq_media_files_workspace_id_sha256", "media_files")
    with op.batch_alter_table("media_files") as batch:
        batch.drop_constraint(op.f("ck_media_files_original_is_another"), type_="check")
        batch.drop_constraint(op.f("ck_media_files_facts_of_kind"), type_="check")
        batch.create_check_constraint(op.f("ck_media_files_facts_of_kind"), FACTS_OF_KIND_BEFORE)
        batch.drop_constraint(op.f("fk_media_files_original_id_media_files"), type_="foreignkey")
        for name in ("ended_at", "alt_text", "original_id", "is_rotated", "audio_codec", "strip_key"):
            batch.drop_column(name)
