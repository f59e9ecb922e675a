"""The critical-window rule: may one say that some stages respond better than those around them?

Given a plasticity theta for each training seed and stage (receptivity, or the lasting effect of an
intervention), the rule is one pure function, the same for one timeline as for ten thousand:

1. **Discovery seeds choose the place.** Among all runs of 2 or 3 adjacent stages with two stages before
   them, the one with the largest mean rise over those two, plus half of its fall to the two after.
2. **Confirmation seeds, other training runs, test that place alone**: one test, so that the search costs
   nothing. The rise must be above 0 by a one-sided t test over seeds, and the size at least the smallest
   effect of interest.
3. The mean timeline of all seeds must depart from its best never-rising fit: a plasticity that only fades is
   early plasticity, no window.
4. The fall after it, tested like the rise, tells a "window" from a "late rise".
5. The gates that the plan requires hold at every stage of the place.

All must hold together. Each test alone keeps its false positives at alpha, so together they stay below it:
a flat or a fading timeline is confirmed no more often than step 2 errs. Two choices sharpen the rule against
a t test of the rise over the confirmation seeds alone, since a steady decline eats into a rise:

- The size of a window that closes is its height over both sides, in which a straight trend cancels. The
  test stays on the rise: a shoulder before a fall has height, but no rise.
- The variance between seeds also uses the discovery seeds' deviations from their own mean. The place is chosen
  by that mean only, and in normal data deviations are independent of it, so the t test stays exact, with
  G_d - 1 more degrees of freedom (5 in place of 3 for 3 + 4 seeds).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from trimtab_vectors.plasticity.departure import isotonic_departure
from trimtab_vectors.plasticity.window_candidates import WindowCandidates
from trimtab_vectors.plasticity.window_plan import (
    GATES,
    ConfirmationSeeds,
    DiscoverySeeds,
    Gate,
    StageGates,
    WindowPlan,
)
from trimtab_vectors.plasticity.window_verdict import Verdict, WindowVerdict, Word, reasons
from trimtab_vectors.statistics.samples import BoolArray, FloatArray, IntArray

#: The power at which a detectable effect is stated.
_POWER: Final = 0.8


@dataclass(frozen=True, eq=False)
class WindowVerdicts:
    """The rule's answers for N timelines, `[N]` each; `WindowVerdict` says what the fields mean.

    closes: whether the fall is confirmed. gates `[N, 3]`, in the order of GATES: 1 passed, 0 failed, NaN not
    measured.
    """

    plan: WindowPlan
    discovery_seeds: int
    confirmation_seeds: int
    verdict: NDArray[np.str_]
    closes: BoolArray
    start: IntArray
    width: IntArray
    discovery_rise: FloatArray
    rise: FloatArray
    rise_low: FloatArray
    rise_p: FloatArray
    fall: FloatArray
    fall_p: FloatArray
    size: FloatArray
    departure_p: FloatArray
    detectable: FloatArray
    excluded_above: FloatArray
    gates: FloatArray

    def __len__(self) -> int:
        return len(self.start)

    def matches(self, verdict: Verdict, word: Word | None = None) -> BoolArray:
        """Which timelines have this verdict (and, of confirmed ones, this word): `[N]`."""
        found: BoolArray = self.verdict == verdict.value
        return found if word is None else found & (self.closes == (word == "window"))

    def row(self, index: int) -> WindowVerdict:
        """One timeline's answer."""
        verdict = Verdict(str(self.verdict[index]))
        word: Word = "window" if self.closes[index] else "late rise"
        states: dict[Gate, bool | None] = {
            gate: None if math.isnan(state) else bool(state)
            for gate, state in zip(GATES, self.gates[index].tolist(), strict=True)
        }
        found = WindowVerdict(
            verdict=verdict,
            word=word if verdict is Verdict.CONFIRMED else None,
            first=int(self.start[index]),
            last=int(self.start[index] + self.width[index]) - 1,
            discovery_rise=float(self.discovery_rise[index]),
            rise=float(self.rise[index]),
            rise_low=float(self.rise_low[index]),
            rise_p=float(self.rise_p[index]),
            fall=float(self.fall[index]),
            fall_p=float(self.fall_p[index]),
            size=float(self.size[index]),
            departure_p=float(self.departure_p[index]),
            detectable=float(self.detectable[index]),
            excluded_above=float(self.excluded_above[index]),
            gates=states,
            discovery_seeds=self.discovery_seeds,
            confirmation_seeds=self.confirmation_seeds,
        )
        return replace(found, reasons=reasons(found, self.plan))


