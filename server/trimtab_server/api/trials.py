"""TrialService: company prompts over two or more lanes."""

from __future__ import annotations

import functools
import json
from collections.abc import AsyncGenerator, Callable
from typing import Any, Final

from trimtab_protos.v1 import trial_pb2

from trimtab_server.api import paging, wire, wire_costs, wire_trials
from trimtab_server.api.active import ActivePointers
from trimtab_server.api.case_names import resolve_case
from trimtab_server.api.registration import Call
from trimtab_server.api.trial_book import TrialBook
from trimtab_server.api.trial_drafts import Draft, TrialDrafts
from trimtab_server.api.trial_export import export_of
from trimtab_server.api.trial_ratings import TrialRatings
from trimtab_server.api.trial_reader import TrialReader
from trimtab_server.api.trial_runs import TrialRuns
from trimtab_server.api.workers import Workers
from trimtab_server.steering import case_attachment, trial_steps
from trimtab_server.steering.activation import find_deployment
from trimtab_server.steering.pinned_lanes import lanes_json
from trimtab_server.steering.protection import require_allowed
from trimtab_server.store import trials
from trimtab_server.store.canonical_json import sha256_hex
from trimtab_server.store.database import Database
from trimtab_server.store.refusal import Refusal
from trimtab_server.store.requests import Origin
from trimtab_server.store.retention import LONGEST_DAYS
from trimtab_server.store.trials import NumberedRow, TrialRecord
from trimtab_server.trials.criteria import lock
from trimtab_server.trials.rows import planned

#: Half a year: what figures of replies are kept for, too.
_KEEP_DAYS: Final = 183
#: Prompts that a check shows.
_SHOWN: Final = 20
_PIECE: Final = 1 << 20


