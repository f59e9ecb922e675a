"""Trials as they are shown."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from trimtab_protos.v1 import trial_pb2

from trimtab_server.api import wire_trials
from trimtab_server.api.trial_news import News
from trimtab_server.api.trial_ratings import TrialRatings
from trimtab_server.api.wire_trials import TrialView
from trimtab_server.steering.activation import find_deployment
from trimtab_server.steering.pinned_lanes import PinnedLane, pinned_lanes
from trimtab_server.store import trials
from trimtab_server.store.database import Database
from trimtab_server.store.refusal import Refusal
from trimtab_server.store.trials import NumberedRow, TrialRecord
from trimtab_server.trials.criteria_file import criteria_from_json

#: Rows of one message of a watch.
_ROWS_AT_ONCE: Final = 500


class TrialReader:
    """Every method blocks. seconds_left: of a running trial with so many rows missing."""

    def __init__(
        self,
        database: Database,
        ratings: TrialRatings,
        seconds_left: Callable[[str, int], float | None],
    ) -> None:
        self._database = database
        self._ratings = ratings
        self._seconds_left = seconds_left

    def resolve(self, name: str) -> TrialRecord:
        """Raises: Refusal: FIELD_INVALID, TRIAL_NOT_FOUND, DEPLOYMENT_NOT_FOUND."""
        deployment, trial = wire_trials.trial_id(name)
        with self._database.read() as connection:
            find_deployment(connection, deployment)
            if trial == wire_trials.NEWEST:
                found = trials.newest(connection, deployment)
            else:
                found = trials.find(connection, trial)
        if found is None or found.deployment != deployment:
            raise Refusal("TRIAL_NOT_FOUND", field="name", trial=name)
        return found

    def view(self, record: TrialRecord, rater: str = "") -> TrialView:
        """As it is in the store now; with the rater's own progress if there is a rater."""
        with self._database.read() as connection:
            record = trials.find(connection, record.id) or record
            count = trials.count(connection, record.id)
        lanes = tuple(PinnedLane(*own) for own in pinned_lanes(record.lanes).items())
        running = record.state == trials.RUNNING
        left = self._seconds_left(record.id, record.row_count - count.done) if running else None
        rating = self._ratings.progress(record, rater) if rater else None
        return TrialView(record, criteria_from_json(record.criteria), lanes, count, left, rating)

    def all_rows(self, record: TrialRecord, rater: str) -> list[trial_pb2.WatchTrialResponse]:
        with self._database.read() as connection:
            rows = trials.rows_of(connection, record.id)
        return self.rows_out(record, rater, rows)

    def news_out(self, record: TrialRecord, rater: str, news: News) -> list[trial_pb2.WatchTrialResponse]:
        """The new rows; all of them for a watcher that was too slow."""
        return self.all_rows(record, rater) if news.lost else self.rows_out(record, rater, news.rows)

    def rows_out(
        self, record: TrialRecord, rater: str, rows: Sequence[NumberedRow]
    ) -> list[trial_pb2.WatchTrialResponse]:
        if self._ratings.hides(record):
            out = self._ratings.in_blind_order(record, rater, rows)
        else:
            out = [wire_trials.row_out(own) for own in rows]
        return [
            trial_pb2.WatchTrialResponse(
                rows=trial_pb2.TrialRowBatch(rows=out[start : start + _ROWS_AT_ONCE])
            )
            for start in range(0, len(out), _ROWS_AT_ONCE)
        ]

    def foreseen(self, draft: TrialRecord) -> float | None:
        """By the newest trial of the deployment that ran to its end; None without one."""
        with self._database.read() as connection:
            past = trials.page(connection, draft.deployment, limit=20)
        done = next((own for own in past if own.seconds and own.state == trials.FINISHED), None)
        return None if done is None else draft.row_count * done.seconds / done.row_count
