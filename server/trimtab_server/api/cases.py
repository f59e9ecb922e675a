"""CaseService: one question from goal to decision."""

from __future__ import annotations

import contextlib
import functools
import json
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import replace
from typing import Any, Final

from trimtab_protos.v1 import case_pb2

from trimtab_server.api import paging, wire, wire_cases, wire_trials
from trimtab_server.api.active import ActivePointers
from trimtab_server.api.case_export import export_of
from trimtab_server.api.case_names import resolve_case
from trimtab_server.api.case_news import CaseNews
from trimtab_server.api.registration import Call
from trimtab_server.api.trial_drafts import TrialDrafts
from trimtab_server.api.trial_ratings import RATED
from trimtab_server.api.workers import Workers
from trimtab_server.cases.templates import templates
from trimtab_server.steering import case_attachment, case_changes
from trimtab_server.steering.activation import find_deployment
from trimtab_server.steering.case_changes import Settled, require_lockable
from trimtab_server.steering.case_reading import CaseView, case_view, find_case
from trimtab_server.steering.pinned_lanes import lanes_json
from trimtab_server.store import cases, rollouts, trials
from trimtab_server.store.cases import CaseRecord
from trimtab_server.store.database import Database
from trimtab_server.store.refusal import Refusal
from trimtab_server.store.requests import first_result
from trimtab_server.trials.criteria_file import criteria_from_json

_PIECE: Final = 1 << 20

RolloutRecords = Callable[[str, Call], Awaitable[dict[str, Any]]]


