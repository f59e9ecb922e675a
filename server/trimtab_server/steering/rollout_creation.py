"""New rollouts: the first, and the next try."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import Connection

from trimtab_server.rollouts.plan import AnalysisPlan
from trimtab_server.steering.activation import find_deployment
from trimtab_server.steering.rollout_change import find_rollout
from trimtab_server.steering.rollout_plan import require_locked
from trimtab_server.steering.rollout_transition import not_possible, once_only
from trimtab_server.store import audit, deployments, rollouts, snapshots
from trimtab_server.store.database import Database
from trimtab_server.store.refusal import Refusal
from trimtab_server.store.requests import Origin
from trimtab_server.store.rollouts import ABORTED, FAILED, RolloutRecord


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

    return once_only(database, origin, time, change)


def retry(database: Database, *, rollout: str, reason: str = "", origin: Origin, time: int) -> RolloutRecord:
    """The candidate and the plan of a rollout that was stopped, against what is active now, with a new id and
    sessions drawn anew. It is created, not started.

    Raises:
        Refusal: ROLLOUT_NOT_FOUND, ROLLOUT_STATE (it was not stopped), PLAN_CHANGED, CANDIDATE_IS_STABLE.
    """

    def change(connection: Connection) -> RolloutRecord:
        old = find_rollout(connection, rollout)
        if old.state not in (ABORTED, FAILED):
            raise not_possible(old, "only one that was aborted or has failed is tried again")
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

    return once_only(database, origin, time, change)


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
