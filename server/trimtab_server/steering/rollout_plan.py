"""The plan of a rollout as it was locked."""

from __future__ import annotations

import json
from typing import Final

from sqlalchemy import Connection

from trimtab_server.rollouts.plan import STEP_NAMES, AnalysisPlan
from trimtab_server.store import audit
from trimtab_server.store.canonical_json import sha256_hex
from trimtab_server.store.refusal import Refusal
from trimtab_server.store.rollouts import RolloutRecord

_STEPS: Final = {name: kind for kind, name in STEP_NAMES.items()}


def plan_of(rollout: RolloutRecord) -> AnalysisPlan:
    """The steps of the locked plan; what the judge needs beside them is read by the judge."""
    body = json.loads(rollout.plan)
    steps = tuple(_STEPS[name](**step) for entry in body["steps"] for name, step in entry.items())
    return AnalysisPlan(body["name"], steps, ())


def require_locked(connection: Connection, rollout: RolloutRecord, plan_hash: str = "") -> None:
    """The plan must be the one that was locked: by its own hash, by the audit record of the rollout's creation,
    and by what the caller means it to be.

    Raises:
        Refusal: PLAN_CHANGED.
    """
    found = sha256_hex(rollout.plan)
    recorded = _recorded_hash(connection, rollout)
    if not found == rollout.plan_hash == recorded:
        raise Refusal("PLAN_CHANGED", rollout=rollout.name, locked_hash=recorded, plan_hash=found)
    if plan_hash and plan_hash != rollout.plan_hash:
        raise Refusal("PLAN_CHANGED", rollout=rollout.name, locked_hash=recorded, plan_hash=plan_hash)


def _recorded_hash(connection: Connection, rollout: RolloutRecord) -> str:
    records = audit.records(connection, before=rollout.created_in_record + 1, limit=1)
    if not records or records[0].subject != rollout.name:
        return ""
    recorded: str = json.loads(records[0].details).get("plan_hash", "")
    return recorded
