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

    @property
    def unkept(self) -> tuple[Observation, ...]:
        """What the store does not have yet."""
        return tuple(self._unkept)

    def begin_step(self, record: RolloutRecord) -> None:
        """Tells the judge of a step it has not heard of, or of one that began anew."""
        here = (record.step, record.step_time / _NANOSECONDS)
        if here != self._begun:
            self._begun = here
            self.add(StepStarted(*here))

    def add(self, observation: Observation) -> bool:
        """Whether a guardrail or a hard rule has found harm, or that it cannot be measured."""
        decides = self._observe(observation)
        self._unkept.append(observation)
        return decides

    def hear_again(self, observation: Observation) -> bool:
        """The same for one that the store has: it was judged before, in a process that ended before its look."""
        if isinstance(observation, StepStarted):
            self._begun = (observation.step, observation.time)
        return self._observe(observation)

    def _observe(self, observation: Observation) -> bool:
        findings = self._judge.observe(observation)
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
        self.kept_first(len(reading.observations))

    def kept_first(self, count: int) -> None:
        """The store has so many of those it did not have."""
        del self._unkept[:count]
        self._kept += count
