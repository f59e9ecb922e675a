"""Moves a deployment's active pointer: activate and roll back, each one transaction with its audit record."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import Connection

from trimtab_server.steering.history import rollback_target, within_window
from trimtab_server.steering.rollout_change import abort_in, running_refusal
from trimtab_server.store import audit, deployments, rollouts, snapshots
from trimtab_server.store.database import Database
from trimtab_server.store.deployments import DeploymentRecord, RevisionRecord
from trimtab_server.store.refusal import Refusal
from trimtab_server.store.requests import Origin, Result, once

_ATTEMPTS = 16


class _Lost(Exception):
    """Another writer moved the pointer between our look and our compare-and-set."""


def activate(
    database: Database,
    *,
    deployment: str,
    snapshot: str,
    expected_revision: int,
    reason: str,
    origin: Origin,
    time: int,
    replace: bool = False,
) -> RevisionRecord:
    """Makes the snapshot active and returns the new revision (of the first request, if this is a retry).

    Args:
        expected_revision: the revision the caller saw as active; 0 for whatever is active.
        replace: also while a rollout is in force, which is aborted then. What it called stable was active until
            now, so that a rollback leads back there.

    Raises:
        Refusal: DEPLOYMENT_NOT_FOUND, SNAPSHOT_NOT_FOUND, REVISION_CONFLICT, ROLLOUT_RUNNING.
    """
    with database.write() as connection:

        def change() -> Result:
            found = find_deployment(connection, deployment)
            if expected_revision and found.revision != expected_revision:
                raise Refusal(
                    "REVISION_CONFLICT",
                    deployment=f"deployments/{deployment}",
                    expected_revision=expected_revision,
                    active_revision=found.revision,
                )
            rollout = rollouts.running(connection, deployment)
            if rollout is not None and not replace:
                raise running_refusal(rollout)
            if rollout is not None:
                why = f"replaced by snapshots/{snapshot}" + (f": {reason}" if reason else "")
                abort_in(connection, rollout, reason=why, origin=origin, time=time)
            revision = move(connection, found, snapshot, "activate", reason, origin, time)
            return {"revision": revision.number}

        result = once(connection, origin, time, change)
        return _revision(connection, deployment, result)


def roll_back(
    database: Database,
    *,
    deployment: str,
    snapshot: str = "",
    unsteered: bool = False,
    reason: str,
    origin: Origin,
    time: int,
    before_move: Callable[[], None] = lambda: None,
) -> RevisionRecord:
    """Makes an earlier snapshot active: the named one, the unsteered one of revision 1, or the last good one.

    A lost compare-and-set is tried again with the target chosen anew: whoever presses rollback wants the
    active snapshot gone, whichever it has become. A rollout in force is aborted in the same transaction, and
    where there is no earlier revision to go to, that alone is a rollback: to what is active already.

    Args:
        before_move: called between choosing the target and moving the pointer; for tests.

    Raises:
        Refusal: REASON_REQUIRED, DEPLOYMENT_NOT_FOUND, SNAPSHOT_NOT_FOUND, NO_EARLIER_REVISION.
    """
    if not reason.strip():
        raise Refusal("REASON_REQUIRED", field="reason")
    for _ in range(_ATTEMPTS):
        with database.read() as connection:
            seen = find_deployment(connection, deployment)
            history = deployments.history(connection, deployment)
            serving = rollouts.running(connection, deployment)
        target = _target(history, deployment, snapshot, unsteered)
        if isinstance(target, Refusal) and serving is not None and not snapshot:
            target = history[-1].snapshot
        before_move()
        try:
            return database.settle(
                functools.partial(
                    _roll_back,
                    seen=seen,
                    history=history,
                    target=target,
                    reason=reason,
                    origin=origin,
                    time=time,
                )
            )
        except _Lost:
            continue
    raise Refusal(
        "REVISION_CONFLICT",
        deployment=f"deployments/{deployment}",
        expected_revision=seen.revision,
        active_revision="changing",
    )


def _roll_back(
    connection: Connection,
    *,
    seen: DeploymentRecord,
    history: list[RevisionRecord],
    target: str | Refusal,
    reason: str,
    origin: Origin,
    time: int,
) -> RevisionRecord:
    """Raises: _Lost: the deployment is not any more on the revision it was seen on."""

    def change() -> Result:
        # A retry of a request that succeeded must not be refused, so refusals wait until here.
        if isinstance(target, Refusal):
            raise target
        rollout = rollouts.running(connection, seen.name)
        if rollout is not None:
            abort_in(connection, rollout, reason=f"rollback: {reason}", origin=origin, time=time)
        details = {"within_rollback_window": within_window(history, target)}
        revision = move(connection, seen, target, "rollback", reason, origin, time, details)
        return {"revision": revision.number}

    return _revision(connection, seen.name, once(connection, origin, time, change))


def find_deployment(connection: Connection, deployment: str) -> DeploymentRecord:
    """Raises: Refusal: DEPLOYMENT_NOT_FOUND."""
    found = deployments.find(connection, deployment)
    if found is None:
        raise Refusal("DEPLOYMENT_NOT_FOUND", field="deployment", deployment=f"deployments/{deployment}")
    return found


def _target(history: list[RevisionRecord], deployment: str, snapshot: str, unsteered: bool) -> str | Refusal:
    if unsteered:
        return history[0].snapshot
    if snapshot:
        if any(revision.snapshot == snapshot for revision in history):
            return snapshot
        wanted = f"snapshots/{snapshot}"
    else:
        earlier = rollback_target(history)
        if earlier is not None:
            return earlier.snapshot
        wanted = "an earlier snapshot"
    return Refusal("NO_EARLIER_REVISION", deployment=f"deployments/{deployment}", wanted=wanted)


def move(
    connection: Connection,
    seen: DeploymentRecord,
    snapshot: str,
    kind: str,
    reason: str,
    origin: Origin,
    time: int,
    details: Mapping[str, Any] | None = None,
) -> RevisionRecord:
    """Moves the pointer from where it was seen and adds the revision and its audit record, in the caller's
    transaction.

    Raises:
        Refusal: SNAPSHOT_NOT_FOUND.
    """
    if snapshots.find(connection, snapshot) is None:
        raise Refusal("SNAPSHOT_NOT_FOUND", field="snapshot", snapshot=f"snapshots/{snapshot}")
    revision = RevisionRecord(
        deployment=seen.name,
        number=seen.revision + 1,
        snapshot=snapshot,
        kind=kind,
        actor=origin.actor,
        reason=reason,
        rolled_back=seen.revision if kind == "rollback" else 0,
        create_time=time,
    )
    if not deployments.move_pointer(connection, seen.revision, revision):
        raise _Lost
    audit.append(
        connection,
        time=time,
        origin=origin,
        action=f"snapshot.{kind}",
        subject=f"snapshots/{snapshot}",
        deployment=seen.name,
        from_revision=seen.revision,
        to_revision=revision.number,
        reason=reason,
        details=details,
    )
    return revision


def _revision(connection: Connection, deployment: str, result: Result) -> RevisionRecord:
    revision = deployments.find_revision(connection, deployment, result["revision"])
    assert revision is not None, "revisions are never deleted"
    return revision
