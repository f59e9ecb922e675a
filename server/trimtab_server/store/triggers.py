"""What the database itself refuses to change, whatever program asks."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection, text


def _append_only(table: str, what: str) -> dict[str, str]:
    return {
        f"{table}_no_{operation.lower()}": (
            f"CREATE TRIGGER {table}_no_{operation.lower()} BEFORE {operation} ON {table} "
            f"BEGIN SELECT RAISE(ABORT, '{what} is append-only'); END"
        )
        for operation in ("UPDATE", "DELETE")
    }


#: Name and statement of every trigger.
TRIGGERS: Final[dict[str, str]] = {
    **_append_only("audit", "the audit chain"),
    **_append_only("revisions", "the history of a deployment"),
    "snapshots_no_change": (
        "CREATE TRIGGER snapshots_no_change "
        "BEFORE UPDATE OF id, body, created_by, create_time ON snapshots "
        "BEGIN SELECT RAISE(ABORT, 'a snapshot is immutable'); END"
    ),
    "snapshots_no_delete": (
        "CREATE TRIGGER snapshots_no_delete BEFORE DELETE ON snapshots "
        "BEGIN SELECT RAISE(ABORT, 'a snapshot is kept for ever'); END"
    ),
    "rollouts_locked": (
        "CREATE TRIGGER rollouts_locked BEFORE UPDATE OF id, deployment, stable_revision, stable_snapshot, "
        "candidate_snapshot, plan, plan_hash, secret, retry_of, created_in_record, created_by, create_time "
        "ON rollouts BEGIN SELECT RAISE(ABORT, 'a rollout is locked when it is created'); END"
    ),
    "rollouts_no_delete": (
        "CREATE TRIGGER rollouts_no_delete BEFORE DELETE ON rollouts "
        "BEGIN SELECT RAISE(ABORT, 'a rollout is kept for ever'); END"
    ),
    # The judge's state is dropped from all looks but the newest; everything else stays as it was written.
    "rollout_looks_no_change": (
        "CREATE TRIGGER rollout_looks_no_change BEFORE UPDATE OF rollout, number, time, judge_time, step, "
        "weight, verdict, findings, action, observation_count, judge_state_hash ON rollout_looks "
        "BEGIN SELECT RAISE(ABORT, 'a look is kept as it was made'); END"
    ),
    "rollout_looks_no_delete": (
        "CREATE TRIGGER rollout_looks_no_delete BEFORE DELETE ON rollout_looks "
        "BEGIN SELECT RAISE(ABORT, 'a look is kept as it was made'); END"
    ),
    # Prompts may be deleted when their time is over, and never changed.
    "trials_locked": (
        "CREATE TRIGGER trials_locked BEFORE UPDATE OF id, deployment, display_name, criteria, criteria_hash, "
        "prompts_hash, lanes, lanes_hash, lock_hash, prompt_count, row_count, width, secret, keep_days, "
        "created_in_record, created_by, create_time ON trials "
        "BEGIN SELECT RAISE(ABORT, 'a trial is locked when it is created'); END"
    ),
    "trial_prompts_locked": (
        "CREATE TRIGGER trial_prompts_locked BEFORE UPDATE OF prompts ON trials WHEN NEW.prompts IS NOT NULL "
        "BEGIN SELECT RAISE(ABORT, 'a trial is locked when it is created'); END"
    ),
    "trials_no_delete": (
        "CREATE TRIGGER trials_no_delete BEFORE DELETE ON trials "
        "BEGIN SELECT RAISE(ABORT, 'a trial is kept for ever'); END"
    ),
    "cases_fixed": (
        "CREATE TRIGGER cases_fixed BEFORE UPDATE OF id, deployment, template, secret, created_by, create_time "
        "ON cases BEGIN SELECT RAISE(ABORT, 'where a case comes from stays as it was written'); END"
    ),
    "cases_locked": (
        "CREATE TRIGGER cases_locked BEFORE UPDATE OF goal, criteria_text, criteria_format, wanted_lanes, "
        "wanted_snapshot, criteria, criteria_hash, lanes, lanes_hash, locked_by, lock_reason, lock_time, "
        "locked_in_record ON cases WHEN OLD.criteria_hash <> '' "
        "BEGIN SELECT RAISE(ABORT, 'goal and criteria of a case are locked'); END"
    ),
    "cases_decided": (
        "CREATE TRIGGER cases_decided BEFORE UPDATE ON cases WHEN OLD.decision <> '' "
        "BEGIN SELECT RAISE(ABORT, 'a case is closed by its decision'); END"
    ),
    "cases_no_delete": (
        "CREATE TRIGGER cases_no_delete BEFORE DELETE ON cases "
        "BEGIN SELECT RAISE(ABORT, 'a case is kept for ever'); END"
    ),
    **_append_only("case_trials", "which trials a case has"),
    **_append_only("case_rollouts", "which rollouts a case has"),
}


def create_triggers(connection: Connection) -> None:
    """Makes all of them anew. To be called after each migration: rebuilding a table drops its triggers.

    Raises:
        NotImplementedError: the database is not SQLite.
    """
    if connection.dialect.name != "sqlite":
        raise NotImplementedError(
            f"append-only triggers are written for SQLite, not for {connection.dialect.name}"
        )
    for name, statement in TRIGGERS.items():
        connection.execute(text(f"DROP TRIGGER IF EXISTS {name}"))
        connection.execute(text(statement))


def missing_triggers(connection: Connection) -> list[str]:
    """Names of those that are not there, or say something else than they should."""
    rows = connection.execute(text("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'"))
    found = {row.name: row.sql for row in rows}
    return [name for name, statement in TRIGGERS.items() if found.get(name) != statement]
