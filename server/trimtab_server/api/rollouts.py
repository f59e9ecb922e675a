"""RolloutService: from the active snapshot to a candidate, in steps."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import math
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Final

from trimtab_protos.v1 import rollout_pb2, snapshot_pb2

from trimtab_server.api import paging, wire, wire_rollouts
from trimtab_server.api.plans import Planner
from trimtab_server.api.registration import Call
from trimtab_server.api.rollout_changes import RolloutChanges
from trimtab_server.api.wire_rollouts import RolloutView
from trimtab_server.api.workers import Workers
from trimtab_server.rollouts.foresight import foresee
from trimtab_server.rollouts.plan_summary import LIMITS_OF_METHOD
from trimtab_server.steering import creation, rollout_steps
from trimtab_server.steering.activation import find_deployment
from trimtab_server.store import replies, rollouts, snapshots
from trimtab_server.store.database import Database
from trimtab_server.store.refusal import Refusal
from trimtab_server.store.rollouts import LookRecord, RolloutRecord
from trimtab_server.store.snapshots import SnapshotRecord

_DAY: Final = 86_400 * 1_000_000_000
#: Share of canary questions that the arms answer differently, where nobody says.
_DISCORDANCE: Final = 0.15


class RolloutServicer:
    """Thin: what may follow what is `trimtab_server.rollouts`, the transactions are `trimtab_server.steering`."""

    def __init__(
        self,
        *,
        database: Database,
        planner: Planner,
        changes: RolloutChanges,
        workers: Workers,
        ensure_stage: Callable[[str], Awaitable[None]],
        cancel_snapshot: Callable[[str], None],
        put_off_snapshot: Callable[[str], None],
        now: Callable[[], int],
    ) -> None:
        self._database = database
        self._planner = planner
        self._changes = changes
        self._workers = workers
        self._ensure_stage = ensure_stage
        self._cancel_snapshot = cancel_snapshot
        self._put_off_snapshot = put_off_snapshot
        self._now = now
        # Seconds of work for a plan that nobody has seen yet: no crowd of them takes the server's time.
        self._foreseeing = asyncio.Semaphore(1)

    async def CheckPlan(
        self, request: rollout_pb2.CheckPlanRequest, call: Call
    ) -> rollout_pb2.CheckPlanResponse:
        for field in ("replies_per_day", "discordance"):
            if not (math.isfinite(value := getattr(request, field)) and value >= 0):
                raise Refusal("FIELD_INVALID", field=field, detail=f"{field} is {value}; use 0 or more")
        if request.discordance > 1:
            raise Refusal("FIELD_INVALID", field="discordance", detail="discordance is a share of at most 1")
        plan = await self._workers.read(wire_rollouts.plan_in, request.plan)
        traffic = request.replies_per_day
        if not traffic:
            deployment = wire.deployment_id(request.deployment)
            traffic = float(await self._workers.read(self._replies_of_last_day, deployment))
        async with self._foreseeing:
            foresight = await self._workers.read(foresee, plan, traffic, request.discordance or _DISCORDANCE)
        return rollout_pb2.CheckPlanResponse(
            plan=wire_rollouts.plan_out(plan.canonical, plan.hash, plan.steps),
            foresight=wire_rollouts.foresight_out(foresight, traffic),
            limits_of_method=LIMITS_OF_METHOD,
        )

    async def CreateRollout(
        self, request: rollout_pb2.CreateRolloutRequest, call: Call
    ) -> rollout_pb2.Rollout:
        if request.expected_revision < 0:
            raise Refusal(
                "FIELD_INVALID", field="expected_revision", detail="expected_revision must not be negative"
            )
        plan = await self._workers.read(wire_rollouts.plan_in, request.plan)
        candidate = await self._workers.read(self._candidate, request.candidate_snapshot)
        self._planner.readouts.require_earned(plan, creation.configuration_of(candidate).steering)
        return await self._change(
            rollout_steps.create_rollout,
            request.request_id,
            call,
            deployment=wire.deployment_id(request.deployment),
            candidate=candidate.id,
            plan=plan,
            expected_revision=request.expected_revision,
            reason=request.reason,
        )

    async def StartRollout(self, request: rollout_pb2.StartRolloutRequest, call: Call) -> rollout_pb2.Rollout:
        found = await self._workers.read(self._resolve, request.name)
        candidate = await self._workers.read(self._candidate, f"snapshots/{found.candidate_snapshot}")
        # Loaded before the first session gets it, so that none meets a stage that is not there.
        await self._ensure_stage(creation.configuration_of(candidate).steering.stage)
        return await self._change(
            rollout_steps.start_rollout,
            request.request_id,
            call,
            rollout=found.id,
            plan_hash=request.plan_hash,
            reason=request.reason,
        )

    async def GetRollout(self, request: rollout_pb2.GetRolloutRequest, call: Call) -> rollout_pb2.Rollout:
        found = await self._workers.read(self._resolve, request.name)
        return wire_rollouts.rollout_out(await self._workers.read(self._view, found))

    async def ListRollouts(
        self, request: rollout_pb2.ListRolloutsRequest, call: Call
    ) -> rollout_pb2.ListRolloutsResponse:
        size, before = paging.size_of(request.page_size), paging.position(request.page_token)
        deployment = wire.deployment_id(request.deployment)

        def page() -> list[RolloutView]:
            with self._database.read() as connection:
                find_deployment(connection, deployment)
                found = rollouts.page(connection, deployment, limit=size + 1, before=before)
            return [self._view(one) for one in found]

        rows, token = paging.cut(
            await self._workers.read(page), size, lambda view: (view.record.create_time, view.record.id)
        )
        return rollout_pb2.ListRolloutsResponse(
            rollouts=[wire_rollouts.rollout_out(row) for row in rows], next_page_token=token
        )

    async def ListRolloutLooks(
        self, request: rollout_pb2.ListRolloutLooksRequest, call: Call
    ) -> rollout_pb2.ListRolloutLooksResponse:
        size, before = paging.size_of(request.page_size), paging.position(request.page_token)
        found = await self._workers.read(self._resolve, request.name)

        def page() -> list[LookRecord]:
            with self._database.read() as connection:
                return rollouts.looks(
                    connection, found.id, limit=size + 1, before=before[0] if before else None
                )

        rows, token = paging.cut(await self._workers.read(page), size, lambda look: (look.number, ""))
        return rollout_pb2.ListRolloutLooksResponse(
            looks=[wire_rollouts.look_out(row) for row in rows], next_page_token=token
        )

    async def PauseRollout(self, request: rollout_pb2.PauseRolloutRequest, call: Call) -> rollout_pb2.Rollout:
        found = await self._workers.control(self._resolve, request.name)
        step = functools.partial(
            rollout_steps.pause,
            self._database,
            rollout=found.id,
            reason=request.reason,
            origin=call.origin(request.request_id),
            time=self._now(),
        )
        return await self._answer(await self._changes.hold(step))

    async def ResumeRollout(
        self, request: rollout_pb2.ResumeRolloutRequest, call: Call
    ) -> rollout_pb2.Rollout:
        found = await self._workers.read(self._resolve, request.name)
        return await self._change(
            rollout_steps.resume, request.request_id, call, rollout=found.id, reason=request.reason
        )

    async def PromoteRollout(
        self, request: rollout_pb2.PromoteRolloutRequest, call: Call
    ) -> rollout_pb2.Rollout:
        found = await self._workers.read(self._resolve, request.name)
        return await self._change(
            rollout_steps.promote,
            request.request_id,
            call,
            rollout=found.id,
            expected_step=request.expected_step if request.HasField("expected_step") else None,
            reason=request.reason,
        )

    async def PromoteFullRollout(
        self, request: rollout_pb2.PromoteFullRolloutRequest, call: Call
    ) -> rollout_pb2.Rollout:
        found = await self._workers.read(self._resolve, request.name)
        candidate = await self._workers.read(self._candidate, f"snapshots/{found.candidate_snapshot}")
        await self._ensure_stage(creation.configuration_of(candidate).steering.stage)
        return await self._change(
            rollout_steps.promote_full, request.request_id, call, rollout=found.id, reason=request.reason
        )

    async def AbortRollout(self, request: rollout_pb2.AbortRolloutRequest, call: Call) -> rollout_pb2.Rollout:
        rollout_steps.require_reason(request.reason)
        found = await self._workers.control(self._resolve, request.name)
        step = functools.partial(
            rollout_steps.abort,
            self._database,
            rollout=found.id,
            reason=request.reason,
            origin=call.origin(request.request_id),
            time=self._now(),
        )
        record = await self._changes.stop(found.deployment, found.id, step)
        if found.in_force:
            cancels = request.in_flight == snapshot_pb2.IN_FLIGHT_CANCEL
            (self._cancel_snapshot if cancels else self._put_off_snapshot)(record.candidate_snapshot)
        return await self._answer(record)

    async def RetryRollout(self, request: rollout_pb2.RetryRolloutRequest, call: Call) -> rollout_pb2.Rollout:
        found = await self._workers.read(self._resolve, request.name)
        await self._workers.read(self._candidate, f"snapshots/{found.candidate_snapshot}")
        return await self._change(
            rollout_steps.retry, request.request_id, call, rollout=found.id, reason=request.reason
        )

    async def WatchRollout(
        self, request: rollout_pb2.WatchRolloutRequest, call: Call
    ) -> AsyncGenerator[rollout_pb2.WatchRolloutResponse, None]:
        found = await self._workers.read(self._resolve, request.name)
        shown: RolloutView | None = None
        async with contextlib.aclosing(self._changes.watch(found.id)) as news:
            async for _ in news:
                view = await self._workers.read(self._view, found, fresh=True)
                if view == shown:
                    continue
                first, last = shown is None, None if shown is None else shown.look
                shown = view
                response = rollout_pb2.WatchRolloutResponse(rollout=wire_rollouts.rollout_out(view))
                if view.look is not None and not first and view.look != last:
                    response.look.CopyFrom(wire_rollouts.look_out(view.look))
                yield response
                if view.record.state in rollouts.ENDED:
                    return

    async def _change(
        self, step: Callable[..., RolloutRecord], request_id: str, call: Call, **facts: object
    ) -> rollout_pb2.Rollout:
        bound = functools.partial(
            step, self._database, origin=call.origin(request_id), time=self._now(), **facts
        )
        return await self._answer(await self._changes.make(bound))

    async def _answer(self, record: RolloutRecord) -> rollout_pb2.Rollout:
        return wire_rollouts.rollout_out(await self._workers.control(self._view, record))

    def _resolve(self, name: str) -> RolloutRecord:
        """Raises: Refusal: FIELD_INVALID, ROLLOUT_NOT_FOUND, DEPLOYMENT_NOT_FOUND."""
        deployment, rollout = wire_rollouts.rollout_id(name)
        with self._database.read() as connection:
            find_deployment(connection, deployment)
            if rollout == wire_rollouts.NEWEST:
                found = rollouts.newest(connection, deployment)
            else:
                found = rollouts.find(connection, rollout)
        if found is None or found.deployment != deployment:
            raise Refusal("ROLLOUT_NOT_FOUND", field="name", rollout=name)
        return found

    def _view(self, record: RolloutRecord, *, fresh: bool = False) -> RolloutView:
        """With its newest look, and the names of its snapshots; `fresh` reads the rollout again too."""
        with self._database.read() as connection:
            if fresh:
                record = rollouts.find(connection, record.id) or record
            look = rollouts.newest_look(connection, record.id)
            stable = snapshots.find(connection, record.stable_snapshot)
            candidate = snapshots.find(connection, record.candidate_snapshot)
        assert stable is not None, "snapshots are never deleted"
        assert candidate is not None, "snapshots are never deleted"
        return RolloutView(record, look, stable.display_name, candidate.display_name)

    def _replies_of_last_day(self, deployment: str) -> int:
        with self._database.read() as connection:
            find_deployment(connection, deployment)
            return replies.count_since(connection, deployment, self._now() - _DAY)

    def _candidate(self, name: str) -> SnapshotRecord:
        """A snapshot that the hosted model can serve now. Raises: Refusal."""
        with self._database.read() as connection:
            found = creation.find(connection, name, "candidate_snapshot")
        self._planner.recheck(creation.configuration_of(found))
        return found
