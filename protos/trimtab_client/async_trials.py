"""The calls about trials: `client.trials` of an AsyncClient."""

from __future__ import annotations

import builtins
from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING

import grpc
from trimtab_protos.v1 import trial_pb2_grpc

from trimtab_client import from_protobuf_trials as read
from trimtab_client import trial_requests as requests
from trimtab_client.names import DEFAULT_DEPLOYMENT
from trimtab_client.paging import all_pages_async
from trimtab_client.requests import page_size
from trimtab_client.trial_requests import NEWEST
from trimtab_client.trial_types import (
    CostFigures,
    RatingProgress,
    RatingSheet,
    Trial,
    TrialCheck,
    TrialCost,
    TrialDraft,
    TrialEvent,
    TrialPrompt,
    TrialRow,
    TrialRowFilter,
    TrialRowPage,
    TrialSample,
)
from trimtab_client.trials import EVERY_ROW

if TYPE_CHECKING:
    from trimtab_client.async_client import AsyncClient


class AsyncTrials:
    """Trials of a server. A trial is named by its full name or its bare id in the default deployment; left out, it
    is the newest there.
    """

    def __init__(self, client: AsyncClient, channel: grpc.aio.Channel) -> None:
        self._client = client
        self._stub = trial_pb2_grpc.TrialServiceStub(channel)

    async def check(self, draft: TrialDraft) -> TrialCheck:
        """What a trial would ask; raises PROMPTS_INVALID or CRITERIA_INVALID with every fault. Writes nothing."""
        return read.check(await self._client._unary(self._stub.CheckTrial, requests.check(draft)))

    async def create(
        self,
        draft: TrialDraft,
        *,
        lock_hash: str = "",
        case: str = "",
        keep_days: int = 0,
        reason: str = "",
        request_id: str = "",
    ) -> Trial:
        """Lock criteria, lanes and prompts; nothing is asked yet. TRIAL_CHANGED if `lock_hash` is another one.

        With `case` it is created as a part of that case, or, where the case refuses it, not at all.
        """
        request = requests.create(draft, lock_hash, case, keep_days, reason, request_id)
        return read.trial(await self._client._unary(self._stub.CreateTrial, request))

    async def run(
        self,
        name: str = NEWEST,
        *,
        lock_hash: str = "",
        hurry: bool = False,
        reason: str = "",
        request_id: str = "",
    ) -> Trial:
        """Start it; `hurry` takes slots as a chat does, not only those that nobody wants."""
        request = requests.run(name, lock_hash, hurry, reason, request_id)
        return read.trial(await self._client._unary(self._stub.RunTrial, request))

    async def pause(self, name: str = NEWEST, *, reason: str = "", request_id: str = "") -> Trial:
        """Stop asking; what is missing is asked after `resume`."""
        return read.trial(
            await self._client._unary(self._stub.PauseTrial, requests.pause(name, reason, request_id))
        )

    async def resume(
        self, name: str = NEWEST, *, hurry: bool = False, reason: str = "", request_id: str = ""
    ) -> Trial:
        """Ask what is missing, and nothing else."""
        request = requests.resume(name, hurry, reason, request_id)
        return read.trial(await self._client._unary(self._stub.ResumeTrial, request))

    async def get(self, name: str = NEWEST) -> Trial:
        """One trial as it is now."""
        return read.trial(await self._client._unary(self._stub.GetTrial, requests.get(name)))

    async def list(
        self, deployment: str = DEFAULT_DEPLOYMENT, *, limit: int | None = None
    ) -> tuple[Trial, ...]:
        """A deployment's trials, newest first, without the parts of their results."""

        async def page(left: int | None, token: str) -> tuple[builtins.list[Trial], str]:
            answer = await self._client._unary(
                self._stub.ListTrials, requests.list_all(deployment, left, token)
            )
            return [read.trial(one) for one in answer.trials], answer.next_page_token

        return await all_pages_async(page, limit)

    async def prompts(self, name: str = NEWEST, *, limit: int | None = None) -> tuple[TrialPrompt, ...]:
        """What is asked, in the order of the file."""

        async def page(left: int | None, token: str) -> tuple[builtins.list[TrialPrompt], str]:
            request = requests.list_prompts(name, left, token)
            answer = await self._client._unary(self._stub.ListTrialPrompts, request)
            return [read.prompt(one) for one in answer.prompts], answer.next_page_token

        return await all_pages_async(page, limit)

    async def rows(
        self, name: str = NEWEST, chosen: TrialRowFilter = EVERY_ROW, *, limit: int | None = None
    ) -> tuple[TrialRow, ...]:
        """Replies in the order of the plan."""

        async def page(left: int | None, token: str) -> tuple[builtins.list[TrialRow], str]:
            found = await self.row_page(name, chosen, size=page_size(left), page_token=token)
            return [*found.rows], found.next_page_token

        return await all_pages_async(page, limit)

    async def row_page(
        self,
        name: str = NEWEST,
        chosen: TrialRowFilter = EVERY_ROW,
        *,
        size: int = 0,
        page_token: str = "",
    ) -> TrialRowPage:
        """One page of `rows`, for tables that load as they are scrolled; `size` 0 is the server's default."""
        request = requests.list_rows(name, chosen, size, page_token)
        return read.row_page(await self._client._unary(self._stub.ListTrialRows, request))

    def watch(self, name: str = NEWEST, *, rows: bool = False) -> AsyncGenerator[TrialEvent, None]:
        """Stream the trial as it is, then its progress, and its rows if asked; ends when it runs no more."""
        return self._client._stream(self._stub.WatchTrial, requests.watch(name, rows), read.event, None)

    async def rerun_row(
        self, number: int, name: str = NEWEST, *, reason: str = "", request_id: str = ""
    ) -> TrialRow:
        """Ask one row again, and judge the trial again if it had ended; waits for the reply."""
        request = requests.rerun(name, number, reason, request_id)
        return read.row(await self._client._unary(self._stub.RerunTrialRow, request))

    async def rating_sheet(self, name: str = NEWEST) -> RatingSheet:
        """The next replies to grade, without their lanes."""
        return read.rating_sheet(await self._client._unary(self._stub.GetRatingSheet, requests.sheet(name)))

    async def rate(self, key: str, grade: int, name: str = NEWEST, *, request_id: str = "") -> RatingProgress:
        """Grade a reply of a rating sheet; a second grade takes the place of the first."""
        request = requests.rate(name, key, grade, request_id)
        return read.rating_progress(await self._client._unary(self._stub.RateTrialRow, request))

    async def finish_rating(self, name: str = NEWEST, *, reason: str = "", request_id: str = "") -> Trial:
        """Show the lanes, and judge the trial by the grades."""
        request = requests.finish_rating(name, reason, request_id)
        return read.trial(await self._client._unary(self._stub.FinishRating, request))

    async def cost(self, figures: CostFigures, name: str = NEWEST) -> TrialCost:
        """What the lanes of a finished trial cost and save at these figures; TRIAL_STATE before it is finished."""
        return read.cost(
            await self._client._unary(self._stub.EstimateTrialCost, requests.cost(name, figures))
        )

    async def export(self, name: str = NEWEST) -> bytes:
        """Everything about a trial as one JSON document: what reports are made from."""
        stream = self._client._stream(
            self._stub.ExportTrial, requests.export(name), read.data, self._client._deadlines.transfer
        )
        return b"".join([piece async for piece in stream])

    async def delete_rows(self, name: str, *, reason: str, request_id: str = "") -> Trial:
        """Delete prompts, replies and grades; what was locked, by hash, and what was decided stays."""
        request = requests.delete_rows(name, reason, request_id)
        return read.trial(await self._client._unary(self._stub.DeleteTrialRows, request))

    async def sample(self, deployment: str = DEFAULT_DEPLOYMENT) -> TrialSample:
        """The sample that ships with the hosted model; TRIAL_SAMPLE_MISSING if there is none."""
        return read.sample(await self._client._unary(self._stub.GetTrialSample, requests.sample(deployment)))