class TrialServicer:
    """Thin: what is asked and how it is judged is `trimtab_server.trials`, the work is `TrialRuns`."""

    def __init__(
        self,
        *,
        database: Database,
        drafts: TrialDrafts,
        runs: TrialRuns,
        book: TrialBook,
        active: ActivePointers,
        workers: Workers,
        slots: int,
        now: Callable[[], int],
    ) -> None:
        self._database = database
        self._drafts = drafts
        self._runs = runs
        self._book = book
        self._ratings = TrialRatings(database, book, now)
        self._reader = TrialReader(database, self._ratings, runs.seconds_left)
        self._active = active
        self._workers = workers
        self._slots = slots
        self._now = now

    async def CheckTrial(
        self, request: trial_pb2.CheckTrialRequest, call: Call
    ) -> trial_pb2.CheckTrialResponse:
        draft = await self._read(request.draft)
        record = await self._workers.read(self._record, draft, 0, "")
        pressures = [own.pressure for own in draft.prompts]
        languages = [own.language for own in draft.prompts]
        return trial_pb2.CheckTrialResponse(
            lock=wire_trials.lock_out(record),
            lanes=wire_trials.lanes_out(draft.criteria, draft.lanes),
            prompt_count=record.prompt_count,
            group_count=draft.prompts.groups,
            pressures={own: pressures.count(own) for own in dict.fromkeys(pressures)},
            languages={own: languages.count(own) for own in dict.fromkeys(languages)},
            rows=record.row_count,
            seconds=await self._workers.read(self._reader.foreseen, record),
            prompts=[wire_trials.prompt_out(own) for own in draft.prompts.prompts[:_SHOWN]],
            remarks=draft.remarks,
            scorer=draft.criteria.scorer.kind,
            repeats=draft.criteria.repeats,
        )

    async def CreateTrial(self, request: trial_pb2.CreateTrialRequest, call: Call) -> trial_pb2.Trial:
        if not 0 <= request.keep_days <= LONGEST_DAYS:
            detail = f"keep_days is {request.keep_days}; use 0 for the default, or 1 to {LONGEST_DAYS}"
            raise Refusal("FIELD_INVALID", field="keep_days", detail=detail)
        draft = await self._read(request.draft)
        origin = call.origin(request.request_id)
        record = await self._workers.read(self._record, draft, request.keep_days or _KEEP_DAYS, origin.actor)
        if request.lock_hash and request.lock_hash != record.lock_hash:
            raise Refusal("TRIAL_CHANGED", trial="the draft", part="lock", locked_hash=request.lock_hash)
        await self._require_allowed(draft, request.reason, origin)
        create = functools.partial(
            await self._creation(request.case),
            self._database,
            record,
            draft.prompts.canonical,
            reason=request.reason,
            origin=origin,
            time=self._now(),
        )
        return await self._answer(await self._workers.change(create), call)

    async def _creation(self, case: str) -> Callable[..., TrialRecord]:
        """The step that makes a trial, alone or as a part of a case."""
        if not case:
            return trial_steps.create_trial
        found = await self._workers.read(resolve_case, self._database, case, "case")
        return functools.partial(case_attachment.create_trial, case=found.id)

    async def RunTrial(self, request: trial_pb2.RunTrialRequest, call: Call) -> trial_pb2.Trial:
        found = await self._workers.read(self._reader.resolve, request.name)
        started = await self._change(trial_steps.start, request, call, found, lock_hash=request.lock_hash)
        return await self._begun(started, call, hurry=request.hurry)

    async def PauseTrial(self, request: trial_pb2.PauseTrialRequest, call: Call) -> trial_pb2.Trial:
        found = await self._workers.control(self._reader.resolve, request.name)
        paused = await self._change(trial_steps.pause, request, call, found)
        if paused.state != trials.RUNNING:
            await self._runs.end(paused.id)
        return await self._answer(paused, call)

    async def ResumeTrial(self, request: trial_pb2.ResumeTrialRequest, call: Call) -> trial_pb2.Trial:
        found = await self._workers.read(self._reader.resolve, request.name)
        resumed = await self._change(trial_steps.resume, request, call, found)
        return await self._begun(resumed, call, hurry=request.hurry)

    async def GetTrial(self, request: trial_pb2.GetTrialRequest, call: Call) -> trial_pb2.Trial:
        return await self._answer(await self._workers.read(self._reader.resolve, request.name), call)

    async def ListTrials(
        self, request: trial_pb2.ListTrialsRequest, call: Call
    ) -> trial_pb2.ListTrialsResponse:
        size, before = paging.size_of(request.page_size), paging.position(request.page_token)
        deployment = wire.deployment_id(request.deployment)

        def page() -> list[TrialRecord]:
            with self._database.read() as connection:
                find_deployment(connection, deployment)
                return trials.page(connection, deployment, limit=size + 1, before=before)

        rows, token = paging.cut(
            await self._workers.read(page), size, lambda record: (record.create_time, record.id)
        )
        views = [await self._workers.read(self._reader.view, record) for record in rows]
        return trial_pb2.ListTrialsResponse(
            trials=[wire_trials.trial_out(view, whole=False) for view in views], next_page_token=token
        )

    async def ListTrialPrompts(
        self, request: trial_pb2.ListTrialPromptsRequest, call: Call
    ) -> trial_pb2.ListTrialPromptsResponse:
        size, position = paging.size_of(request.page_size), paging.position(request.page_token)
        work = await self._workers.read(
            self._book.work, await self._workers.read(self._reader.resolve, request.name)
        )
        first = position[0] if position else 0
        some = list(enumerate(work.prompts.prompts[first : first + size + 1], start=first + 1))
        rows, token = paging.cut(some, size, lambda own: (own[0], ""))
        return trial_pb2.ListTrialPromptsResponse(
            prompts=[wire_trials.prompt_out(prompt) for _, prompt in rows], next_page_token=token
        )

    async def ListTrialRows(
        self, request: trial_pb2.ListTrialRowsRequest, call: Call
    ) -> trial_pb2.ListTrialRowsResponse:
        size, position = paging.size_of(request.page_size), paging.position(request.page_token)
        chosen, after = wire_trials.filter_in(request), position[0] if position else 0
        found = await self._workers.read(self._reader.resolve, request.name)
        if self._ratings.hides(found):
            hidden = await self._workers.read(self._ratings.hidden_rows, found, call.caller.actor, chosen)
            some = list(enumerate(hidden[after : after + size + 1], start=after + 1))
            rows, token = paging.cut(some, size, lambda own: (own[0], ""))
            return trial_pb2.ListTrialRowsResponse(
                rows=[row for _, row in rows], next_page_token=token, total=len(hidden)
            )

        def page() -> tuple[list[NumberedRow], int]:
            with self._database.read() as connection:
                return trials.row_page(connection, found.id, chosen, limit=size + 1, after=after)

        kept, total = await self._workers.read(page)
        shown, token = paging.cut(kept, size, lambda own: (own.number, ""))
        return trial_pb2.ListTrialRowsResponse(
            rows=[wire_trials.row_out(own) for own in shown], next_page_token=token, total=total
        )

    async def WatchTrial(
        self, request: trial_pb2.WatchTrialRequest, call: Call
    ) -> AsyncGenerator[trial_pb2.WatchTrialResponse, None]:
        found = await self._workers.read(self._reader.resolve, request.name)
        with self._runs.news.watch(found.id) as watch:
            # Told of everything from here on, so nothing that is read next can be missed.
            view = await self._workers.read(self._reader.view, found, call.caller.actor)
            yield trial_pb2.WatchTrialResponse(trial=wire_trials.trial_out(view))
            if request.rows:
                for message in await self._workers.read(self._reader.all_rows, found, call.caller.actor):
                    yield message
            while view.record.state == trials.RUNNING:
                await watch.news()
                view = await self._workers.read(self._reader.view, found, call.caller.actor)
                # Taken after the look: rows are told of before an end is written, so none of them is missed.
                news = watch.take()
                if request.rows:
                    for message in await self._workers.read(
                        self._reader.news_out, found, call.caller.actor, news
                    ):
                        yield message
                yield trial_pb2.WatchTrialResponse(progress=wire_trials.progress_out(view))
                if news.changed or view.record.state != trials.RUNNING:
                    yield trial_pb2.WatchTrialResponse(trial=wire_trials.trial_out(view))

    async def RerunTrialRow(self, request: trial_pb2.RerunTrialRowRequest, call: Call) -> trial_pb2.TrialRow:
        found = await self._workers.read(self._reader.resolve, request.name)
        changed, row = await self._runs.rerun(
            found, request.number, reason=request.reason, origin=call.origin(request.request_id)
        )
        if self._ratings.hides(changed):
            return self._ratings.hidden(changed, call.caller.actor, row)
        return wire_trials.row_out(row)

    async def GetRatingSheet(
        self, request: trial_pb2.GetRatingSheetRequest, call: Call
    ) -> trial_pb2.RatingSheet:
        found = await self._workers.read(self._reader.resolve, request.name)
        return await self._workers.read(self._ratings.sheet, found, call.caller.actor)

    async def RateTrialRow(
        self, request: trial_pb2.RateTrialRowRequest, call: Call
    ) -> trial_pb2.RatingProgress:
        found = await self._workers.read(self._reader.resolve, request.name)
        origin = call.origin(request.request_id)
        await self._workers.change(self._ratings.rate, found, request.key, request.grade, origin)
        progress = await self._workers.read(self._ratings.progress, found, call.caller.actor)
        return progress or trial_pb2.RatingProgress()

    async def FinishRating(self, request: trial_pb2.FinishRatingRequest, call: Call) -> trial_pb2.Trial:
        found = await self._workers.read(self._reader.resolve, request.name)
        origin = call.origin(request.request_id)
        finished = await self._runs.finish_rating(found, reason=request.reason, origin=origin)
        return await self._answer(finished, call)

    async def EstimateTrialCost(
        self, request: trial_pb2.EstimateTrialCostRequest, call: Call
    ) -> trial_pb2.TrialCost:
        model = wire_costs.figures_in(request.figures, "figures")
        found = await self._workers.read(self._reader.resolve, request.name)
        return wire_costs.cost_out(await self._workers.read(self._book.cost, found, model))

    async def ExportTrial(
        self, request: trial_pb2.ExportTrialRequest, call: Call
    ) -> AsyncGenerator[trial_pb2.ExportTrialResponse, None]:
        document = await self.exported(request.name, call)
        data = json.dumps(document, ensure_ascii=False, allow_nan=False).encode()
        for start in range(0, len(data), _PIECE):
            yield trial_pb2.ExportTrialResponse(data=data[start : start + _PIECE])

    async def exported(self, name: str, call: Call) -> dict[str, Any]:
        """What `ExportTrial` writes. Raises: Refusal: TRIAL_NOT_FOUND, TRIAL_BLIND."""
        found = await self._workers.read(self._reader.resolve, name)
        if self._ratings.hides(found):
            raise Refusal("TRIAL_BLIND", trial=found.name)
        return await self._workers.read(export_of, self._database, found, self._now())

    async def DeleteTrialRows(self, request: trial_pb2.DeleteTrialRowsRequest, call: Call) -> trial_pb2.Trial:
        found = await self._workers.read(self._reader.resolve, request.name)
        deleted = await self._change(trial_steps.delete_rows, request, call, found)
        self._runs.news.announce(deleted.id, changed=True)
        return await self._answer(deleted, call)

    async def GetTrialSample(
        self, request: trial_pb2.GetTrialSampleRequest, call: Call
    ) -> trial_pb2.TrialSample:
        self._active.current(wire.deployment_id(request.deployment))
        return await self._workers.read(self._drafts.sample)

    async def _require_allowed(self, draft: Draft, reason: str, origin: Origin) -> None:
        """Lanes that steer against a protected concept, and are not active, take two admins, as chats under them do."""
        active = self._active.current(draft.deployment).snapshot.id
        for lane in draft.lanes:
            if lane.configuration.id != active:
                await self._workers.change(
                    require_allowed,
                    self._database,
                    lane.configuration,
                    action="trial.create",
                    deployment=draft.deployment,
                    origin=origin,
                    reason=reason,
                    time=self._now(),
                    lasting=True,
                )

    async def _read(self, draft: trial_pb2.TrialDraft) -> Draft:
        active = self._active.current(wire.deployment_id(draft.deployment))
        return await self._workers.read(self._drafts.read, draft, active.configuration)

    async def _change(
        self,
        step: Callable[..., TrialRecord],
        request: trial_pb2.RunTrialRequest
        | trial_pb2.PauseTrialRequest
        | trial_pb2.ResumeTrialRequest
        | trial_pb2.DeleteTrialRowsRequest,
        call: Call,
        found: TrialRecord,
        **facts: object,
    ) -> TrialRecord:
        bound = functools.partial(
            step,
            self._database,
            trial=found.id,
            reason=request.reason,
            origin=call.origin(request.request_id),
            time=self._now(),
            **facts,
        )
        return await self._workers.change(bound)

    async def _begun(self, record: TrialRecord, call: Call, *, hurry: bool) -> trial_pb2.Trial:
        # A repeated request may find it further on.
        if record.state == trials.RUNNING:
            self._runs.begin(record, hurry=hurry)
        return await self._answer(record, call)

    async def _answer(self, record: TrialRecord, call: Call) -> trial_pb2.Trial:
        view = await self._workers.read(self._reader.view, record, call.caller.actor)
        return wire_trials.trial_out(view)

    def _record(self, draft: Draft, keep_days: int, actor: str) -> TrialRecord:
        lanes = lanes_json(draft.lanes)
        return TrialRecord(
            id=trials.new_id(),
            deployment=draft.deployment,
            display_name=draft.display_name,
            criteria=draft.criteria.canonical,
            criteria_hash=draft.criteria.hash,
            prompts_hash=draft.prompts.hash,
            lanes=lanes,
            lanes_hash=sha256_hex(lanes),
            lock_hash=lock(draft.criteria, draft.prompts),
            prompt_count=len(draft.prompts),
            row_count=len(planned(draft.criteria, draft.prompts)),
            width=batch_width(self._slots),
            secret=trials.new_secret(),
            keep_days=keep_days,
            created_by=actor,
            create_time=self._now(),
            changed_by=actor,
        )


def batch_width(slots: int) -> int:
    """Slots of a batch: one always stays free for others, and a multiple of four fills a decode step."""
    most = min(32, slots - 1)
    return most - most % 4 if most >= 4 else max(1, most)
