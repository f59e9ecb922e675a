"""Whether what was measured of a deployment is about what it serves now."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection

from trimtab_server.store import canary_runs, deployments, references
from trimtab_server.store.references import ReferenceChanged

_HOUR = 3_600 * 1_000_000_000


@dataclass(frozen=True)
class Freshness:
    """Times are UTC nanoseconds, 0 for never. `stale` says in sentences what is not fresh; empty: all of it is."""

    canary_time: int
    reference_time: int
    stale: tuple[str, ...]


def freshness(
    connection: Connection,
    deployment: str,
    *,
    stage_digest: str,
    has_canary_set: bool,
    stale_after_hours: float,
    now: int,
) -> Freshness:
    """Of the active snapshot.

    A canary run counts if it went through this very snapshot on these very weights: a new stage is another
    snapshot, and a new fine-tune under an old name has another digest.

    Args:
        stage_digest: of the weights of the active snapshot's stage, now.
    """
    found = deployments.find(connection, deployment)
    assert found is not None, "the caller has the deployment"
    active = deployments.find_revision(connection, deployment, found.revision)
    assert active is not None, "the pointer names a revision"
    stale: list[str] = []
    run = canary_runs.newest(connection, deployment, active.snapshot) if has_canary_set else None
    if has_canary_set:
        if run is None:
            stale.append("the canary set was never run through the active snapshot")
        elif run.stage_digest and run.stage_digest != stage_digest:
            stale.append("the stage was trained again since the canary set was run through it")
        elif now - run.create_time > stale_after_hours * _HOUR:
            stale.append(f"the canary set was not run for {(now - run.create_time) / _HOUR:.0f} hours")
    reference_time = 0
    try:
        newest = next(iter(references.page(connection, deployment, limit=1)), None)
    except ReferenceChanged as error:
        stale.append(str(error))
    else:
        if newest is not None:
            reference_time = newest.create_time
            why = newest.stale(active.snapshot, stage_digest)
            stale += [f"the newest reference is stale: {why}"] if why else []
    return Freshness(0 if run is None else run.create_time, reference_time, tuple(stale))
