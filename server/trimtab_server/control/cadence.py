"""When to look: after each draw of canaries, when a step may be over, and no oftener."""

from __future__ import annotations

from trimtab_server.rollouts.observations import Observation, PairObservation
from trimtab_server.rollouts.plan import Analysis, AnalysisPlan, Pause, Shadow
from trimtab_server.store.rollouts import RolloutRecord

#: Seconds between looks of a plan that draws no canaries.
WITHOUT_CANARIES = 60.0

_NANOSECONDS = 1e9


class Cadence:
    """Looks of one rollout. Times are UTC nanoseconds.

    A plan counts looks, and each of them goes with a fresh draw; so between two draws there is a look only where
    a step may be over by what came in or by its time.
    """

    def __init__(self, plan: AnalysisPlan) -> None:
        self._plan = plan
        self.seconds = float(plan.canary.every_seconds) if plan.canary else WITHOUT_CANARIES
        self._here = (-1, -1)
        self._pairs = 0
        self._wanted = False
        self._begun = 0
        self._ends: float | None = None

    def begin(self, record: RolloutRecord, pairs: int = 0) -> None:
        """At a step that it has not heard of, or that began anew; `pairs` were seen in it already."""
        if (record.step, record.step_time) == self._here:
            return
        self._here = (record.step, record.step_time)
        self._pairs, self._wanted, self._begun = pairs, False, record.step_time
        match self._plan.steps[record.step]:
            case Pause(seconds=seconds):
                self._ends = None if seconds is None else float(seconds)
            case Shadow(max_seconds=seconds) | Analysis(max_seconds=seconds):
                self._ends = float(seconds)
            case _:
                self._ends = None

    def saw(self, observation: Observation, record: RolloutRecord) -> None:
        """A shadow step may be over with its last pair."""
        step = self._plan.steps[record.step]
        if isinstance(observation, PairObservation) and isinstance(step, Shadow):
            self._pairs += 1
            self._wanted |= self._pairs >= step.pairs

    def drawn(self) -> None:
        """A draw of canaries is through, or it was time for one and there are none left."""
        self._wanted = True

    def due(self, now: int) -> bool:
        over = self._ends is not None and now - self._begun >= self._ends * _NANOSECONDS
        return self._wanted or over

    def looked(self, now: int) -> None:
        self._wanted = False
        if self._ends is not None and now - self._begun >= self._ends * _NANOSECONDS:
            self._ends = None
