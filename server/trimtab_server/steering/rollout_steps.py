"""The changes of a rollout, each one transaction with its audit record.

What may follow what is `trimtab_server.rollouts.progress`. Nothing but a promotion touches the deployment's active
pointer.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection

from trimtab_server.rollouts import progress
from trimtab_server.steering.approvals import require_second_person
from trimtab_server.steering.creation import configuration_of
from trimtab_server.steering.protection import require_allowed
from trimtab_server.steering.rollout_change import abort_in, find_rollout, require_step, running_refusal
from trimtab_server.steering.rollout_creation import create_rollout, retry
from trimtab_server.steering.rollout_looks import record_look
from trimtab_server.steering.rollout_plan import require_locked
from trimtab_server.steering.rollout_transition import (
    advance,
    apply,
    not_possible,
    once_only,
    require_stable,
)
from trimtab_server.steering.snapshot import Configuration
from trimtab_server.store import rollouts, snapshots
from trimtab_server.store.database import Database
from trimtab_server.store.refusal import Refusal
from trimtab_server.store.requests import Origin, first_result
from trimtab_server.store.rollouts import ABORTED, FAILED, RolloutRecord

__all__ = [
    "PROMOTE_FULL",
    "abort",
    "create_rollout",
    "pause",
    "promote",
    "promote_full",
    "record_look",
    "require_reason",
    "resume",
    "retry",
    "start_rollout",
]

#: The audit's name of a full promotion; also the action that needs a second person.
PROMOTE_FULL: Final = "rollout.promote_full"


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
        advance(found, progress.Start())
        require_stable(connection, found)
        return found

    def change(connection: Connection) -> RolloutRecord:
        found = check(connection)
        return apply(
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
    return once_only(database, origin, time, change)


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
            raise not_possible(found, "only one that runs or is paused is promoted")
        require_locked(connection, found)
        require_stable(connection, found)
        return found

    def change(connection: Connection) -> RolloutRecord:
        return apply(
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
    return once_only(database, origin, time, change)


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
            raise not_possible(
                found, f"revision {found.promoted_revision} is its candidate: roll back instead"
            )
        return abort_in(connection, found, reason=reason, origin=origin, time=time)

    return once_only(database, origin, time, change, urgent=True)


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
        return apply(connection, found, event, action=action, reason=reason, origin=origin, time=time)

    return once_only(database, origin, time, change, urgent=isinstance(event, progress.PauseAsked))


def _candidate_of(connection: Connection, rollout: RolloutRecord) -> Configuration:
    snapshot = snapshots.find(connection, rollout.candidate_snapshot)
    assert snapshot is not None, "snapshots are never deleted"
    return configuration_of(snapshot)
