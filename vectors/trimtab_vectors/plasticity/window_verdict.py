"""What the critical-window rule says of one timeline, with its reasons."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Literal, TypeAlias

from trimtab_vectors.plasticity.window_plan import GATES, Gate, WindowPlan

#: What a confirmed place is called: a window opens and closes, a late rise only opens.
Word: TypeAlias = Literal["window", "late rise"]


class Verdict(StrEnum):
    """The four things that can be said, and no other.

    CANDIDATE: looks like a window, and is not confirmed: too few seeds, or a gate fails or was not measured.
    NONE: a rise of the plan's worthwhile size is excluded. UNDECIDED: the data can say neither.
    """

    CONFIRMED = "confirmed"
    CANDIDATE = "candidate"
    NONE = "none"
    UNDECIDED = "undecided"


@dataclass(frozen=True)
class WindowVerdict:
    """The rule's answer; effects in theta's unit, NaN where the seeds cannot give them.

    first, last: the stages of the place that discovery chose, 0-based, inclusive. word: set if confirmed.
    discovery_rise: the rise there in the discovery seeds, biased upwards by the choice; rise, its lower bound
    at 1 - alpha and its one-sided p: in the confirmation seeds. fall: the same for the fall after it, NaN
    where no stage follows. size: what is compared with the smallest effect. departure_p: of the test against
    never-rising timelines. detectable: the rise that the seeds would have found in 4 of 5 studies, at this
    place. excluded_above: no place has a rise above this, at 1 - alpha, over all seeds. gates: True passed,
    False failed, None not measured. reasons: in plain words, why no more than this is said.
    """

    verdict: Verdict
    word: Word | None
    first: int
    last: int
    discovery_rise: float
    rise: float
    rise_low: float
    rise_p: float
    fall: float
    fall_p: float
    size: float
    departure_p: float
    detectable: float
    excluded_above: float
    gates: dict[Gate, bool | None]
    discovery_seeds: int
    confirmation_seeds: int
    dropped_seeds: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """The record for JSON: figures that are not finite become None."""
        record = {name: getattr(self, name) for name in self.__dataclass_fields__}
        record |= {"verdict": self.verdict.value, "gates": dict(self.gates), "reasons": list(self.reasons)}
        record["dropped_seeds"] = list(self.dropped_seeds)
        return {k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in record.items()}


def reasons(found: WindowVerdict, plan: WindowPlan) -> tuple[str, ...]:
    """Why `found` is not confirmed, or what limits it; empty for a confirmed window."""
    said = [*_seeds(found, plan)]
    few = bool(said)
    if found.verdict is not Verdict.CONFIRMED and found.confirmation_seeds:
        said += _tests(found, plan)
    if found.verdict is Verdict.CANDIDATE and not few:
        said += _gates(found, plan)
    if found.verdict is Verdict.NONE:
        said.append(
            f"a rise above {found.excluded_above:.3g} is excluded everywhere; one of {found.detectable:.3g} would "
            "have been found in 4 of 5 studies"
        )
    if found.verdict is Verdict.UNDECIDED and found.excluded_above >= plan.excluded_effect:
        said.append(
            f"a rise of {plan.excluded_effect:.3g} is not excluded (bound {found.excluded_above:.3g}): more seeds "
            "are needed"
        )
    if found.verdict is Verdict.CONFIRMED and found.word == "late rise":
        said.append("it does not close: later stages respond as well")
    return tuple(said)


def _seeds(found: WindowVerdict, plan: WindowPlan) -> list[str]:
    said = [f"seed {name} has stages without a figure and is left out" for name in found.dropped_seeds]
    for have, need, kind in (
        (found.discovery_seeds, plan.discovery_seeds, "discovery"),
        (found.confirmation_seeds, plan.confirmation_seeds, "confirmation"),
    ):
        if have < need:
            said.append(f"{have} of {need} {kind} seeds: a window cannot be confirmed")
    return said


def _tests(found: WindowVerdict, plan: WindowPlan) -> list[str]:
    said = []
    if math.isnan(found.rise_p):
        said.append(
            "the seeds do not differ at all, so nothing can be tested: are they separate training runs?"
        )
    elif found.rise_p > plan.alpha:
        said.append(f"the rise is not above 0 in the confirmation seeds (p = {found.rise_p:.3g})")
    if found.size < plan.smallest_effect:
        said.append(f"its size {found.size:.3g} is below the smallest effect {plan.smallest_effect:.3g}")
    if found.departure_p > plan.alpha:
        said.append(f"a plasticity that only fades fits as well (p = {found.departure_p:.3g})")
    return said


def _gates(found: WindowVerdict, plan: WindowPlan) -> list[str]:
    names = {
        "anti_steerable": "the share of items that move the wrong way",
        "side_effects": "the side-effect gates",
        "random_vectors": "the comparison with random vectors",
    }
    states = {None: "not measured", False: "failed", True: "passed"}
    return [
        f"{names[gate]}: {states[found.gates[gate]]}"
        for gate in GATES
        if gate in plan.required_gates and found.gates[gate] is not True
    ]
