"""Uploads that arrive whole, at a signed address; imports that go on where they broke

Revision: 0009, after 0008. Imports nothing of the application: it must still run when
the models have moved on. Columns are removed a release after nothing reads them.
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

WAYS = sa.Enum("pieces", "whole", "bucket", name="uploadway", native_enum=False, create_constraint=True, length=32)
CHECKS = {
    "type_unless_in_pieces": "(way = 'pieces') = (content_type IS NULL)",
    "received_whole": "received_at IS NULL OR way = 'whole'",
}


def upgrade():
    with op.batch_alter_table("uploads") as batch:
        batch.add_column(sa.Column("way", WAYS, nullable=False, server_default="pieces"))
        batch.add_column(sa.Column("content_type", sa.String(length=100), nullable=True))
        batch.add_column(sa.Column("declared", sa.JSON(), nullable=True))
        batch.add_column(sa.Column("received_at", sa.DateTime(timezone=True), nullable=True))
        for name, sql in CHECKS.items():
            batch.create_check_constraint(op.f(f"ck_uploads_{name}"), sql)
    with op.batch_alter_table("uploads") as batch:
        batch.alter_column("way", existing_type=WAYS, server_default=None)
    with op.batch_alter_table("media_imports") as batch:
        batch.add_column(sa.Column("version", sa.String(length=300), nullable=True))


def downgrade():
    with op.batch_alter_table("media_imports") as batch:
        batch.drop_column("version")
    # What arrives whole can't go on in pieces; its sender begins anew.
    op.execute("DELETE FROM uploads WHERE way != 'pieces'")
    with op.batch_alter_table("uploads") as batch:
        for name in CHECKS:
            batch.drop_constraint(op.f(f"ck_uploads_{name}"), type_="check")
        batch.drop_constraint(op.f("ck_uploads_uploadway"), type_="check")
        for name in ("received_at", "declared", "content_type", "way"):
            batch.drop_column(name)
