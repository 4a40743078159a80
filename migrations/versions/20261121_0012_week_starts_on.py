"""The day on which a person's weeks begin

Revision: 0012, after 0011. Imports nothing of the application: it must still run when
the models have moved on. Columns are removed a release after nothing reads them.
"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade():
    with op.batch_alter_table("users") as batch:
        batch.add_column(sa.Column("week_starts_on", sa.Integer(), nullable=False, server_default="0"))
        batch.create_check_constraint(op.f("ck_users_week_starts_on"), "week_starts_on BETWEEN 0 AND 6")
    with op.batch_alter_table("users") as batch:
        batch.alter_column("week_starts_on", existing_type=sa.Integer(), server_default=None)


def downgrade():
    with op.batch_alter_table("users") as batch:
        batch.drop_constraint(op.f("ck_users_week_starts_on"), type_="check")
        batch.drop_column("week_starts_on")
