"""Rollouts, their looks, and what they were judged by.

Revision: 0002
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """From 0001."""
    op.create_table(
        "rollouts",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("deployment", sa.String(length=64), nullable=False),
        sa.Column("stable_revision", sa.BigInteger(), nullable=False),
        sa.Column("stable_snapshot", sa.String(length=64), nullable=False),
        sa.Column("candidate_snapshot", sa.String(length=64), nullable=False),
        sa.Column("plan", sa.Text(), nullable=False),
        sa.Column("plan_hash", sa.String(length=64), nullable=False),
        sa.Column("secret", sa.String(length=64), nullable=False),
        sa.Column("retry_of", sa.String(length=32), nullable=False),
        sa.Column("created_in_record", sa.BigInteger(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("create_time", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("step", sa.Integer(), nullable=False),
        sa.Column("weight", sa.Integer(), nullable=False),
        sa.Column("verdict", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("changed_by", sa.Text(), nullable=False),
        sa.Column("start_time", sa.BigInteger(), nullable=False),
        sa.Column("step_time", sa.BigInteger(), nullable=False),
        sa.Column("end_time", sa.BigInteger(), nullable=False),
        sa.Column("promoted_revision", sa.BigInteger(), nullable=False),
        sa.Column("look_count", sa.BigInteger(), nullable=False),
        sa.Column("observation_count", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["deployment"], ["deployments.name"], name=op.f("fk_rollouts_deployment_deployments")
        ),
        sa.ForeignKeyConstraint(
            ["stable_snapshot"], ["snapshots.id"], name=op.f("fk_rollouts_stable_snapshot_snapshots")
        ),
        sa.ForeignKeyConstraint(
            ["candidate_snapshot"], ["snapshots.id"], name=op.f("fk_rollouts_candidate_snapshot_snapshots")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rollouts")),
    )
    op.create_index(
        "ix_rollouts_deployment_create_time", "rollouts", ["deployment", "create_time"], unique=False
    )
    op.create_index(
        "uq_rollouts_in_force",
        "rollouts",
        ["deployment"],
        unique=True,
        sqlite_where=sa.text("state IN ('running', 'paused')"),
        postgresql_where=sa.text("state IN ('running', 'paused')"),
    )
    op.create_table(
        "rollout_looks",
        sa.Column("rollout", sa.String(length=32), nullable=False),
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.Column("judge_time", sa.Float(), nullable=False),
        sa.Column("step", sa.Integer(), nullable=False),
        sa.Column("weight", sa.Integer(), nullable=False),
        sa.Column("verdict", sa.String(length=16), nullable=False),
        sa.Column("findings", sa.JSON(), nullable=False),
        sa.Column("action", sa.String(length=16), nullable=False),
        sa.Column("observation_count", sa.BigInteger(), nullable=False),
        sa.Column("judge_state", sa.Text(), nullable=True),
        sa.Column("judge_state_hash", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(["rollout"], ["rollouts.id"], name=op.f("fk_rollout_looks_rollout_rollouts")),
        sa.PrimaryKeyConstraint("rollout", "number", name=op.f("pk_rollout_looks")),
    )
    op.create_table(
        "rollout_observations",
        sa.Column("rollout", sa.String(length=32), nullable=False),
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["rollout"], ["rollouts.id"], name=op.f("fk_rollout_observations_rollout_rollouts")
        ),
        sa.PrimaryKeyConstraint("rollout", "number", name=op.f("pk_rollout_observations")),
    )
