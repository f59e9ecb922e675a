"""Which statistic carries out which test of a plan."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

from trimtab_server.rollouts.plan import CanaryPlan, Guardrail
from trimtab_server.sequential import (
    BettingMean,
    ConformalDrift,
    FixedOutcomeTest,
    OutcomeTest,
    PairedMeans,
    PairedOutcomes,
    PairedShift,
    RateLimit,
    SampleRatio,
    Side,
    TwoSampleMeans,
    TwoSampleMsprt,
)


@dataclass(frozen=True)
class Value:
    """What one observation gives one criterion: the value of each arm that it has.

    share: the planned share of the candidate, for the sample ratio. key: seeds a conformal rank.
    """

    stable: float | None = None
    candidate: float | None = None
    share: float | None = None
    key: str = ""


class Statistic(Protocol):
    """What all tests of `sequential` have in common."""

    @property
    def evidence(self) -> float: ...

    @property
    def bar(self) -> float: ...

    def state(self) -> dict[str, Any]: ...


Feed: TypeAlias = Callable[[Value], bool]
Sums: TypeAlias = PairedOutcomes | PairedMeans | TwoSampleMeans


def worse_side(guardrail: Guardrail) -> Side:
    return "above" if guardrail.direction == "at_most" else "below"


def fixed_size(guardrail: Guardrail, canary: CanaryPlan | None) -> int | None:
    """Questions of the one test of a plan of fixed size; None for a sequence."""
    fixed = canary is not None and canary.mode == "fixed" and guardrail.test == "paired_outcome"
    return canary.max_draws if fixed and canary is not None else None


def make_statistic(
    guardrail: Guardrail, alpha: float, canary: CanaryPlan | None, reference: Sequence[float] | None
) -> Statistic:
    """A fresh test of harm, of level alpha."""
    side, limit = worse_side(guardrail), guardrail.limit
    match guardrail.test:
        case "paired_outcome":
            size = fixed_size(guardrail, canary)
            return (
                OutcomeTest(alpha, side, limit)
                if size is None
                else FixedOutcomeTest(size, alpha, side, limit)
            )
        case "paired_mean":
            return PairedShift(alpha, side, limit)
        case "unpaired_mean":
            return TwoSampleMsprt(alpha, side, limit)
        case "mean_limit":
            return BettingMean(limit, guardrail.cap or 0.0, alpha, side)
        case "rate_limit":
            return RateLimit(limit, alpha, side)
        case "drift":
            if reference is None:
                raise ValueError(
                    f"guardrail {guardrail.name!r} needs the values of reference {guardrail.reference!r}"
                )
            return ConformalDrift(reference, alpha, sides=side, batch=guardrail.batch, salt=guardrail.signal)
        case "sample_ratio":
            return SampleRatio(0.5, alpha)


def restore_statistic(guardrail: Guardrail, canary: CanaryPlan | None, state: dict[str, Any]) -> Statistic:
    """The test as it was when `state` was taken."""
    match guardrail.test:
        case "paired_outcome" if fixed_size(guardrail, canary) is not None:
            return FixedOutcomeTest.from_state(state)
        case "paired_outcome":
            return OutcomeTest.from_state(state)
        case "paired_mean":
            return PairedShift.from_state(state)
        case "unpaired_mean":
            return TwoSampleMsprt.from_state(state)
        case "mean_limit":
            return BettingMean.from_state(state)
        case "rate_limit":
            return RateLimit.from_state(state)
        case "drift":
            return ConformalDrift.from_state(state)
        case "sample_ratio":
            return SampleRatio.from_state(state)


def feed(statistic: Statistic, value: Value) -> bool:
    """Gives a test what it takes; whether it alarms."""
    match statistic:
        case OutcomeTest() | FixedOutcomeTest():
            return statistic.update(bool(value.stable), bool(value.candidate))
        case PairedShift():
            return statistic.update(_candidate(value) - _stable(value))
        case TwoSampleMsprt():
            if value.candidate is None:
                return statistic.update(_stable(value), candidate=False)
            return statistic.update(value.candidate, candidate=True)
        case BettingMean() | RateLimit():
            return statistic.update(_candidate(value))
        case ConformalDrift():
            statistic.update(_candidate(value), value.key)
            return statistic.from_start
        case SampleRatio():
            return statistic.update(value.candidate == 1.0, value.share)
        case _:
            raise TypeError(f"{type(statistic).__name__} is no test of a plan")


def make_sums(guardrail: Guardrail) -> Sums | None:
    """What the margin and the interval of a comparison are read from, over all values; None for a limit."""
    match guardrail.test:
        case "paired_outcome":
            return PairedOutcomes()
        case "paired_mean":
            return PairedMeans()
        case "unpaired_mean":
            return TwoSampleMeans()
        case _:
            return None


def restore_sums(guardrail: Guardrail, state: dict[str, Any]) -> Sums | None:
    match make_sums(guardrail):
        case PairedOutcomes():
            return PairedOutcomes.from_state(state)
        case PairedMeans():
            return PairedMeans.from_state(state)
        case TwoSampleMeans():
            return TwoSampleMeans.from_state(state)
        case None:
            return None


def add(sums: Sums, value: Value) -> None:
    match sums:
        case PairedOutcomes():
            sums.update(bool(value.stable), bool(value.candidate))
        case PairedMeans():
            sums.update(_candidate(value) - _stable(value))
        case TwoSampleMeans():
            candidate = value.candidate is not None
            sums.update(_candidate(value) if candidate else _stable(value), candidate=candidate)


def _candidate(value: Value) -> float:
    if value.candidate is None:
        raise ValueError("this test needs the candidate's value")
    return value.candidate


def _stable(value: Value) -> float:
    if value.stable is None:
        raise ValueError("this test needs the stable arm's value")
    return value.stable
