"""Store what the checks ahead find

Revision: 0004, after 0003. Imports nothing of the application: it must still run when
the models have moved on. Columns are removed a release after nothing reads them.
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade():
    with op.batch_alter_table("post_targets") as batch:
        batch.add_column(sa.Column("checked_at", sa.DateTime(timezone=True), nullable=True))
        batch.add_column(sa.Column("finding_code", sa.String(length=64), nullable=True))
        batch.add_column(sa.Column("finding_text", sa.Text(), nullable=True))


def downgrade():
    with op.batch_alter_table("post_targets") as batch:
        for name in ("finding_text", "finding_code", "checked_at"):
            batch.drop_column(name)
