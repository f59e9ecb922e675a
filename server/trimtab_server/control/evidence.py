"""What a rollout's judge has seen: every observation goes through here, at once and in one order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from trimtab_server.rollouts.findings import Finding, Look, NextAction
from trimtab_server.rollouts.observations import Observation, StepStarted
from trimtab_server.rollouts.verdict import Verdict
from trimtab_server.store.rollouts import RolloutRecord

_NANOSECONDS = 1e9


class Judging(Protocol):
    """What the controller needs of `rollouts.judge.Judge`."""

    def observe(self, observation: Observation) -> list[Finding]: ...

    def look(self, now: float) -> Look: ...

    def state(self) -> dict[str, Any]: ...


@dataclass(frozen=True)
class Reading:
    """A look with what has to be kept beside it."""

    look: Look
    judge_state: Mapping[str, Any]
    observations: Sequence[Observation]


class Evidence:
    """One rollout's evidence. Every method is quick and waits for nothing.

    begun: the step and its start, in nanoseconds, that the judge was told last; None if none.
    """

    def __init__(self, judge: Judging, begun: tuple[int, int] | None) -> None:
        self._judge = judge
        self._begun = begun
        self._unkept: list[Observation] = []

    @property
    def unkept(self) -> int:
        """Observations since the last look that was kept."""
        return len(self._unkept)

    def begin_step(self, record: RolloutRecord) -> bool:
        """Tells the judge of a step it has not heard of, or of one that began anew; whether it was news."""
        here = (record.step, record.step_time)
        if here == self._begun:
            return False
        self._begun = here
        self.add(StepStarted(record.step, record.step_time / _NANOSECONDS))
        return True

    def add(self, observation: Observation) -> bool:
        """Whether a guardrail or a hard rule has found harm, or that it cannot be measured."""
        findings = self._judge.observe(observation)
        self._unkept.append(observation)
        return any(one.acts and one.verdict in (Verdict.FAIL, Verdict.ERROR) for one in findings)

    def read(self, now: int) -> Reading:
        """Looks; `now` in UTC nanoseconds."""
        look = self._judge.look(now / _NANOSECONDS)
        return Reading(look, self._judge.state(), tuple(self._unkept))

    def kept(self, reading: Reading) -> None:
        """The store has it."""
        del self._unkept[: len(reading.observations)]


def moves(look: Look) -> bool:
    """Whether the rollout does not stay where it is."""
    return look.next_action is not NextAction.CONTINUE
