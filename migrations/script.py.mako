"""${message}

Revision: ${up_revision}, after ${down_revision | comma,n}. Imports nothing of the application: it must still run when
the models have moved on. Columns are removed a release after nothing reads them.
"""

import sqlalchemy as sa
from alembic import op
${imports if imports else ""}
revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
branch_labels = ${repr(branch_labels)}
depends_on = ${repr(depends_on)}


def upgrade():
    ${upgrades if upgrades else "pass"}


def downgrade():
    ${downgrades if downgrades else "pass"}
