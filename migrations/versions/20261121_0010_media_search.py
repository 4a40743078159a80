"""Media files are searched by name and alt text without case and accents, alike on every database

Revision: 0010, after 0009. Imports nothing of the application: it must still run when
the models have moved on. Columns are removed a release after nothing reads them.
"""

import unicodedata

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

BATCH = 500
FILES = sa.table("media_files", sa.column("id", sa.Integer), sa.column("name", sa.String), sa.column("alt_text", sa.String),
                 sa.column("search_text", sa.Text))


def upgrade():
    with op.batch_alter_table("media_files") as batch:
        batch.add_column(sa.Column("search_text", sa.Text(), nullable=False, server_default=""))
    with op.batch_alter_table("media_files") as batch:
        batch.alter_column("search_text", existing_type=sa.Text(), server_default=None)
    bind, after = op.get_bind(), 0
    while rows := bind.execute(sa.select(FILES.c.id, FILES.c.name, FILES.c.alt_text).where(FILES.c.id > after)
                               .order_by(FILES.c.id).limit(BATCH)).all():
        bind.execute(sa.update(FILES).where(FILES.c.id == sa.bindparam("row_id")).values(search_text=sa.bindparam("words")),
                     [{"row_id": row.id, "words": fold(f"{row.name}\n{row.alt_text}")} for row in rows])
        after = rows[-1].id


def downgrade():
    with op.batch_alter_table("media_files") as batch:
        batch.drop_column("search_text")


def fold(text):
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return unicodedata.normalize("NFC", "".join(c for c in decomposed if not unicodedata.combining(c))).casefold()
