"""Trials as they were locked, where they stand, their replies, and people's grades of these."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, and_, case, delete, func, insert, select, update

from trimtab_server.store.tables import trial_ratings, trial_rows, trials
from trimtab_server.trials.rows import TrialRow

CREATED: Final = "created"
RUNNING: Final = "running"
PAUSED: Final = "paused"
RATING: Final = "rating"
FINISHED: Final = "finished"
DELETED: Final = "deleted"

#: So many values may stand in one statement of SQLite, some room left.
_MOST_ROWS_AT_ONCE: Final = 500

#: Pressure and language of each prompt, by its id.
Place = Mapping[str, tuple[str, str]]

_RECORD: Final = [column for column in trials.c if column.name != "prompts"]


@dataclass(frozen=True)
class TrialRecord:
    """One trial without its prompts (`prompts_of`). Times are UTC nanoseconds, 0 for not yet.

    The first block is locked when the trial is created; the second says where it stands. criteria, lanes: canonical
    JSON. width: slots that a batch takes. result: JSON of all figures, "" before there is a verdict.
    """

    id: str
    deployment: str
    display_name: str
    criteria: str = field(repr=False)
    criteria_hash: str
    prompts_hash: str
    lanes: str = field(repr=False)
    lanes_hash: str
    lock_hash: str
    prompt_count: int
    row_count: int
    width: int
    secret: str = field(repr=False)
    keep_days: int
    created_by: str
    create_time: int
    created_in_record: int = 0

    state: str = CREATED
    reason: str = ""
    changed_by: str = ""
    start_time: int = 0
    end_time: int = 0
    expire_time: int = 0
    seconds: float = 0.0
    verdict: str = ""
    recommendation: str = ""
    result: str = field(default="", repr=False)

    @property
    def name(self) -> str:
        """ "deployments/{deployment}/trials/{id}"."""
        return f"deployments/{self.deployment}/trials/{self.id}"


@dataclass(frozen=True)
class NumberedRow:
    """A row at its place in the plan, from 1."""

    number: int
    row: TrialRow


@dataclass(frozen=True)
class RatingRecord:
    """One grade. `rater` is a token's resource name."""

    number: int
    rater: str
    grade: int
    time: int


@dataclass(frozen=True)
class RowFilter:
    """Empty lets everything through. repeat: from 0, None for all. text: found in the reply, case aside."""

    lanes: tuple[str, ...] = ()
    outcomes: tuple[str, ...] = ()
    prompt_id: str = ""
    pressures: tuple[str, ...] = ()
    language: str = ""
    text: str = ""
    errors_only: bool = False
    probes: bool = False
    repeat: int | None = None


@dataclass(frozen=True)
class LaneCount:
    """Rows of a lane so far, belief probes left out."""

    lane: str
    rows: int
    outcomes: Mapping[str, int]
    mean_score: float | None


@dataclass(frozen=True)
class Count:
    """Rows that are there, and how many of them are errors."""

    done: int
    errors: int
    lanes: tuple[LaneCount, ...]


def new_id() -> str:
    """12 hexadecimal digits: short enough to be read out."""
    return secrets.token_hex(6)


def new_secret() -> str:
    return secrets.token_hex(32)


def add(connection: Connection, trial: TrialRecord, prompts: str) -> None:
    """prompts: their canonical JSON."""
    connection.execute(insert(trials).values(**asdict(trial), prompts=prompts))


def find(connection: Connection, trial: str) -> TrialRecord | None:
    row = connection.execute(select(*_RECORD).where(trials.c.id == trial)).first()
    return None if row is None else TrialRecord(**row._mapping)


def newest(connection: Connection, deployment: str) -> TrialRecord | None:
    return next(iter(page(connection, deployment, limit=1)), None)


