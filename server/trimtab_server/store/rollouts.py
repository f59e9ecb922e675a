"""Rollouts, the looks at their evidence, and the observations behind each look."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Final

from sqlalchemy import Connection, delete, insert, select, update

from trimtab_server.store import audit
from trimtab_server.store.canonical_json import canonical_json, sha256_hex
from trimtab_server.store.requests import SERVER
from trimtab_server.store.tables import rollout_looks, rollout_observations, rollouts

CREATED: Final = "created"
RUNNING: Final = "running"
PAUSED: Final = "paused"
PROMOTED: Final = "promoted"
ABORTED: Final = "aborted"
FAILED: Final = "failed"

#: States in which the candidate may get requests; a deployment has at most one such rollout.
IN_FORCE: Final = (RUNNING, PAUSED)
#: States that are left no more.
ENDED: Final = (PROMOTED, ABORTED, FAILED)

Body = Mapping[str, Any]


@dataclass(frozen=True)
class RolloutRecord:
    """One rollout. Times are UTC nanoseconds, 0 for not yet; `weight` is a share of sessions in percent.

    The first block is locked when the rollout is created; the second says where it stands. `verdict` is the
    newest look's in this step, "" before there was one.
    """

    id: str
    deployment: str
    stable_revision: int
    stable_snapshot: str
    candidate_snapshot: str
    plan: str
    plan_hash: str
    secret: str = field(repr=False)
    created_by: str
    create_time: int
    retry_of: str = ""
    created_in_record: int = 0

    state: str = CREATED
    step: int = 0
    weight: int = 0
    verdict: str = ""
    reason: str = ""
    changed_by: str = ""
    start_time: int = 0
    step_time: int = 0
    end_time: int = 0
    promoted_revision: int = 0
    look_count: int = 0
    observation_count: int = 0

    @property
    def name(self) -> str:
        """ "deployments/{deployment}/rollouts/{id}"."""
        return f"deployments/{self.deployment}/rollouts/{self.id}"

    @property
    def in_force(self) -> bool:
        return self.state in IN_FORCE


@dataclass(frozen=True)
class LookRecord:
    """One reading of the evidence. `judge_state` is kept with the newest look alone, its hash with each.

    `time` is when it was kept, in nanoseconds; `judge_time` what the judge was told, in seconds.
    """

    rollout: str
    number: int
    time: int
    step: int
    weight: int
    verdict: str
    findings: tuple[Body, ...]
    action: str
    observation_count: int
    judge_state: str | None
    judge_state_hash: str
    judge_time: float = 0.0


def new_id() -> str:
    """12 hexadecimal digits: short enough to be read out."""
    return secrets.token_hex(6)


def new_secret() -> str:
    """256 random bits, hexadecimal: the key under which one rollout draws its sessions."""
    return secrets.token_hex(32)


def add(connection: Connection, rollout: RolloutRecord) -> None:
    connection.execute(insert(rollouts).values(**asdict(rollout)))


def find(connection: Connection, rollout: str) -> RolloutRecord | None:
    row = connection.execute(select(rollouts).where(rollouts.c.id == rollout)).first()
    return None if row is None else RolloutRecord(**row._mapping)


def running(connection: Connection, deployment: str) -> RolloutRecord | None:
    """The one in force, running or paused; None if there is none."""
    row = connection.execute(
        select(rollouts).where(rollouts.c.deployment == deployment, rollouts.c.state.in_(IN_FORCE))
    ).first()
    return None if row is None else RolloutRecord(**row._mapping)


def newest(connection: Connection, deployment: str) -> RolloutRecord | None:
    """The one in force, else the one created last; None if there never was one."""
    found = running(connection, deployment)
    if found is not None:
        return found
    return next(iter(page(connection, deployment, limit=1)), None)


def promoted_as(connection: Connection, deployment: str, revision: int) -> RolloutRecord | None:
    """The rollout whose promotion made this revision; None if none did."""
    row = connection.execute(
        select(rollouts).where(
            rollouts.c.deployment == deployment,
            rollouts.c.state == PROMOTED,
            rollouts.c.promoted_revision == revision,
        )
    ).first()
    return None if row is None else RolloutRecord(**row._mapping)


def page(
    connection: Connection, deployment: str, *, limit: int, before: tuple[int, str] | None = None
) -> list[RolloutRecord]:
    """Newest first; `before` is the (create_time, id) of the last one already seen."""
    query = select(rollouts).where(rollouts.c.deployment == deployment)
    if before is not None:
        time, rollout = before
        query = query.where(
            (rollouts.c.create_time < time) | ((rollouts.c.create_time == time) & (rollouts.c.id < rollout))
        )
    query = query.order_by(rollouts.c.create_time.desc(), rollouts.c.id.desc()).limit(limit)
    return [RolloutRecord(**row._mapping) for row in connection.execute(query)]


def change(connection: Connection, seen: RolloutRecord, **values: Any) -> RolloutRecord | None:
    """Moves a rollout from the state, step and weight in which it was seen; None if it left them meanwhile."""
    changed = connection.execute(
        update(rollouts)
        .where(
            rollouts.c.id == seen.id,
            rollouts.c.state == seen.state,
            rollouts.c.step == seen.step,
            rollouts.c.weight == seen.weight,
        )
        .values(**values)
    )
    return find(connection, seen.id) if changed.rowcount == 1 else None


def set_counts(connection: Connection, seen: RolloutRecord, **values: Any) -> RolloutRecord:
    """What evidence changes of the rollout's own row, and nothing that has to be answered for."""
    connection.execute(update(rollouts).where(rollouts.c.id == seen.id).values(**values))
    return replace(seen, **values)


