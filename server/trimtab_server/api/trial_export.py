"""Everything about a trial as one JSON document: what reports are made from, and what is kept outside."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any, Final

from trimtab_server.api.trial_lanes import pinned_lanes
from trimtab_server.store import audit, trials
from trimtab_server.store.database import Database
from trimtab_server.store.trials import TrialRecord
from trimtab_server.trials.criteria_file import criteria_from_json

FORMAT: Final = "trimtab.trial/1"


def export_of(database: Database, trial: TrialRecord, time: int) -> dict[str, Any]:
    """Blocks. time: UTC nanoseconds, of the export.

    `prompts` is None and `rows` empty once these were deleted; rows stand in the order of the plan, and `row_numbers`
    says which they are. `lock` is over criteria and prompts, `hashes` has each part's own. `audit` is the head of the
    chain at the time of the export, and what the chain says of the trial, oldest first.
    """
    with database.read() as connection:
        trial = trials.find(connection, trial.id) or trial
        prompts = trials.prompts_of(connection, trial.id)
        rows = trials.rows_of(connection, trial.id)
        ratings = trials.ratings_of(connection, trial.id)
        count, head = audit.head(connection)
        of_trial = [
            own for own in audit.records(connection, deployment=trial.deployment) if own.subject == trial.name
        ]
    unsteered = pinned_lanes(trial.lanes)[criteria_from_json(trial.criteria).unsteered.name]
    return {
        "format": FORMAT,
        "trial": trial.name,
        "display_name": trial.display_name,
        "deployment": trial.deployment,
        "model": unsteered.steering.model,
        "stage": unsteered.steering.stage,
        "state": trial.state,
        "reason": trial.reason,
        "created_by": trial.created_by,
        "changed_by": trial.changed_by,
        "lock": trial.lock_hash,
        "hashes": {
            "criteria": trial.criteria_hash,
            "lanes": trial.lanes_hash,
            "prompts": trial.prompts_hash,
        },
        "lock_time": _iso(trial.create_time),
        "first_reply_time": _iso(trial.start_time),
        "end_time": _iso(trial.end_time),
        "export_time": _iso(time),
        "seconds": trial.seconds,
        "criteria": json.loads(trial.criteria),
        "lanes": json.loads(trial.lanes),
        "prompts": None if prompts is None else json.loads(prompts),
        "result": json.loads(trial.result) if trial.result else None,
        "rows": [own.row.as_dict() for own in rows],
        "row_numbers": [own.number for own in rows],
        "ratings": [asdict(own) for own in ratings],
        "audit": {
            "records": count,
            "head": head,
            "trial": [
                {
                    "sequence": own.sequence,
                    "time": _iso(own.time),
                    "actor": own.actor,
                    "action": own.action,
                    "reason": own.reason,
                    "hash": own.hash,
                }
                for own in reversed(of_trial)
            ],
        },
    }


def _iso(nanoseconds: int) -> str:
    """ "" for not yet."""
    if not nanoseconds:
        return ""
    return datetime.fromtimestamp(nanoseconds / 1e9, UTC).isoformat(timespec="seconds")
