"""How many items or seeds a comparison needs, and the smallest effect it can detect."""

from __future__ import annotations

import math
from typing import Literal, TypeAlias

from scipy import optimize, stats

from trimtab_vectors.statistics.samples import share

Sides: TypeAlias = Literal[1, 2]


def items_needed(
    variance: float, effect: float, *, alpha: float = 0.05, power: float = 0.8, sides: Sides = 2
) -> int:
    """Items for a paired comparison: `(z_alpha + z_power)^2 variance / effect^2`, rounded up.

    variance: of the paired differences (or of cluster means, giving clusters).
    """
    _positive("variance", variance)
    _positive("effect", effect)
    return math.ceil(_reach(alpha, power, sides) ** 2 * variance / effect**2)


def detectable_effect(
    variance: float, n: int, *, alpha: float = 0.05, power: float = 0.8, sides: Sides = 2
) -> float:
    """Smallest mean difference that n items detect with this power: `items_needed` solved for the effect."""
    _positive("variance", variance)
    _positive("n", n)
    return _reach(alpha, power, sides) * math.sqrt(variance / n)


def flag_variance(discordance: float, effect: float) -> float:
    """Variance `q - effect^2` of paired differences of a yes/no outcome; q: share of items that change."""
    if not abs(effect) <= discordance <= 1.0:
        raise ValueError(
            f"discordance is {discordance} and effect {effect}; the share of items that change lies between "
            "the effect and 1"
        )
    return discordance - effect**2


def t_power(effect: float, sd: float, n: int, *, alpha: float = 0.05, sides: Sides = 1) -> float:
    """Power of a t test over n paired differences (seeds, say) of this standard deviation: noncentral t."""
    _positive("sd", sd)
    if n < 2:
        raise ValueError(f"n is {n}; a t test needs at least 2 units")
    share("alpha", alpha)
    shift = effect / sd * math.sqrt(n)
    critical = float(stats.t.ppf(1.0 - alpha / sides, n - 1))
    power = float(stats.nct.sf(critical, n - 1, shift))
    return power + float(stats.nct.cdf(-critical, n - 1, shift)) if sides == 2 else power


def t_detectable_effect(
    sd: float, n: int, *, alpha: float = 0.05, power: float = 0.8, sides: Sides = 1
) -> float:
    """The mean that a t test over n units of this standard deviation finds with this power."""
    share("power", power)
    if power <= alpha:
        raise ValueError(f"power is {power}; it must be above alpha = {alpha}")
    top = 1.0
    while t_power(top * sd, sd, n, alpha=alpha, sides=sides) < power:
        top *= 2.0
    solved = optimize.brentq(lambda d: t_power(d * sd, sd, n, alpha=alpha, sides=sides) - power, 0.0, top)
    return float(solved) * sd


def _reach(alpha: float, power: float, sides: Sides) -> float:
    share("alpha", alpha)
    share("power", power)
    return float(stats.norm.ppf(1.0 - alpha / sides) + stats.norm.ppf(power))


def _positive(name: str, value: float) -> None:
    if not (math.isfinite(value) and value > 0):
        raise ValueError(f"{name} is {value}; a positive number is expected")