def judge(
    discovery: DiscoverySeeds,
    confirmation: ConfirmationSeeds,
    plan: WindowPlan,
    gates: StageGates | None = None,
) -> WindowVerdict:
    """The rule for one timeline, `[G, T]` on either side: `judge_all` on a batch of one.

    A seed with a stage that is not finite is left out and named in `dropped_seeds`; too few seeds left means
    that nothing can be confirmed. `confirmation` may hold no seed yet: its theta is then `[0, T]`.
    """
    whole, dropped = [], []
    for side in (discovery, confirmation):
        if side.theta.ndim != 2:
            raise ValueError("judge takes one timeline, theta [seeds, stages]; use judge_all for many")
        kept = [bool(np.isfinite(row).all()) for row in side.theta]
        whole.append(([name for name, k in zip(side.seeds, kept, strict=True) if k], side.theta[kept]))
        dropped += [name for name, k in zip(side.seeds, kept, strict=True) if not k]
    found = judge_all(DiscoverySeeds(*whole[0]), ConfirmationSeeds(*whole[1]), plan, gates).row(0)
    found = replace(found, dropped_seeds=tuple(dropped))
    return replace(found, reasons=reasons(found, plan))


def judge_all(
    discovery: DiscoverySeeds,
    confirmation: ConfirmationSeeds,
    plan: WindowPlan,
    gates: StageGates | None = None,
) -> WindowVerdicts:
    """The rule for N timelines at once, theta `[N, G, T]` (or `[G, T]`, for one).

    Raises:
        ValueError: the two sides share a seed, differ in shape, hold a value that is not finite or no
            discovery seed, or the timeline is too short for a window.
    """
    d, c = _timelines(discovery, confirmation)
    places = WindowCandidates.of(d.shape[2], plan.widths, plan.reference_stages)
    chosen = places.place(d.mean(axis=1))
    rise, fall = places.rise[chosen], places.fall[chosen]
    rise_mean, rise_error, df = _over_seeds(rise, d, c, plan)
    fall_mean, fall_error, _ = _over_seeds(fall, d, c, plan)
    rise_p, fall_p = _above_zero(rise_mean, rise_error, df), _above_zero(fall_mean, fall_error, df)
    fall_mean = np.where(places.closes[chosen], fall_mean, np.nan)
    fall_p = np.where(places.closes[chosen], fall_p, np.nan)
    closes = fall_p <= plan.alpha
    size = np.where(closes, (rise_mean + fall_mean) / 2.0, rise_mean)
    reach, power_reach = (stats.t.ppf(q, df) if df else math.nan for q in (1.0 - plan.alpha, _POWER))
    seeds = np.concatenate([d, c], axis=1)
    _, departure_p = isotonic_departure(seeds, draws=plan.null_draws, seed=plan.seed)
    found = WindowVerdicts(
        plan=plan,
        discovery_seeds=d.shape[1],
        confirmation_seeds=c.shape[1],
        verdict=np.empty(len(d), dtype="<U9"),
        closes=closes,
        start=places.start[chosen],
        width=places.width[chosen],
        discovery_rise=_contrast(rise, d).mean(axis=1),
        rise=rise_mean,
        rise_low=rise_mean - reach * rise_error,
        rise_p=rise_p,
        fall=fall_mean,
        fall_p=fall_p,
        size=size,
        departure_p=departure_p,
        detectable=np.maximum(plan.smallest_effect, reach * rise_error) + power_reach * rise_error,
        excluded_above=_largest_rise_allowed(places, seeds, plan.alpha),
        gates=_gates(gates, places.inside(chosen), plan),
    )
    return replace(found, verdict=_verdicts(found))


def _verdicts(found: WindowVerdicts) -> NDArray[np.str_]:
    plan = found.plan
    if found.discovery_seeds < plan.discovery_seeds or found.confirmation_seeds < plan.confirmation_seeds:
        seen = found.discovery_rise >= plan.smallest_effect
        if found.confirmation_seeds:
            seen &= found.rise > 0.0
        return np.where(seen, Verdict.CANDIDATE.value, Verdict.UNDECIDED.value)
    rises = (found.rise_p <= plan.alpha) & (found.size >= plan.smallest_effect)
    stands = rises & (found.departure_p <= plan.alpha)
    required = [gate in plan.required_gates for gate in GATES]
    gated = (found.gates[:, required] == 1.0).all(axis=1)
    excluded = (found.rise < plan.smallest_effect) & (found.excluded_above < plan.excluded_effect)
    tested = np.isfinite(found.rise_p)
    return np.select(
        [stands & gated, stands, ~rises & excluded & tested],
        [Verdict.CONFIRMED.value, Verdict.CANDIDATE.value, Verdict.NONE.value],
        Verdict.UNDECIDED.value,
    )


