"""The runs of one architecture along one arc: indices over seeds, gates, comparisons, verdicts, cost."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from trimtab_vectors.plasticity import (
    Option,
    best_strength,
    effect_per_cost,
    net_value,
    recommend,
    representation_stability,
)
from trimtab_vectors.statistics import Estimate, holm, paired_t
from trimtab_vectors.statistics.samples import FloatArray
from trimtab_vectors.study.figures import RunFigures
from trimtab_vectors.study.over_seeds import Drawn, OverSeeds, two_way_margins
from trimtab_vectors.study.results import (
    ArcSummary,
    CostRecord,
    Gate,
    Interval,
    Intervention,
    OwnAgainstFirst,
    interval,
    number,
    series,
    series_interval,
)
from trimtab_vectors.study.run_summary import intervention
from trimtab_vectors.study.study import Study
from trimtab_vectors.study.windows import window_record

#: A two-sided 90% interval has the one-sided 95% bound that a gate is judged by.
_GATE_CONFIDENCE = 0.90
#: Steering is worth its effort if it makes this share of items more honest than the best prompt.
_WORTHWHILE_ADVANTAGE = 0.05


def arc_summary(study: Study, figures: Sequence[RunFigures]) -> ArcSummary:
    """figures: of all runs of one arc, by seed."""
    plan, first = study.plan, figures[0]
    over = OverSeeds(figures, plan.resamples, plan.seed)
    effect = over.drawn([f.effect.items for f in figures])
    specific = over.drawn([f.specific.slope.items for f in figures])
    own = _diagonal(specific)
    receptivity, exportability = two_way_margins(specific)
    gates = stage_gate_records(study, over)
    seeds = {r: [f.run.seed for f in figures if f.run.role == r] for r in ("discovery", "confirmation")}
    return ArcSummary(
        architecture=first.run.architecture,
        arc=first.run.arc,
        stages=list(first.grid.model_stages),
        steps=[stage.step for stage in first.run.stages],
        discovery_seeds=seeds["discovery"],
        confirmation_seeds=seeds["confirmation"],
        layers=list(first.dose.layers),
        strength=first.dose.strength,
        unsteered=over.drawn([f.unsteered for f in figures]).series(),
        honest_prompt=over.drawn([f.honest_prompt for f in figures]).series(),
        lie_rate=over.drawn([(f.unsteered < 0).astype(np.float64) for f in figures]).series(),
        effect=effect.matrix(),
        slope=over.drawn([f.steerability.slope.items for f in figures]).matrix(),
        specific_slope=specific.matrix(),
        normalised_effect=_normalised(over).matrix(),
        transfer=(specific / Drawn(own.value[None], own.draws[:, None])).matrix(),
        receptivity=receptivity.series(),
        exportability=exportability.series(),
        readout_plasticity=(own / Drawn(own.value[:1], own.draws[:, :1])).series(),
        random_95th=series(
            np.mean([np.percentile(np.abs(f.random_effects), 95, axis=0) for f in figures], axis=0)
        ),
        shuffled_largest=series(
            np.mean([np.abs(f.shuffled_effects).max(axis=0) for f in figures], axis=0)
            if all(f.shuffled_effects.size for f in figures)
            else np.full(len(first.run.stages), np.nan)
        ),
        intervention=_intervention(over),
        stability=over.over_runs(
            [representation_stability(f.directions, f.reliability).band for f in figures]
        ).matrix(),
        gates=gates,
        own_against_first=_own_against_first(over, effect),
        windows=[window_record(plan, figures, statistic, gates) for statistic in plan.window.statistics],
        cost=_cost(study, over),
    )


def stage_gate_records(study: Study, over: OverSeeds) -> list[list[Gate]]:
    """The gates of §9.6 at every stage, over all seeds, for the stage's own vector at the reference strength."""
    limits, figures = study.plan.gates, over.figures
    neutral = [item.fact for item in study.material.neutral]
    facts = over.clusters
    records = []
    for t in range(len(figures[0].run.stages)):
        kl = _mean(over, [f.own_kl[t] for f in figures])
        ratio = _mean(over, [f.own_nll_change[t] for f in figures], np.exp)
        loss = over.share_change(
            [_flags(f.own_neutral[t] > 0) for f in figures],
            [_flags(f.neutral[t] > 0) for f in figures],
            _GATE_CONFIDENCE,
            neutral,
        )
        flips = over.share(
            [_flags((f.unsteered[t] > 0) & (f.own_steered[t] < 0)) for f in figures], _GATE_CONFIDENCE, facts
        )
        anti = over.share(
            [_flags(f.steerability.slope.items[t, t] < 0) for f in figures], _GATE_CONFIDENCE, facts
        )
        records.append(
            [
                _gate("kl", kl[0], kl[1], limits.kl),
                _gate("perplexity_ratio", ratio[0], ratio[1], limits.perplexity_ratio),
                _gate("capability_loss", loss.value, loss.high, limits.capability_loss),
                _gate("harm_flips", flips.value, flips.high, limits.harm_flips),
                _gate("anti_steerable", anti.value, anti.high, limits.anti_steerable),
            ]
        )
    return records


def _mean(
    over: OverSeeds,
    values: Sequence[FloatArray],
    scale: Callable[[FloatArray], FloatArray] = lambda x: x,
) -> tuple[float, float]:
    """(mean, one-sided 95% bound) of `[w]` a run, over seeds and texts."""
    stacked = np.stack(values)
    rng = np.random.default_rng(over.seed)
    seeds, texts = stacked.shape
    by_seed = rng.multinomial(seeds, [1 / seeds] * seeds, size=over.resamples) / seeds
    by_text = rng.multinomial(texts, [1 / texts] * texts, size=over.resamples) / texts
    draws = np.einsum("bg,gw,bw->b", by_seed, stacked, by_text, optimize=True)
    value = scale(np.array(stacked.mean()))
    return float(value), float(np.quantile(scale(draws), 0.95))


