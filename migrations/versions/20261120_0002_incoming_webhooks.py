"""incoming webhooks

Revision: 0002, after 0001. Imports nothing of the application: it must still run when
the models have moved on. Columns are removed a release after nothing reads them.
"""

import sqlalchemy as sa
from alembic import op

revision = '0002'
down_revision = '0001'
branch_labels = None
depends_on = None


def upgrade():
    op.create_table('incoming_webhooks',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('idempotency_key', sa.String(length=64), nullable=False),
    sa.Column('event', sa.String(length=255), nullable=False),
    sa.Column('open_id', sa.String(length=255), nullable=True),
    sa.Column('publish_id', sa.String(length=255), nullable=True),
    sa.Column('content', sa.JSON(), nullable=False),
    sa.Column('happened_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('received_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_incoming_webhooks')),
    sa.UniqueConstraint('idempotency_key', name=op.f('uq_incoming_webhooks_idempotency_key'))
    )
    with op.batch_alter_table('tiktok_accounts', schema=None) as batch_op:
        batch_op.add_column(sa.Column('authorized_at', sa.DateTime(timezone=True), nullable=True))

    # connected_at is the first consent; later ones are in the history alone.
    op.execute("""
        UPDATE tiktok_accounts SET authorized_at = COALESCE((
            SELECT MAX(events.created_at) FROM events
            WHERE events.account_id = tiktok_accounts.id AND events.kind IN ('account.connected', 'account.reconnected')
        ), connected_at)
    """)
    with op.batch_alter_table('tiktok_accounts', schema=None) as batch_op:
        batch_op.alter_column('authorized_at', existing_type=sa.DateTime(timezone=True), nullable=False)


def downgrade():
    with op.batch_alter_table('tiktok_accounts', schema=None) as batch_op:
        batch_op.drop_column('authorized_at')

    op.drop_table('incoming_webhooks')
