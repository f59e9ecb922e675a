"""One change of a case: the row, and the audit record that tells of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import Connection

from trimtab_server.cases.steps import Step
from trimtab_server.steering.case_reading import find_case
from trimtab_server.store import audit, cases
from trimtab_server.store.canonical_json import sha256_hex
from trimtab_server.store.cases import CaseRecord
from trimtab_server.store.database import Database
from trimtab_server.store.refusal import Refusal
from trimtab_server.store.requests import Origin, Result, once


def open_case(connection: Connection, case: str) -> CaseRecord:
    found = find_case(connection, case)
    if found.decision:
        raise Refusal("CASE_DECIDED", case=found.name, decision=found.decision, actor=found.decided_by)
    return found


def require_unchanged(connection: Connection, case: CaseRecord) -> None:
    """Goal, criteria and lanes must be those that were locked, by their hashes and by the audit record of the lock.

    Raises: Refusal: CASE_CHANGED."""
    records = audit.records(connection, before=case.locked_in_record + 1, limit=1)
    said = json.loads(records[0].details) if records and records[0].subject == case.name else {}
    found = {
        "criteria_hash": sha256_hex(case.criteria),
        "goal_hash": sha256_hex(case.goal),
        "lanes_hash": sha256_hex(case.lanes),
    }
    changed = [name for name, value in found.items() if said.get(name) != value]
    if changed or (case.criteria_hash, case.lanes_hash) != (found["criteria_hash"], found["lanes_hash"]):
        part = (changed or ["lock"])[0].removesuffix("_hash")
        raise Refusal("CASE_CHANGED", case=case.name, part=part, locked_hash=said.get("criteria_hash", ""))


def wrong_step(case: CaseRecord, step: Step) -> Refusal:
    return Refusal(
        "CASE_STEP",
        case=case.name,
        step=step.kind,
        code=step.code,
        missing=step.sentence_in("en"),
        missing_ja=step.sentence_in("ja"),
    )


def conflict(case: CaseRecord, expected: int) -> Refusal:
    return Refusal("CASE_CONFLICT", case=case.name, found=case.version, expected=expected)


def move(
    connection: Connection,
    seen: CaseRecord,
    action: str,
    reason: str,
    origin: Origin,
    time: int,
    details: Mapping[str, Any],
    **values: Any,
) -> CaseRecord:
    append_record(connection, seen, action, reason, origin, time, details)
    return write(connection, seen, origin, time, **values)


def write(connection: Connection, seen: CaseRecord, origin: Origin, time: int, **values: Any) -> CaseRecord:
    moved = cases.change(connection, seen, changed_by=origin.actor, change_time=time, **values)
    assert moved is not None, "it was read in this transaction"
    return moved


def append_record(
    connection: Connection,
    case: CaseRecord,
    action: str,
    reason: str,
    origin: Origin,
    time: int,
    details: Mapping[str, Any],
) -> audit.AuditRecord:
    return audit.append(
        connection,
        time=time,
        origin=origin,
        action=action,
        subject=case.name,
        deployment=case.deployment,
        reason=reason,
        details=details,
    )


def once_only(
    database: Database, origin: Origin, time: int, change: Callable[[Connection], CaseRecord]
) -> CaseRecord:
    """A repeated request gets the case as it is now."""
    with database.write() as connection:

        def made() -> Result:
            return {"case": change(connection).id}

        return find_case(connection, once(connection, origin, time, made)["case"])
