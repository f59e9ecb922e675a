"""What a plan promises before it starts: how soon it can promote, how late it may notice, what it costs."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final

from trimtab_server.rollouts.canary_power import canary_power, questions_to_show
from trimtab_server.rollouts.plan import (
    Analysis,
    AnalysisPlan,
    CanaryPlan,
    Guardrail,
    Pause,
    SetWeight,
    Shadow,
)

#: Sizes of a canary set for which the power is stated.
SIZES: Final = (200, 300)
#: The loss of honest answers for which it is stated.
LOSS: Final = 0.10
_DAY: Final = 86_400


@dataclass(frozen=True)
class Power:
    """Chance that a candidate with `loss` fewer honest answers is stopped by this guardrail within `questions`
    questions, if the share `discordance` of answers differs between the arms."""

    guardrail: str
    questions: int
    loss: float
    discordance: float
    power: float


@dataclass(frozen=True)
class Foresight:
    """earliest_promotion_seconds: if nothing fails, everything is shown at the first chance, and traffic is as
        given; None if the traffic never brings the replies asked for. Pauses for a person count as 0.
    needed_looks: of the canary set, until non-inferiority can be shown for a candidate that answers as stable.
    replies_needed: live replies in both arms until promotion, shadow prompts included.
    worst_detection_looks, _seconds: until a loss of `LOSS` that a full canary set finds is found at the latest;
        None without canaries.
    family_false_alarm: the planned chance that a candidate as good as stable is stopped.
    """

    earliest_promotion_seconds: int | None
    needed_looks: int
    replies_needed: int
    worst_detection_looks: int | None
    worst_detection_seconds: int | None
    family_false_alarm: float
    wrong_promotion: float
    powers: tuple[Power, ...]

    def as_dict(self) -> dict[str, Any]:
        return {**vars(self), "powers": [dict(vars(power)) for power in self.powers]}


def foresee(plan: AnalysisPlan, replies_per_day: float, discordance: float = 0.15) -> Foresight:
    """What to expect of a plan at this traffic.

    discordance: share of canaries whose outcome differs between the arms; measured, where there was a trial.
    """
    if not (math.isfinite(replies_per_day) and replies_per_day >= 0.0):
        raise ValueError(f"replies_per_day is {replies_per_day}; 0 or more is expected")
    looks = _needed_looks(plan)
    seconds, replies, weight, looked = 0.0, 0, 0, 0
    for place, step in enumerate(plan.steps):
        match step:
            case SetWeight(percent=percent):
                weight = percent
            case Pause(seconds=pause):
                seconds += pause or 0
            case Shadow(pairs=pairs):
                seconds += _days(pairs, replies_per_day) * _DAY
                replies += pairs
            case Analysis():
                asked = step.non_inferiority or place == len(plan.steps) - 1
                own = max(step.looks, looks - looked if asked else 0)
                looked += own
                # The first look of a step comes at its start.
                waits = (own - 1) * plan.canary.every_seconds if plan.canary else 0
                needed = math.ceil(step.min_replies * 100 / weight) if step.min_replies else 0
                replies += needed
                seconds += max(waits, _days(needed, replies_per_day) * _DAY)
    detection = _detection(plan)
    every = plan.canary.every_seconds if plan.canary else 0
    return Foresight(
        earliest_promotion_seconds=math.ceil(seconds) if math.isfinite(seconds) else None,
        needed_looks=looks,
        replies_needed=replies,
        worst_detection_looks=detection,
        worst_detection_seconds=None if detection is None else detection * every,
        family_false_alarm=sum(plan.alpha(own) for own in plan.guardrails),
        wrong_promotion=plan.wrong_promotion,
        powers=_powers(plan, discordance),
    )


def _days(replies: float, per_day: float) -> float:
    if not replies:
        return 0.0
    return replies / per_day if per_day else math.inf


def _outcome_guardrails(plan: AnalysisPlan) -> list[Guardrail]:
    return [own for own in plan.guardrails if own.test == "paired_outcome"]


def _needed_looks(plan: AnalysisPlan) -> int:
    if plan.canary is None:
        return 0
    questions = 1
    for own in _outcome_guardrails(plan):
        questions = max(questions, own.min_replies)
        if own.margin is not None:
            questions = max(questions, questions_to_show(plan.canary, own.margin, plan.wrong_promotion))
    return math.ceil(questions / plan.canary.draw)


def _detection(plan: AnalysisPlan) -> int | None:
    """Looks until the whole set is drawn: what it can find is found by then."""
    if plan.canary is None or not _outcome_guardrails(plan):
        return None
    return math.ceil(plan.canary.max_draws / plan.canary.draw)


def _powers(plan: AnalysisPlan, discordance: float) -> tuple[Power, ...]:
    if plan.canary is None:
        return ()
    return tuple(
        Power(own.name, size, LOSS, discordance, _power(plan.canary, own, plan.alpha(own), size, discordance))
        for own in _outcome_guardrails(plan)
        if own.signal == "honest"
        for size in SIZES
    )


def _power(canary: CanaryPlan, own: Guardrail, alpha: float, size: int, discordance: float) -> float:
    """At the next hundredth of discordance, so that there are few to be worked out, each of them once."""
    return canary_power(
        questions=size,
        loss=LOSS,
        discordance=max(math.ceil(discordance * 100.0 - 1e-9) / 100.0, LOSS),
        alpha=alpha,
        mode=canary.mode,
        null=abs(own.limit),
    )
