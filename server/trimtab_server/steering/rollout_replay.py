"""The looks of a rollout made again from what is stored, to see that they say the same."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from trimtab_server.rollouts.findings import Look
from trimtab_server.rollouts.judge import Judge
from trimtab_server.rollouts.observations import Observation, from_dict
from trimtab_server.rollouts.plan_file import plan_from_json
from trimtab_server.store import references, rollouts
from trimtab_server.store.canonical_json import canonical_json
from trimtab_server.store.refusal import Refusal
from trimtab_server.store.rollouts import LookRecord, RolloutRecord


@dataclass(frozen=True)
class Comparison:
    """A rollout judged again. `differences` is empty if every look came out as it was kept.

    same_states: of how many looks the judge's whole state had the same hash.
    """

    rollout: str
    observations: int
    looks: int
    same_states: int
    verdict: str
    differences: tuple[str, ...]

    @property
    def ok(self) -> bool:
        return not self.differences


def compare_with_replay(connection: Connection, rollout: RolloutRecord) -> Comparison:
    """Judges the stored observations in their order, and compares each look with the one that was kept.

    Raises:
        Refusal: OBSERVATIONS_GONE, their retention is over.
        PlanError, rollouts.judge.ReferenceChanged: the plan or a reference is not what it was.
    """
    kept = rollouts.looks(connection, rollout.id)[::-1]
    seen = [from_dict(body) for body in rollouts.observations(connection, rollout.id)]
    if len(seen) != rollout.observation_count:
        raise Refusal(
            "OBSERVATIONS_GONE", rollout=rollout.name, kept=len(seen), counted=rollout.observation_count
        )
    plan = plan_from_json(rollout.plan)
    values = {one.id: reference_values(connection, one.id) for one in plan.references}
    differences: list[str] = []
    same_states, verdict = 0, ""
    for record, look, state_hash in _looks_again(Judge(plan, values), kept, seen):
        differences += _differences(record, look)
        same_states += state_hash() == record.judge_state_hash
        verdict = look.verdict.value
    return Comparison(rollout.name, len(seen), len(kept), same_states, verdict, tuple(differences))


def reference_values(connection: Connection, name: str) -> Sequence[float]:
    """Of "{reference}/{signal}"; none where there is no such reference, which the judge refuses."""
    reference, _, signal = name.partition("/")
    record = references.find(connection, reference)
    return () if record is None else record.values.get(signal, ())


def _looks_again(
    judge: Judge, kept: Sequence[LookRecord], seen: Sequence[Observation]
) -> Iterator[tuple[LookRecord, Look, Callable[[], str]]]:
    told = 0
    for record in kept:
        for observation in seen[told : record.observation_count]:
            judge.observe(observation)
        told = record.observation_count
        look = judge.look(record.judge_time)
        yield record, look, lambda: rollouts.state_text(judge.state())[1]


def _differences(record: LookRecord, look: Look) -> Iterator[str]:
    if look.verdict.value != record.verdict:
        yield f"look {record.number}: verdict {look.verdict.value}, kept was {record.verdict}"
    if look.next_action.value != record.action:
        yield f"look {record.number}: asks to {look.next_action.value}, kept was {record.action}"
    before = {finding["name"]: finding for finding in record.findings}
    for finding in look.findings:
        again = finding.as_dict()
        # Through JSON both ways, as the kept one went.
        if canonical_json(again) != canonical_json(before.pop(finding.name, {})):
            yield f"look {record.number}: {finding.name}: {finding.text}"
    for name in before:
        yield f"look {record.number}: {name} is not found again"
