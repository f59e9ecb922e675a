"""What a rollout's event does to the store: `rollouts.progress` says what follows, here it is written."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from sqlalchemy import Connection

from trimtab_server.rollouts import progress
from trimtab_server.rollouts.findings import NextAction
from trimtab_server.rollouts.progress import NotPossible, Progress, State
from trimtab_server.steering.activation import find_deployment, move
from trimtab_server.steering.rollout_change import change_rollout, find_rollout
from trimtab_server.steering.rollout_plan import plan_of, require_locked
from trimtab_server.store.database import Database
from trimtab_server.store.refusal import Refusal
from trimtab_server.store.requests import Origin, Result, once
from trimtab_server.store.rollouts import RolloutRecord

#: What the audit calls a change that a look asked for.
_OF_LOOK: Final = {
    NextAction.ABORT: "rollout.fail",
    NextAction.ADVANCE: "rollout.promote",
    NextAction.PAUSE: "rollout.pause",
    NextAction.PROMOTE: "rollout.promote",
    NextAction.WAIT: "rollout.pause",
}


def apply_look(
    connection: Connection, found: RolloutRecord, looked: progress.Looked, origin: Origin, time: int
) -> RolloutRecord:
    """What a look asks for, in the transaction that keeps it (`rollout_looks`); the same if it asks nothing.

    Raises:
        Refusal: PLAN_CHANGED, REVISION_CONFLICT.
    """
    after, _ = advance(found, looked)
    if after == _progress(found):
        return found
    if looked.action is not NextAction.ABORT:
        require_locked(connection, found)
    return apply(
        connection,
        found,
        looked,
        action=_OF_LOOK[looked.action],
        reason=looked.reason,
        origin=origin,
        time=time,
    )


def apply(
    connection: Connection,
    found: RolloutRecord,
    event: progress.Event,
    *,
    action: str,
    reason: str,
    origin: Origin,
    time: int,
    details: Mapping[str, Any] | None = None,
    **values: Any,
) -> RolloutRecord:
    """The rollout after an event, with everything the event asks for done in this transaction."""
    after, effects = advance(found, event)
    values |= {"state": after.state.value, "step": after.step, "weight": after.weight}
    facts = {"verdict": found.verdict} | dict(details or {})
    for effect in effects:
        if isinstance(effect, progress.BeginStep):
            # A new step, or the same one begun anew: what was seen before does not count for it.
            values |= {"step_time": time, "verdict": ""}
        elif isinstance(effect, progress.ActivateCandidate):
            values["promoted_revision"] = _activate_candidate(connection, found, reason, origin, time)
    if after.state in progress.ENDED:
        values["end_time"] = time
    return change_rollout(
        connection,
        found,
        action=action,
        reason=reason,
        origin=origin,
        time=time,
        details=facts,
        to_revision=values.get("promoted_revision", 0),
        shown=after.reason,
        **values,
    )


def advance(found: RolloutRecord, event: progress.Event) -> tuple[Progress, tuple[progress.Effect, ...]]:
    try:
        return progress.advance(plan_of(found), _progress(found), event)
    except NotPossible as error:
        raise not_possible(found, str(error)) from error


def _progress(found: RolloutRecord) -> Progress:
    return Progress(State(found.state), found.step, found.weight, found.reason)


def not_possible(found: RolloutRecord, detail: str) -> Refusal:
    return Refusal("ROLLOUT_STATE", rollout=found.name, state=found.state, detail=detail)


def _activate_candidate(
    connection: Connection, found: RolloutRecord, reason: str, origin: Origin, time: int
) -> int:
    require_stable(connection, found)
    deployment = find_deployment(connection, found.deployment)
    why = f"rollout {found.id} promoted" + (f": {reason}" if reason else "")
    return move(connection, deployment, found.candidate_snapshot, "activate", why, origin, time).number


def require_stable(connection: Connection, found: RolloutRecord) -> None:
    """Raises: Refusal: REVISION_CONFLICT, the deployment is not any more on the revision it would leave."""
    active = find_deployment(connection, found.deployment).revision
    if active != found.stable_revision:
        raise Refusal(
            "REVISION_CONFLICT",
            deployment=f"deployments/{found.deployment}",
            expected_revision=found.stable_revision,
            active_revision=active,
        )


def once_only(
    database: Database,
    origin: Origin,
    time: int,
    change: Callable[[Connection], RolloutRecord],
    *,
    urgent: bool = False,
) -> RolloutRecord:
    """One transaction. A retry of a request that was served gets the rollout as it is now."""

    def write(connection: Connection) -> RolloutRecord:
        def result() -> Result:
            return {"rollout": change(connection).id}

        return find_rollout(connection, once(connection, origin, time, result)["rollout"])

    if urgent:
        return database.settle(write)
    with database.write() as connection:
        return write(connection)
