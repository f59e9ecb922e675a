"""How old is what we know of the active snapshot?"""

from __future__ import annotations

from sqlalchemy import Connection

from trimtab_server.store import canary_runs, deployments
from trimtab_server.store.deployments import DeploymentRecord


def evidence_time(connection: Connection, deployment: DeploymentRecord) -> int:
    """When the canary set was last run through the active snapshot, in UTC nanoseconds.

    Its activation if it was never run through it: from then on nothing is known but what was known before.
    """
    active = deployments.find_revision(connection, deployment.name, deployment.revision)
    assert active is not None, "the pointer names a revision"
    run = canary_runs.newest(connection, deployment.name, active.snapshot)
    return active.create_time if run is None else run.create_time
