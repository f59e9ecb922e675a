"""Cases, and which trials and rollouts are part of one.

Revision: 0008
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """From 0007."""
    op.create_table(
        "cases",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("deployment", sa.String(length=64), nullable=False),
        sa.Column("template", sa.String(length=64), nullable=False),
        sa.Column("secret", sa.String(length=64), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("create_time", sa.BigInteger(), nullable=False),
        sa.Column("display_name", sa.Text(), nullable=False),
        sa.Column("risks", sa.Text(), nullable=False),
        sa.Column("goal", sa.Text(), nullable=False),
        sa.Column("criteria_text", sa.Text(), nullable=False),
        sa.Column("criteria_format", sa.String(length=8), nullable=False),
        sa.Column("wanted_lanes", sa.JSON(), nullable=False),
        sa.Column("wanted_snapshot", sa.Text(), nullable=False),
        sa.Column("criteria", sa.Text(), nullable=False),
        sa.Column("criteria_hash", sa.String(length=64), nullable=False),
        sa.Column("lanes", sa.Text(), nullable=False),
        sa.Column("lanes_hash", sa.String(length=64), nullable=False),
        sa.Column("locked_by", sa.Text(), nullable=False),
        sa.Column("lock_reason", sa.Text(), nullable=False),
        sa.Column("lock_time", sa.BigInteger(), nullable=False),
        sa.Column("locked_in_record", sa.BigInteger(), nullable=False),
        sa.Column("decision", sa.String(length=16), nullable=False),
        sa.Column("decision_reason", sa.Text(), nullable=False),
        sa.Column("decided_by", sa.Text(), nullable=False),
        sa.Column("decide_time", sa.BigInteger(), nullable=False),
        sa.Column("basis", sa.Text(), nullable=False),
        sa.Column("basis_hash", sa.String(length=64), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("changed_by", sa.Text(), nullable=False),
        sa.Column("change_time", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["deployment"], ["deployments.name"], name=op.f("fk_cases_deployment_deployments")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cases")),
    )
    op.create_index("ix_cases_deployment_create_time", "cases", ["deployment", "create_time"])
    op.create_table(
        "case_trials",
        sa.Column("case_id", sa.String(length=32), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("trial", sa.String(length=32), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("prompt_marks", sa.JSON(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_case_trials_case_id_cases")),
        sa.ForeignKeyConstraint(["trial"], ["trials.id"], name=op.f("fk_case_trials_trial_trials")),
        sa.PrimaryKeyConstraint("case_id", "number", name=op.f("pk_case_trials")),
        sa.UniqueConstraint("trial", name=op.f("uq_case_trials_trial")),
    )
    op.create_table(
        "case_rollouts",
        sa.Column("case_id", sa.String(length=32), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("rollout", sa.String(length=32), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_case_rollouts_case_id_cases")),
        sa.ForeignKeyConstraint(["rollout"], ["rollouts.id"], name=op.f("fk_case_rollouts_rollout_rollouts")),
        sa.PrimaryKeyConstraint("case_id", "number", name=op.f("pk_case_rollouts")),
        sa.UniqueConstraint("rollout", name=op.f("uq_case_rollouts_rollout")),
    )
