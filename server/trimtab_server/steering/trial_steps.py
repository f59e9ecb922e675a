"""What can happen to a trial, each with its audit record in one transaction."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from sqlalchemy import Connection

from trimtab_server.steering.activation import find_deployment
from trimtab_server.store import audit, trials
from trimtab_server.store.canonical_json import sha256_hex
from trimtab_server.store.database import Database
from trimtab_server.store.refusal import Refusal
from trimtab_server.store.requests import SERVER, Origin, Result, once
from trimtab_server.store.trials import (
    CREATED,
    DELETED,
    FINISHED,
    PAUSED,
    RATING,
    RUNNING,
    NumberedRow,
    Place,
    RatingRecord,
    TrialRecord,
)

DAY: Final = 86_400 * 10**9


@dataclass(frozen=True)
class Outcome:
    """What a trial came to. `result` is JSON of all figures."""

    verdict: str
    recommendation: str
    reason: str
    result: str


def create_trial(
    database: Database, new: TrialRecord, prompts: str, *, reason: str, origin: Origin, time: int
) -> TrialRecord:
    """Locks a trial: from here on neither criteria nor lanes nor prompts change. Nothing is asked yet.

    Raises:
        Refusal: DEPLOYMENT_NOT_FOUND.
    """

    def change(connection: Connection) -> TrialRecord:
        return add_trial(connection, new, prompts, reason=reason, origin=origin, time=time)

    return once_only(database, origin, time, change)


def add_trial(
    connection: Connection, new: TrialRecord, prompts: str, *, reason: str, origin: Origin, time: int
) -> TrialRecord:
    """`create_trial` within a transaction."""
    find_deployment(connection, new.deployment)
    record = audit.append(
        connection,
        time=time,
        origin=origin,
        action="trial.create",
        subject=new.name,
        deployment=new.deployment,
        reason=reason,
        details=_hashes(new) | {"prompts": new.prompt_count, "rows": new.row_count},
    )
    created = replace(
        new,
        created_in_record=record.sequence,
        reason=reason,
        expire_time=time + new.keep_days * DAY,
    )
    trials.add(connection, created, prompts)
    return created


def start(
    database: Database, *, trial: str, lock_hash: str = "", reason: str = "", origin: Origin, time: int
) -> TrialRecord:
    """Raises: Refusal: TRIAL_NOT_FOUND, TRIAL_STATE, TRIAL_CHANGED."""

    def change(connection: Connection) -> TrialRecord:
        seen = find_trial(connection, trial)
        if seen.state != CREATED:
            raise _not_possible(seen, "it was started before; resume it if it is paused")
        require_locked(connection, seen, lock_hash)
        return _move(connection, seen, "trial.start", reason, origin, time, state=RUNNING, start_time=time)

    return once_only(database, origin, time, change)


def resume(database: Database, *, trial: str, reason: str = "", origin: Origin, time: int) -> TrialRecord:
    """A paused one, or a finished one some of whose rows are errors.

    Raises: Refusal: TRIAL_NOT_FOUND, TRIAL_STATE, TRIAL_CHANGED."""

    def change(connection: Connection) -> TrialRecord:
        seen = find_trial(connection, trial)
        failed = seen.state == FINISHED and trials.count(connection, trial).errors > 0
        if seen.state != PAUSED and not failed:
            raise _not_possible(seen, "only a paused one is resumed, or a finished one with failed replies")
        require_locked(connection, seen)
        values: dict[str, Any] = {
            "end_time": 0,
            "expire_time": 0,
            "verdict": "",
            "recommendation": "",
            "result": "",
        }
        return _move(connection, seen, "trial.resume", reason, origin, time, state=RUNNING, **values)

    return once_only(database, origin, time, change)


def pause(database: Database, *, trial: str, reason: str = "", origin: Origin, time: int) -> TrialRecord:
    """Raises: Refusal: TRIAL_NOT_FOUND, TRIAL_STATE."""

    def change(connection: Connection) -> TrialRecord:
        seen = find_trial(connection, trial)
        if seen.state != RUNNING:
            raise _not_possible(seen, "only a running one is paused")
        return _move(connection, seen, "trial.pause", reason, origin, time, state=PAUSED)

    return once_only(database, origin, time, change)


def pause_interrupted(database: Database, reason: str, time: int) -> list[TrialRecord]:
    """What was running when the server ended, paused."""
    with database.write() as connection:
        return [
            _move(connection, seen, "trial.pause", reason, SERVER, time, state=PAUSED)
            for seen in trials.in_state(connection, RUNNING)
        ]


def keep_rows(
    database: Database, *, trial: str, rows: Sequence[NumberedRow], place: Place, seconds: float
) -> bool:
    """The rows of one batch and the time it took, all or none; False if the trial runs no more."""
    with database.write() as connection:
        seen = find_trial(connection, trial)
        if seen.state != RUNNING:
            return False
        trials.put_rows(connection, trial, rows, place)
        trials.change(connection, seen, seconds=seen.seconds + seconds)
        return True


def finish(
    database: Database, *, trial: str, scored: Sequence[NumberedRow], outcome: Outcome, time: int
) -> TrialRecord:
    """The verdict, and with it the scores that it rests on. Raises: Refusal: TRIAL_STATE, TRIAL_CHANGED."""
    with database.write() as connection:
        seen = find_trial(connection, trial)
        if seen.state != RUNNING:
            raise _not_possible(seen, "it was stopped before its verdict")
        require_locked(connection, seen)
        trials.put_scores(connection, trial, scored)
        return _decide(connection, seen, "trial.finish", outcome, SERVER, time, outcome.reason)


def await_ratings(database: Database, *, trial: str, reason: str, time: int) -> TrialRecord:
    """Every reply is there; people grade them next. Raises: Refusal: TRIAL_STATE."""
    with database.write() as connection:
        seen = find_trial(connection, trial)
        if seen.state != RUNNING:
            raise _not_possible(seen, "it was stopped before its last reply")
        return _move(connection, seen, "trial.await_ratings", reason, SERVER, time, state=RATING)


def finish_rating(
    database: Database,
    *,
    trial: str,
    ratings: Sequence[RatingRecord],
    scored: Sequence[NumberedRow],
    outcome: Outcome,
    agreement: Mapping[str, Any],
    reason: str,
    origin: Origin,
    time: int,
) -> TrialRecord:
    """The verdict by people's grades, `ratings` being all that there are; lanes are shown from here on.

    Raises: Refusal: TRIAL_STATE, TRIAL_CHANGED."""

    def change(connection: Connection) -> TrialRecord:
        seen = find_trial(connection, trial)
        if seen.state != RATING:
            raise _not_possible(seen, "only one that waits for grades is finished so")
        if trials.ratings_of(connection, trial) != list(ratings):
            raise _not_possible(seen, "grades came in meanwhile; finish it again")
        require_locked(connection, seen)
        trials.put_scores(connection, trial, scored)
        return _decide(
            connection, seen, "trial.finish_rating", outcome, origin, time, reason, agreement=dict(agreement)
        )

    return once_only(database, origin, time, change)


def replace_row(
    database: Database,
    *,
    seen: TrialRecord,
    row: NumberedRow,
    place: Place,
    scored: Sequence[NumberedRow],
    outcome: Outcome | None,
    reason: str,
    origin: Origin,
    time: int,
) -> TrialRecord:
    """One row asked again, with what follows from it: scores of others, and the verdict where there was one.

    Raises: Refusal: TRIAL_STATE, the trial left the state in which it was seen."""

    def change(connection: Connection) -> TrialRecord:
        now = find_trial(connection, seen.id)
        if (now.state, now.result) != (seen.state, seen.result):
            raise _not_possible(now, "it changed while the row was asked; look again")
        before = trials.find_row(connection, seen.id, row.number)
        if before is None or before.row.reply != row.row.reply:
            # Grades were given to what is not there any more.
            trials.drop_ratings(connection, seen.id, row.number)
        trials.put_rows(connection, seen.id, [row], place)
        trials.put_scores(connection, seen.id, scored)
        facts = {"row": row.number}
        if outcome is None:
            return _move(connection, now, "trial.rerun_row", reason, origin, time, facts)
        return _decide(connection, now, "trial.rerun_row", outcome, origin, time, reason, **facts)

    return once_only(database, origin, time, change)


def delete_rows(database: Database, *, trial: str, reason: str, origin: Origin, time: int) -> TrialRecord:
    """Prompts, replies and grades go; hashes, verdict and figures stay.

    Raises: Refusal: TRIAL_NOT_FOUND, TRIAL_STATE (it runs, or has none any more), REASON_REQUIRED."""
    if not reason.strip():
        raise Refusal("REASON_REQUIRED", field="reason")

    def change(connection: Connection) -> TrialRecord:
        seen = find_trial(connection, trial)
        if seen.state in (RUNNING, DELETED):
            fix = "pause it first" if seen.state == RUNNING else "there is nothing left to delete"
            raise _not_possible(seen, fix)
        gone = trials.forget(connection, trial)
        return _move(
            connection, seen, "trial.delete_rows", reason, origin, time, {"rows": gone}, state=DELETED
        )

    return once_only(database, origin, time, change)


def find_trial(connection: Connection, trial: str) -> TrialRecord:
    """By id. Raises: Refusal: TRIAL_NOT_FOUND."""
    found = trials.find(connection, trial)
    if found is None:
        raise Refusal("TRIAL_NOT_FOUND", field="name", trial=f"trials/{trial}")
    return found


def require_locked(connection: Connection, trial: TrialRecord, lock_hash: str = "") -> None:
    """Criteria, lanes and prompts must be those that were locked: by their own hashes, by the audit record of the
    trial's creation, and by what the caller means the lock to be.

    Raises:
        Refusal: TRIAL_CHANGED.
    """
    prompts = trials.prompts_of(connection, trial.id)
    found = {
        "criteria_hash": sha256_hex(trial.criteria),
        "lanes_hash": sha256_hex(trial.lanes),
        "prompts_hash": sha256_hex(prompts or ""),
        "lock_hash": trial.lock_hash,
    }
    recorded = _recorded(connection, trial)
    changed = [name for name, value in found.items() if recorded.get(name) != value]
    if changed or found != _hashes(trial):
        part = (changed or ["trial"])[0].removesuffix("_hash")
        raise Refusal("TRIAL_CHANGED", trial=trial.name, part=part, locked_hash=recorded.get("lock_hash", ""))
    if lock_hash and lock_hash != trial.lock_hash:
        raise Refusal("TRIAL_CHANGED", trial=trial.name, part="lock", locked_hash=trial.lock_hash)


def _recorded(connection: Connection, trial: TrialRecord) -> dict[str, str]:
    records = audit.records(connection, before=trial.created_in_record + 1, limit=1)
    if not records or records[0].subject != trial.name:
        return {}
    details: dict[str, str] = json.loads(records[0].details)
    return details


def _hashes(trial: TrialRecord) -> dict[str, Any]:
    return {
        "criteria_hash": trial.criteria_hash,
        "lanes_hash": trial.lanes_hash,
        "prompts_hash": trial.prompts_hash,
        "lock_hash": trial.lock_hash,
    }


def _decide(
    connection: Connection,
    seen: TrialRecord,
    action: str,
    outcome: Outcome,
    origin: Origin,
    time: int,
    reason: str,
    **facts: Any,
) -> TrialRecord:
    details = {
        "lock_hash": seen.lock_hash,
        "recommendation": outcome.recommendation,
        "result_hash": sha256_hex(outcome.result),
        "verdict": outcome.verdict,
        **facts,
    }
    if seen.verdict:
        details["verdict_before"] = seen.verdict
    return _move(
        connection,
        seen,
        action,
        reason,
        origin,
        time,
        details,
        state=FINISHED,
        end_time=time,
        expire_time=time + seen.keep_days * DAY,
        verdict=outcome.verdict,
        recommendation=outcome.recommendation,
        result=outcome.result,
    )


def _move(
    connection: Connection,
    seen: TrialRecord,
    action: str,
    reason: str,
    origin: Origin,
    time: int,
    details: Mapping[str, Any] | None = None,
    **values: Any,
) -> TrialRecord:
    moved = trials.change(connection, seen, reason=reason, changed_by=origin.actor, **values)
    assert moved is not None, "it was read in this transaction"
    audit.append(
        connection,
        time=time,
        origin=origin,
        action=action,
        subject=seen.name,
        deployment=seen.deployment,
        reason=reason,
        details={"state": [seen.state, moved.state], **(details or {})},
    )
    return moved


def _not_possible(trial: TrialRecord, detail: str) -> Refusal:
    return Refusal("TRIAL_STATE", trial=trial.name, state=trial.state, detail=detail)


def once_only(
    database: Database, origin: Origin, time: int, change: Callable[[Connection], TrialRecord]
) -> TrialRecord:
    """A repeated request gets the trial as it is now."""
    with database.write() as connection:

        def made() -> Result:
            return {"trial": change(connection).id}

        return find_trial(connection, once(connection, origin, time, made)["trial"])
