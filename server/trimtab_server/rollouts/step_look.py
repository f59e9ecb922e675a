"""What a look at the current step asks for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from trimtab_server.rollouts.findings import Finding, Look, NextAction
from trimtab_server.rollouts.plan import Analysis, AnalysisPlan, Guardrail, Pause, SetWeight, Shadow
from trimtab_server.rollouts.verdict import Verdict, combine


@dataclass
class Sofar:
    """What the current step has seen; `drawn` and `exhausted` are of the whole rollout."""

    step: int = 0
    begun: float | None = None
    looks: int = 0
    pairs: int = 0
    replies: int = 0
    drawn: dict[str, int] = field(default_factory=dict)
    exhausted: bool = False

    def begin(self, step: int, time: float) -> None:
        self.step, self.begun = step, time
        self.looks = self.pairs = self.replies = 0

    def state(self) -> dict[str, Any]:
        return {**vars(self), "drawn": dict(self.drawn)}

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Sofar:
        return cls(**{**state, "drawn": dict(state["drawn"])})


def look_at(
    plan: AnalysisPlan, sofar: Sofar, now: float, findings: Callable[[bool], tuple[Finding, ...]]
) -> Look:
    """The look at the current step.

    Raises:
        ValueError: no step has begun.
    """
    if sofar.begun is None:
        raise ValueError("no step has begun; observe a StepStarted before the first look")
    step = plan.steps[sofar.step]
    last = sofar.step == len(plan.steps) - 1
    found = findings(isinstance(step, Analysis) and (step.non_inferiority or last))
    acting = [finding for finding in found if finding.acts]
    counted = {own.name for own in plan.guardrails if _counts(plan, sofar.step, own)}
    guardrails = {own.name for own in plan.guardrails}
    # A guardrail whose values cannot have come yet is no lack of data; its failure would count all the same.
    verdict = combine(
        finding.verdict
        for finding in acting
        if finding.name in counted or finding.name not in guardrails or finding.verdict is Verdict.FAIL
    )
    action, reason = _decide(plan, sofar, now, verdict, acting)
    # No alarm in half the data is no pass yet.
    if verdict is Verdict.PASS and action in (NextAction.CONTINUE, NextAction.PAUSE):
        verdict = Verdict.NOT_ENOUGH_DATA
    return Look(verdict, found, action, sofar.step, sofar.looks, now, reason)


def _counts(plan: AnalysisPlan, place: int, guardrail: Guardrail) -> bool:
    """Whether this guardrail has had its chance by this step, so that missing values are missing data."""
    so_far = plan.steps[: place + 1]
    match guardrail.unit:
        case "canary":
            return any(isinstance(step, Analysis) for step in so_far)
        case "shadow":
            return any(isinstance(step, Shadow) for step in so_far)
        case "traffic":
            weights = [step.percent for step in so_far if isinstance(step, SetWeight)]
            if guardrail.test == "sample_ratio":
                return any(0 < percent < 100 for percent in weights)
            return any(weights)


def _decide(
    plan: AnalysisPlan, sofar: Sofar, now: float, verdict: Verdict, acting: list[Finding]
) -> tuple[NextAction, str]:
    if verdict in (Verdict.FAIL, Verdict.ERROR):
        worst = next(finding for finding in acting if finding.verdict is verdict)
        return NextAction.ABORT, f"{worst.name}: {worst.text}"
    elapsed = now - (sofar.begun or 0.0)
    match plan.steps[sofar.step]:
        case Pause(seconds=None):
            return NextAction.WAIT, "the plan waits here for a person"
        case Pause(seconds=seconds):
            over = elapsed >= (seconds or 0)
            return (
                (NextAction.ADVANCE, "the pause is over")
                if over
                else (NextAction.CONTINUE, "the pause goes on")
            )
        case Shadow() as step:
            enough = sofar.pairs >= step.pairs
            progress = f"{sofar.pairs} of {step.pairs} pairs"
            return _settle(
                verdict, enough, enough or elapsed >= step.max_seconds, progress, NextAction.ADVANCE, acting
            )
        case Analysis() as step:
            last = sofar.step == len(plan.steps) - 1
            enough = sofar.looks >= step.looks and sofar.replies >= step.min_replies
            over = elapsed >= step.max_seconds or (enough and _nothing_to_come(plan, sofar, step))
            progress = f"{sofar.looks} of {step.looks} looks, {sofar.replies} of {step.min_replies} replies"
            return _settle(
                verdict, enough, over, progress, NextAction.PROMOTE if last else NextAction.ADVANCE, acting
            )
        case SetWeight():
            raise ValueError("a weight is set in passing; a step that takes time is expected here")


def _settle(
    verdict: Verdict, enough: bool, over: bool, progress: str, onward: NextAction, acting: list[Finding]
) -> tuple[NextAction, str]:
    if enough and verdict is Verdict.PASS:
        return onward, f"{progress}, nothing failed" + (
            ", non-inferiority shown" if onward is NextAction.PROMOTE else ""
        )
    missing = [finding.name for finding in acting if finding.verdict is Verdict.NOT_ENOUGH_DATA]
    lacking = f"; not enough data: {', '.join(missing)}" if missing else ""
    return (NextAction.PAUSE if over else NextAction.CONTINUE), f"{progress}{lacking}"


def _nothing_to_come(plan: AnalysisPlan, sofar: Sofar, step: Analysis) -> bool:
    """Whether waiting cannot bring anything more to this step."""
    canary = plan.canary
    drawn_out = (
        canary is None
        or sofar.exhausted
        or all(sofar.drawn.get(kind, 0) >= canary.max_draws for kind in canary.kinds)
    )
    weights = [own.percent for own in plan.steps[: sofar.step] if isinstance(own, SetWeight)]
    traffic = bool(weights and weights[-1])
    full = step.max_replies is not None and sofar.replies >= step.max_replies
    return drawn_out and (full or not traffic)
