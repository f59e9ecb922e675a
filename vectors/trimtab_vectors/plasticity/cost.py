"""What an effect costs, and whether something cheaper would do.

Gain is taken as linear and loss as quadratic in the strength (Wolf et al., arXiv:2401.16332).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from trimtab_vectors.statistics import Estimate, cluster_bootstrap, clustered_mean
from trimtab_vectors.statistics.clustered import fieller
from trimtab_vectors.statistics.estimate import undetermined
from trimtab_vectors.statistics.samples import Clusters, FloatArray, cluster_codes, same_length, sample


@dataclass(frozen=True)
class BestStrength:
    """gain: p, effect a unit of strength. loss: q, capability lost a unit of strength squared. price: lambda, what
    the user gives for one unit of loss, in units of effect. strength: `p / (2 lambda q)`. net: `p^2 / (4 lambda q)`.

    Where the interval of q reaches 0 there is no measured loss to weigh: strength is undetermined, net NaN, and the
    side-effect gates alone bound the strength. A gain of 0 or less puts the best strength at 0.
    """

    gain: Estimate
    loss: Estimate
    price: float
    strength: Estimate
    net: float


def best_strength(
    strengths: ArrayLike,
    gains: ArrayLike,
    losses: ArrayLike,
    price: float,
    *,
    gain_clusters: Clusters | None = None,
    loss_clusters: Clusters | None = None,
    confidence: float = 0.95,
) -> BestStrength:
    """Net value `U(a) = p a - lambda q a^2` from per-item changes against the unsteered model.

    strengths `[A]`; gains `[A, n]` on the target, losses `[A, m]` of capability on other items. Least squares
    through the origin for each item: `p_i = sum a g / sum a^2`, `q_i = sum a^2 l / sum a^4`.
    """
    a = sample("strengths", strengths)
    g, loss = (np.asarray(x, dtype=np.float64) for x in (gains, losses))
    if not a.any() or any(x.ndim != 2 or len(x) != len(a) for x in (g, loss)):
        raise ValueError(
            f"gains {list(g.shape)} and losses {list(loss.shape)} at {len(a)} strengths; [strengths, items] and a "
            "strength other than 0 are expected"
        )
    if not price > 0.0:
        raise ValueError(f"price is {price}; a positive price of one unit of lost capability is expected")
    p = clustered_mean(a @ g / (a @ a), gain_clusters, confidence=confidence)
    q = clustered_mean(a**2 @ loss / (a**2 @ a**2), loss_clusters, confidence=confidence)
    groups = [cluster_codes(c, x.shape[1])[1] for c, x in ((gain_clusters, g), (loss_clusters, loss))]
    if q.low <= 0.0:
        note = "no loss was measured that could be told from 0; the side-effect gates bound the strength"
        best = undetermined(
            note, confidence=confidence, n=p.n, clusters=min(groups), method="p / (2 lambda q)"
        )
        return BestStrength(p, q, price, best, math.nan)
    # Different items: p and q are independent.
    covariance = np.diag([p.standard_error**2, (2.0 * price * q.standard_error) ** 2])
    best = fieller(
        p.value,
        2.0 * price * q.value,
        covariance,
        df=min(groups) - 1,
        confidence=confidence,
        n=p.n,
        clusters=min(groups),
    )
    if p.value <= 0.0:
        return BestStrength(p, q, price, best, 0.0)
    return BestStrength(p, q, price, best, p.value**2 / (4.0 * price * q.value))


@dataclass(frozen=True, eq=False)
class Option:
    """One way to the goal. cost: in the user's money, all of it: extraction, sweep, evaluation, training, and
    serving at the user's volume. effect: the good it does on each item `[n]`, the same items for all options."""

    name: str
    cost: float
    effect: FloatArray


@dataclass(frozen=True)
class Increment:
    """One option against another: extra_cost, extra_effect (bootstrap interval), icer: money for one more unit
    of effect, undetermined where the interval of the extra effect includes 0. dominated: it costs at least as
    much and does no more, and is not equal in both."""

    option: str
    against: str
    extra_cost: float
    extra_effect: Estimate
    icer: Estimate
    dominated: bool


