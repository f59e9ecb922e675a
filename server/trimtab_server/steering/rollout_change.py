"""One change of a rollout: the row by compare-and-set, and the audit record that tells of it."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from sqlalchemy import Connection

from trimtab_server.store import audit, rollouts
from trimtab_server.store.refusal import Refusal
from trimtab_server.store.requests import Origin
from trimtab_server.store.rollouts import ABORTED, RolloutRecord

_NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})


def find_rollout(connection: Connection, rollout: str) -> RolloutRecord:
    """By id. Raises: Refusal: ROLLOUT_NOT_FOUND."""
    found = rollouts.find(connection, rollout)
    if found is None:
        raise Refusal("ROLLOUT_NOT_FOUND", field="name", rollout=f"rollouts/{rollout}")
    return found


def change_rollout(
    connection: Connection,
    seen: RolloutRecord,
    *,
    action: str,
    reason: str,
    origin: Origin,
    time: int,
    details: Mapping[str, Any] = _NOTHING,
    to_revision: int = 0,
    shown: str = "",
    **values: Any,
) -> RolloutRecord:
    """Writes `values` and the record of it. Call it in a write transaction.

    Args:
        shown: what the rollout itself says of its state, where that is not `reason`.

    Raises:
        Refusal: ROLLOUT_CONFLICT, the rollout is not any more where it was seen.
    """
    changed = rollouts.change(connection, seen, reason=shown or reason, changed_by=origin.actor, **values)
    if changed is None:
        raise conflict(seen, find_rollout(connection, seen.id))
    audit.append(
        connection,
        time=time,
        origin=origin,
        action=action,
        subject=seen.name,
        deployment=seen.deployment,
        from_revision=seen.stable_revision,
        to_revision=to_revision or seen.stable_revision,
        reason=reason,
        details={
            "candidate": f"snapshots/{seen.candidate_snapshot}",
            "state": [seen.state, changed.state],
            "step": [seen.step, changed.step],
            "weight": [seen.weight, changed.weight],
            **details,
        },
    )
    return changed


def abort_in(
    connection: Connection, seen: RolloutRecord, *, reason: str, origin: Origin, time: int
) -> RolloutRecord:
    """Weight 0 and the end of this rollout; neither the pointer nor the revisions are touched.

    It reads nothing but the row, so that a rollout can be stopped whatever has become of its plan.
    """
    return change_rollout(
        connection,
        seen,
        action="rollout.abort",
        reason=reason,
        origin=origin,
        time=time,
        state=ABORTED,
        weight=0,
        end_time=time,
    )


def require_step(found: RolloutRecord, expected: int | None) -> None:
    """None expects nothing. Raises: Refusal: ROLLOUT_CONFLICT."""
    if expected is not None and found.step != expected:
        raise conflict(found, found, expected)


def conflict(seen: RolloutRecord, now: RolloutRecord, expected_step: int | None = None) -> Refusal:
    """What a lost race is answered with. Steps are counted from 1 for people."""
    step = seen.step if expected_step is None else expected_step
    return Refusal(
        "ROLLOUT_CONFLICT",
        rollout=seen.name,
        expected=f"{seen.state} at step {step + 1}",
        found=f"{now.state} at step {now.step + 1}",
    )


def running_refusal(rollout: RolloutRecord) -> Refusal:
    """What whoever would get into the way of a rollout is answered with."""
    return Refusal(
        "ROLLOUT_RUNNING",
        deployment=f"deployments/{rollout.deployment}",
        rollout=rollout.name,
        state=rollout.state,
        weight=rollout.weight,
    )
