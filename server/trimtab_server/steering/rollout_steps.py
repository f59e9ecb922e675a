"""The changes of a rollout, each one transaction with its audit record.

What may follow what is `trimtab_server.rollouts.progress`; here it meets the store. Nothing but a promotion
touches the deployment's active pointer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

from sqlalchemy import Connection

from trimtab_server.rollouts import progress
from trimtab_server.rollouts.findings import NextAction
from trimtab_server.rollouts.plan import AnalysisPlan
from trimtab_server.rollouts.progress import NotPossible, Progress, State
from trimtab_server.steering.activation import find_deployment, move
from trimtab_server.steering.approvals import require_second_person
from trimtab_server.steering.creation import configuration_of
from trimtab_server.steering.protection import require_allowed
from trimtab_server.steering.rollout_change import (
    abort_in,
    change_rollout,
    find_rollout,
    require_step,
    running_refusal,
)
from trimtab_server.steering.rollout_plan import plan_of, require_locked
from trimtab_server.steering.snapshot import Configuration
from trimtab_server.store import audit, deployments, rollouts, snapshots
from trimtab_server.store.database import Database
from trimtab_server.store.refusal import Refusal
from trimtab_server.store.requests import Origin, Result, first_result, once
from trimtab_server.store.rollouts import ABORTED, FAILED, RolloutRecord

#: The audit's name of a full promotion; also the action that needs a second person.
PROMOTE_FULL: Final = "rollout.promote_full"

#: What the audit calls a change that a look asked for.
_OF_LOOK: Final = {
    NextAction.ABORT: "rollout.fail",
    NextAction.ADVANCE: "rollout.promote",
    NextAction.PAUSE: "rollout.pause",
    NextAction.PROMOTE: "rollout.promote",
    NextAction.WAIT: "rollout.pause",
}


def create_rollout(
    database: Database,
    *,
    deployment: str,
    candidate: str,
    plan: AnalysisPlan,
    expected_revision: int = 0,
    reason: str = "",
    origin: Origin,
    time: int,
) -> RolloutRecord:
    """A rollout from the active snapshot to `candidate`, its plan locked. Nothing is served under it yet.

    Args:
        candidate: id of a snapshot that was checked against the hosted model.
        expected_revision: the revision the caller saw as active; 0 for whatever is active.

    Raises:
        Refusal: DEPLOYMENT_NOT_FOUND, SNAPSHOT_NOT_FOUND, REVISION_CONFLICT, CANDIDATE_IS_STABLE.
    """

    def change(connection: Connection) -> RolloutRecord:
        new = _new(
            connection, deployment, candidate, plan.canonical, plan.hash, expected_revision, origin, time
        )
        return _add(connection, new, "rollout.create", reason, origin, time)

    return _once(database, origin, time, change)


def retry(database: Database, *, rollout: str, reason: str = "", origin: Origin, time: int) -> RolloutRecord:
    """The candidate and the plan of a rollout that was stopped, against what is active now, with a new id and
    sessions drawn anew. It is created, not started.

    Raises:
        Refusal: ROLLOUT_NOT_FOUND, ROLLOUT_STATE (it was not stopped), PLAN_CHANGED, CANDIDATE_IS_STABLE.
    """

    def change(connection: Connection) -> RolloutRecord:
        old = find_rollout(connection, rollout)
        if old.state not in (ABORTED, FAILED):
            raise _not_possible(old, "only one that was aborted or has failed is tried again")
        require_locked(connection, old)
        new = _new(
            connection,
            old.deployment,
            old.candidate_snapshot,
            old.plan,
            old.plan_hash,
            0,
            origin,
            time,
            old.id,
        )
        return _add(connection, new, "rollout.retry", reason, origin, time)

    return _once(database, origin, time, change)


def start_rollout(
    database: Database,
    *,
    rollout: str,
    plan_hash: str = "",
    reason: str = "",
    origin: Origin,
    time: int,
) -> RolloutRecord:
    """Enters the first step. A candidate that steers against a protected concept takes two admins.

    Args:
        plan_hash: of the plan the caller means to start; "" for the one that was locked.

    Raises:
        Refusal: ROLLOUT_NOT_FOUND, ROLLOUT_STATE (it was started before), PLAN_CHANGED, ROLLOUT_RUNNING
            (another one is in force), REVISION_CONFLICT (the deployment moved on since it was created),
            CONCEPT_PROTECTED, SECOND_PERSON_NEEDED.
    """

    def check(connection: Connection) -> RolloutRecord:
        found = find_rollout(connection, rollout)
        require_locked(connection, found, plan_hash)
        other = rollouts.running(connection, found.deployment)
        if other is not None and other.id != found.id:
            raise running_refusal(other)
        _advance(found, progress.Start())
        _require_stable(connection, found)
        return found

    def change(connection: Connection) -> RolloutRecord:
        found = check(connection)
        return _apply(
            connection,
            found,
            progress.Start(),
            action="rollout.start",
            reason=reason,
            origin=origin,
            time=time,
            details={"plan_hash": found.plan_hash},
            start_time=time,
        )

    with database.read() as connection:
        # A retry of a request that succeeded must not be refused for what it has done itself.
        found = check(connection) if first_result(connection, origin) is None else None
        candidate = None if found is None else _candidate_of(connection, found)
    if found is not None and candidate is not None:
        require_allowed(
            database,
            candidate,
            action="rollout.start",
            deployment=found.deployment,
            origin=origin,
            reason=reason,
            time=time,
        )
    return _once(database, origin, time, change)


def pause(database: Database, *, rollout: str, reason: str = "", origin: Origin, time: int) -> RolloutRecord:
    """Holds the steps until a person resumes. The weight stays, and so does the watch of the guardrails.

    Raises:
        Refusal: ROLLOUT_NOT_FOUND, ROLLOUT_STATE.
    """
    return _step(database, rollout, progress.PauseAsked(reason), "rollout.pause", reason, origin, time)


def resume(database: Database, *, rollout: str, reason: str = "", origin: Origin, time: int) -> RolloutRecord:
    """Goes on with the step; one that waits for a person is done by that.

    Raises:
        Refusal: ROLLOUT_NOT_FOUND, ROLLOUT_STATE, PLAN_CHANGED.
    """
    return _step(database, rollout, progress.Resume(), "rollout.resume", reason, origin, time)


def promote(
    database: Database,
    *,
    rollout: str,
    expected_step: int | None = None,
    reason: str = "",
    origin: Origin,
    time: int,
) -> RolloutRecord:
    """Goes on to the next step without waiting for this one; the last step is left by a pass alone.

    Args:
        expected_step: the step the caller saw; None for whatever it is.

    Raises:
        Refusal: ROLLOUT_NOT_FOUND, ROLLOUT_STATE, ROLLOUT_CONFLICT (it is at another step), PLAN_CHANGED.
    """
    return _step(
        database,
        rollout,
        progress.Promote(),
        "rollout.promote",
        reason,
        origin,
        time,
        expected_step=expected_step,
    )


def promote_full(
    database: Database, *, rollout: str, reason: str, origin: Origin, time: int
) -> RolloutRecord:
    """Skips every remaining step and activates the candidate. Two admins have to ask for it.

    Raises:
        Refusal: ROLLOUT_NOT_FOUND, ROLLOUT_STATE, PLAN_CHANGED, REVISION_CONFLICT, REASON_REQUIRED,
            ROLE_NOT_ALLOWED, SECOND_PERSON_NEEDED.
    """

    def check(connection: Connection) -> RolloutRecord:
        found = find_rollout(connection, rollout)
        if not found.in_force:
            raise _not_possible(found, "only one that runs or is paused is promoted")
        require_locked(connection, found)
        _require_stable(connection, found)
        return found

    def change(connection: Connection) -> RolloutRecord:
        return _apply(
            connection,
            check(connection),
            progress.PromoteFull(reason),
            action=PROMOTE_FULL,
            reason=reason,
            origin=origin,
            time=time,
        )

    with database.read() as connection:
        # A retry of a request that succeeded must not be refused for what it has done itself.
        subject = "" if first_result(connection, origin) else check(connection).name
    if subject:
        require_reason(reason)
        require_second_person(
            database, action=PROMOTE_FULL, subject=subject, origin=origin, reason=reason, time=time
        )
    return _once(database, origin, time, change)


def abort(database: Database, *, rollout: str, reason: str, origin: Origin, time: int) -> RolloutRecord:
    """Weight 0 now, and the end of the rollout; the deployment's history is left as it is.

    One that was stopped before stays as it is and is returned: whoever asks has what they want.

    Raises:
        Refusal: REASON_REQUIRED, ROLLOUT_NOT_FOUND, ROLLOUT_STATE (it was promoted: roll back instead).
    """
    require_reason(reason)

    def change(connection: Connection) -> RolloutRecord:
        found = find_rollout(connection, rollout)
        if found.state in (ABORTED, FAILED):
            return found
        if found.state == rollouts.PROMOTED:
            raise _not_possible(
                found, f"revision {found.promoted_revision} is its candidate: roll back instead"
            )
        return abort_in(connection, found, reason=reason, origin=origin, time=time)

    return _once(database, origin, time, change, urgent=True)


def apply_look(
    connection: Connection, found: RolloutRecord, looked: progress.Looked, origin: Origin, time: int
) -> RolloutRecord:
    """What a look asks for, in the transaction that keeps it (`rollout_looks`); the same if it asks nothing."""
    after, _ = _advance(found, looked)
    if after == _progress(found):
        return found
    return _apply(
        connection,
        found,
        looked,
        action=_OF_LOOK[looked.action],
        reason=looked.reason,
        origin=origin,
        time=time,
    )


def require_reason(reason: str) -> None:
    """Raises: Refusal: REASON_REQUIRED."""
    if not reason.strip():
        raise Refusal("REASON_REQUIRED", field="reason")


def _step(
    database: Database,
    rollout: str,
    event: progress.Event,
    action: str,
    reason: str,
    origin: Origin,
    time: int,
    expected_step: int | None = None,
) -> RolloutRecord:
    def change(connection: Connection) -> RolloutRecord:
        found = find_rollout(connection, rollout)
        require_step(found, expected_step)
        if not isinstance(event, progress.PauseAsked):
            require_locked(connection, found)
        return _apply(connection, found, event, action=action, reason=reason, origin=origin, time=time)

    return _once(database, origin, time, change, urgent=isinstance(event, progress.PauseAsked))


def _apply(
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
    after, effects = _advance(found, event)
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


def _advance(found: RolloutRecord, event: progress.Event) -> tuple[Progress, tuple[progress.Effect, ...]]:
    try:
        return progress.advance(plan_of(found), _progress(found), event)
    except NotPossible as error:
        raise _not_possible(found, str(error)) from error


def _progress(found: RolloutRecord) -> Progress:
    return Progress(State(found.state), found.step, found.weight, found.reason)


def _not_possible(found: RolloutRecord, detail: str) -> Refusal:
    return Refusal("ROLLOUT_STATE", rollout=found.name, state=found.state, detail=detail)


def _candidate_of(connection: Connection, rollout: RolloutRecord) -> Configuration:
    snapshot = snapshots.find(connection, rollout.candidate_snapshot)
    assert snapshot is not None, "snapshots are never deleted"
    return configuration_of(snapshot)


def _activate_candidate(
    connection: Connection, found: RolloutRecord, reason: str, origin: Origin, time: int
) -> int:
    _require_stable(connection, found)
    deployment = find_deployment(connection, found.deployment)
    why = f"rollout {found.id} promoted" + (f": {reason}" if reason else "")
    return move(connection, deployment, found.candidate_snapshot, "activate", why, origin, time).number


def _require_stable(connection: Connection, found: RolloutRecord) -> None:
    """Raises: Refusal: REVISION_CONFLICT, the deployment is not any more on the revision it would leave."""
    active = find_deployment(connection, found.deployment).revision
    if active != found.stable_revision:
        raise Refusal(
            "REVISION_CONFLICT",
            deployment=f"deployments/{found.deployment}",
            expected_revision=found.stable_revision,
            active_revision=active,
        )


def _new(
    connection: Connection,
    deployment: str,
    candidate: str,
    plan: str,
    plan_hash: str,
    expected_revision: int,
    origin: Origin,
    time: int,
    retry_of: str = "",
) -> RolloutRecord:
    active = find_deployment(connection, deployment)
    if expected_revision and active.revision != expected_revision:
        raise Refusal(
            "REVISION_CONFLICT",
            deployment=f"deployments/{deployment}",
            expected_revision=expected_revision,
            active_revision=active.revision,
        )
    stable = deployments.find_revision(connection, deployment, active.revision)
    assert stable is not None, "the pointer names a revision"
    if snapshots.find(connection, candidate) is None:
        raise Refusal("SNAPSHOT_NOT_FOUND", field="candidate_snapshot", snapshot=f"snapshots/{candidate}")
    if stable.snapshot == candidate:
        raise Refusal(
            "CANDIDATE_IS_STABLE",
            snapshot=f"snapshots/{candidate}",
            deployment=f"deployments/{deployment}",
        )
    return RolloutRecord(
        id=rollouts.new_id(),
        deployment=deployment,
        stable_revision=stable.number,
        stable_snapshot=stable.snapshot,
        candidate_snapshot=candidate,
        plan=plan,
        plan_hash=plan_hash,
        secret=rollouts.new_secret(),
        created_by=origin.actor,
        create_time=time,
        retry_of=retry_of,
        changed_by=origin.actor,
    )


def _add(
    connection: Connection, new: RolloutRecord, action: str, reason: str, origin: Origin, time: int
) -> RolloutRecord:
    record = audit.append(
        connection,
        time=time,
        origin=origin,
        action=action,
        subject=new.name,
        deployment=new.deployment,
        from_revision=new.stable_revision,
        to_revision=new.stable_revision,
        reason=reason,
        details={
            "candidate": f"snapshots/{new.candidate_snapshot}",
            "plan_hash": new.plan_hash,
            "stable": f"snapshots/{new.stable_snapshot}",
        }
        | ({"retry_of": new.retry_of} if new.retry_of else {}),
    )
    created = replace(new, created_in_record=record.sequence, reason=reason)
    rollouts.add(connection, created)
    return created


def _once(
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
