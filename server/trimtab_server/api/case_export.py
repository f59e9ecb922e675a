"""Everything about a case as one JSON document: what reports are made from, and what is kept outside."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any, Final

from trimtab_server.api.trial_export import export_of as trial_export_of
from trimtab_server.steering.case_basis import rollout_basis, trial_basis
from trimtab_server.steering.case_reading import CaseView, case_view, find_case
from trimtab_server.store import audit
from trimtab_server.store.cases import CaseRecord
from trimtab_server.store.database import Database

FORMAT: Final = "trimtab.case/1"


def export_of(database: Database, case: CaseRecord, time: int) -> dict[str, Any]:
    """Blocks. time: UTC nanoseconds, of the export.

    Each of `trials` is its part in the case with the trial's own export under `record`; a rollout's own record is put
    in by whoever can read it (`rollouts[..].record`). `audit` is the head of the chain at the time of the export, and
    what the chain says of the case, oldest first. Times are UTC nanoseconds, 0 for not yet. `reports.case_record` reads
    it.
    """
    with database.read() as connection:
        view = case_view(connection, find_case(connection, case.id))
        count, head = audit.head(connection)
        deeds = [
            own for own in audit.records(connection, deployment=case.deployment) if own.subject == case.name
        ]
    record = view.record
    return {
        "format": FORMAT,
        "name": record.name,
        "display_name": record.display_name,
        "deployment": record.deployment,
        "template": record.template,
        "goal": record.goal,
        "risks": record.risks,
        "created_by": record.created_by,
        "create_time": record.create_time,
        "export_time": time,
        "lock": _lock(record),
        "trials": [
            trial_basis(own)
            | {
                "actor": own.part.actor,
                "reason": own.part.reason,
                "time": own.part.time,
                "verdict_reason": own.facts.reason,
                "verdict_reason_ja": own.facts.reason_ja,
                "more_prompts_needed": own.facts.more_prompts,
                "record": trial_export_of(database, own.record, time),
            }
            for own in view.trials
        ],
        "rollouts": [
            rollout_basis(own) | {"actor": own.part.actor, "reason": own.part.reason, "time": own.part.time}
            for own in view.rollouts
        ],
        "other_trials": list(view.other_trials),
        "candidate": _candidate(view),
        "steps": [
            {
                "step": step.kind,
                "state": step.state,
                "code": step.code,
                "facts": dict(step.facts),
                "sentence": step.sentence_in("en"),
                "sentence_ja": step.sentence_in("ja"),
            }
            for step in view.steps
        ],
        "decision": _decision(record),
        "audit": {
            "records": count,
            "head": head,
            "case": [
                {
                    "sequence": own.sequence,
                    "time": own.time,
                    "actor": own.actor,
                    "action": own.action,
                    "reason": own.reason,
                    "hash": own.hash,
                }
                for own in reversed(deeds)
            ],
        },
    }


def _lock(record: CaseRecord) -> dict[str, Any] | None:
    if not record.locked:
        return None
    return {
        "criteria": json.loads(record.criteria),
        "criteria_hash": record.criteria_hash,
        "lanes": json.loads(record.lanes),
        "lanes_hash": record.lanes_hash,
        "actor": record.locked_by,
        "reason": record.lock_reason,
        "time": record.lock_time,
    }


def _candidate(view: CaseView) -> dict[str, Any] | None:
    if view.candidate is None:
        return None
    return {
        "lane": view.candidate.lane,
        "kind": view.candidate.kind,
        "snapshot": view.candidate_snapshot,
        "steering": asdict(view.candidate.steering),
    }


def _decision(record: CaseRecord) -> dict[str, Any] | None:
    if not record.decision:
        return None
    return {
        "choice": record.decision,
        "reason": record.decision_reason,
        "actor": record.decided_by,
        "time": record.decide_time,
        "basis": json.loads(record.basis),
        "basis_hash": record.basis_hash,
    }
