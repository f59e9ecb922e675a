"""What a decision rested on: hashes and verdicts, so that it can be checked later what was known then."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import Connection

from trimtab_server.steering.case_reading import AttachedRollout, AttachedTrial, CaseView
from trimtab_server.store import audit
from trimtab_server.store.canonical_json import sha256_hex

FORMAT: Final = "trimtab.case-basis/1"


def basis_of(connection: Connection, view: CaseView) -> dict[str, Any]:
    """Ready for canonical JSON. `audit` is the head of the chain before the record of the decision itself.

    All trials and rollouts are in it, those too that others took the place of, and trials by the same criteria that
    are no part of the case.
    """
    record = view.record
    count, head = audit.head(connection)
    return {
        "format": FORMAT,
        "case": record.name,
        "goal_hash": sha256_hex(record.goal),
        "criteria_hash": record.criteria_hash,
        "lanes_hash": record.lanes_hash,
        "trials": [trial_basis(own) for own in view.trials],
        "rollouts": [rollout_basis(own) for own in view.rollouts],
        "other_trials": list(view.other_trials),
        "steps": {step.kind: {"state": step.state, "code": step.code} for step in view.steps},
        "audit": {"records": count, "head": head},
    }


def trial_basis(own: AttachedTrial) -> dict[str, Any]:
    record = own.record
    return {
        "name": record.name,
        "role": own.part.role,
        "decides": own.current,
        "lock_hash": record.lock_hash,
        "prompts_hash": record.prompts_hash,
        "lanes_hash": record.lanes_hash,
        "prompts": record.prompt_count,
        "state": record.state,
        "verdict": record.verdict,
        "recommendation": record.recommendation,
        "lane": own.facts.lane,
        "result_hash": sha256_hex(record.result) if record.result else "",
    }


def rollout_basis(own: AttachedRollout) -> dict[str, Any]:
    record = own.record
    return {
        "name": record.name,
        "decides": own.current,
        "plan_hash": record.plan_hash,
        "candidate_snapshot": record.candidate_snapshot,
        "state": record.state,
        "verdict": record.verdict,
        "promoted_revision": record.promoted_revision,
        "superseded": own.facts.superseded,
    }
