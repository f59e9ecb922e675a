"""How surely the canary set finds a loss: exact, by counting over what the questions can do."""

from __future__ import annotations

import math
from functools import cache, lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from trimtab_server.rollouts.plan import CanaryPlan, Mode
from trimtab_server.sequential import PairedOutcomes, fixed_size_p
from trimtab_server.sequential.comparisons import OUTCOME_STAKES

#: Above this many questions the exact count takes too long for a command line.
LARGEST: Final = 1_000


@lru_cache(maxsize=1_024)
def canary_power(
    *, questions: int, loss: float, discordance: float, alpha: float, mode: Mode, null: float = 0.0
) -> float:
    """Chance that the test of one guardrail alarms within so many questions.

    Each question is lost with chance `(discordance + loss) / 2`, gained with `(discordance - loss) / 2`, the same
    otherwise, independently. Exact up to rounding: the distribution of (gained, lost) is carried from question to
    question, and what has reached the bar is taken out (`sequential`), or judged once at the end (`fixed`).

    null: the loss that the guardrail still counts as no harm.
    """
    if not 1 <= questions <= LARGEST:
        raise ValueError(f"questions is {questions}; 1 to {LARGEST} are expected")
    if not 0.0 <= abs(loss) <= discordance <= 1.0:
        raise ValueError(
            f"the loss is {loss} and the discordance {discordance}; |loss| <= discordance <= 1 is needed"
        )
    lose, gain = (discordance + loss) / 2.0, (discordance - loss) / 2.0
    if mode == "fixed":
        return _fixed(questions, lose, gain, alpha, null)
    return _sequential(questions, lose, gain, alpha, null)


def _fixed(n: int, lose: float, gain: float, alpha: float, null: float) -> float:
    power = 0.0
    for lost in range(n + 1):
        for gained in range(n + 1 - lost):
            chance = _trinomial(n, lost, gained, lose, gain)
            # Neither matters below this: there are fewer than a million cells.
            if chance < 1e-16 or lost - gained <= n * null:
                continue
            outcomes = PairedOutcomes()
            outcomes.gained, outcomes.lost, outcomes.same = gained, lost, n - lost - gained
            if fixed_size_p(outcomes, -null, "below") <= alpha:
                power += chance
    return power


def _trinomial(n: int, lost: int, gained: int, lose: float, gain: float) -> float:
    same = n - lost - gained
    log = math.lgamma(n + 1) - math.lgamma(lost + 1) - math.lgamma(gained + 1) - math.lgamma(same + 1)
    for count, chance in ((lost, lose), (gained, gain), (same, 1.0 - lose - gain)):
        if count:
            if chance <= 0.0:
                return 0.0
            log += count * math.log(chance)
    return math.exp(log)


def _sequential(n: int, lose: float, gain: float, alpha: float, null: float) -> float:
    # No more than so many are lost or gained, but for chances that do not show.
    most = [_most(n, chance) for chance in (lose, gain)]
    alive = np.zeros((most[0] + 1, most[1] + 1))
    alive[0, 0] = 1.0
    lost = np.arange(most[0] + 1)[:, None]
    gained = np.arange(most[1] + 1)[None, :]
    stopped = 0.0
    for count in range(1, n + 1):
        moved = alive * (1.0 - lose - gain)
        moved[1:, :] += alive[:-1, :] * lose
        moved[:, 1:] += alive[:, :-1] * gain
        # No more can be lost or gained than were asked.
        seen = moved[: count + 1, : count + 1]
        over = _evidence(lost[: count + 1], gained[:, : count + 1], count, null) >= -math.log(alpha)
        stopped += float(seen[over].sum())
        seen[over] = 0.0
        alive = moved
    return stopped


def _most(n: int, chance: float) -> int:
    return min(n, math.ceil(n * chance + 9.0 * math.sqrt(n * chance * (1.0 - chance)) + 9.0))


def _evidence(
    lost: NDArray[np.int_], gained: NDArray[np.int_], count: int, null: float
) -> NDArray[np.float64]:
    """`PairedOutcomes.evidence_against(-null, "below")` for every cell; cells beyond `count` hold no chance."""
    same = np.maximum(count - lost - gained, 0)
    wealth = np.stack(
        [
            lost * math.log1p(stake * (2.0 / (1.0 + null) - 1.0))
            + same * math.log1p(stake * (1.0 / (1.0 + null) - 1.0))
            + gained * math.log1p(-stake)
            for stake in OUTCOME_STAKES
        ]
    )
    evidence: NDArray[np.float64] = np.logaddexp.reduce(wealth, axis=0) - math.log(len(OUTCOME_STAKES))
    return evidence


@cache
def questions_to_show(canary: CanaryPlan, margin: float, alpha: float) -> int:
    """Questions until non-inferiority is shown for a candidate whose every answer is as stable's: the fewest there
    can be."""
    if canary.mode == "fixed":
        return canary.max_draws
    outcomes = PairedOutcomes()
    while outcomes.evidence_against(-margin, "above") < -math.log(alpha):
        outcomes.update(True, True)
    return outcomes.count
