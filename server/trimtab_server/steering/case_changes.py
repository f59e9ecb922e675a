"""A case from its first words to its decision, each change one transaction with its audit record.

`case_attachment` has the trials and rollouts in between.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from sqlalchemy import Connection

from trimtab_server.steering.activation import find_deployment
from trimtab_server.steering.case_basis import basis_of
from trimtab_server.steering.case_reading import case_view
from trimtab_server.steering.case_transition import (
    append_record,
    conflict,
    move,
    once_only,
    open_case,
    require_unchanged,
    write,
    wrong_step,
)
from trimtab_server.store import cases
from trimtab_server.store.canonical_json import canonical_json, sha256_hex
from trimtab_server.store.cases import CaseRecord
from trimtab_server.store.database import Database
from trimtab_server.store.refusal import Refusal
from trimtab_server.store.requests import Origin

#: Fixed together with the criteria.
_LOCKED: Final = ("goal", "criteria_text", "criteria_format", "wanted_lanes", "wanted_snapshot")


@dataclass(frozen=True)
class OpenParts:
    """What people write of a case; the last five are open until the criteria are locked."""

    display_name: str
    risks: str
    goal: str
    criteria_text: str
    criteria_format: str
    wanted_lanes: tuple[str, ...]
    wanted_snapshot: str


@dataclass(frozen=True)
class Settled:
    """Criteria as they are locked: canonical JSON, every lane in full, with the lanes pinned. version: of the case that
    they were worked out from."""

    version: int
    criteria: str
    lanes: str

    @property
    def criteria_hash(self) -> str:
        return sha256_hex(self.criteria)

    @property
    def lanes_hash(self) -> str:
        return sha256_hex(self.lanes)


def create_case(
    database: Database,
    *,
    deployment: str,
    template: str,
    parts: OpenParts,
    reason: str,
    origin: Origin,
    time: int,
) -> CaseRecord:
    """Raises: Refusal: DEPLOYMENT_NOT_FOUND."""

    def change(connection: Connection) -> CaseRecord:
        find_deployment(connection, deployment)
        new = CaseRecord(
            id=cases.new_id(),
            deployment=deployment,
            template=template,
            secret=cases.new_secret(),
            created_by=origin.actor,
            create_time=time,
            changed_by=origin.actor,
            change_time=time,
            **vars(parts),
        )
        cases.add(connection, new)
        append_record(connection, new, "case.create", reason, origin, time, {"template": template})
        return new

    return once_only(database, origin, time, change)


def update_case(
    database: Database,
    *,
    case: str,
    parts: OpenParts,
    version: int = 0,
    reason: str = "",
    origin: Origin,
    time: int,
) -> CaseRecord:
    """Writes the open parts, all of them.

    Raises: Refusal: CASE_NOT_FOUND, CASE_DECIDED, CASE_CONFLICT (another version than `version`), CASE_LOCKED (a part
        that was locked is another one)."""

    def change(connection: Connection) -> CaseRecord:
        seen = open_case(connection, case)
        if version and version != seen.version:
            raise conflict(seen, version)
        changed = [name for name, value in vars(parts).items() if getattr(seen, name) != value]
        locked = [name for name in changed if name in _LOCKED]
        if seen.locked and locked:
            part = locked[0].removeprefix("wanted_").partition("_")[0]
            raise Refusal(
                "CASE_LOCKED", case=seen.name, hash=seen.criteria_hash, detail=f"its {part} is fixed"
            )
        if not changed:
            return seen
        values = {name: getattr(parts, name) for name in changed}
        return move(connection, seen, "case.update", reason, origin, time, {"parts": changed}, **values)

    return once_only(database, origin, time, change)


def lock_case(
    database: Database, *, case: str, settled: Settled, reason: str = "", origin: Origin, time: int
) -> CaseRecord:
    """From here on goal, criteria and lanes do not change.

    Raises: Refusal: CASE_NOT_FOUND, CASE_DECIDED, CASE_LOCKED (twice), CASE_STEP (no goal), CASE_CONFLICT (it was
        changed since the criteria were worked out)."""

    def change(connection: Connection) -> CaseRecord:
        seen = open_case(connection, case)
        require_lockable(connection, seen)
        if seen.version != settled.version:
            raise conflict(seen, settled.version)
        record = append_record(
            connection,
            seen,
            "case.lock",
            reason,
            origin,
            time,
            {
                "criteria_hash": settled.criteria_hash,
                "goal_hash": sha256_hex(seen.goal),
                "lanes_hash": settled.lanes_hash,
            },
        )
        return write(
            connection,
            seen,
            origin,
            time,
            criteria=settled.criteria,
            criteria_hash=settled.criteria_hash,
            lanes=settled.lanes,
            lanes_hash=settled.lanes_hash,
            locked_by=origin.actor,
            lock_reason=reason,
            lock_time=time,
            locked_in_record=record.sequence,
        )

    return once_only(database, origin, time, change)


def require_lockable(connection: Connection, case: CaseRecord) -> None:
    """Raises: Refusal: CASE_LOCKED, CASE_STEP."""
    if case.locked:
        detail = f"{case.locked_by} locked them; make another case for other criteria"
        raise Refusal("CASE_LOCKED", case=case.name, hash=case.criteria_hash, detail=detail)
    step = case_view(connection, case).step("criteria")
    if step.code != "criteria_open":
        raise wrong_step(case, step)


def decide_case(
    database: Database, *, case: str, choice: Literal["scale", "stop"], reason: str, origin: Origin, time: int
) -> CaseRecord:
    """Closes a case for ever, with what the decision rested on.

    Raises: Refusal: CASE_NOT_FOUND, CASE_DECIDED, REASON_REQUIRED, CASE_STEP (scaling before the promotion),
        CASE_CHANGED."""
    if not reason.strip():
        raise Refusal("REASON_REQUIRED", field="reason")

    def change(connection: Connection) -> CaseRecord:
        seen = open_case(connection, case)
        view = case_view(connection, seen)
        if choice == cases.SCALE and view.step("decision").code != "decision_due":
            raise wrong_step(seen, next(step for step in view.steps if step.state != "done"))
        if seen.locked:
            require_unchanged(connection, seen)
        basis = canonical_json(basis_of(connection, view))
        values = {
            "decision": choice,
            "decision_reason": reason,
            "decided_by": origin.actor,
            "decide_time": time,
            "basis": basis,
            "basis_hash": sha256_hex(basis),
        }
        facts = {"choice": choice, "basis_hash": values["basis_hash"]}
        return move(connection, seen, "case.decide", reason, origin, time, facts, **values)

    return once_only(database, origin, time, change)
