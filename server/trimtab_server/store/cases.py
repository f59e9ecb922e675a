"""Cases: what is written, what was locked, which trials and rollouts are part of one, and the decision."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final, Literal

from sqlalchemy import Connection, Table, func, insert, select, update

from trimtab_server.store.tables import case_rollouts, case_trials, cases, trials
from trimtab_server.store.trials import CREATED

SMALL: Final = "small"
CONFIRMATION: Final = "confirmation"
SCALE: Final = "scale"
STOP: Final = "stop"

#: So many trials by the same criteria are named beside a case.
_MOST_OTHERS: Final = 100


@dataclass(frozen=True)
class CaseRecord:
    """One case. Times are UTC nanoseconds, 0 for not yet.

    The second block is open until the decision; the third until the criteria are locked, which fills the fourth;
    the fifth is filled by the decision. criteria, lanes, basis: canonical JSON. wanted_lanes, wanted_snapshot: as of
    a trial's draft.
    """

    id: str
    deployment: str
    template: str
    secret: str = field(repr=False)
    created_by: str
    create_time: int

    display_name: str
    risks: str

    goal: str
    criteria_text: str = field(repr=False)
    criteria_format: str
    wanted_lanes: tuple[str, ...]
    wanted_snapshot: str

    criteria: str = field(default="", repr=False)
    criteria_hash: str = ""
    lanes: str = field(default="", repr=False)
    lanes_hash: str = ""
    locked_by: str = ""
    lock_reason: str = ""
    lock_time: int = 0
    locked_in_record: int = 0

    decision: Literal["", "scale", "stop"] = ""
    decision_reason: str = ""
    decided_by: str = ""
    decide_time: int = 0
    basis: str = field(default="", repr=False)
    basis_hash: str = ""

    version: int = 1
    changed_by: str = ""
    change_time: int = 0

    @property
    def name(self) -> str:
        """ "deployments/{deployment}/cases/{id}"."""
        return f"deployments/{self.deployment}/cases/{self.id}"

    @property
    def locked(self) -> bool:
        return bool(self.criteria_hash)


@dataclass(frozen=True)
class CaseTrialRecord:
    """A trial's part in a case."""

    case_id: str
    number: int
    trial: str
    role: Literal["small", "confirmation"]
    actor: str
    reason: str
    time: int


@dataclass(frozen=True)
class CaseRolloutRecord:
    """A rollout's part in a case."""

    case_id: str
    number: int
    rollout: str
    actor: str
    reason: str
    time: int


def new_id() -> str:
    """12 hexadecimal digits: short enough to be read out."""
    return secrets.token_hex(6)


def new_secret() -> str:
    return secrets.token_hex(32)


def add(connection: Connection, case: CaseRecord) -> None:
    connection.execute(insert(cases).values(**asdict(case)))


def find(connection: Connection, case: str) -> CaseRecord | None:
    row = connection.execute(select(cases).where(cases.c.id == case)).first()
    return None if row is None else _case(row)


def newest(connection: Connection, deployment: str) -> CaseRecord | None:
    return next(iter(page(connection, deployment, limit=1)), None)


def page(
    connection: Connection, deployment: str, *, limit: int, before: tuple[int, str] | None = None
) -> list[CaseRecord]:
    """Newest first; `before` is the (create_time, id) of the last one already seen."""
    query = select(cases).where(cases.c.deployment == deployment)
    if before is not None:
        time, case = before
        query = query.where(
            (cases.c.create_time < time) | ((cases.c.create_time == time) & (cases.c.id < case))
        )
    query = query.order_by(cases.c.create_time.desc(), cases.c.id.desc()).limit(limit)
    return [_case(row) for row in connection.execute(query)]


def change(connection: Connection, seen: CaseRecord, **values: Any) -> CaseRecord | None:
    """The next version of a case as it was seen; None if it has another version by now."""
    changed = connection.execute(
        update(cases)
        .where(cases.c.id == seen.id, cases.c.version == seen.version)
        .values(version=seen.version + 1, **values)
    )
    return find(connection, seen.id) if changed.rowcount == 1 else None


def attach_trial(connection: Connection, part: CaseTrialRecord, prompt_marks: Sequence[str]) -> None:
    """prompt_marks: of `cases.rules.prompt_marks`."""
    connection.execute(insert(case_trials).values(**asdict(part), prompt_marks=list(prompt_marks)))


def attach_rollout(connection: Connection, part: CaseRolloutRecord) -> None:
    connection.execute(insert(case_rollouts).values(**asdict(part)))


def trials_of(connection: Connection, case: str) -> list[CaseTrialRecord]:
    """In the order in which they were attached."""
    return [CaseTrialRecord(**row) for row in _parts(connection, case_trials, case)]


def marks_of(connection: Connection, case: str) -> frozenset[str]:
    """Of all prompts that the case's trials asked."""
    query = select(case_trials.c.prompt_marks).where(case_trials.c.case_id == case)
    return frozenset(mark for marks in connection.execute(query).scalars() for mark in marks)


def rollouts_of(connection: Connection, case: str) -> list[CaseRolloutRecord]:
    """In the order in which they were attached."""
    return [CaseRolloutRecord(**row) for row in _parts(connection, case_rollouts, case)]


def case_of_trial(connection: Connection, trial: str) -> str:
    """The id of the case that a trial is part of; "" for none."""
    return (
        connection.execute(select(case_trials.c.case_id).where(case_trials.c.trial == trial)).scalar() or ""
    )


def case_of_rollout(connection: Connection, rollout: str) -> str:
    """The id of the case that a rollout is part of; "" for none."""
    query = select(case_rollouts.c.case_id).where(case_rollouts.c.rollout == rollout)
    return connection.execute(query).scalar() or ""


def next_number(connection: Connection, table: Literal["trials", "rollouts"], case: str) -> int:
    """Of the next part of a case."""
    parts = case_trials if table == "trials" else case_rollouts
    query = select(func.max(parts.c.number)).where(parts.c.case_id == case)
    return (connection.execute(query).scalar() or 0) + 1


def other_trials(connection: Connection, case: CaseRecord) -> list[str]:
    """Ids of started trials of the deployment by the case's criteria that are no part of it, oldest first."""
    if not case.locked:
        return []
    own = select(case_trials.c.trial).where(case_trials.c.case_id == case.id)
    query = (
        select(trials.c.id)
        .where(
            trials.c.deployment == case.deployment,
            trials.c.criteria_hash == case.criteria_hash,
            trials.c.state != CREATED,
            trials.c.id.not_in(own),
        )
        .order_by(trials.c.create_time, trials.c.id)
        .limit(_MOST_OTHERS)
    )
    return list(connection.execute(query).scalars())


def _parts(connection: Connection, table: Table, case: str) -> Sequence[dict[str, Any]]:
    # Marks may be many, and are asked for by themselves.
    columns = [column for column in table.c if column.name != "prompt_marks"]
    query = select(*columns).where(table.c.case_id == case).order_by(table.c.number)
    return [dict(row._mapping) for row in connection.execute(query)]


def _case(row: Any) -> CaseRecord:
    values = dict(row._mapping)
    return CaseRecord(**{**values, "wanted_lanes": tuple(values["wanted_lanes"])})
