"""What a trial has made so far, in the store: its rows, the grades of these, and what they come to."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

from trimtab_server.api.trial_lanes import pinned_lanes
from trimtab_server.jobs.trial_run import MadeBatch, RunningScores
from trimtab_server.jobs.trial_work import TrialWork, finite
from trimtab_server.steering import trial_steps
from trimtab_server.steering.trial_steps import Outcome
from trimtab_server.store import trials
from trimtab_server.store.canonical_json import canonical_json
from trimtab_server.store.database import Database
from trimtab_server.store.refusal import Refusal
from trimtab_server.store.requests import SERVER, Origin
from trimtab_server.store.trials import NumberedRow, RatingRecord, TrialRecord
from trimtab_server.trials.criteria_file import criteria_from_json
from trimtab_server.trials.prompts import PromptSet
from trimtab_server.trials.ratings import Rating, agreement
from trimtab_server.trials.scoring import score_rows
from trimtab_server.trials.summary import summarise


@dataclass(frozen=True)
class Judged:
    """Rows with a score that is not the one kept, and what the trial comes to."""

    rescored: tuple[NumberedRow, ...]
    outcome: Outcome


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

    def ratings(self, trial: str) -> list[RatingRecord]:
        with self._database.read() as connection:
            return trials.ratings_of(connection, trial)

    def keep(
        self, record: TrialRecord, work: TrialWork, scores: RunningScores, batch: MadeBatch
    ) -> list[NumberedRow]:
        scored = scores.score([row for _, row in batch.rows])
        rows = [NumberedRow(number, row) for (number, _), row in zip(batch.rows, scored, strict=True)]
        kept = trial_steps.keep_rows(
            self._database, trial=record.id, rows=rows, place=work.place, seconds=batch.seconds
        )
        return rows if kept else []

    def keep_grade(self, trial: str, grade: RatingRecord) -> None:
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
            for own in self.ratings(record.id)
            if (row := by_number.get(own.number)) is not None
        ]

    def conclude(self, record: TrialRecord, work: TrialWork) -> TrialRecord:
        rows = self.rows(record.id)
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

    def finish_rating(self, record: TrialRecord, reason: str, origin: Origin) -> TrialRecord:
        work, rows = self.work(record), self.rows(record.id)
        judged = self.judged(record, work, rows)
        graded = {own.key for own in self.grades(record, work, rows)}
        waiting = sum(not own.row.probe and own.row.key not in graded for own in rows)
        if record.state == trials.RATING and waiting:
            raise Refusal(
                "TRIAL_STATE",
                trial=record.name,
                state=record.state,
                detail=f"{waiting} of {len(rows)} replies have no grade yet; grade them first",
            )
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

    def replace(
        self, record: TrialRecord, work: TrialWork, new: NumberedRow, reason: str, origin: Origin
    ) -> tuple[TrialRecord, NumberedRow]:
        rows = [own for own in self.rows(record.id) if own.number != new.number] + [new]
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
