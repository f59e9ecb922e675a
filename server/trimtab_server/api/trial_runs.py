"""Trials at work: one task each, over the engines; what they make is kept batch by batch."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import json
import logging
import os
import time as clock
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Final

from trimtab_server.api.generation import Generator
from trimtab_server.api.models import StageLoader
from trimtab_server.api.plans import Planner
from trimtab_server.api.trial_lanes import pinned_lanes
from trimtab_server.api.trial_margins import Margins
from trimtab_server.api.trial_news import TrialNews
from trimtab_server.api.trial_replies import TrialReplies
from trimtab_server.api.workers import Workers
from trimtab_server.engine.errors import EngineError
from trimtab_server.engine.pool import EnginePool
from trimtab_server.jobs.trial_run import MadeBatch, RunningScores, make_batch, run_trial
from trimtab_server.jobs.trial_work import TrialWork, finite
from trimtab_server.steering import trial_steps
from trimtab_server.steering.trial_steps import Outcome
from trimtab_server.store import trials
from trimtab_server.store.canonical_json import canonical_json
from trimtab_server.store.database import Database
from trimtab_server.store.failure import StorageFailure
from trimtab_server.store.refusal import Refusal
from trimtab_server.store.requests import SERVER, Origin
from trimtab_server.store.trials import NumberedRow, RatingRecord, TrialRecord
from trimtab_server.trials.criteria_file import criteria_from_json
from trimtab_server.trials.judge_endpoint import KEY_VARIABLE, JudgeEndpoint, JudgeError
from trimtab_server.trials.prompts import PromptSet
from trimtab_server.trials.ratings import Rating, agreement
from trimtab_server.trials.scoring import score_rows
from trimtab_server.trials.summary import summarise

log = logging.getLogger("trimtab.trials")

_STOPPED: Final = "the server stopped while it ran; resume it"


@dataclass(frozen=True)
class Judged:
    """Rows with a score that is not the one kept, and what the trial comes to."""

    rescored: tuple[NumberedRow, ...]
    outcome: Outcome


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
        database: Database,
        workers: Workers,
        now: Callable[[], int],
    ) -> None:
        self._planner = planner
        self._generator = generator
        self._pool = pool
        self._stages = stages
        self._margins = margins
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
        if record.id not in self._tasks:
            task = asyncio.ensure_future(self._run(record, hurry))
            self._tasks[record.id] = task
            task.add_done_callback(lambda _done: self._tasks.pop(record.id, None))
        self.news.announce(record.id, changed=True)

    async def end(self, trial: str) -> None:
        """After a pause: the batch in hand is given up."""
        task = self._tasks.get(trial)
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        self.news.announce(trial, changed=True)

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

    def work(self, record: TrialRecord) -> TrialWork:
        """Blocks. Raises: Refusal: TRIAL_STATE, its prompts were deleted."""
        with self._database.read() as connection:
            prompts = trials.prompts_of(connection, record.id)
        if prompts is None:
            raise Refusal(
                "TRIAL_STATE",
                trial=record.name,
                state=record.state,
                detail="its prompts and replies were deleted",
            )
        return TrialWork(
            criteria_from_json(record.criteria),
            PromptSet.from_records(json.loads(prompts)),
            pinned_lanes(record.lanes),
            record.width,
        )

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
        work = await self._workers.read(self.work, record)
        if work.criteria.scorer.kind == "margin":
            raise Refusal(
                "TRIAL_STATE",
                trial=record.name,
                state=record.state,
                detail="margins are read in one go: resume it, which asks what failed again",
            )
        if not 1 <= number <= len(work.numbers):
            raise Refusal(
                "FIELD_INVALID",
                field="number",
                detail=f"number is {number}; rows are 1 to {len(work.numbers)}",
            )
        batch = work.batch_of(number)
        made = await make_batch(batch, self._maker(work, record, hurry=True), self._turn)
        row = NumberedRow(number, dict(made.rows)[number])
        return await self._workers.change(self._replace, record, work, row, reason, origin)

    async def finish_rating(self, record: TrialRecord, *, reason: str, origin: Origin) -> TrialRecord:
        """Raises: Refusal: TRIAL_STATE."""
        finished = await self._workers.change(self._finish_rating, record, reason, origin)
        self.news.announce(record.id, changed=True)
        return finished

    async def _run(self, record: TrialRecord, hurry: bool) -> None:
        try:
            work = await self._workers.read(self.work, record)
            await self._ask(record, work, hurry)
            await self._margins_of(record, work)
            await self._judge(record, work)
            await self._workers.change(self._conclude, record, work)
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
        held = await self._workers.read(self._rows, record.id)
        made = {own.number for own in held if not own.row.error}
        scores = RunningScores(work.criteria, work.prompts, [own.row for own in held if not own.row.error])
        begin, count = clock.monotonic(), 0
        steps = run_trial(work.batches, made, self._maker(work, record, hurry=hurry), self._turn)
        async with contextlib.aclosing(steps):
            async for batch in steps:
                kept = await self._workers.change(self._keep, record, work, scores, batch)
                count += len(kept)
                self._paces[record.id] = begin, count
                self.news.announce(record.id, kept)

    async def _margins_of(self, record: TrialRecord, work: TrialWork) -> None:
        """Log-probability margins, where they are the score: read on a copy of the stage, in one go for each."""
        if work.criteria.scorer.kind != "margin":
            return
        held = [own for own in await self._workers.read(self._rows, record.id) if not own.row.error]
        scores = RunningScores(work.criteria, work.prompts, ())
        async with contextlib.aclosing(self._margins.of(work, record.deployment, held)) as lanes:
            async for some in lanes:
                batch = MadeBatch(tuple((own.number, own.row) for own in some), 0.0)
                kept = await self._workers.change(self._keep, record, work, scores, batch)
                self.news.announce(record.id, kept)

    async def _judge(self, record: TrialRecord, work: TrialWork) -> None:
        """Grades of a judging model, one reply at a time; those that are there are not asked for again."""
        if work.criteria.scorer.kind != "judge":
            return
        judge = JudgeEndpoint(work.criteria.scorer, os.environ.get(KEY_VARIABLE, ""))
        held = await self._workers.read(self._rows, record.id)
        graded = {own.number for own in await self._workers.read(self._ratings, record.id)}
        for own in held:
            if own.row.error or own.row.probe or own.number in graded:
                continue
            prompt = work.prompts.named(own.row.prompt_id)
            rating = await self._workers.heavy(judge.grade, own.row, prompt)
            grade = RatingRecord(own.number, rating.rater, rating.grade, self._now())
            await self._workers.change(self._keep_grade, record.id, grade)
            self.news.announce(record.id)

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

    # In the store. All of these block.

    def _rows(self, trial: str) -> list[NumberedRow]:
        with self._database.read() as connection:
            return trials.rows_of(connection, trial)

    def _ratings(self, trial: str) -> list[RatingRecord]:
        with self._database.read() as connection:
            return trials.ratings_of(connection, trial)

    def _keep(
        self, record: TrialRecord, work: TrialWork, scores: RunningScores, batch: MadeBatch
    ) -> list[NumberedRow]:
        scored = scores.score([row for _, row in batch.rows])
        rows = [NumberedRow(number, row) for (number, _), row in zip(batch.rows, scored, strict=True)]
        kept = trial_steps.keep_rows(
            self._database, trial=record.id, rows=rows, place=work.place, seconds=batch.seconds
        )
        return rows if kept else []

    def _keep_grade(self, trial: str, grade: RatingRecord) -> None:
        with self._database.write() as connection:
            trials.put_rating(connection, trial, grade)

    def judged(self, record: TrialRecord, work: TrialWork, rows: Sequence[NumberedRow]) -> Judged:
        """Scores every row anew, and judges."""
        numbers = {own.row.key: own for own in rows}
        scored = score_rows(
            [own.row for own in rows], work.criteria, work.prompts, self.grades(record, work, rows)
        )
        rescored = tuple(
            NumberedRow(numbers[row.key].number, row) for row in scored if row != numbers[row.key].row
        )
        summary = summarise(scored, work.criteria, work.prompts)
        return Judged(
            rescored,
            Outcome(
                summary.verdict.verdict.value,
                summary.verdict.recommendation or "",
                summary.verdict.reason,
                canonical_json(finite(summary.as_dict())),
            ),
        )

    def grades(self, record: TrialRecord, work: TrialWork, rows: Sequence[NumberedRow]) -> list[Rating]:
        """Everybody's, of rows that have a reply."""
        if work.criteria.scorer.kind not in ("rating", "judge"):
            return []
        by_number = {own.number: own.row for own in rows if not own.row.error}
        return [
            Rating(row.prompt_id, row.lane, row.repeat, own.rater, own.grade)
            for own in self._ratings(record.id)
            if (row := by_number.get(own.number)) is not None
        ]

    def _conclude(self, record: TrialRecord, work: TrialWork) -> TrialRecord:
        rows = self._rows(record.id)
        if work.criteria.scorer.kind == "rating" and not any(own.row.error for own in rows):
            return trial_steps.await_ratings(
                self._database,
                trial=record.id,
                reason="every reply is there; grade them, then finish the rating",
                time=self._now(),
            )
        judged = self.judged(record, work, rows)
        return trial_steps.finish(
            self._database, trial=record.id, scored=judged.rescored, outcome=judged.outcome, time=self._now()
        )

    def _finish_rating(self, record: TrialRecord, reason: str, origin: Origin) -> TrialRecord:
        work, rows = self.work(record), self._rows(record.id)
        judged = self.judged(record, work, rows)
        return trial_steps.finish_rating(
            self._database,
            trial=record.id,
            scored=judged.rescored,
            outcome=judged.outcome,
            agreement=finite(asdict(agreement(self.grades(record, work, rows)))),
            reason=reason,
            origin=origin,
            time=self._now(),
        )

    def _replace(
        self, record: TrialRecord, work: TrialWork, new: NumberedRow, reason: str, origin: Origin
    ) -> tuple[TrialRecord, NumberedRow]:
        rows = [own for own in self._rows(record.id) if own.number != new.number] + [new]
        judged = self.judged(record, work, rows)
        changed = trial_steps.replace_row(
            self._database,
            seen=record,
            row=new,
            place=work.place,
            scored=judged.rescored,
            outcome=judged.outcome if record.state == trials.FINISHED else None,
            reason=reason,
            origin=origin,
            time=self._now(),
        )
        with self._database.read() as connection:
            row = trials.find_row(connection, record.id, new.number)
        assert row is not None, "it was just kept"
        return changed, row

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