def page(
    connection: Connection, deployment: str, *, limit: int, before: tuple[int, str] | None = None
) -> list[TrialRecord]:
    """Newest first; `before` is the (create_time, id) of the last one already seen."""
    query = select(*_RECORD).where(trials.c.deployment == deployment)
    if before is not None:
        time, trial = before
        query = query.where(
            (trials.c.create_time < time) | ((trials.c.create_time == time) & (trials.c.id < trial))
        )
    query = query.order_by(trials.c.create_time.desc(), trials.c.id.desc()).limit(limit)
    return [TrialRecord(**row._mapping) for row in connection.execute(query)]


def in_state(connection: Connection, state: str) -> list[TrialRecord]:
    """Oldest first."""
    query = select(*_RECORD).where(trials.c.state == state).order_by(trials.c.create_time, trials.c.id)
    return [TrialRecord(**row._mapping) for row in connection.execute(query)]


def expired(connection: Connection, time: int) -> list[TrialRecord]:
    """Those whose prompts and replies are due to be deleted."""
    query = select(*_RECORD).where(
        trials.c.expire_time > 0, trials.c.expire_time <= time, trials.c.state.not_in((DELETED, RUNNING))
    )
    return [TrialRecord(**row._mapping) for row in connection.execute(query)]


def prompts_of(connection: Connection, trial: str) -> str | None:
    """The prompts' canonical JSON; None once they were deleted."""
    found: str | None = connection.execute(select(trials.c.prompts).where(trials.c.id == trial)).scalar()
    return found


def change(connection: Connection, seen: TrialRecord, **values: Any) -> TrialRecord | None:
    """Moves a trial from the state in which it was seen; None if it left it meanwhile."""
    changed = connection.execute(
        update(trials).where(trials.c.id == seen.id, trials.c.state == seen.state).values(**values)
    )
    return find(connection, seen.id) if changed.rowcount == 1 else None


def put_rows(connection: Connection, trial: str, rows: Sequence[NumberedRow], place: Place) -> None:
    """Keeps rows, in place of those with the same numbers.

    place: pressure and language of each prompt, by its id.
    """
    for start in range(0, len(rows), _MOST_ROWS_AT_ONCE):
        some = rows[start : start + _MOST_ROWS_AT_ONCE]
        connection.execute(
            delete(trial_rows).where(
                trial_rows.c.trial == trial, trial_rows.c.number.in_([own.number for own in some])
            )
        )
        connection.execute(insert(trial_rows), [_values(trial, own, place) for own in some])


def put_scores(connection: Connection, trial: str, rows: Iterable[NumberedRow]) -> None:
    """Outcome and score of rows that are there."""
    for own in rows:
        connection.execute(
            update(trial_rows)
            .where(trial_rows.c.trial == trial, trial_rows.c.number == own.number)
            .values(outcome=own.row.outcome, score=own.row.score)
        )


def rows_of(connection: Connection, trial: str) -> list[NumberedRow]:
    """All of them, in the order of the plan."""
    query = select(trial_rows).where(trial_rows.c.trial == trial).order_by(trial_rows.c.number)
    return [_row(row) for row in connection.execute(query)]


def find_row(connection: Connection, trial: str, number: int) -> NumberedRow | None:
    query = select(trial_rows).where(trial_rows.c.trial == trial, trial_rows.c.number == number)
    row = connection.execute(query).first()
    return None if row is None else _row(row)


def row_page(
    connection: Connection, trial: str, chosen: RowFilter, *, limit: int, after: int = 0
) -> tuple[list[NumberedRow], int]:
    """Rows in the order of the plan after a number, and how many the filter lets through in all."""
    wanted = _wanted(trial, chosen)
    total = connection.execute(select(func.count()).select_from(trial_rows).where(wanted)).scalar_one()
    query = select(trial_rows).where(wanted, trial_rows.c.number > after)
    query = query.order_by(trial_rows.c.number).limit(limit)
    return [_row(row) for row in connection.execute(query)], total


