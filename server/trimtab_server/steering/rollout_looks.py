"""Looks at the evidence: what was seen, what the judge made of it, and what follows, in one transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection

from trimtab_server.rollouts import progress
from trimtab_server.rollouts.findings import Look, NextAction
from trimtab_server.rollouts.observations import Observation, to_dict
from trimtab_server.rollouts.verdict import Verdict
from trimtab_server.steering.rollout_change import find_rollout, require_step
from trimtab_server.steering.rollout_transition import apply_look
from trimtab_server.store import audit, rollouts
from trimtab_server.store.database import Database
from trimtab_server.store.refusal import Refusal
from trimtab_server.store.requests import SERVER, Origin
from trimtab_server.store.rollouts import LookRecord, RolloutRecord


def record_look(
    database: Database,
    *,
    rollout: str,
    look: Look,
    judge_state: Mapping[str, Any],
    observations: Sequence[Observation] = (),
    origin: Origin = SERVER,
    time: int,
) -> RolloutRecord:
    """Keeps a look with the judge's state and the observations since the last one, and does what it asks for.

    After a crash the judge goes on from the state of the newest look and the observations kept since; those up to
    the look give its state again. A paused rollout is looked at too, and fails if it must; it does not advance. A
    change of the verdict has an audit record of its own.

    Args:
        judge_state: `Judge.state()`; plain JSON.
        observations: in the order in which the judge saw them.

    Raises:
        Refusal: ROLLOUT_NOT_FOUND, ROLLOUT_STATE (it has ended, or was not started), ROLLOUT_CONFLICT (it is at
            another step than the look: look again there). Nothing is kept then.
    """

    origin = replace(origin, trigger=trigger_of(look) or origin.trigger)

    def change(connection: Connection) -> RolloutRecord:
        found = _find_in_force(connection, rollout)
        require_step(found, look.step)
        kept = _keep(connection, found, look, judge_state, observations, origin, time)
        looked = progress.Looked(look.next_action, look.verdict, look.reason)
        return apply_look(connection, kept, looked, origin, time)

    if look.next_action is NextAction.ABORT:
        return database.settle(change)
    with database.write() as connection:
        return change(connection)


def record_observations(
    database: Database, *, rollout: str, observations: Sequence[Observation], time: int
) -> RolloutRecord:
    """Keeps what the judge saw since the newest look, or since the last call, ahead of the look that sums it up.

    Raises:
        Refusal: ROLLOUT_NOT_FOUND, ROLLOUT_STATE (it has ended, or was not started). Nothing is kept then.
    """
    with database.write() as connection:
        found = _find_in_force(connection, rollout)
        seen = rollouts.add_observations(connection, found, [to_dict(one) for one in observations], time)
        return rollouts.set_counts(connection, found, observation_count=seen)


def trigger_of(look: Look) -> str:
    """The criterion that decided a look that ends well for nobody: its name, statistic, count and limit; ""
    where none did."""
    if look.verdict not in (Verdict.FAIL, Verdict.ERROR):
        return ""
    for finding in look.findings:
        if finding.acts and finding.verdict is look.verdict:
            bar = "" if finding.bar is None else f", log evidence {finding.evidence:.3f} of {finding.bar:.3f}"
            return f"guardrail {finding.name}: n = {finding.count}{bar}"
    return ""


def _find_in_force(connection: Connection, rollout: str) -> RolloutRecord:
    found = find_rollout(connection, rollout)
    if not found.in_force:
        raise Refusal(
            "ROLLOUT_STATE",
            rollout=found.name,
            state=found.state,
            detail="only one that runs or is paused is looked at",
        )
    return found


def _keep(
    connection: Connection,
    found: RolloutRecord,
    look: Look,
    judge_state: Mapping[str, Any],
    observations: Sequence[Observation],
    origin: Origin,
    time: int,
) -> RolloutRecord:
    seen = rollouts.add_observations(connection, found, [to_dict(one) for one in observations], time)
    state, state_hash = rollouts.state_text(judge_state)
    record = LookRecord(
        rollout=found.id,
        number=found.look_count + 1,
        time=time,
        judge_time=look.time,
        step=found.step,
        weight=found.weight,
        verdict=look.verdict.value,
        findings=tuple(finding.as_dict() for finding in look.findings),
        action=look.next_action.value,
        observation_count=seen,
        judge_state=state,
        judge_state_hash=state_hash,
    )
    rollouts.add_look(connection, record)
    values: dict[str, Any] = {
        "look_count": record.number,
        "observation_count": seen,
        "verdict": record.verdict,
    }
    kept = rollouts.set_counts(connection, found, **values)
    if record.verdict != found.verdict:
        audit.append(
            connection,
            time=time,
            origin=origin,
            action="rollout.verdict",
            subject=found.name,
            deployment=found.deployment,
            from_revision=found.stable_revision,
            to_revision=found.stable_revision,
            reason=look.reason,
            details={
                "look": record.number,
                "observations": seen,
                "judge_state_hash": state_hash,
                "verdict": [found.verdict, record.verdict],
                "guardrails": {one.name: one.verdict.value for one in look.findings if one.acts},
            },
        )
    return kept
