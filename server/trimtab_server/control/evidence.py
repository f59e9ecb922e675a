"""What a rollout's judge has seen: every observation goes through here, at once and in one order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from trimtab_server.rollouts.findings import Finding, Look
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
    """A look with what has to be kept beside it; `after` observations were kept before the first of these."""

    look: Look
    judge_state: Mapping[str, Any]
    observations: Sequence[Observation]
    after: int


class Evidence:
    """One rollout's evidence. Every method is quick and waits for nothing.

    begun: the step and its start in seconds, as the judge was told last; None if it was told none.
    """

    def __init__(self, judge: Judging, begun: tuple[int, float] | None) -> None:
        self._judge = judge
        self._begun = begun
        self._unkept: list[Observation] = []
        self._kept = 0

    def begin_step(self, record: RolloutRecord) -> bool:
        """Tells the judge of a step it has not heard of, or of one that began anew; whether it was news."""
        here = (record.step, record.step_time / _NANOSECONDS)
        if here == self._begun:
            return False
        self._begun = here
        self.add(StepStarted(*here))
        return True

    def add(self, observation: Observation) -> bool:
        """Whether a guardrail or a hard rule has found harm, or that it cannot be measured."""
        findings = self._judge.observe(observation)
        self._unkept.append(observation)
        return any(one.acts and one.verdict in (Verdict.FAIL, Verdict.ERROR) for one in findings)

    def read(self, now: int) -> Reading:
        """Looks; `now` in UTC nanoseconds."""
        look = self._judge.look(now / _NANOSECONDS)
        return Reading(look, self._judge.state(), tuple(self._unkept), self._kept)

    def still_unkept(self, reading: Reading) -> Reading:
        """The reading without what an earlier one has kept meanwhile."""
        done = self._kept - reading.after
        return replace(reading, observations=reading.observations[done:], after=self._kept)

    def kept(self, reading: Reading) -> None:
        """The store has it, as `still_unkept` gave it."""
        count = len(reading.observations)
        del self._unkept[:count]
        self._kept += count
