"""Files that are fetched from web addresses

Revision: 0006, after 0005. Imports nothing of the application: it must still run when
the models have moved on.
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

DUE = sa.text("due_at IS NOT NULL")
STATES = sa.Enum("queued", "fetching", "done", "failed", name="importstate", native_enum=False, create_constraint=True, length=32)
CHECKS = {
    "unfinished_has_due_at": "(state IN ('fetching', 'queued')) = (due_at IS NOT NULL)",
    "done_has_file": "(state = 'done') = (media_file_id IS NOT NULL)",
    "failure_has_reason": "state != 'failed' OR (problem_code IS NOT NULL AND problem_text IS NOT NULL)",
    "lease_whole": "(lease_until IS NULL) = (lease_token IS NULL)",
    "bytes_not_negative": "received_bytes >= 0 AND (total_bytes IS NULL OR total_bytes >= 0)",
}


def upgrade():
    op.create_table(
        "media_imports",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("workspace_id", sa.Integer(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("state", STATES, nullable=False),
        sa.Column("received_bytes", sa.BigInteger(), nullable=False),
        sa.Column("total_bytes", sa.BigInteger(), nullable=True),
        sa.Column("problem_code", sa.String(length=64), nullable=True),
        sa.Column("problem_text", sa.Text(), nullable=True),
        sa.Column("media_file_id", sa.Integer(), nullable=True),
        sa.Column("created_by_id", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lease_token", sa.String(length=32), nullable=True),
        sa.Column("tries", sa.Integer(), nullable=False),
        *(sa.CheckConstraint(sql, name=op.f(f"ck_media_imports_{name}")) for name, sql in CHECKS.items()),
        *(sa.ForeignKeyConstraint([column], [f"{table}.id"], name=op.f(f"fk_media_imports_{column}_{table}"))
          for column, table in (("workspace_id", "workspaces"), ("media_file_id", "media_files"), ("created_by_id", "users"))),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_media_imports")),
    )
    op.create_index("ix_media_imports_due_at", "media_imports", ["due_at"], sqlite_where=DUE, postgresql_where=DUE)
    op.create_index("ix_media_imports_workspace_id_created_at", "media_imports", ["workspace_id", "created_at"])


def downgrade():
    op.drop_table("media_imports")