def count(connection: Connection, trial: str) -> Count:
    """How far a trial has come."""
    of_trial = trial_rows.c.trial == trial
    done, errors = connection.execute(
        select(func.count(), func.count(case((trial_rows.c.error != "", 1)))).where(of_trial)
    ).one()
    query = (
        select(
            trial_rows.c.lane,
            trial_rows.c.outcome,
            func.count().label("rows"),
            func.count(trial_rows.c.score).label("scored"),
            func.sum(trial_rows.c.score).label("sum"),
        )
        .where(of_trial, trial_rows.c.probe == 0)
        .group_by(trial_rows.c.lane, trial_rows.c.outcome)
    )
    by_lane: dict[str, list[Any]] = {}
    for row in connection.execute(query):
        by_lane.setdefault(row.lane, []).append(row)
    return Count(done, errors, tuple(_lane_count(lane, rows) for lane, rows in by_lane.items()))


def put_rating(connection: Connection, trial: str, rating: RatingRecord) -> None:
    """Keeps a grade, in place of an earlier one of the same rater."""
    connection.execute(
        delete(trial_ratings).where(
            trial_ratings.c.trial == trial,
            trial_ratings.c.number == rating.number,
            trial_ratings.c.rater == rating.rater,
        )
    )
    connection.execute(insert(trial_ratings).values(trial=trial, **asdict(rating)))


def drop_ratings(connection: Connection, trial: str, number: int) -> None:
    """Everybody's grades of one row."""
    connection.execute(
        delete(trial_ratings).where(trial_ratings.c.trial == trial, trial_ratings.c.number == number)
    )


def ratings_of(connection: Connection, trial: str) -> list[RatingRecord]:
    query = (
        select(trial_ratings)
        .where(trial_ratings.c.trial == trial)
        .order_by(trial_ratings.c.number, trial_ratings.c.rater)
    )
    return [RatingRecord(row.number, row.rater, row.grade, row.time) for row in connection.execute(query)]


def forget(connection: Connection, trial: str) -> int:
    """Deletes prompts, replies and grades; returns how many replies went."""
    if connection.dialect.name == "sqlite":
        # What is deleted is overwritten, not only forgotten.
        connection.exec_driver_sql("PRAGMA secure_delete=ON")
    connection.execute(delete(trial_ratings).where(trial_ratings.c.trial == trial))
    gone = connection.execute(delete(trial_rows).where(trial_rows.c.trial == trial)).rowcount
    connection.execute(update(trials).where(trials.c.id == trial).values(prompts=None))
    return gone


def _wanted(trial: str, chosen: RowFilter) -> ColumnElement[bool]:
    row = trial_rows.c
    asked: list[ColumnElement[bool]] = [row.trial == trial]
    if not chosen.probes:
        asked.append(row.probe == 0)
    for column, values in (
        (row.lane, chosen.lanes),
        (row.outcome, chosen.outcomes),
        (row.pressure, chosen.pressures),
    ):
        if values:
            asked.append(column.in_(values))
    if chosen.prompt_id:
        asked.append(row.prompt_id == chosen.prompt_id)
    if chosen.language:
        asked.append(row.language == chosen.language)
    if chosen.text:
        asked.append(row.reply.icontains(chosen.text, autoescape=True))
    if chosen.errors_only:
        asked.append(row.error != "")
    if chosen.repeat is not None:
        asked.append(row.repeat == chosen.repeat)
    return and_(*asked)


def _values(trial: str, own: NumberedRow, place: Place) -> dict[str, Any]:
    pressure, language = place[own.row.prompt_id]
    return {
        "trial": trial,
        "number": own.number,
        "pressure": pressure,
        "language": language,
        **own.row.as_dict(),
    }


def _row(row: Any) -> NumberedRow:
    values = dict(row._mapping)
    for name in ("trial", "pressure", "language"):
        del values[name]
    number = values.pop("number")
    return NumberedRow(number, TrialRow.from_dict(values))


def _lane_count(lane: str, rows: Sequence[Any]) -> LaneCount:
    scored = sum(row.scored for row in rows)
    outcomes = {row.outcome: row.rows for row in rows if row.outcome}
    mean = sum(row.sum or 0.0 for row in rows) / scored if scored else None
    return LaneCount(lane, sum(row.rows for row in rows), outcomes, mean)
