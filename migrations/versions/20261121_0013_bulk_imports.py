"""CSV files of posts, kept until they are confirmed and while their rows become posts

Revision: 0013, after 0012. Imports nothing of the application: it must still run when
the models have moved on. Columns are removed a release after nothing reads them.
"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

WAITING = sa.text("due_at IS NOT NULL")


def upgrade():
    op.create_table(
        "bulk_imports",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("workspace_id", sa.Integer(), nullable=False),
        sa.Column("created_by_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("read_as", sa.String(length=64), nullable=False),
        sa.Column("header", sa.JSON(), nullable=False),
        sa.Column("rows", sa.JSON(), nullable=False),
        sa.Column("mapping", sa.JSON(), nullable=True),
        sa.Column("date_order", sa.String(length=32), nullable=False),
        sa.Column("time_zone", sa.String(length=64), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("problems", sa.JSON(), nullable=False),
        sa.Column("fetches", sa.JSON(), nullable=False),
        sa.Column("waits_text", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("confirmed_by_id", sa.Integer(), nullable=True),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("length(id) = 32", name=op.f("ck_bulk_imports_id_length")),
        sa.CheckConstraint("date_order IN ('as_written', 'day_first', 'month_first')", name=op.f("ck_bulk_imports_dateorder")),
        sa.CheckConstraint("(confirmed_at IS NULL) = (confirmed_by_id IS NULL)", name=op.f("ck_bulk_imports_confirmed_by_somebody")),
        sa.CheckConstraint("confirmed_at IS NULL OR mapping IS NOT NULL", name=op.f("ck_bulk_imports_confirmed_has_mapping")),
        sa.CheckConstraint("due_at IS NULL OR confirmed_at IS NOT NULL", name=op.f("ck_bulk_imports_due_when_confirmed")),
        sa.ForeignKeyConstraint(["confirmed_by_id"], ["users.id"], name=op.f("fk_bulk_imports_confirmed_by_id_users")),
        sa.ForeignKeyConstraint(["created_by_id"], ["users.id"], name=op.f("fk_bulk_imports_created_by_id_users")),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspaces.id"], name=op.f("fk_bulk_imports_workspace_id_workspaces")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bulk_imports")),
    )
    op.create_index(op.f("ix_bulk_imports_expires_at"), "bulk_imports", ["expires_at"])
    op.create_index(op.f("ix_bulk_imports_workspace_id"), "bulk_imports", ["workspace_id"])
    op.create_index("ix_bulk_imports_due_at", "bulk_imports", ["due_at"], sqlite_where=WAITING, postgresql_where=WAITING)


def downgrade():
    op.drop_index("ix_bulk_imports_due_at", "bulk_imports")
    op.drop_index(op.f("ix_bulk_imports_workspace_id"), "bulk_imports")
    op.drop_index(op.f("ix_bulk_imports_expires_at"), "bulk_imports")
    op.drop_table("bulk_imports")
