"""The calls about rollouts: `client.rollouts` of an AsyncClient."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING

import grpc
from trimtab_protos.v1 import rollout_pb2_grpc

from trimtab_client import from_protobuf_rollouts as read
from trimtab_client import rollout_requests as requests
from trimtab_client import types
from trimtab_client.names import DEFAULT_DEPLOYMENT
from trimtab_client.paging import all_pages_async
from trimtab_client.rollout_requests import NEWEST
from trimtab_client.rollout_types import PlanCheck, PlanFile, Rollout, RolloutChange, RolloutLook
from trimtab_client.rollouts import DEFAULT_PLAN

if TYPE_CHECKING:
    from trimtab_client.async_client import AsyncClient


class AsyncRollouts:
    """Rollouts of a server. A rollout is named by its full name or its bare id in the default deployment; left
    out, it is the one in force there, or the newest.
    """

    def __init__(self, client: AsyncClient, channel: grpc.aio.Channel) -> None:
        self._client = client
        self._stub = rollout_pb2_grpc.RolloutServiceStub(channel)

    async def check_plan(
        self,
        plan: PlanFile = DEFAULT_PLAN,
        *,
        replies_per_day: float = 0.0,
        discordance: float = 0.0,
        deployment: str = DEFAULT_DEPLOYMENT,
    ) -> PlanCheck:
        """What a plan will take.

        `replies_per_day` 0 is what the deployment had over the last day; `discordance`, the share of canary
        questions answered differently by the two arms, is .15 if it is 0.
        """
        request = requests.check(plan, deployment, replies_per_day, discordance)
        return read.plan_check(await self._client._unary(self._stub.CheckPlan, request))

    async def create(
        self,
        candidate: str,
        plan: PlanFile = DEFAULT_PLAN,
        *,
        reason: str = "",
        expected_revision: int = 0,
        deployment: str = DEFAULT_DEPLOYMENT,
        request_id: str = "",
    ) -> Rollout:
        """A rollout from the active snapshot to `candidate`, its plan locked; nothing is served under it yet."""
        request = requests.create(candidate, plan, reason, expected_revision, deployment, request_id)
        return read.rollout(await self._client._unary(self._stub.CreateRollout, request))

    async def start(
        self, name: str = NEWEST, *, plan_hash: str = "", reason: str = "", request_id: str = ""
    ) -> Rollout:
        """Enter the first step; PLAN_CHANGED if `plan_hash` is given and another plan was locked."""
        request = requests.start(name, plan_hash, reason, request_id)
        return read.rollout(await self._client._unary(self._stub.StartRollout, request))

    async def get(self, name: str = NEWEST) -> Rollout:
        """One rollout as it is now."""
        return read.rollout(await self._client._unary(self._stub.GetRollout, requests.get(name)))

    async def list(
        self, deployment: str = DEFAULT_DEPLOYMENT, *, limit: int | None = None
    ) -> tuple[Rollout, ...]:
        """A deployment's rollouts, newest first."""

        async def page(left: int | None, token: str) -> tuple[list[Rollout], str]:
            answer = await self._client._unary(
                self._stub.ListRollouts, requests.list_all(deployment, left, token)
            )
            return [read.rollout(one) for one in answer.rollouts], answer.next_page_token

        return await all_pages_async(page, limit)

    async def looks(self, name: str = NEWEST, *, limit: int | None = None) -> tuple[RolloutLook, ...]:
        """The looks at a rollout's evidence, newest first."""

        async def page(left: int | None, token: str) -> tuple[list[RolloutLook], str]:
            answer = await self._client._unary(
                self._stub.ListRolloutLooks, requests.list_looks(name, left, token)
            )
            return [read.look(one) for one in answer.looks], answer.next_page_token

        return await all_pages_async(page, limit)

    async def pause(self, name: str = NEWEST, *, reason: str = "", request_id: str = "") -> Rollout:
        """Hold the steps; the weight stays, and guardrails go on."""
        request = requests.pause(name, reason, request_id)
        return read.rollout(await self._client._unary(self._stub.PauseRollout, request))

    async def resume(self, name: str = NEWEST, *, reason: str = "", request_id: str = "") -> Rollout:
        """Go on; a step that waits for a person is done by that."""
        request = requests.resume(name, reason, request_id)
        return read.rollout(await self._client._unary(self._stub.ResumeRollout, request))

    async def promote(
        self,
        name: str = NEWEST,
        *,
        expected_step: int | None = None,
        reason: str = "",
        request_id: str = "",
    ) -> Rollout:
        """Go on to the next step without waiting for this one; ROLLOUT_CONFLICT if it is at another step."""
        request = requests.promote(name, expected_step, reason, request_id)
        return read.rollout(await self._client._unary(self._stub.PromoteRollout, request))

    async def promote_full(self, name: str = NEWEST, *, reason: str, request_id: str = "") -> Rollout:
        """Skip the rest and activate the candidate; SECOND_PERSON_NEEDED until another admin asks too."""
        request = requests.promote_full(name, reason, request_id)
        return read.rollout(await self._client._unary(self._stub.PromoteFullRollout, request))

    async def abort(
        self,
        name: str = NEWEST,
        *,
        reason: str,
        in_flight: types.InFlight = types.InFlight.FINISH,
        request_id: str = "",
    ) -> Rollout:
        """Weight 0 now, and the end of the rollout; the deployment's history is left as it is."""
        request = requests.abort(name, reason, in_flight, request_id)
        return read.rollout(await self._client._unary(self._stub.AbortRollout, request))

    async def retry(self, name: str = NEWEST, *, reason: str = "", request_id: str = "") -> Rollout:
        """A new rollout of the same candidate and plan, created, with sessions drawn anew."""
        request = requests.retry(name, reason, request_id)
        return read.rollout(await self._client._unary(self._stub.RetryRollout, request))

    def watch(self, name: str = NEWEST) -> AsyncGenerator[RolloutChange, None]:
        """Stream the rollout as it is, then each look and change; ends when the rollout has ended."""
        return self._client._stream(self._stub.WatchRollout, requests.watch(name), read.change, None)
