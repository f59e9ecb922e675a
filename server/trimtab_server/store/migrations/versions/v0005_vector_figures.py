"""What else was measured of each layer when a vector was made.

Revision: 0005
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """From 0004. Of vectors that are there already nothing is known: empty lists."""
    with op.batch_alter_table("vectors") as vectors:
        for figure in ("explained_variances", "noise_ceilings", "separations", "agreements"):
            vectors.add_column(sa.Column(figure, sa.JSON(), nullable=False, server_default="[]"))
