"""Whole rollouts through the production Judge and steps, on material that was really measured.

The caller gives arrays of canary outcomes, shadow pairs and live replies of two snapshots; rows are drawn from them
with replacement. With `equal_arms` the two arms of each drawn row are swapped at random and live replies pooled: two
arms that are equal, and yet differ from row to row as much as the measured ones, for false alarms.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, TypeAlias

from trimtab_server.rollouts.findings import NextAction
from trimtab_server.rollouts.judge import Judge
from trimtab_server.rollouts.observations import (
    CanaryObservation,
    Observation,
    PairObservation,
    ReplyObservation,
    Signals,
    StepStarted,
)
from trimtab_server.rollouts.plan import Analysis, AnalysisPlan, Pause, Shadow
from trimtab_server.rollouts.progress import (
    ENDED,
    BeginStep,
    Effect,
    Event,
    Looked,
    Progress,
    Resume,
    Start,
    State,
    advance,
)
from trimtab_server.rollouts.replay import Entry, LookAt
from trimtab_server.rollouts.verdict import Verdict

_DAY: Final = 86_400.0
#: Between looks of a plan without canaries.
_LOOK_SECONDS: Final = 3_600.0
_NO_SIGNALS: Final[dict[str, float]] = {}


@dataclass(frozen=True)
class CanaryRow:
    """One question as both arms answered it. `kind` and outcomes as in the plan."""

    kind: str
    stable_outcome: str
    candidate_outcome: str
    stable: Signals = field(default_factory=lambda: _NO_SIGNALS)
    candidate: Signals = field(default_factory=lambda: _NO_SIGNALS)


Pair: TypeAlias = tuple[Signals, Signals]


@dataclass(frozen=True)
class Material:
    """What was measured: canaries of all kinds that the plan draws, shadow pairs (stable, candidate), and the
    signals of live replies of each arm. A part that the plan does not use may be empty."""

    canaries: Sequence[CanaryRow] = ()
    pairs: Sequence[Pair] = ()
    stable_replies: Sequence[Signals] = ()
    candidate_replies: Sequence[Signals] = ()


@dataclass(frozen=True)
class Traffic:
    """replies_per_day, and how many in a row belong to one session."""

    replies_per_day: float = 50.0
    replies_per_session: int = 1


@dataclass(frozen=True)
class Outcome:
    """How a simulated rollout ended: `promoted`, `failed` (the Judge aborted) or `paused` (not enough data).

    deciders: names of what failed. questions, pairs, candidate_replies, looks, seconds: used until then.
    """

    state: State
    verdict: Verdict
    reason: str
    deciders: tuple[str, ...]
    questions: int
    pairs: int
    candidate_replies: int
    looks: int
    seconds: float


@dataclass(frozen=True)
class Tally:
    """Rollouts by how they ended."""

    outcomes: tuple[Outcome, ...]

    def count(self, state: State) -> int:
        return sum(outcome.state is state for outcome in self.outcomes)

    def as_dict(self) -> dict[str, Any]:
        return {
            "runs": len(self.outcomes),
            **{state.value: self.count(state) for state in (State.PROMOTED, State.FAILED, State.PAUSED)},
        }


def simulate(
    plan: AnalysisPlan,
    material: Material,
    *,
    seed: int | str,
    equal_arms: bool = False,
    traffic: Traffic | None = None,
    references: Mapping[str, Sequence[float]] | None = None,
) -> Outcome:
    """One rollout, to its end or to the first pause for lack of data. Pauses for a person are resumed at once."""
    return SimulatedRollout(
        plan, material, seed, equal_arms=equal_arms, traffic=traffic, references=references
    ).run()


def simulate_many(
    plan: AnalysisPlan,
    materials: Sequence[Material],
    *,
    runs: int,
    seed: int,
    equal_arms: bool = False,
    traffic: Traffic | None = None,
    references: Mapping[str, Sequence[float]] | None = None,
) -> Tally:
    """`runs` rollouts, the materials in turn, each with a seed of its own."""
    outcomes = []
    for run in range(runs):
        own = materials[run % len(materials)]
        outcomes.append(
            simulate(
                plan, own, seed=f"{seed}/{run}", equal_arms=equal_arms, traffic=traffic, references=references
            )
        )
    return Tally(tuple(outcomes))


def _swapped(row: CanaryRow) -> CanaryRow:
    return replace(
        row,
        stable_outcome=row.candidate_outcome,
        candidate_outcome=row.stable_outcome,
        stable=row.candidate,
        candidate=row.stable,
    )


class SimulatedRollout:
    """One rollout; `entries` afterwards holds all the Judge saw, for a replay."""

    def __init__(
        self,
        plan: AnalysisPlan,
        material: Material,
        seed: int | str,
        *,
        equal_arms: bool = False,
        traffic: Traffic | None = None,
        references: Mapping[str, Sequence[float]] | None = None,
    ) -> None:
        self.plan = plan
        self.entries: list[Entry] = []
        self.judge = Judge(plan, references)
        self._material = material
        self._traffic = traffic or Traffic()
        self._equal_arms = equal_arms
        self._rng = random.Random(seed)
        self._rows = {
            kind: [row for row in material.canaries if row.kind == kind]
            for kind in (plan.canary.kinds if plan.canary else ())
        }
        self._drawn = dict.fromkeys(self._rows, 0)
        self._progress = Progress()
        self._clock = 0.0
        self._due = 0.0
        self._replies = self._pairs = self._candidate_replies = self._looks = 0
        self._arm_of_session = False
        self._verdict = Verdict.NOT_ENOUGH_DATA
        self._deciders: tuple[str, ...] = ()

    def run(self) -> Outcome:
        self._happen(Start())
        while self._progress.state not in ENDED:
            if any(self._observe(fact) for fact in self._facts()):
                self._look()
                break
            action = self._look()
            if action is NextAction.WAIT:
                self._happen(Resume())
            elif self._progress.state is State.PAUSED:
                break
        return Outcome(
            state=self._progress.state,
            verdict=self._verdict,
            reason=self._progress.reason,
            deciders=self._deciders,
            questions=sum(self._drawn.values()),
            pairs=self._pairs,
            candidate_replies=self._candidate_replies,
            looks=self._looks,
            seconds=self._clock,
        )

    def _observe(self, fact: Observation) -> bool:
        self.entries.append(fact)
        return bool(self.judge.observe(fact))

    def _look(self) -> NextAction:
        self.entries.append(LookAt(self._clock))
        look = self.judge.look(self._clock)
        self._looks += 1
        self._verdict = look.verdict
        self._deciders = tuple(
            own.name for own in look.findings if own.acts and own.verdict in (Verdict.FAIL, Verdict.ERROR)
        )
        if look.next_action is not NextAction.WAIT:
            self._happen(Looked(look.next_action, look.verdict, look.reason))
        return look.next_action

    def _happen(self, event: Event) -> None:
        self._progress, effects = advance(self.plan, self._progress, event)
        for effect in effects:
            self._do(effect)

    def _do(self, effect: Effect) -> None:
        if isinstance(effect, BeginStep):
            self._observe(StepStarted(effect.step, self._clock))

    def _facts(self) -> Iterator[Observation]:
        """What happens until the next look."""
        match self.plan.steps[self._progress.step]:
            case Pause(seconds=seconds):
                yield from self._live(seconds or 0.0)
            case Shadow(pairs=pairs):
                for _ in range(pairs):
                    self._clock += self._seconds_per_reply
                    yield self._shadow_pair()
            case Analysis():
                yield from self._canaries()
                every = self.plan.canary.every_seconds if self.plan.canary else _LOOK_SECONDS
                yield from self._live(every)

    def _swap(self) -> bool:
        """Whether to swap the arms of the row drawn next."""
        return self._equal_arms and self._rng.random() < 0.5

    @property
    def _seconds_per_reply(self) -> float:
        return _DAY / self._traffic.replies_per_day if self._traffic.replies_per_day else _DAY

    def _canaries(self) -> Iterator[Observation]:
        canary = self.plan.canary
        if canary is None:
            return
        for kind, rows in self._rows.items():
            for _ in range(min(canary.draw, canary.max_draws - self._drawn[kind]) if rows else 0):
                row = self._rng.choice(rows)
                if self._swap():
                    row = _swapped(row)
                self._drawn[kind] += 1
                yield CanaryObservation(
                    question_id=f"{kind}/{self._drawn[kind]}",
                    kind=kind,
                    stable_outcome=row.stable_outcome,
                    candidate_outcome=row.candidate_outcome,
                    stable=row.stable,
                    candidate=row.candidate,
                )

    def _shadow_pair(self) -> PairObservation:
        stable, candidate = self._rng.choice(self._material.pairs)
        if self._swap():
            stable, candidate = candidate, stable
        self._pairs += 1
        return PairObservation(f"prompt {self._pairs}", stable, candidate)

    def _live(self, seconds: float) -> Iterator[Observation]:
        """The replies of so many seconds. Without replies of an arm in the material there is no traffic."""
        weight, material = self._progress.weight, self._material
        self._clock += seconds
        self._due += seconds / self._seconds_per_reply if self._traffic.replies_per_day else 0.0
        while self._due >= 1.0:
            self._due -= 1.0
            if not (material.stable_replies and material.candidate_replies):
                continue
            session, place = divmod(self._replies, self._traffic.replies_per_session)
            if place == 0:
                self._arm_of_session = self._rng.random() * 100.0 < weight
            candidate = self._arm_of_session
            pool = material.candidate_replies if candidate != self._swap() else material.stable_replies
            self._replies += 1
            self._candidate_replies += candidate
            yield ReplyObservation(
                arm="candidate" if candidate else "stable",
                session=f"session {session}",
                signals=self._rng.choice(pool),
                reply_id=f"reply {self._replies}",
                weight=weight,
            )
