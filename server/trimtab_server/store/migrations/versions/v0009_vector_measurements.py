"""What was measured of a vector at a stage: its sweep and its card.

Revision: 0009
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """From 0008."""
    op.create_table(
        "vector_measurements",
        sa.Column("vector", sa.String(length=64), nullable=False),
        sa.Column("stage", sa.Text(), nullable=False),
        sa.Column("stage_digest", sa.String(length=64), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("create_time", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["vector"], ["vectors.id"], name=op.f("fk_vector_measurements_vector_vectors")
        ),
        sa.PrimaryKeyConstraint("vector", "stage", name=op.f("pk_vector_measurements")),
    )