def _timelines(discovery: DiscoverySeeds, confirmation: ConfirmationSeeds) -> tuple[FloatArray, FloatArray]:
    shared = sorted(set(discovery.seeds) & set(confirmation.seeds))
    if shared:
        raise ValueError(
            f"seeds {', '.join(shared)} are on both sides; a window is confirmed by training runs that had no "
            "part in choosing it"
        )
    if not discovery.seeds:
        raise ValueError("there is no discovery seed with a figure at every stage; at least 1 is needed")
    d, c = (side.theta if side.theta.ndim == 3 else side.theta[None] for side in (discovery, confirmation))
    if d.shape[0] != c.shape[0] or d.shape[2] != c.shape[2]:
        raise ValueError(
            f"discovery has shape {list(d.shape)}, confirmation {list(c.shape)}; the same timelines and stages "
            "are expected"
        )
    if not (np.isfinite(d).all() and np.isfinite(c).all()):
        raise ValueError("theta holds values that are not finite; leave those seeds out, as judge does")
    return d, c


def _contrast(weights: FloatArray, theta: FloatArray) -> FloatArray:
    """`[N, G]`: each seed's contrast with its timeline's weights `[N, T]`."""
    contrast: FloatArray = (weights[:, None, :] * theta).sum(axis=2)
    return contrast


def _over_seeds(
    weights: FloatArray, d: FloatArray, c: FloatArray, plan: WindowPlan
) -> tuple[FloatArray, FloatArray, int]:
    """Mean contrast of the confirmation seeds, its standard error, degrees of freedom; NaN where undefined."""
    tested, chose = _contrast(weights, c), _contrast(weights, d)
    nothing = np.full(len(d), np.nan)
    if c.shape[1] == 0:
        return nothing, nothing, 0
    mean = tested.mean(axis=1)
    squares, df = ((tested - mean[:, None]) ** 2).sum(axis=1), c.shape[1] - 1
    if plan.variance == "pooled":
        squares = squares + ((chose - chose.mean(axis=1, keepdims=True)) ** 2).sum(axis=1)
        df += d.shape[1] - 1
    if df == 0:
        return mean, nothing, 0
    error = np.sqrt(squares / df / c.shape[1])
    scale = np.abs(c).max(axis=(1, 2))
    return mean, np.where(error > 1e-12 * scale, error, np.nan), df


def _above_zero(mean: FloatArray, error: FloatArray, df: int) -> FloatArray:
    """One-sided p values."""
    p: FloatArray = stats.t.sf(mean / error, df) if df else np.full(len(mean), np.nan)
    return p


def _largest_rise_allowed(places: WindowCandidates, seeds: FloatArray, alpha: float) -> FloatArray:
    """The largest upper bound of the rise over all places, `[N]`.

    One-sided t at each place without correction: claiming that no place reaches a size means that every
    place's test must reject it, which keeps the error at alpha (intersection-union test).
    """
    n = seeds.shape[1]
    if n < 2:
        return np.full(len(seeds), np.inf)
    reach = float(stats.t.ppf(1.0 - alpha, n - 1)) / math.sqrt(n)
    largest = np.full(len(seeds), -np.inf)
    for weights in places.rise:
        contrast = _contrast(np.broadcast_to(weights, (len(seeds), len(weights))), seeds)
        largest = np.maximum(largest, contrast.mean(axis=1) + reach * contrast.std(axis=1, ddof=1))
    return largest


def _gates(gates: StageGates | None, inside: BoolArray, plan: WindowPlan) -> FloatArray:
    """`[N, 3]`: 1 where a gate holds at every stage of the place, 0 where not, NaN where not measured there."""
    states = np.full((len(inside), len(GATES)), np.nan)
    if gates is None:
        return states
    holds: dict[Gate, tuple[FloatArray, BoolArray]] = {}
    if gates.anti_steerable is not None:
        share = np.asarray(gates.anti_steerable, dtype=np.float64)
        holds["anti_steerable"] = (share, share <= plan.anti_steerable_limit)
    if gates.side_effects is not None:
        passed = np.asarray(gates.side_effects, dtype=np.float64)
        holds["side_effects"] = (passed, passed > 0.0)
    if gates.effect is not None and gates.random_95th is not None:
        excess = np.asarray(gates.effect, dtype=np.float64) - np.asarray(gates.random_95th, dtype=np.float64)
        holds["random_vectors"] = (excess, excess > 0.0)
    for gate, (measured, passes) in holds.items():
        if measured.shape not in (inside.shape, inside.shape[1:]):
            raise ValueError(f"gate {gate} has shape {list(measured.shape)}; one value a stage is expected")
        known = (np.isfinite(measured) | ~inside).all(axis=1)
        states[:, GATES.index(gate)] = np.where(known, (passes | ~inside).all(axis=1), np.nan)
    return states
