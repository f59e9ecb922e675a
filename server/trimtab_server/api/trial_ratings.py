"""Blind ratings: what a rater is shown, and what becomes of the grades."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Sequence

from trimtab_protos.v1 import trial_pb2

from trimtab_server.api import wire_trials
from trimtab_server.api.trial_book import TrialBook, grades_of
from trimtab_server.jobs.trial_work import TrialWork
from trimtab_server.store import trials
from trimtab_server.store.database import Database
from trimtab_server.store.refusal import Refusal
from trimtab_server.store.requests import Origin, Result, once
from trimtab_server.store.trials import NumberedRow, RatingRecord, RowFilter, TrialRecord
from trimtab_server.trials.criteria_file import criteria_from_json
from trimtab_server.trials.ratings import agreement, blind_order
from trimtab_server.trials.rows import RowKey

#: The scorer that waits for people.
RATED = "rating"


def lane_key(trial: TrialRecord, rater: str, number: int) -> str:
    """What stands for a row while lanes are hidden, for one rater: without the trial's secret nobody can tell the
    row from it."""
    text = f"{rater}\0{number}".encode()
    return hmac.new(bytes.fromhex(trial.secret), text, hashlib.sha256).hexdigest()[:20]


class TrialRatings:
    """Every method blocks."""

    def __init__(self, database: Database, book: TrialBook, now: Callable[[], int]) -> None:
        self._database = database
        self._book = book
        self._now = now

    def hides(self, trial: TrialRecord) -> bool:
        """Whether lanes are hidden: from the first reply on, until the rating is finished."""
        if trial.state == trials.FINISHED:
            return False
        return criteria_from_json(trial.criteria).scorer.kind == RATED

    def progress(self, trial: TrialRecord, rater: str) -> trial_pb2.RatingProgress | None:
        """None for a trial that people do not grade."""
        if criteria_from_json(trial.criteria).scorer.kind != RATED:
            return None
        if trial.state == trials.DELETED:
            return trial_pb2.RatingProgress(finished=True)
        work, rows = self._book.work(trial), self._book.rows(trial.id)
        grades = grades_of(work, rows, self._book.ratings(trial.id))
        found = agreement(grades)
        return trial_pb2.RatingProgress(
            done=len({own.key for own in grades if own.rater == rater}),
            planned=len(work.prompts) * work.criteria.repeats * len(work.criteria.lanes),
            raters=found.raters,
            rated=len({own.key for own in grades}),
            agreement=wire_trials.agreement_out(found),
            finished=trial.state == trials.FINISHED,
        )

    def sheet(self, trial: TrialRecord, rater: str) -> trial_pb2.RatingSheet:
        """The next one that this rater has not finished; without a prompt if there is none.

        Raises:
            Refusal: TRIAL_STATE, it does not wait for grades.
        """
        self._require_rating(trial)
        work = self._book.work(trial)
        rows = {own.row.key: own for own in self._book.rows(trial.id)}
        grades = self._grades_of(trial, rater)
        message = trial_pb2.RatingSheet(
            scale=work.criteria.scorer.scale,
            rubric=work.criteria.scorer.rubric,
            progress=self.progress(trial, rater),
        )
        for keys in blind_order(work.criteria, work.prompts, rater, trial.secret):
            sheet = [rows[key] for key in keys]
            if all(own.number in grades for own in sheet):
                continue
            message.prompt.CopyFrom(wire_trials.prompt_out(work.prompts.named(keys[0].prompt_id)))
            message.replies.extend(
                trial_pb2.RatingReply(
                    key=lane_key(trial, rater, own.number),
                    reply=own.row.reply,
                    grade=grades.get(own.number, 0),
                )
                for own in sheet
            )
            return message
        return message

    def rate(self, trial: TrialRecord, key: str, grade: int, origin: Origin) -> None:
        """Keeps a grade, in place of an earlier one of the same rater.

        Raises:
            Refusal: TRIAL_STATE; FIELD_INVALID, a grade off the scale, or a key that is none of the rater's.
        """
        self._require_rating(trial)
        scale = criteria_from_json(trial.criteria).scorer.scale
        if not 1 <= grade <= scale:
            raise Refusal(
                "FIELD_INVALID", field="grade", detail=f"grade is {grade}; grades go from 1 to {scale}"
            )
        number = next(
            (
                own.number
                for own in self._book.rows(trial.id)
                if lane_key(trial, origin.actor, own.number) == key
            ),
            None,
        )
        if number is None:
            raise Refusal(
                "FIELD_INVALID",
                field="key",
                detail="key is none of your rating sheets; get the next sheet again",
            )
        with self._database.write() as connection:

            def change() -> Result:
                now = trials.find(connection, trial.id)
                assert now is not None, "a trial is kept for ever"
                self._require_rating(now)
                record = RatingRecord(number, origin.actor, grade, self._now())
                trials.put_rating(connection, trial.id, record)
                return {"row": number}

            once(connection, origin, self._now(), change)

    def hidden_rows(self, trial: TrialRecord, rater: str, chosen: RowFilter) -> list[trial_pb2.TrialRow]:
        """Rows without their lanes, in the order in which this rater grades them.

        Raises:
            Refusal: TRIAL_BLIND, the filter asks for lanes or for what tells them.
        """
        if chosen.lanes or chosen.outcomes:
            raise Refusal("TRIAL_BLIND", trial=trial.name)
        work = self._book.work(trial)
        rows = {own.row.key: own for own in self._book.rows(trial.id)}
        order = blind_order(work.criteria, work.prompts, rater, trial.secret)
        there = [rows[key] for keys in order for key in keys if key in rows]
        return [self.hidden(trial, rater, own) for own in there if _lets_through(chosen, own, work)]

    def hidden(self, trial: TrialRecord, rater: str, own: NumberedRow) -> trial_pb2.TrialRow:
        return wire_trials.hidden_row_out(own, lane_key(trial, rater, own.number))

    def in_blind_order(
        self, trial: TrialRecord, rater: str, rows: Sequence[NumberedRow]
    ) -> list[trial_pb2.TrialRow]:
        """Some rows without their lanes; sorted by their keys, so that the order tells nothing."""
        return sorted((self.hidden(trial, rater, own) for own in rows), key=lambda row: row.key)

    def _grades_of(self, trial: TrialRecord, rater: str) -> dict[int, int]:
        return {own.number: own.grade for own in self._book.ratings(trial.id) if own.rater == rater}

    def _require_rating(self, trial: TrialRecord) -> None:
        if trial.state != trials.RATING:
            raise Refusal(
                "TRIAL_STATE",
                trial=trial.name,
                state=trial.state,
                detail="grades are given once every reply is there",
            )


def _lets_through(chosen: RowFilter, own: NumberedRow, work: TrialWork) -> bool:
    key: RowKey = own.row.key
    pressure, language = work.place[key.prompt_id]
    return (
        (not chosen.prompt_id or key.prompt_id == chosen.prompt_id)
        and (not chosen.pressures or pressure in chosen.pressures)
        and (not chosen.language or language == chosen.language)
        and (chosen.repeat is None or key.repeat == chosen.repeat)
        and (not chosen.errors_only or bool(own.row.error))
        and chosen.text.casefold() in own.row.reply.casefold()
    )