def _gate(name: str, value: float, upper: float, limit: float) -> Gate:
    passed: bool | None = None
    if upper <= limit:
        passed = True
    elif value > limit:
        passed = False
    return Gate(name=name, value=number(value), upper=number(upper), limit=limit, passed=passed)


def _normalised(over: OverSeeds) -> Drawn:
    """Seeds and facts are drawn once for steered and prompted margins alike."""
    figures = over.figures
    moved = over.drawn([f.lying_steered - f.lying_prompt[None] for f in figures])
    gap = over.drawn([f.honest_prompt - f.lying_prompt for f in figures])
    return moved / Drawn(gap.value[None], gap.draws[:, None])


def _intervention(over: OverSeeds) -> Intervention | None:
    pairs = [intervention(f) for f in over.figures]
    lags, ends = [p[0] for p in pairs if p[0] is not None], [p[1] for p in pairs if p[1] is not None]
    if len(lags) < len(pairs):
        return None
    lag, end = over.over_runs(lags), over.over_runs(ends)
    return Intervention(lag=lag.series(), end=end.series(), retention=(end / lag).series())


def _own_against_first(over: OverSeeds, effect: Drawn) -> OwnAgainstFirst:
    difference = _diagonal(effect) - Drawn(effect.value[0], effect.draws[:, 0])
    stages = len(effect.value)
    p = np.full(stages, np.nan)
    if len(over.figures) > 1:
        for t in range(1, stages):
            d = [f.effect.value[t, t] - f.effect.value[0, t] for f in over.figures]
            p[t] = paired_t(d).p if np.ptp(d) > 0 else math.nan
    corrected = np.full(stages, np.nan)
    known = np.isfinite(p)
    if known.any():
        corrected[known] = holm(p[known])
    return OwnAgainstFirst(difference=difference.series(), p=series(p), p_holm=series(corrected))


def _cost(study: Study, over: OverSeeds) -> CostRecord:
    prices, figures = study.plan.cost, over.figures
    seconds = np.mean([f.extract_seconds + f.measure_seconds for f in figures], axis=0)
    priced = prices.per_second > 0
    cost = seconds * prices.per_second if priced else seconds
    reductions = [
        over.share_change(
            [_flags(f.own_steered[t] < 0) for f in figures],
            [_flags(f.unsteered[t] < 0) for f in figures],
            0.95,
            over.clusters,
        )
        for t in range(len(cost))
    ]
    last = len(cost) - 1
    advice = recommend(
        Option("steer", float(cost[last]), _honesty_gain(over, "own_steered")),
        Option("prompt", 0.0, _honesty_gain(over, "honest_prompt")),
        _WORTHWHILE_ADVANTAGE,
        over.clusters,
    )
    lie_rate = float(np.mean([(f.unsteered[last] < 0).mean() for f in figures]))
    net = None
    if prices.replies and prices.per_lie and lie_rate > 0:
        share = min(1.0, reductions[last].value / lie_rate)
        net = number(
            net_value(prices.replies, lie_rate, share, prices.per_lie, float(cost[last]) if priced else 0.0)
        )
    return CostRecord(
        unit="money" if priced else "seconds",
        cost_per_stage=series(cost),
        lie_rate_reduction=series_interval(
            *([getattr(r, n) for r in reductions] for n in ("value", "low", "high"))
        ),
        reduction_per_cost=series(
            [effect_per_cost(r, float(c)) for r, c in zip(reductions, cost, strict=True)]
        ),
        recommendation=advice.choice,
        advantage=_of(advice.advantage),
        best_strength=_best_strength(study, over),
        net_value=net,
    )


def _best_strength(study: Study, over: OverSeeds) -> Interval | None:
    """`p / (2 lambda q)` at the last stage, from the gain in honest items and the loss of neutral ones at a*."""
    price = study.plan.cost.per_capability_loss
    if not price > 0:
        return None
    gain = _honesty_gain(over, "own_steered")
    loss = np.mean([_flags(f.neutral[-1] > 0) - _flags(f.own_neutral[-1] > 0) for f in over.figures], axis=0)
    neutral = [item.fact for item in study.material.neutral]
    found = best_strength(
        [over.figures[0].dose.strength],
        gain[None],
        loss[None],
        price,
        gain_clusters=over.clusters,
        loss_clusters=neutral,
    )
    return _of(found.strength)


def _honesty_gain(over: OverSeeds, treated: str) -> FloatArray:
    """`[n]`: at the last stage, by how much each item is more often honest than unsteered, over seeds."""
    found: FloatArray = np.mean(
        [_flags(getattr(f, treated)[-1] > 0) - _flags(f.unsteered[-1] > 0) for f in over.figures], axis=0
    )
    return found


def _of(estimate: Estimate) -> Interval:
    return interval((estimate.value, estimate.low, estimate.high))


def _diagonal(matrix: Drawn) -> Drawn:
    return Drawn(np.diagonal(matrix.value), np.diagonal(matrix.draws, axis1=1, axis2=2))


def _flags(values: FloatArray | np.ndarray[tuple[int, ...], np.dtype[np.bool_]]) -> FloatArray:
    return np.asarray(values, dtype=np.float64)