def increment(
    option: Option,
    against: Option,
    clusters: Clusters | None = None,
    *,
    resamples: int = 2000,
    confidence: float = 0.95,
    seed: int = 0,
) -> Increment:
    """`(C1 - C0) / (E1 - E0)`, over paired items. The cost is known, so the interval follows from that of the
    effect: where 0 is outside, the ratio is monotone over it."""
    one, other = sample(option.name, option.effect, 2), sample(against.name, against.effect, 2)
    same_length(option=one, against=other)
    extra = cluster_bootstrap(
        one - other, clusters, resamples=resamples, confidence=confidence, interval="percentile", seed=seed
    )
    cost = option.cost - against.cost
    worse = cost >= 0.0 and extra.value <= 0.0 and (cost > 0.0 or extra.value < 0.0)
    if extra.low <= 0.0 <= extra.high:
        note = "the interval of the extra effect includes 0"
        icer = undetermined(
            note, confidence=confidence, n=extra.n, clusters=extra.clusters, method="ICER", seed=seed
        )
    else:
        low, high = sorted((cost / extra.low, cost / extra.high))
        icer = Estimate(
            value=cost / extra.value,
            low=low,
            high=high,
            confidence=confidence,
            alternative="two-sided",
            p=math.nan,
            n=extra.n,
            clusters=extra.clusters,
            method=f"ICER, {extra.method}",
            seed=seed,
        )
    return Increment(option.name, against.name, cost, extra, icer, worse)


def dominated(options: Sequence[Option]) -> dict[str, str]:
    """Options that another one beats or equals in both cost and mean effect, and beats in one: name of each, and
    of the best of those that do."""
    found: dict[str, str] = {}
    means = {o.name: float(sample(o.name, o.effect).mean()) for o in options}
    if len(means) != len(options):
        raise ValueError("options must have different names")
    for o in options:
        better = [
            x
            for x in options
            if x.cost <= o.cost
            and means[x.name] >= means[o.name]
            and (x.cost < o.cost or means[x.name] > means[o.name])
        ]
        if better:
            found[o.name] = max(better, key=lambda x: (means[x.name], -x.cost)).name
    return found


@dataclass(frozen=True)
class Recommendation:
    """choice: "steer", "a prompt is enough", or "undecided" where the data show neither. advantage: effect of
    steering minus that of the prompt, one-sided upper and lower bounds at `confidence` (a two-sided interval)."""

    choice: Literal["steer", "a prompt is enough", "undecided"]
    advantage: Estimate


def recommend(
    steering: Option,
    prompt: Option,
    margin: float,
    clusters: Clusters | None = None,
    *,
    confidence: float = 0.95,
) -> Recommendation:
    """Whether steering is worth its extra effort, for a margin fixed beforehand in units of the effect.

    A prompt is enough if it costs no more and its effect is not inferior by more than the margin: the upper
    one-sided bound of the advantage is at most `margin`. Steer if the lower bound is above `margin`, or above
    0 where steering costs no more. Else undecided.
    """
    if not (math.isfinite(margin) and margin > 0.0):
        raise ValueError(f"margin is {margin}; a positive difference that would not matter is expected")
    one, other = sample("steering", steering.effect, 2), sample("prompt", prompt.effect, 2)
    same_length(steering=one, prompt=other)
    # Two one-sided bounds at `confidence` are one two-sided interval at 2 * confidence - 1.
    advantage = clustered_mean(one - other, clusters, confidence=2.0 * confidence - 1.0)
    cheap = prompt.cost <= steering.cost
    if cheap and advantage.high <= margin:
        return Recommendation("a prompt is enough", advantage)
    if advantage.low > margin or (steering.cost <= prompt.cost and advantage.low > 0.0):
        return Recommendation("steer", advantage)
    return Recommendation("undecided", advantage)


def effect_per_cost(reduction: Estimate, cost: float) -> float:
    """Lower bound of a reduction of the lie rate for each unit of cost; 0 where the bound is not above 0."""
    if not cost > 0.0:
        raise ValueError(f"cost is {cost}; a positive cost is expected")
    return max(0.0, reduction.low) / cost


def net_value(
    volume: float, lie_rate: float, relative_reduction: float, cost_per_incident: float, cost: float
) -> float:
    """`volume * lie_rate * relative_reduction * cost_per_incident - cost`, in the user's money."""
    if not (0.0 <= lie_rate <= 1.0 and relative_reduction <= 1.0 and volume >= 0.0):
        raise ValueError(
            f"volume {volume}, lie_rate {lie_rate}, relative_reduction {relative_reduction}: a volume of 0 or more, a "
            "rate from 0 to 1 and a share of it of at most 1 are expected"
        )
    return volume * lie_rate * relative_reduction * cost_per_incident - cost
