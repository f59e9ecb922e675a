"""The second person, protected concepts, and limits of single tokens.

Revision: 0003
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """From 0002."""
    op.create_table(
        "approvals",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("action", sa.String(length=64), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("facts", sa.Text(), nullable=False),
        sa.Column("proposer", sa.Text(), nullable=False),
        sa.Column("proposer_reason", sa.Text(), nullable=False),
        sa.Column("create_time", sa.BigInteger(), nullable=False),
        sa.Column("expire_time", sa.BigInteger(), nullable=False),
        sa.Column("approver", sa.Text(), nullable=False),
        sa.Column("approver_reason", sa.Text(), nullable=False),
        sa.Column("approve_time", sa.BigInteger(), nullable=False),
        sa.Column("canceller", sa.Text(), nullable=False),
        sa.Column("cancel_time", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_approvals")),
    )
    op.create_index("ix_approvals_subject", "approvals", ["subject"])
    concepts = op.create_table(
        "concepts",
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("protected", sa.Boolean(), nullable=False),
        sa.Column("change_time", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_concepts")),
    )
    op.bulk_insert(concepts, [{"name": "honesty", "protected": True, "change_time": 0}])
    with op.batch_alter_table("tokens") as tokens:
        # 0: the server's own limit.
        tokens.add_column(sa.Column("requests_per_minute", sa.Integer(), nullable=False, server_default="0"))
        tokens.add_column(sa.Column("tokens_per_minute", sa.Integer(), nullable=False, server_default="0"))
        # The token that it was made in the place of; "" for none.
        tokens.add_column(sa.Column("rotated_from", sa.String(length=16), nullable=False, server_default=""))