def add_look(connection: Connection, look: LookRecord) -> None:
    """The newest look. The judge's state of the look before is dropped; a replay of the observations gives it
    again, and its hash tells whether it is the same."""
    connection.execute(
        update(rollout_looks)
        .where(rollout_looks.c.rollout == look.rollout, rollout_looks.c.number == look.number - 1)
        .values(judge_state=None)
    )
    values = vars(look) | {"findings": [dict(finding) for finding in look.findings]}
    connection.execute(insert(rollout_looks).values(**values))


def looks(
    connection: Connection, rollout: str, *, limit: int | None = None, before: int | None = None
) -> list[LookRecord]:
    """Newest first, those with a number below `before`."""
    query = select(rollout_looks).where(rollout_looks.c.rollout == rollout)
    if before is not None:
        query = query.where(rollout_looks.c.number < before)
    query = query.order_by(rollout_looks.c.number.desc())
    if limit is not None:
        query = query.limit(limit)
    return [_look(row) for row in connection.execute(query)]


def newest_look(connection: Connection, rollout: str) -> LookRecord | None:
    return next(iter(looks(connection, rollout, limit=1)), None)


def add_observations(
    connection: Connection, rollout: RolloutRecord, bodies: Sequence[Body], time: int
) -> int:
    """Keeps what the judge saw since the last call, in its order; returns how many there are now.

    A body must hold no prompt and no caller's own session id: a keyed hash of it is enough to tell sessions
    apart.
    """
    first = rollout.observation_count + 1
    if bodies:
        rows = [
            {"rollout": rollout.id, "number": number, "time": time, "body": dict(body)}
            for number, body in enumerate(bodies, start=first)
        ]
        connection.execute(insert(rollout_observations), rows)
    return rollout.observation_count + len(bodies)


def observations(connection: Connection, rollout: str) -> list[Body]:
    """Everything the judge saw, in its order."""
    query = (
        select(rollout_observations.c.body)
        .where(rollout_observations.c.rollout == rollout)
        .order_by(rollout_observations.c.number)
    )
    return [row.body for row in connection.execute(query)]


def purge_observations(connection: Connection, deployment: str, before: int, time: int) -> int:
    """Deletes the observations of rollouts that ended earlier, and says so in the audit; their looks stay.

    Returns how many went. An ended rollout without them cannot be judged again.
    """
    old = select(rollouts.c.id).where(
        rollouts.c.deployment == deployment, rollouts.c.state.in_(ENDED), rollouts.c.end_time < before
    )
    gone = connection.execute(
        delete(rollout_observations).where(rollout_observations.c.rollout.in_(old))
    ).rowcount
    if gone:
        audit.append(
            connection,
            time=time,
            origin=SERVER,
            action="rollout_observations.purge",
            subject=f"deployments/{deployment}/rollouts",
            deployment=deployment,
            details={"count": gone, "of_rollouts_ended_before": before},
        )
    return gone


def state_text(judge_state: Body) -> tuple[str, str]:
    """A judge's state as canonical JSON, and its sha256."""
    body = canonical_json(judge_state)
    return body, sha256_hex(body)


def _look(row: Any) -> LookRecord:
    values = dict(row._mapping)
    return LookRecord(**values | {"findings": tuple(values["findings"])})
