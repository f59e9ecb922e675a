"""Trials at work: one task each, over the engines; what they make is kept batch by batch."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
import os
import time as clock
from collections.abc import Callable
from typing import Final

from trimtab_server.api.generation import Generator
from trimtab_server.api.models import StageLoader
from trimtab_server.api.plans import Planner
from trimtab_server.api.trial_book import TrialBook, scored
from trimtab_server.api.trial_margins import Margins
from trimtab_server.api.trial_news import TrialNews
from trimtab_server.api.trial_replies import TrialReplies
from trimtab_server.api.workers import Workers
from trimtab_server.engine.errors import EngineError
from trimtab_server.engine.pool import EnginePool
from trimtab_server.jobs.trial_run import MadeBatch, RunningScores, make_batch, run_trial
from trimtab_server.jobs.trial_work import TrialWork
from trimtab_server.steering import trial_steps
from trimtab_server.store import trials
from trimtab_server.store.database import Database
from trimtab_server.store.failure import StorageFailure
from trimtab_server.store.refusal import Refusal
from trimtab_server.store.requests import SERVER, Origin
from trimtab_server.store.trials import NumberedRow, RatingRecord, TrialRecord
from trimtab_server.trials.judge_endpoint import JudgeEndpoint, JudgeError, key_for

log = logging.getLogger("trimtab.trials")

_RETIRE_SECONDS: Final = 3_600.0
_STOPPED: Final = "the server stopped while it ran; resume it"


class TrialRuns:
    """Used on the event loop only. `recover` comes first, `stop` last."""

    def __init__(
        self,
        *,
        planner: Planner,
        generator: Generator,
        pool: EnginePool,
        stages: StageLoader,
        margins: Margins,
        book: TrialBook,
        database: Database,
        workers: Workers,
        now: Callable[[], int],
    ) -> None:
        self._planner = planner
        self._generator = generator
        self._pool = pool
        self._stages = stages
        self._margins = margins
        self._book = book
        self._database = database
        self._workers = workers
        self._now = now
        self._turn = asyncio.Lock()
        self._tasks: dict[str, asyncio.Task[None]] = {}
        #: When the run in hand began, and how many rows it has made: what the time left is told from.
        self._paces: dict[str, tuple[float, int]] = {}
        self.news = TrialNews()

    def recover(self) -> None:
        """Pauses what was running when the server ended: nobody is asked twice without a person's word. Blocks."""
        for record in trial_steps.pause_interrupted(self._database, _STOPPED, self._now()):
            log.warning("trial_interrupted", extra={"facts": {"trial": record.name}})

    def begin(self, record: TrialRecord, *, hurry: bool) -> None:
        """Asks what is missing of a trial that was just started or resumed."""
        earlier = self._tasks.get(record.id)
        task = asyncio.ensure_future(self._run_after(earlier, record, hurry))
        self._tasks[record.id] = task
        task.add_done_callback(functools.partial(self._ended, record.id))
        self.news.announce(record.id, changed=True)

    async def end(self, trial: str) -> None:
        """After a pause: the batch in hand is given up."""
        task = self._tasks.get(trial)
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        self.news.announce(trial, changed=True)

    async def retire(self) -> None:
        """For ever: deletes the prompts and replies of trials whose time is over."""
        while True:
            try:
                await self._workers.change(self._book.retire)
            except StorageFailure as error:
                log.error("trials_not_retired", extra={"facts": {"error": str(error)}})
            await asyncio.sleep(_RETIRE_SECONDS)

    async def stop(self) -> None:
        """With the server; `recover` finds them at the next start."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def seconds_left(self, trial: str, missing: int) -> float | None:
        """None while the run in hand has made nothing."""
        begin, made = self._paces.get(trial, (0.0, 0))
        return missing * (clock.monotonic() - begin) / made if made else None

    async def rerun(
        self, record: TrialRecord, number: int, *, reason: str, origin: Origin
    ) -> tuple[TrialRecord, NumberedRow]:
        """One row again, in its own batch.

        Raises:
            Refusal: FIELD_INVALID (no such row), TRIAL_STATE (it runs, or was never run, or changed meanwhile).
        """
        if record.state not in (trials.PAUSED, trials.RATING, trials.FINISHED):
            raise Refusal(
                "TRIAL_STATE",
                trial=record.name,
                state=record.state,
                detail="a row is asked again once it stands still",
            )
        work = await self._workers.read(self._book.work, record)
        if work.criteria.scorer.kind in ("margin", "judge"):
            raise Refusal(
                "TRIAL_STATE",
                trial=record.name,
                state=record.state,
                detail="its scores are made in a step of their own: resume it, which asks again what failed",
            )
        if not 1 <= number <= len(work.numbers):
            raise Refusal(
                "FIELD_INVALID",
                field="number",
                detail=f"number is {number}; rows are 1 to {len(work.numbers)}",
            )
        held = await self._workers.read(self._book.rows_in_plan, record, work)
        batch = work.batch_of(number)
        made = await make_batch(batch, self._maker(work, record, hurry=True), self._turn)
        row = NumberedRow(number, dict(made.rows)[number])
        rows = [own for own in held if own.number != number] + [row]
        judged = await self._workers.heavy(self._book.judged, record, work, rows)
        return await self._workers.change(self._book.replace, record, work, row, judged, reason, origin)

    async def finish_rating(self, record: TrialRecord, *, reason: str, origin: Origin) -> TrialRecord:
        """Raises: Refusal: TRIAL_STATE."""
        work = await self._workers.read(self._book.work, record)
        rows = await self._workers.read(self._book.rows, record.id)
        judged = await self._workers.heavy(self._book.judged, record, work, rows)
        finished = await self._workers.change(self._book.finish_rating, record, judged, reason, origin)
        self.news.announce(record.id, changed=True)
        return finished

    async def _run_after(self, earlier: asyncio.Task[None] | None, record: TrialRecord, hurry: bool) -> None:
        """A run that is about to end is waited for; a request that came twice finds nothing left to ask."""
        if earlier is not None:
            await asyncio.gather(earlier, return_exceptions=True)
        await self._run(record, hurry)

    def _ended(self, trial: str, task: asyncio.Task[None]) -> None:
        if self._tasks.get(trial) is task:
            del self._tasks[trial]

    async def _run(self, record: TrialRecord, hurry: bool) -> None:
        try:
            work = await self._workers.read(self._book.work, record)
            await self._ask(record, work, hurry)
            await self._margins_of(record, work)
            await self._judge(record, work)
            await self._conclude(record, work)
        except asyncio.CancelledError:
            raise
        except (Refusal, EngineError, JudgeError, StorageFailure) as error:
            await self._give_up(record, str(error))
        except Exception as error:
            log.exception("trial_failed", extra={"facts": {"trial": record.name}})
            await self._give_up(record, f"{type(error).__name__}: {error}; the server's log has more")
        finally:
            self._paces.pop(record.id, None)
        self.news.announce(record.id, changed=True)

    async def _ask(self, record: TrialRecord, work: TrialWork, hurry: bool) -> None:
        held = await self._workers.read(self._book.rows_in_plan, record, work)
        made = {own.number for own in held if not own.row.error}
        scores = RunningScores(work.criteria, work.prompts, [own.row for own in held if not own.row.error])
        begin, count = clock.monotonic(), 0
        steps = run_trial(work.batches, made, self._maker(work, record, hurry=hurry), self._turn)
        async with contextlib.aclosing(steps):
            async for batch in steps:
                rows = await self._workers.read(scored, scores, batch)
                kept = await self._workers.change(self._book.keep, record, work, rows, batch.seconds)
                count += len(kept)
                self._paces[record.id] = begin, count
                self.news.announce(record.id, kept)

    async def _margins_of(self, record: TrialRecord, work: TrialWork) -> None:
        """Log-probability margins, where they are the score: read on a copy of the stage, in one go for each."""
        if work.criteria.scorer.kind != "margin":
            return
        held = [own for own in await self._workers.read(self._book.rows, record.id) if not own.row.error]
        scores = RunningScores(work.criteria, work.prompts, ())
        async with contextlib.aclosing(self._margins.of(work, record.deployment, held)) as lanes:
            async for some in lanes:
                batch = MadeBatch(tuple((own.number, own.row) for own in some), 0.0)
                rows = await self._workers.read(scored, scores, batch)
                kept = await self._workers.change(self._book.keep, record, work, rows, batch.seconds)
                self.news.announce(record.id, kept)

    async def _judge(self, record: TrialRecord, work: TrialWork) -> None:
        """Grades of a judging model, one reply at a time; those that are there are not asked for again."""
        if work.criteria.scorer.kind != "judge":
            return
        judge = JudgeEndpoint(work.criteria.scorer, key_for(work.criteria.scorer.endpoint, os.environ))
        held = await self._workers.read(self._book.rows, record.id)
        graded = {own.number for own in await self._workers.read(self._book.ratings, record.id)}
        for own in held:
            if own.row.error or own.row.probe or own.number in graded:
                continue
            prompt = work.prompts.named(own.row.prompt_id)
            rating = await asyncio.to_thread(judge.grade, own.row, prompt)
            grade = RatingRecord(own.number, rating.rater, rating.grade, self._now())
            await self._workers.change(self._book.keep_grade, record.id, grade)
            self.news.announce(record.id)

    async def _conclude(self, record: TrialRecord, work: TrialWork) -> None:
        rows = await self._workers.read(self._book.rows, record.id)
        if work.criteria.scorer.kind == "rating" and not any(own.row.error for own in rows):
            await self._workers.change(self._book.await_ratings, record)
            return
        judged = await self._workers.heavy(self._book.judged, record, work, rows)
        await self._workers.change(self._book.finish, record, judged)

    def _maker(self, work: TrialWork, record: TrialRecord, *, hurry: bool) -> TrialReplies:
        return TrialReplies(
            work,
            deployment=record.deployment,
            planner=self._planner,
            generator=self._generator,
            pool=self._pool,
            stages=self._stages,
            hurry=hurry,
        )

    async def _give_up(self, record: TrialRecord, fault: str) -> None:
        pause = functools.partial(
            trial_steps.pause,
            self._database,
            trial=record.id,
            reason=f"it stopped: {fault}",
            origin=SERVER,
            time=self._now(),
        )
        # Somebody may have paused it meanwhile; a store that takes nothing now is told by its own alarms.
        with contextlib.suppress(Refusal, StorageFailure):
            await self._workers.change(pause)
