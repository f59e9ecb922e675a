"""Which plans make no sense, and what to change in them."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from trimtab_server.rollouts.plan import (
    OUTCOMES,
    Analysis,
    AnalysisPlan,
    Guardrail,
    Pause,
    SetWeight,
    Shadow,
)

COMPARISONS: Final = ("paired_outcome", "paired_mean", "unpaired_mean")
#: Tests of one arm alone.
LIMITS: Final = ("mean_limit", "rate_limit", "drift")
_UNITS_OF_TEST: Final = {
    "paired_outcome": ("canary",),
    "paired_mean": ("canary", "shadow"),
    "unpaired_mean": ("traffic",),
    "mean_limit": ("canary", "shadow", "traffic"),
    "rate_limit": ("canary", "shadow", "traffic"),
    "drift": ("traffic", "shadow"),
    "sample_ratio": ("traffic",),
}


@dataclass(frozen=True)
class Fault:
    """key: where in the plan, as in `guardrails[0].cap`; fix: what to write instead."""

    key: str
    fault: str
    fix: str

    def __str__(self) -> str:
        return f"{self.key}: {self.fault}; {self.fix}"


class PlanError(ValueError):
    """A plan that cannot be used. The message has one line per fault, each with its key and its fix."""

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        self.faults = faults
        super().__init__("\n".join(str(fault) for fault in faults))


def check_plan(plan: AnalysisPlan) -> AnalysisPlan:
    """The same plan.

    Raises:
        PlanError: it breaks a rule.
    """
    faults = tuple(faults_of(plan))
    if faults:
        raise PlanError(faults)
    return plan


def faults_of(plan: AnalysisPlan) -> Iterator[Fault]:
    """Every rule the plan breaks."""
    if not plan.name.strip():
        yield Fault("name", "is empty", "give the plan a name")
    for key in ("false_alarm", "wrong_promotion"):
        value = getattr(plan, key)
        if not 0.0 < value <= 0.2:
            yield Fault(key, f"is {value}", "give a chance above 0 and at most 0.2, such as 0.035")
    if plan.error_at < 1:
        yield Fault("error_at", f"is {plan.error_at}", "give 1 or more: the N-th error counts")
    yield from _steps(plan)
    yield from _canary(plan)
    yield from _criteria(plan)
    for place, limit in enumerate(plan.hard_limits):
        if not math.isfinite(limit.cap):
            yield Fault(f"hard_limits[{place}].cap", f"is {limit.cap}", "give a finite number")


def _steps(plan: AnalysisPlan) -> Iterator[Fault]:
    if not plan.steps:
        yield Fault("steps", "is empty", "give at least one analysis")
        return
    weight = 0
    for place, step in enumerate(plan.steps):
        key = f"steps[{place}]"
        match step:
            case Shadow(pairs=pairs, max_seconds=seconds):
                if pairs < 1 or seconds < 1:
                    yield Fault(key, f"has {pairs} pairs in {seconds} s", "give at least 1 of each")
            case SetWeight(percent=percent):
                if not 0 <= percent <= 100:
                    yield Fault(f"{key}.percent", f"is {percent}", "give a share of sessions from 0 to 100")
                elif percent < weight:
                    yield Fault(
                        f"{key}.percent",
                        f"is {percent} after {weight}",
                        "weights only grow; abort takes them back",
                    )
                weight = percent
            case Pause(seconds=seconds):
                if seconds is not None and seconds < 1:
                    yield Fault(
                        f"{key}.seconds", f"is {seconds}", "give 1 or more, or none to wait for a person"
                    )
            case Analysis():
                yield from _analysis(plan, key, step, weight)
    if not isinstance(plan.steps[-1], Analysis):
        yield Fault(
            f"steps[{len(plan.steps) - 1}]", "is not an analysis", "end with an analysis: its pass promotes"
        )


def _analysis(plan: AnalysisPlan, key: str, step: Analysis, weight: int) -> Iterator[Fault]:
    if step.looks < 1 or step.max_seconds < 1 or step.min_replies < 0:
        yield Fault(
            key, "has no look, no time or negative replies", "give looks and max_seconds of 1 or more"
        )
    if step.max_replies is not None and step.max_replies < max(1, step.min_replies):
        yield Fault(f"{key}.max_replies", f"is {step.max_replies}", "give at least min_replies, and 1")
    if step.min_replies and not weight:
        yield Fault(
            f"{key}.min_replies", "is asked for while the weight is 0", "set a weight before, or leave it out"
        )


def _canary(plan: AnalysisPlan) -> Iterator[Fault]:
    if plan.canary is None:
        return
    if not plan.canary.kinds or len(set(plan.canary.kinds)) != len(plan.canary.kinds):
        yield Fault("canary.kinds", "is empty or names a kind twice", "name each kind to draw once")
    if not 1 <= plan.canary.draw <= plan.canary.max_draws:
        yield Fault(
            "canary.draw",
            f"is {plan.canary.draw} of at most {plan.canary.max_draws}",
            "draw at least 1 question a look, and at most max_draws in all",
        )
    if plan.canary.every_seconds < 1:
        yield Fault("canary.every_seconds", f"is {plan.canary.every_seconds}", "give 1 or more")


def _criteria(plan: AnalysisPlan) -> Iterator[Fault]:
    if not plan.guardrails:
        yield Fault("guardrails", "is empty", "give at least one: a plan that cannot fail decides nothing")
    if not any(guardrail.margin is not None for guardrail in plan.guardrails):
        yield Fault(
            "guardrails",
            "none has a margin",
            "give one comparison a margin: promotion needs non-inferiority shown",
        )
    shares = sum(guardrail.alpha_share for guardrail in plan.guardrails)
    if shares > 1.0 + 1e-9:
        yield Fault("guardrails", f"have alpha_share {shares:g} in all", "lower the shares to 1 in all")
    names = Counter(criterion.name for criterion in (*plan.guardrails, *plan.monitors))
    for name, count in names.items():
        if count > 1:
            yield Fault("guardrails", f"{count} criteria are named {name!r}", "give each its own name")
    weights = {step.percent for step in plan.steps if isinstance(step, SetWeight)}
    if weights - {0, 100} and not any(one.test == "sample_ratio" for one in plan.guardrails):
        yield Fault(
            "guardrails",
            "none checks the sample ratio",
            "add one with test = 'sample_ratio', unit = 'traffic'",
        )
    reached = {"canary"} if plan.canary else set()
    reached |= {"shadow"} if any(isinstance(step, Shadow) for step in plan.steps) else set()
    reached |= {"traffic"} if any(weights) else set()
    for place, guardrail in enumerate(plan.guardrails):
        if guardrail.unit not in reached:
            yield Fault(
                f"guardrails[{place}].unit",
                f"is {guardrail.unit!r}, of which no step brings any",
                "add a canary section, a shadow step or a weight, or make it a monitor",
            )
    for group in ("guardrails", "monitors"):
        for place, criterion in enumerate(getattr(plan, group)):
            yield from _criterion(plan, f"{group}[{place}]", criterion, acts=group == "guardrails")


def _criterion(plan: AnalysisPlan, key: str, own: Guardrail, *, acts: bool) -> Iterator[Fault]:
    if not own.name.strip():
        yield Fault(f"{key}.name", "is empty", "give it a name")
    if not 0.0 < own.alpha_share <= 1.0:
        yield Fault(f"{key}.alpha_share", f"is {own.alpha_share}", "give a share above 0 and at most 1")
    if own.unit not in _UNITS_OF_TEST[own.test]:
        allowed = ", ".join(_UNITS_OF_TEST[own.test])
        yield Fault(f"{key}.unit", f"is {own.unit!r} for test {own.test!r}", f"use {allowed}")
    if own.batch < 1 or own.fail_at < 1 or own.min_replies < 0:
        yield Fault(
            key, "has a batch, fail_at or min_replies out of range", "give 1 or more (min_replies: 0)"
        )
    if own.max_replies is not None and own.max_replies < max(1, own.min_replies):
        yield Fault(f"{key}.max_replies", f"is {own.max_replies}", "give at least min_replies, and 1")
    if own.test == "paired_outcome" and own.fail_at > 1 and plan.canary and plan.canary.mode == "fixed":
        yield Fault(f"{key}.fail_at", f"is {own.fail_at}", "one test of fixed size has one alarm; use 1")
    if own.after_promotion == "rollback" and not (acts and own.unit == "traffic" and own.test in LIMITS):
        yield Fault(
            f"{key}.after_promotion",
            f"is 'rollback' for test {own.test!r} of unit {own.unit!r}",
            f"only guardrails on traffic can, with test {', '.join(LIMITS)}; use 'tell'",
        )
    yield from _signal(plan, key, own, acts=acts)
    yield from _limit(key, own)
    if own.test in COMPARISONS:
        yield from _comparison(key, own)
    elif own.margin is not None:
        yield Fault(
            f"{key}.margin", f"is given for test {own.test!r}", f"only {', '.join(COMPARISONS)} have one"
        )
    if own.test == "drift" and own.reference not in {reference.id for reference in plan.references}:
        yield Fault(
            f"{key}.reference",
            f"is {own.reference!r}",
            "name one of `references` (trimtab monitor record-reference)",
        )


def _signal(plan: AnalysisPlan, key: str, own: Guardrail, *, acts: bool) -> Iterator[Fault]:
    if own.test == "sample_ratio":
        return
    if not own.signal:
        yield Fault(f"{key}.signal", "is empty", "name a signal")
    if own.unit == "canary":
        kinds = plan.canary.kinds if plan.canary else ()
        if own.kind not in kinds:
            yield Fault(
                f"{key}.kind", f"is {own.kind!r}", f"name one of canary.kinds: {', '.join(kinds) or 'none'}"
            )
    elif own.kind is not None:
        yield Fault(
            f"{key}.kind", f"is given for unit {own.unit!r}", "only canaries have a kind; leave it out"
        )
    if own.test == "paired_outcome" and own.signal not in OUTCOMES:
        yield Fault(f"{key}.signal", f"is {own.signal!r}", f"use an outcome: {', '.join(OUTCOMES)}")
    if acts and own.signal.startswith("kl") and own.kind != "neutral":
        yield Fault(
            f"{key}.signal",
            f"is {own.signal!r} outside neutral canaries, where a vector that works moves it",
            "use unit = 'canary', kind = 'neutral', or make it a monitor",
        )


def _limit(key: str, own: Guardrail) -> Iterator[Fault]:
    if not math.isfinite(own.limit):
        yield Fault(f"{key}.limit", f"is {own.limit}", "give a finite number")
    if own.test == "rate_limit" and not 0.0 < own.limit < 1.0:
        yield Fault(f"{key}.limit", f"is {own.limit}", "give a rate between 0 and 1")
    if own.test == "rate_limit" and own.batch != 1:
        yield Fault(
            f"{key}.batch", f"is {own.batch}", "a rate counts single replies; use 1, or test = 'mean_limit'"
        )
    if own.test == "mean_limit" and not (own.cap is not None and 0.0 < own.limit < own.cap < math.inf):
        yield Fault(f"{key}.cap", f"is {own.cap} for the limit {own.limit}", "give 0 < limit < cap")


def _comparison(key: str, own: Guardrail) -> Iterator[Fault]:
    harmful = own.limit if own.direction == "at_most" else -own.limit
    if harmful < 0:
        sign = "0 or more" if own.direction == "at_most" else "0 or less"
        yield Fault(
            f"{key}.limit", f"is {own.limit}, better than stable", f"give {sign}: what is no harm yet"
        )
    if own.margin is not None and not harmful < own.margin < math.inf:
        yield Fault(
            f"{key}.margin", f"is {own.margin}", f"give a positive number above {harmful:g}, such as 0.1"
        )
    if own.test == "paired_outcome" and (harmful >= 1.0 or (own.margin or 0.0) >= 1.0):
        yield Fault(f"{key}.margin", "is a difference of rates of 1 or more", "give less than 1, such as 0.1")
