"""The Judge of a rollout: observations in, findings and looks out.

Pure: it knows no clock, no randomness and no world. The same plan, references and observations in the same order
give the same looks, bit for bit, also when it is taken apart with `state` and put together again in between.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from trimtab_server.rollouts.criterion import Criterion
from trimtab_server.rollouts.findings import Finding, Look
from trimtab_server.rollouts.measures import Value
from trimtab_server.rollouts.observations import (
    CanariesExhausted,
    CanaryObservation,
    HardFault,
    MeasurementError,
    Observation,
    PairObservation,
    ReplyObservation,
    Signals,
    StepStarted,
)
from trimtab_server.rollouts.plan import OUTCOMES, AnalysisPlan
from trimtab_server.rollouts.plan_rules import check_plan
from trimtab_server.rollouts.sightings import Sightings
from trimtab_server.rollouts.step_look import Sofar, look_at
from trimtab_server.rollouts.verdict import Verdict
from trimtab_server.store.canonical_json import canonical_json, sha256_hex


class ReferenceChanged(ValueError):
    """The values of a reference are not those the plan was made with."""


class Judge:
    """Judges one rollout by its plan.

    `observe` says at once what fails; `look` sums up and says what to do next. Guardrails and hard rules can abort,
    monitors are only shown. A failure or an error stands: nothing seen later takes it back.
    """

    def __init__(self, plan: AnalysisPlan, references: Mapping[str, Sequence[float]] | None = None) -> None:
        """references: the values of each reference that the plan names, by id.

        Raises:
            PlanError: the plan breaks a rule.
            ReferenceChanged: a reference is missing, or its hash is another one than the plan's.
        """
        self.plan = check_plan(plan)
        given = references or {}
        _check_references(plan, given)
        self._criteria = [
            Criterion(plan, own, given.get(own.reference or ""), acts=acts)
            for group, acts in ((plan.guardrails, True), (plan.monitors, False))
            for own in group
        ]
        self._faults: list[Finding] = []
        self._errors: list[str] = []
        self._error: Finding | None = None
        self._fresh = Sightings()
        self._sessions = Sightings()
        self._sofar = Sofar()

    def observe(self, observation: Observation) -> list[Finding]:
        """Takes one fact; what fails, or becomes an error, with it. Such a finding asks for an abort now."""
        match observation:
            case StepStarted(step=step, time=time):
                self._begin(step, time)
                return []
            case HardFault(reason=reason, reply_id=reply):
                return [self._fault(reason, f"{reason} in reply {reply}")]
            case MeasurementError(reason=reason):
                return self._mistaken(reason)
            case CanariesExhausted():
                self._sofar.exhausted = True
                return []
            case CanaryObservation():
                return self._canary(observation)
            case PairObservation():
                return self._pair(observation)
            case ReplyObservation():
                return self._reply(observation)

    def look(self, now: float) -> Look:
        """Sums up at time `now`, in seconds; counts as a look of the current step."""
        self._sofar.looks += 1
        return look_at(self.plan, self._sofar, now, self.findings)

    def findings(self, ask_margin: bool) -> tuple[Finding, ...]:
        """How everything stands, without counting as a look; `ask_margin` as for `Criterion.finding`."""
        error = (self._error,) if self._error is not None else ()
        return (
            *self._faults,
            *error,
            *(criterion.finding(ask_margin=ask_margin) for criterion in self._criteria),
        )

    def state(self) -> dict[str, Any]:
        """Plain JSON; holds digests of ids, no text and no ids. A drift criterion keeps its reference in it."""
        return {
            "plan_hash": self.plan.hash,
            "criteria": [criterion.state() for criterion in self._criteria],
            "faults": [finding.as_dict() for finding in self._faults],
            "errors": list(self._errors),
            "error": self._error.as_dict() if self._error is not None else None,
            "fresh": self._fresh.state(),
            "sessions": self._sessions.state(),
            "sofar": self._sofar.state(),
        }

    @classmethod
    def from_state(
        cls,
        plan: AnalysisPlan,
        state: Mapping[str, Any],
        references: Mapping[str, Sequence[float]] | None = None,
    ) -> Judge:
        """The judge as it was.

        Raises:
            ValueError: the state belongs to another plan.
        """
        if state["plan_hash"] != plan.hash:
            raise ValueError(
                f"this state was kept under plan {state['plan_hash']}, not {plan.hash}; start a new rollout"
            )
        own = cls(plan, references)
        for criterion, kept in zip(own._criteria, state["criteria"], strict=True):
            criterion.restore(kept)
        own._faults = [Finding.from_dict(fault) for fault in state["faults"]]
        own._errors = list(state["errors"])
        own._error = Finding.from_dict(state["error"]) if state["error"] is not None else None
        own._fresh = Sightings(state["fresh"])
        own._sessions = Sightings(state["sessions"])
        own._sofar = Sofar.from_state(state["sofar"])
        return own

    def _begin(self, step: int, time: float) -> None:
        if not 0 <= step < len(self.plan.steps):
            raise ValueError(f"step is {step}; the plan has steps 0 to {len(self.plan.steps) - 1}")
        self._sofar.begin(step, time)
        self._errors.clear()

    def _canary(self, seen: CanaryObservation) -> list[Finding]:
        for outcome in (seen.stable_outcome, seen.candidate_outcome):
            if outcome not in OUTCOMES:
                return self._mistaken(
                    f"canary {seen.question_id} scored {outcome!r}, not {', '.join(OUTCOMES)}"
                )
        if not self._fresh.is_new("canary", seen.question_id, seen.seed):
            return []
        found = self._hard(seen.candidate, seen.question_id, neutral=seen.kind == "neutral")
        self._sofar.drawn[seen.kind] = self._sofar.drawn.get(seen.kind, 0) + 1
        stable = _with_outcome(seen.stable, seen.stable_outcome)
        candidate = _with_outcome(seen.candidate, seen.candidate_outcome)
        return [*found, *self._compare("canary", seen.kind, stable, candidate, seen.question_id)]

    def _pair(self, seen: PairObservation) -> list[Finding]:
        if not self._fresh.is_new("pair", seen.prompt_id, seen.seed):
            return []
        found = self._hard(seen.candidate, seen.prompt_id, neutral=False)
        self._sofar.pairs += 1
        return [*found, *self._compare("shadow", None, seen.stable, seen.candidate, seen.prompt_id)]

    def _reply(self, seen: ReplyObservation) -> list[Finding]:
        candidate = seen.arm == "candidate"
        found = self._hard(seen.signals, seen.reply_id, neutral=False) if candidate else []
        self._sofar.replies += candidate
        new_session = self._sessions.is_new(seen.session)
        first = self._sessions.is_new(seen.session, seen.arm)
        for criterion in self._of("traffic"):
            own = criterion.guardrail
            if own.test == "sample_ratio":
                # All or nothing is no draw.
                if new_session and 0 < seen.weight < 100:
                    value = Value(candidate=float(candidate), share=seen.weight / 100.0)
                    found += self._give(criterion, value)
                continue
            if own.signal not in seen.signals or (own.per_session == "first" and not first):
                continue
            number = seen.signals[own.signal]
            if candidate:
                found += self._give(criterion, Value(candidate=number, key=seen.reply_id))
            elif own.test == "unpaired_mean":
                found += self._give(criterion, Value(stable=number))
        return found

    def _compare(
        self, unit: str, kind: str | None, stable: Signals, candidate: Signals, key: str
    ) -> list[Finding]:
        found: list[Finding] = []
        for criterion in self._of(unit, kind):
            name = criterion.guardrail.signal
            if name in candidate and name in stable:
                found += self._give(criterion, Value(stable[name], candidate[name], key=key))
            elif name in candidate and criterion.guardrail.test in ("mean_limit", "rate_limit", "drift"):
                found += self._give(criterion, Value(candidate=candidate[name], key=key))
        return found

    def _of(self, unit: str, kind: str | None = None) -> Iterator[Criterion]:
        for criterion in self._criteria:
            if criterion.guardrail.unit == unit and criterion.guardrail.kind == kind:
                yield criterion

    def _give(self, criterion: Criterion, value: Value) -> list[Finding]:
        try:
            failed = criterion.update(value)
        except ValueError as fault:
            return self._mistaken(f"{criterion.guardrail.name}: {fault}")
        return [criterion.finding(ask_margin=False)] if failed and criterion.acts else []

    def _hard(self, signals: Signals, source: str, *, neutral: bool) -> list[Finding]:
        """Rules that need no statistics, on the candidate's own values."""
        found = []
        for name, value in signals.items():
            if not math.isfinite(value):
                found.append(self._fault("not finite", f"{name} is {value} in reply {source}"))
        for limit in self.plan.hard_limits:
            value = signals.get(limit.signal, -math.inf)
            if limit.cap < value < math.inf and (neutral or not limit.signal.startswith("kl")):
                text = f"{limit.signal} is {value:g} in reply {source}, above the cap {limit.cap:g}"
                found.append(self._fault(f"{limit.signal} over its cap", text))
        return found

    def _fault(self, name: str, text: str) -> Finding:
        """The first of each name is kept: one is enough, and a broken candidate has thousands."""
        finding = Finding(name, Verdict.FAIL, acts=True, count=1, text=text)
        if all(own.name != name for own in self._faults):
            self._faults.append(finding)
        return finding

    def _mistaken(self, reason: str) -> list[Finding]:
        self._errors.append(reason)
        if self._error is not None or len(self._errors) < self.plan.error_at:
            return []
        text = f"{len(self._errors)} measurements went wrong, the last one: {reason}"
        self._error = Finding("measurement", Verdict.ERROR, acts=True, count=len(self._errors), text=text)
        return [self._error]


def reference_hash(values: Sequence[float]) -> str:
    """What `plan.Reference.hash` holds: SHA-256 of the canonical JSON of the values, in order."""
    return sha256_hex(canonical_json([float(value) for value in values]))


def _check_references(plan: AnalysisPlan, given: Mapping[str, Sequence[float]]) -> None:
    for reference in plan.references:
        if reference.id not in given:
            raise ReferenceChanged(f"reference {reference.id!r} is missing; give its recorded values")
        found = reference_hash(given[reference.id])
        if found != reference.hash:
            raise ReferenceChanged(
                f"reference {reference.id!r} has hash {found}, the plan was made with {reference.hash}; restore "
                "those values, or make a new plan"
            )


def _with_outcome(signals: Signals, outcome: str) -> dict[str, float]:
    return {**signals, **{own: float(own == outcome) for own in OUTCOMES}}
