"""Which weights a canary run was made on.

Revision: 0006
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """From 0005. Of runs that are there already nothing is known: empty."""
    with op.batch_alter_table("canary_runs") as runs:
        runs.add_column(sa.Column("stage_digest", sa.String(length=64), nullable=False, server_default=""))
