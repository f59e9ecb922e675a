"""From the runs of an arc to the production window rule, and its verdicts on planted arcs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import numpy as np

from trimtab_vectors.plasticity import (
    GATES,
    ConfirmationSeeds,
    DiscoverySeeds,
    StageGates,
    Verdict,
    WindowPlan,
    judge,
)
from trimtab_vectors.statistics.samples import FloatArray
from trimtab_vectors.study.figures import RunFigures
from trimtab_vectors.study.plan import Statistic, StudyPlan
from trimtab_vectors.study.results import ArcSummary, Gate, WindowRecord, number, series
from trimtab_vectors.study.run_summary import intervention

#: Stages before (and after) a window that it is compared with.
_REFERENCE_STAGES: Final = 2

#: What the rule should say of the planted arcs.
PLANTED: Final = {"planted_window": Verdict.CONFIRMED, "planted_null": Verdict.NONE}


def window_record(
    plan: StudyPlan, figures: Sequence[RunFigures], statistic: Statistic, gates: Sequence[Sequence[Gate]]
) -> WindowRecord:
    """The rule on one statistic of one arc.

    receptivity: each run's two-way receptivity of the specific slopes, with the gates of the stages' own vectors.
    lag: gain per step of a push at the fixed lag; a push is no vector, so no gate applies to it.
    """
    timelines = {f.run.name: _theta(f, statistic) for f in figures}
    missing = [name for name, theta in timelines.items() if theta is None]
    if missing:
        return _without(statistic, timelines, f"no twin runs are recorded for {', '.join(missing)}")
    sides = {
        role: [f.run.name for f in figures if f.run.role == role] for role in ("discovery", "confirmation")
    }
    if not sides["discovery"]:
        return _without(statistic, timelines, "there is no discovery run")
    theta = {name: t for name, t in timelines.items() if t is not None}
    smallest = smallest_effect(plan, [theta[name] for name in sides["discovery"]])
    if smallest is None:
        return _without(
            statistic,
            timelines,
            "the first stage's effect in the discovery runs is not above 0, so a share of it is no smallest effect "
            "of interest; give window.delta",
        )
    stages = figures[0].grid.model_stages
    if len(stages) < min(plan.window.sizes) + _REFERENCE_STAGES:
        return _without(
            statistic,
            timelines,
            f"{len(stages)} stages are too few to compare a window with its surroundings",
        )
    rule = WindowPlan(
        smallest_effect=smallest,
        alpha=plan.window.alpha,
        widths=tuple(plan.window.sizes),
        reference_stages=_REFERENCE_STAGES,
        anti_steerable_limit=plan.gates.anti_steerable,
        required_gates=frozenset(GATES) if statistic == "receptivity" else frozenset(),
        seed=plan.seed,
    )
    found = judge(
        DiscoverySeeds(sides["discovery"], _stack(theta, sides["discovery"], len(stages))),
        ConfirmationSeeds(sides["confirmation"], _stack(theta, sides["confirmation"], len(stages))),
        rule,
        stage_gates(figures, gates) if statistic == "receptivity" else None,
    )
    return WindowRecord(
        statistic=statistic,
        verdict=found.verdict.value,
        word=found.word,
        first_stage=stages[found.first],
        last_stage=stages[found.last],
        smallest_effect=number(smallest),
        figures={k: number(v) if isinstance(v, float) else v for k, v in found.as_dict().items()},
        theta={name: series(t) for name, t in theta.items()},
        reasons=list(found.reasons),
    )


def smallest_effect(plan: StudyPlan, discovery: Sequence[FloatArray]) -> float | None:
    """The plan's delta, or its share of the discovery runs' mean at the first stage; None where that is not above 0."""
    if plan.window.delta is not None:
        return plan.window.delta
    relative = plan.window.relative_delta * float(np.mean([theta[0] for theta in discovery]))
    return relative if math.isfinite(relative) and relative > 0 else None


def stage_gates(figures: Sequence[RunFigures], gates: Sequence[Sequence[Gate]]) -> StageGates:
    """The gates as the rule takes them; a gate without enough data does not pass."""
    own = np.stack([np.diagonal(f.effect.value) for f in figures]).mean(0)
    random = np.stack([np.percentile(np.abs(f.random_effects), 95, axis=0) for f in figures]).mean(0)
    anti = np.array([_named(stage, "anti_steerable").value for stage in gates], dtype=np.float64)
    others = np.array(
        [all(gate.passed is True for gate in stage if gate.name != "anti_steerable") for stage in gates]
    )
    return StageGates(anti_steerable=anti, side_effects=others, effect=own, random_95th=random)


def planted_verdict(arcs: Sequence[ArcSummary], name: str, statistic: Statistic) -> str | None:
    """Over the architectures: the first verdict that is not what was planted, else that; None without such an arc."""
    found = [
        window.verdict
        for arc in arcs
        if arc.arc == name
        for window in arc.windows
        if window.statistic == statistic
    ]
    if not found:
        return None
    return next((verdict for verdict in found if verdict != PLANTED[name]), PLANTED[name].value)


def _theta(figures: RunFigures, statistic: Statistic) -> FloatArray | None:
    return figures.two_way.receptivity_level if statistic == "receptivity" else intervention(figures)[0]


def _stack(theta: dict[str, FloatArray], names: Sequence[str], stages: int) -> FloatArray:
    return np.array([theta[name] for name in names], dtype=np.float64).reshape(len(names), stages)


def _named(gates: Sequence[Gate], name: str) -> Gate:
    return next(gate for gate in gates if gate.name == name)


def _without(statistic: str, timelines: dict[str, FloatArray | None], reason: str) -> WindowRecord:
    return WindowRecord(
        statistic=statistic,
        verdict=Verdict.UNDECIDED.value,
        word=None,
        first_stage=None,
        last_stage=None,
        smallest_effect=None,
        figures={},
        theta={name: series(t) for name, t in timelines.items() if t is not None},
        reasons=[reason],
    )
