"""What a trial has made so far, in the store: its rows, the grades of these, and what they come to."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from trimtab_server.jobs.trial_run import MadeBatch, RunningScores
from trimtab_server.jobs.trial_work import TrialWork, finite
from trimtab_server.steering import trial_steps
from trimtab_server.steering.pinned_lanes import pinned_lanes
from trimtab_server.steering.trial_steps import Outcome
from trimtab_server.store import trials
from trimtab_server.store.canonical_json import canonical_json
from trimtab_server.store.database import Database
from trimtab_server.store.refusal import Refusal
from trimtab_server.store.requests import SERVER, Origin
from trimtab_server.store.trials import NumberedRow, RatingRecord, TrialRecord
from trimtab_server.trials.cost import CostModel, CostReport, cost_of_trial
from trimtab_server.trials.criteria_file import criteria_from_json
from trimtab_server.trials.prompts import PromptSet
from trimtab_server.trials.ratings import Rating, agreement
from trimtab_server.trials.scoring import score_rows
from trimtab_server.trials.summary import summarise


@dataclass(frozen=True)
class Judged:
    """What a trial comes to.

    rescored: rows with a score that is not the one kept. ratings: what it rests on; ungraded: replies without one.
    """

    rescored: tuple[NumberedRow, ...]
    outcome: Outcome
    ratings: tuple[RatingRecord, ...]
    ungraded: int
    agreement: dict[str, Any]


class TrialBook:
    """Every method blocks."""

    def __init__(self, database: Database, now: Callable[[], int]) -> None:
        self._database = database
        self._now = now

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

    def retire(self) -> None:
        with self._database.read() as connection:
            due = trials.expired(connection, self._now())
        for record in due:
            trial_steps.delete_rows(
                self._database,
                trial=record.id,
                reason=f"kept for {record.keep_days} days",
                origin=SERVER,
                time=self._now(),
            )

    def rows(self, trial: str) -> list[NumberedRow]:
        with self._database.read() as connection:
            return trials.rows_of(connection, trial)

    def rows_in_plan(self, record: TrialRecord, work: TrialWork) -> list[NumberedRow]:
        """The rows, which must stand where the plan has them.

        Raises:
            Refusal: TRIAL_CHANGED, another release planned them in another order: what is there could not be told
                from what is not.
        """
        held = self.rows(record.id)
        if any(work.numbers.get(own.row.key) != own.number for own in held):
            raise Refusal(
                "TRIAL_CHANGED", trial=record.name, part="order of rows", locked_hash=record.lock_hash
            )
        return held

    def ratings(self, trial: str) -> list[RatingRecord]:
        with self._database.read() as connection:
            return trials.ratings_of(connection, trial)

    def keep(
        self, record: TrialRecord, work: TrialWork, rows: Sequence[NumberedRow], seconds: float
    ) -> Sequence[NumberedRow]:
        """The rows of a batch; none of them if the trial runs no more."""
        kept = trial_steps.keep_rows(
            self._database, trial=record.id, rows=rows, place=work.place, seconds=seconds
        )
        return rows if kept else ()

    def keep_grade(self, trial: str, grade: RatingRecord) -> None:
        with self._database.write() as connection:
            trials.put_rating(connection, trial, grade)

    def judged(self, record: TrialRecord, work: TrialWork, rows: Sequence[NumberedRow]) -> Judged:
        """Scores every row anew, and judges. Seconds, for a long trial: it is no work for the thread of changes."""
        ratings = self.ratings(record.id)
        numbers = {own.row.key: own for own in rows}
        grades = grades_of(work, rows, ratings)
        scored = score_rows([own.row for own in rows], work.criteria, work.prompts, grades)
        rescored = tuple(
            NumberedRow(numbers[row.key].number, row) for row in scored if row != numbers[row.key].row
        )
        summary = summarise(scored, work.criteria, work.prompts)
        graded = {own.key for own in grades}
        return Judged(
            rescored,
            Outcome(
                summary.verdict.verdict.value,
                summary.verdict.recommendation or "",
                summary.verdict.reason,
                canonical_json(finite(summary.as_dict())),
            ),
            tuple(ratings),
            sum(not own.row.probe and own.row.key not in graded for own in rows),
            finite(asdict(agreement(grades))),
        )

    def cost(self, record: TrialRecord, model: CostModel) -> CostReport:
        """What the lanes cost and save.

        Raises:
            Refusal: TRIAL_STATE, it is not finished, or replies are missing or without a score.
        """
        rows = [own.row for own in self.rows(record.id)]
        fault = ""
        if record.state != trials.FINISHED:
            fault = "its costs are known once it is finished"
        elif any(not row.scored for row in rows):
            fault = "some replies have no score, so its costs are not known; resume it to ask them again"
        if fault:
            raise Refusal("TRIAL_STATE", trial=record.name, state=record.state, detail=fault)
        work = self.work(record)
        try:
            return cost_of_trial(rows, work.criteria, work.prompts, model)
        except ValueError as error:
            raise Refusal("TRIAL_STATE", trial=record.name, state=record.state, detail=str(error)) from error

    def await_ratings(self, record: TrialRecord) -> TrialRecord:
        return trial_steps.await_ratings(
            self._database,
            trial=record.id,
            reason="every reply is there; grade them, then finish the rating",
            time=self._now(),
        )

    def finish(self, record: TrialRecord, judged: Judged) -> TrialRecord:
        return trial_steps.finish(
            self._database, trial=record.id, scored=judged.rescored, outcome=judged.outcome, time=self._now()
        )

    def finish_rating(self, record: TrialRecord, judged: Judged, reason: str, origin: Origin) -> TrialRecord:
        """Raises: Refusal: TRIAL_STATE, replies without a grade, or grades that came in meanwhile."""
        if record.state == trials.RATING and judged.ungraded:
            raise Refusal(
                "TRIAL_STATE",
                trial=record.name,
                state=record.state,
                detail=f"{judged.ungraded} replies have no grade yet; grade them first",
            )
        return trial_steps.finish_rating(
            self._database,
            trial=record.id,
            ratings=judged.ratings,
            scored=judged.rescored,
            outcome=judged.outcome,
            agreement=judged.agreement,
            reason=reason,
            origin=origin,
            time=self._now(),
        )

    def replace(
        self,
        record: TrialRecord,
        work: TrialWork,
        new: NumberedRow,
        judged: Judged,
        reason: str,
        origin: Origin,
    ) -> tuple[TrialRecord, NumberedRow]:
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


def grades_of(work: TrialWork, rows: Sequence[NumberedRow], ratings: Sequence[RatingRecord]) -> list[Rating]:
    """Everybody's, of rows that have a reply. None for a scorer that waits for no grades."""
    if work.criteria.scorer.kind not in ("rating", "judge"):
        return []
    by_number = {own.number: own.row for own in rows if not own.row.error}
    return [
        Rating(row.prompt_id, row.lane, row.repeat, own.rater, own.grade)
        for own in ratings
        if (row := by_number.get(own.number)) is not None
    ]


def scored(scores: RunningScores, batch: MadeBatch) -> list[NumberedRow]:
    """The rows of a batch with outcome and score."""
    rows = scores.score([row for _, row in batch.rows])
    return [NumberedRow(number, row) for (number, _), row in zip(batch.rows, rows, strict=True)]