class CaseServicer:
    """Thin: what a step needs is `trimtab_server.cases`, the transactions are `trimtab_server.steering`.

    rollout_record: a rollout with its looks and its audit, as `reports.rollout_record` reads it.
    """

    def __init__(
        self,
        *,
        database: Database,
        drafts: TrialDrafts,
        active: ActivePointers,
        workers: Workers,
        rollout_record: RolloutRecords,
        now: Callable[[], int],
    ) -> None:
        self._database = database
        self._drafts = drafts
        self._active = active
        self._workers = workers
        self._rollout_record = rollout_record
        self._news = CaseNews(database, workers)
        self._now = now

    async def ListCaseTemplates(
        self, request: case_pb2.ListCaseTemplatesRequest, call: Call
    ) -> case_pb2.ListCaseTemplatesResponse:
        found = await self._workers.read(templates)
        return case_pb2.ListCaseTemplatesResponse(templates=[wire_cases.template_out(own) for own in found])

    async def CreateCase(self, request: case_pb2.CreateCaseRequest, call: Call) -> case_pb2.Case:
        draft = await self._workers.read(wire_cases.filled, request.draft, request.language)
        return await self._change(
            case_changes.create_case,
            request,
            call,
            deployment=wire.deployment_id(draft.deployment),
            template=draft.template,
            parts=wire_cases.parts_in(draft),
        )

    async def GetCase(self, request: case_pb2.GetCaseRequest, call: Call) -> case_pb2.Case:
        return await self._answer(await self._workers.read(self._resolve, request.name))

    async def ListCases(self, request: case_pb2.ListCasesRequest, call: Call) -> case_pb2.ListCasesResponse:
        size, before = paging.size_of(request.page_size), paging.position(request.page_token)
        deployment = wire.deployment_id(request.deployment)

        def page() -> list[CaseView]:
            with self._database.read() as connection:
                find_deployment(connection, deployment)
                found = cases.page(connection, deployment, limit=size + 1, before=before)
                return [case_view(connection, record) for record in found]

        rows, token = paging.cut(
            await self._workers.read(page), size, lambda view: (view.record.create_time, view.record.id)
        )
        return case_pb2.ListCasesResponse(
            cases=[wire_cases.case_out(view) for view in rows], next_page_token=token
        )

    async def UpdateCase(self, request: case_pb2.UpdateCaseRequest, call: Call) -> case_pb2.Case:
        found = await self._workers.read(self._resolve, request.name)
        if request.version < 0:
            raise Refusal("FIELD_INVALID", field="version", detail="version must not be negative")
        parts = wire_cases.parts_in(request.draft)
        return await self._change(
            case_changes.update_case, request, call, case=found.id, parts=parts, version=request.version
        )

    async def LockCaseCriteria(self, request: case_pb2.LockCaseCriteriaRequest, call: Call) -> case_pb2.Case:
        found = await self._workers.read(self._resolve, request.name)
        origin = call.origin(request.request_id)

        def served() -> bool:
            with self._database.read() as connection:
                return first_result(connection, origin) is not None

        if not request.validate_only and await self._workers.read(served):
            return await self._answer(found)
        settled = await self._workers.read(self._settle, found)
        if request.criteria_hash and request.criteria_hash != settled.criteria_hash:
            raise Refusal("CASE_CHANGED", case=found.name, part="criteria", locked_hash=request.criteria_hash)
        if request.validate_only:
            return await self._answer(
                replace(
                    found,
                    criteria=settled.criteria,
                    criteria_hash=settled.criteria_hash,
                    lanes=settled.lanes,
                    lanes_hash=settled.lanes_hash,
                ),
                as_given=True,
            )
        return await self._change(case_changes.lock_case, request, call, case=found.id, settled=settled)

    async def AttachTrial(self, request: case_pb2.AttachTrialRequest, call: Call) -> case_pb2.Case:
        found = await self._workers.read(self._resolve, request.name)
        trial = await self._workers.read(self._trial, request.trial)
        role = wire_cases.role_in(request.role)
        return await self._change(
            case_attachment.attach_trial, request, call, case=found.id, trial=trial, role=role
        )

    async def AttachRollout(self, request: case_pb2.AttachRolloutRequest, call: Call) -> case_pb2.Case:
        found = await self._workers.read(self._resolve, request.name)
        rollout = await self._workers.read(self._rollout, request.rollout)
        return await self._change(
            case_attachment.attach_rollout, request, call, case=found.id, rollout=rollout
        )

    async def DecideCase(self, request: case_pb2.DecideCaseRequest, call: Call) -> case_pb2.Case:
        found = await self._workers.read(self._resolve, request.name)
        choice = wire_cases.choice_in(request.choice)
        return await self._change(case_changes.decide_case, request, call, case=found.id, choice=choice)

    async def WatchCases(
        self, request: case_pb2.WatchCasesRequest, call: Call
    ) -> AsyncGenerator[case_pb2.WatchCasesResponse, None]:
        deployment = wire.deployment_id(request.deployment)
        self._active.current(deployment)
        async with contextlib.aclosing(self._news.changes(deployment)) as changes:
            async for views in changes:
                yield case_pb2.WatchCasesResponse(cases=[wire_cases.case_out(view) for view in views])

    async def ExportCase(
        self, request: case_pb2.ExportCaseRequest, call: Call
    ) -> AsyncGenerator[case_pb2.ExportCaseResponse, None]:
        document = await self.record(request.name, call)
        data = json.dumps(document, ensure_ascii=False, allow_nan=False).encode()
        for start in range(0, len(data), _PIECE):
            yield case_pb2.ExportCaseResponse(data=data[start : start + _PIECE])

    async def record(self, name: str, call: Call) -> dict[str, Any]:
        """The document of an export. Raises: Refusal: CASE_NOT_FOUND, FIELD_INVALID, TRIAL_BLIND."""
        found = await self._workers.read(self._resolve, name)
        await self._workers.read(self._require_seen, found)
        document = await self._workers.read(export_of, self._database, found, self._now())
        for own in document["rollouts"]:
            own["record"] = await self._rollout_record(own["name"], call)
        return document

    async def _change(
        self,
        step: Callable[..., CaseRecord],
        request: case_pb2.CreateCaseRequest
        | case_pb2.UpdateCaseRequest
        | case_pb2.LockCaseCriteriaRequest
        | case_pb2.AttachTrialRequest
        | case_pb2.AttachRolloutRequest
        | case_pb2.DecideCaseRequest,
        call: Call,
        **facts: object,
    ) -> case_pb2.Case:
        bound = functools.partial(
            step,
            self._database,
            reason=request.reason,
            origin=call.origin(request.request_id),
            time=self._now(),
            **facts,
        )
        return await self._answer(await self._workers.change(bound))

    async def _answer(self, record: CaseRecord, *, as_given: bool = False) -> case_pb2.Case:
        def view() -> CaseView:
            with self._database.read() as connection:
                return case_view(connection, record if as_given else find_case(connection, record.id))

        return wire_cases.case_out(await self._workers.read(view))

    def _settle(self, record: CaseRecord) -> Settled:
        with self._database.read() as connection:
            require_lockable(connection, record)
        criteria, lanes = self._drafts.settle(
            wire_cases.criteria_file(record),
            record.wanted_lanes,
            record.wanted_snapshot,
            record.goal,
            record.deployment,
            self._active.current(record.deployment).configuration,
        )
        return Settled(record.version, criteria.canonical, lanes_json(lanes))

    def _resolve(self, name: str) -> CaseRecord:
        return resolve_case(self._database, name)

    def _trial(self, name: str) -> str:
        deployment, trial = wire_trials.trial_id(name, "trial")
        with self._database.read() as connection:
            newest = trial == wire_trials.NEWEST
            found = trials.newest(connection, deployment) if newest else trials.find(connection, trial)
        if found is None or found.deployment != deployment:
            raise Refusal("TRIAL_NOT_FOUND", field="trial", trial=name)
        return found.id

    def _rollout(self, name: str) -> str:
        deployment, _, rollout = name.removeprefix("deployments/").partition("/rollouts/")
        with self._database.read() as connection:
            newest = rollout == wire_cases.NEWEST
            found = rollouts.newest(connection, deployment) if newest else rollouts.find(connection, rollout)
        if found is None or found.deployment != deployment:
            raise Refusal("ROLLOUT_NOT_FOUND", field="rollout", rollout=name)
        return found.id

    def _require_seen(self, record: CaseRecord) -> None:
        """Replies that are graded blind, now or later, are exported by nobody."""
        with self._database.read() as connection:
            for own in case_view(connection, record).trials:
                unseen = own.record.state in (trials.RUNNING, trials.PAUSED, trials.RATING)
                if unseen and criteria_from_json(own.record.criteria).scorer.kind == RATED:
                    raise Refusal("TRIAL_BLIND", trial=own.record.name)
