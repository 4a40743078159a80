"""Let the attempts be an account's meter

Revision: 0003, after 0002. Imports nothing of the application: it must still run when
the models have moved on. Columns are removed a release after nothing reads them.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

INDEX = "ix_publish_attempts_account_id_step_started_at"
KEY = "fk_publish_attempts_account_id_tiktok_accounts"


def upgrade():
    with op.batch_alter_table("publish_attempts") as batch:
        batch.add_column(sa.Column("account_id", sa.Integer(), nullable=True))
    attempts = sa.table("publish_attempts", sa.column("account_id"), sa.column("target_id"))
    targets = sa.table("post_targets", sa.column("id"), sa.column("account_id"))
    account_of = sa.select(targets.c.account_id).where(targets.c.id == attempts.c.target_id).scalar_subquery()
    op.execute(attempts.update().values(account_id=account_of))
    with op.batch_alter_table("publish_attempts") as batch:
        batch.alter_column("account_id", existing_type=sa.Integer(), nullable=False)
        batch.create_foreign_key(KEY, "tiktok_accounts", ["account_id"], ["id"])
        batch.create_index(INDEX, ["account_id", "step", "started_at"])


def downgrade():
    with op.batch_alter_table("publish_attempts") as batch:
        batch.drop_index(INDEX)
        batch.drop_constraint(KEY, type_="foreignkey")
        batch.drop_column("account_id")
