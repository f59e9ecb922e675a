"""SnapshotService: snapshots, the active one, and the way back."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence

from trimtab_protos.v1 import snapshot_pb2

from trimtab_server.api import paging, wire, wire_rollouts, wire_steering
from trimtab_server.api.active import Active, ActivePointers
from trimtab_server.api.plans import Planner
from trimtab_server.api.registration import Call
from trimtab_server.api.rollout_changes import RolloutChanges
from trimtab_server.api.workers import Workers
from trimtab_server.control.pointers import InForce, RolloutPointers
from trimtab_server.steering import activation, creation
from trimtab_server.steering.diff import diff
from trimtab_server.steering.freshness import Freshness
from trimtab_server.steering.protection import lowers, require_allowed
from trimtab_server.steering.snapshot import Configuration
from trimtab_server.store import deployments, snapshots
from trimtab_server.store.database import Database
from trimtab_server.store.deployments import RevisionRecord
from trimtab_server.store.refusal import Refusal
from trimtab_server.store.requests import Origin
from trimtab_server.store.snapshots import SnapshotRecord


class SnapshotServicer:
    """Thin: the rules are in `trimtab_server.steering`."""

    def __init__(
        self,
        *,
        database: Database,
        active: ActivePointers,
        rollouts: RolloutPointers,
        changes: RolloutChanges,
        planner: Planner,
        workers: Workers,
        ensure_stage: Callable[[str], Awaitable[None]],
        load_stage: Callable[[str], None],
        cancel_snapshot: Callable[[str], None],
        put_off_snapshot: Callable[[str], None],
        activated: Callable[[Active], None],
        freshness: Callable[[str], Freshness],
        now: Callable[[], int],
    ) -> None:
        self._database = database
        self._active = active
        self._rollouts = rollouts
        self._changes = changes
        self._planner = planner
        self._workers = workers
        self._ensure_stage = ensure_stage
        self._load_stage = load_stage
        self._cancel_snapshot = cancel_snapshot
        self._put_off_snapshot = put_off_snapshot
        self._activated = activated
        self._freshness = freshness
        self._now = now

    async def CreateSnapshot(
        self, request: snapshot_pb2.CreateSnapshotRequest, call: Call
    ) -> snapshot_pb2.Snapshot:
        draft = wire_steering.draft_steering(request.steering, "steering")
        sampling = wire_steering.sampling_in(request.sampling)

        def create() -> SnapshotRecord:
            checked = self._planner.check(draft, sampling)
            return creation.create_snapshot(
                self._database,
                checked,
                request.display_name,
                request.description,
                call.origin(request.request_id),
                self._now(),
            )

        return wire.snapshot_out(await self._workers.change(create))

    async def GetSnapshot(
        self, request: snapshot_pb2.GetSnapshotRequest, call: Call
    ) -> snapshot_pb2.Snapshot:
        return wire.snapshot_out(await self._workers.read(self._find, request.name, "name"))

    async def ListSnapshots(
        self, request: snapshot_pb2.ListSnapshotsRequest, call: Call
    ) -> snapshot_pb2.ListSnapshotsResponse:
        size, before = paging.size_of(request.page_size), paging.position(request.page_token)

        def page() -> list[SnapshotRecord]:
            with self._database.read() as connection:
                return snapshots.page(connection, limit=size + 1, before=before)

        rows, token = paging.cut(
            await self._workers.read(page), size, lambda snapshot: (snapshot.create_time, snapshot.id)
        )
        return snapshot_pb2.ListSnapshotsResponse(
            snapshots=[wire.snapshot_out(row) for row in rows], next_page_token=token
        )

    async def DiffSnapshots(
        self, request: snapshot_pb2.DiffSnapshotsRequest, call: Call
    ) -> snapshot_pb2.DiffSnapshotsResponse:
        base = await self._workers.read(self._find, request.base, "base")
        other = await self._workers.read(self._find, request.other, "other")
        changes = diff(Configuration.from_body(base.body), Configuration.from_body(other.body))
        return snapshot_pb2.DiffSnapshotsResponse(
            changes=[snapshot_pb2.FieldChange(**vars(change)) for change in changes]
        )

    async def GetDeployment(
        self, request: snapshot_pb2.GetDeploymentRequest, call: Call
    ) -> snapshot_pb2.Deployment:
        return self._deployment(wire.deployment_id(request.name))

    async def ListDeployments(
        self, request: snapshot_pb2.ListDeploymentsRequest, call: Call
    ) -> snapshot_pb2.ListDeploymentsResponse:
        size, after = paging.size_of(request.page_size), paging.position(request.page_token)
        names = sorted(await self._workers.read(self._active.names))
        rest = [name for name in names if after is None or name > after[1]]
        rows, token = paging.cut(rest, size, lambda name: (0, name))
        return snapshot_pb2.ListDeploymentsResponse(
            deployments=[self._deployment(name) for name in rows], next_page_token=token
        )

    async def ActivateSnapshot(
        self, request: snapshot_pb2.ActivateSnapshotRequest, call: Call
    ) -> snapshot_pb2.Revision:
        if request.expected_revision < 0:
            raise Refusal(
                "FIELD_INVALID", field="expected_revision", detail="expected_revision must not be negative"
            )
        deployment = wire.deployment_id(request.deployment)
        origin = call.origin(request.request_id)
        record = await self._workers.read(self._find, request.snapshot, "snapshot")
        configuration = creation.configuration_of(record)
        await self._workers.read(self._planner.recheck, configuration)
        # Loaded before the pointer moves, so that no request meets a stage that is not there.
        await self._ensure_stage(configuration.steering.stage)
        await self._require_allowed("snapshot.activate", deployment, record, request.reason, origin)
        move = functools.partial(
            activation.activate,
            self._database,
            deployment=deployment,
            snapshot=record.id,
            expected_revision=request.expected_revision,
            reason=request.reason,
            origin=origin,
            time=self._now(),
            replace=request.replace,
        )
        return wire.revision_out(await self._workers.to_the_end(self._move(deployment, move)))

    async def RollbackSnapshot(
        self, request: snapshot_pb2.RollbackSnapshotRequest, call: Call
    ) -> snapshot_pb2.Revision:
        if request.unsteered and request.snapshot:
            raise Refusal(
                "FIELD_INVALID", field="snapshot", detail="give either a snapshot or unsteered, not both"
            )
        deployment = wire.deployment_id(request.deployment)
        origin = call.origin(request.request_id)
        snapshot = ""
        if request.snapshot:
            record = await self._workers.control(self._find, request.snapshot, "snapshot")
            snapshot = record.id
            # Only where one is chosen: it may have been harmful then, too.
            await self._require_allowed("snapshot.rollback", deployment, record, request.reason, origin)
        left = self._active.current(deployment)
        move = functools.partial(
            activation.roll_back,
            self._database,
            deployment=deployment,
            snapshot=snapshot,
            unsteered=request.unsteered,
            reason=request.reason,
            origin=origin,
            time=self._now(),
        )
        revision = await self._workers.to_the_end(self._move(deployment, move, control=True))
        # Not waited for: the way back is never held up by a stage that has to be loaded first.
        self._load_stage(self._active.current(deployment).configuration.steering.stage)
        if left.snapshot.id != revision.snapshot:
            cancels = request.in_flight == snapshot_pb2.IN_FLIGHT_CANCEL
            # A queue full of replies that nobody wants any more must not hold up those that are wanted.
            (self._cancel_snapshot if cancels else self._put_off_snapshot)(left.snapshot.id)
        return wire.revision_out(revision)

    async def ListRevisions(
        self, request: snapshot_pb2.ListRevisionsRequest, call: Call
    ) -> snapshot_pb2.ListRevisionsResponse:
        size, before = paging.size_of(request.page_size), paging.position(request.page_token)
        deployment = wire.deployment_id(request.deployment)

        def page() -> list[RevisionRecord]:
            with self._database.read() as connection:
                activation.find_deployment(connection, deployment)
                return deployments.page(
                    connection, deployment, limit=size + 1, before=before[0] if before else None
                )

        rows, token = paging.cut(await self._workers.read(page), size, lambda revision: (revision.number, ""))
        return snapshot_pb2.ListRevisionsResponse(
            revisions=[wire.revision_out(row) for row in rows], next_page_token=token
        )

    async def WatchActive(
        self, request: snapshot_pb2.WatchActiveRequest, call: Call
    ) -> AsyncGenerator[snapshot_pb2.WatchActiveResponse, None]:
        deployment = wire.deployment_id(request.deployment)
        seen, arms = 0, None
        while True:
            news = [self._active.news, self._rollouts.news]
            active, in_force = self._active.current(deployment), self._rollouts.current(deployment)
            newest = active.revision.number
            if seen and newest > seen + 1:
                for missed in await self._workers.read(self._between, deployment, seen, newest):
                    yield _state(*missed, None)
            if newest != seen or arms != _arms(in_force):
                seen, arms = newest, _arms(in_force)
                yield _state(active.revision, active.snapshot, arms)
            else:
                await _any_of(news)

    async def _require_allowed(
        self, action: str, deployment: str, record: SnapshotRecord, reason: str, origin: Origin
    ) -> None:
        configuration = creation.configuration_of(record)
        if any(lowers(term) for term in configuration.steering.terms):
            await self._workers.control(
                require_allowed,
                self._database,
                configuration,
                action=action,
                deployment=deployment,
                origin=origin,
                reason=reason,
                time=self._now(),
            )

    async def _move(
        self, deployment: str, move: Callable[[], RevisionRecord], *, control: bool = False
    ) -> RevisionRecord:
        """Moves the pointer in the store, then in memory: before the caller is answered, never after."""

        held = self._rollouts.current(deployment)

        def all_of_it() -> tuple[RevisionRecord, Active, InForce | None]:
            return move(), self._active.read(deployment), self._rollouts.read(deployment)

        run = self._workers.control if control else self._workers.change
        revision, active, in_force = await run(all_of_it)
        moved = self._active.replace(active)
        self._changes.take_over(deployment, held, in_force)
        if moved:
            self._activated(active)
        return revision

    def _deployment(self, name: str) -> snapshot_pb2.Deployment:
        known = self._freshness(name)
        active, in_force = self._active.current(name), self._rollouts.current(name)
        return snapshot_pb2.Deployment(
            name=f"deployments/{active.deployment.name}",
            model=f"models/{active.deployment.model}",
            active_revision=wire.revision_out(active.revision),
            active_snapshot=wire.snapshot_out(active.snapshot),
            rollout="" if in_force is None else in_force.record.name,
            evidence=snapshot_pb2.Evidence(
                canary_time=wire.timestamp(known.canary_time) if known.canary_time else None,
                reference_time=wire.timestamp(known.reference_time) if known.reference_time else None,
                stale=known.stale,
            ),
        )

    def _between(
        self, deployment: str, after: int, before: int
    ) -> list[tuple[RevisionRecord, SnapshotRecord]]:
        """Revisions that came and went between two looks, oldest first, each with its snapshot."""
        with self._database.read() as connection:
            newest_first = deployments.page(connection, deployment, limit=before - after - 1, before=before)
            return [
                (revision, creation.find(connection, revision.snapshot)) for revision in newest_first[::-1]
            ]

    def _find(self, name: str, field: str) -> SnapshotRecord:
        with self._database.read() as connection:
            return creation.find(connection, name, field)


def _state(
    revision: RevisionRecord, snapshot: SnapshotRecord, arms: snapshot_pb2.RolloutArms | None
) -> snapshot_pb2.WatchActiveResponse:
    return snapshot_pb2.WatchActiveResponse(
        revision=wire.revision_out(revision), snapshot=wire.snapshot_out(snapshot), rollout=arms
    )


def _arms(in_force: InForce | None) -> snapshot_pb2.RolloutArms | None:
    return None if in_force is None else wire_rollouts.arms_out(in_force.record)


async def _any_of(events: Sequence[asyncio.Event]) -> None:
    waiting = [asyncio.ensure_future(event.wait()) for event in events]
    try:
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in waiting:
            task.cancel()
