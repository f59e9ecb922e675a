"""Everything about a trial as one JSON document: what reports are made from, and what is kept outside."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any, Final

from trimtab_server.steering.pinned_lanes import pinned_lanes
from trimtab_server.store import audit, trials
from trimtab_server.store.database import Database
from trimtab_server.store.trials import TrialRecord
from trimtab_server.trials.criteria_file import criteria_from_json

FORMAT: Final = "trimtab.trial/1"


def export_of(database: Database, trial: TrialRecord, time: int) -> dict[str, Any]:
    """Blocks. time: UTC nanoseconds, of the export.

    `prompts` is None and `rows` empty once these were deleted; a row's `number` is its place in the plan, from 1.
    `lock.hash` is over criteria and prompts together, beside each part's own. `audit` is the head of the chain at the
    time of the export, and what the chain says of the trial, oldest first. Times are UTC nanoseconds, 0 for not yet.
    `reports.trial_record` reads it.
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
        "name": trial.name,
        "display_name": trial.display_name,
        "deployment": trial.deployment,
        "model": unsteered.steering.model,
        "stage": unsteered.steering.stage,
        "state": trial.state,
        "reason": trial.reason,
        "created_by": trial.created_by,
        "changed_by": trial.changed_by,
        "lock": {
            "hash": trial.lock_hash,
            "criteria": trial.criteria_hash,
            "lanes": trial.lanes_hash,
            "prompts": trial.prompts_hash,
        },
        "create_time": trial.create_time,
        "start_time": trial.start_time,
        "end_time": trial.end_time,
        "export_time": time,
        "seconds": trial.seconds,
        "criteria": json.loads(trial.criteria),
        "lanes": json.loads(trial.lanes),
        "prompts": None if prompts is None else json.loads(prompts),
        "result": json.loads(trial.result) if trial.result else None,
        "rows": [{"number": own.number, **own.row.as_dict()} for own in rows],
        "ratings": [asdict(own) for own in ratings],
        "audit": {
            "records": count,
            "head": head,
            "trial": [
                {
                    "sequence": own.sequence,
                    "time": own.time,
                    "actor": own.actor,
                    "action": own.action,
                    "reason": own.reason,
                    "hash": own.hash,
                }
                for own in reversed(of_trial)
            ],
        },
    }
