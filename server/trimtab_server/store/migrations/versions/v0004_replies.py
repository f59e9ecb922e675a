"""What is kept of each reply, and the references of drift.

Revision: 0004
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """From 0003."""
    op.create_table(
        "replies",
        sa.Column("number", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("deployment", sa.String(length=64), nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.Column("snapshot", sa.String(length=64), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("rollout", sa.String(length=32), nullable=False),
        sa.Column("arm", sa.String(length=16), nullable=False),
        sa.Column("session", sa.String(length=64), nullable=False),
        sa.Column("signals", sa.JSON(), nullable=False),
        sa.Column("prompt_tokens", sa.Integer(), nullable=False),
        sa.Column("reply_tokens", sa.Integer(), nullable=False),
        sa.Column("queue_seconds", sa.Float(), nullable=False),
        sa.Column("prefill_seconds", sa.Float(), nullable=False),
        sa.Column("decode_seconds", sa.Float(), nullable=False),
        sa.Column("stop_reason", sa.String(length=16), nullable=False),
        sa.Column("prompt", sa.Text(), nullable=True),
        sa.Column("reply", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_replies")),
        sa.UniqueConstraint("id", name=op.f("uq_replies_id")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_replies_deployment_time", "replies", ["deployment", "time"], unique=False)
    op.create_index(
        "ix_replies_deployment_revision_number", "replies", ["deployment", "revision", "number"], unique=False
    )
    op.create_table(
        "retention",
        sa.Column("deployment", sa.String(length=64), nullable=False),
        sa.Column("reply_days", sa.Integer(), nullable=False),
        sa.Column("text_days", sa.Integer(), nullable=False),
        sa.Column("change_time", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["deployment"], ["deployments.name"], name=op.f("fk_retention_deployment_deployments")
        ),
        sa.PrimaryKeyConstraint("deployment", name=op.f("pk_retention")),
    )
    op.create_table(
        "drift_references",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("deployment", sa.String(length=64), nullable=False),
        sa.Column("source", sa.String(length=16), nullable=False),
        sa.Column("snapshot", sa.String(length=64), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("stage", sa.Text(), nullable=False),
        sa.Column("stage_digest", sa.String(length=64), nullable=False),
        sa.Column("reply_count", sa.Integer(), nullable=False),
        sa.Column("signals", sa.Text(), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("create_time", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["deployment"], ["deployments.name"], name=op.f("fk_drift_references_deployment_deployments")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_drift_references")),
    )
    op.create_index(
        "ix_drift_references_deployment_create_time",
        "drift_references",
        ["deployment", "create_time"],
        unique=False,
    )
    op.create_table(
        "drift_states",
        sa.Column("deployment", sa.String(length=64), nullable=False),
        sa.Column("revision", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("reference", sa.String(length=32), nullable=False),
        sa.Column("reply_number", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["deployment"], ["deployments.name"], name=op.f("fk_drift_states_deployment_deployments")
        ),
        sa.PrimaryKeyConstraint("deployment", "revision", name=op.f("pk_drift_states")),
    )
