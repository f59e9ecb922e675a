"""The indices of one run, with intervals over its items."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from trimtab_vectors.plasticity import (
    CellEstimates,
    intervention_timelines,
    normalised_effect,
    readout_plasticity,
    representation_stability,
    transfer_ratios,
)
from trimtab_vectors.statistics import Estimate
from trimtab_vectors.statistics.samples import FloatArray
from trimtab_vectors.study.figures import RunFigures
from trimtab_vectors.study.results import (
    MatrixInterval,
    RunSummary,
    SeriesInterval,
    Stability,
    matrix,
    matrix_interval,
    number,
    series,
    series_interval,
)


def run_summary(figures: RunFigures) -> RunSummary:
    """All indices of one run."""
    run, clusters = figures.run, figures.grid.clusters
    specific = figures.specific
    lag, end = intervention(figures)
    return RunSummary(
        name=run.name,
        architecture=run.architecture,
        arc=run.arc,
        role=run.role,
        seed=run.seed,
        stage_hashes=[stage.hash for stage in run.stages],
        unsteered=series(figures.unsteered.mean(1)),
        honest_prompt=series(figures.honest_prompt.mean(1)),
        lying_prompt=series(figures.lying_prompt.mean(1)),
        lie_rate=series((figures.unsteered < 0).mean(1)),
        effect=_cells(figures.effect),
        slope=_cells(figures.steerability.slope),
        specific_slope=_cells(specific.slope),
        rank_p=matrix(specific.rank_p),
        random_95th=series(specific.random_95th),
        anti_steerable=matrix(figures.steerability.anti_steerable),
        normalised_effect=_matrix_of(_normalised(figures)),
        transfer=_matrix_of(transfer_ratios(specific.slope.items, clusters)),
        receptivity=series(figures.two_way.receptivity_level),
        exportability=series(figures.two_way.exportability),
        explained_by_margins=number(figures.two_way.explained),
        readout_plasticity=_series_of(readout_plasticity(specific.slope.items, clusters)),
        intervention_lag=None if lag is None else series(lag),
        intervention_end=None if end is None else series(end),
        stability=_stability(figures),
    )


def intervention(figures: RunFigures) -> tuple[FloatArray | None, FloatArray | None]:
    """Gain per step of the push at the lag and at the end, `[T]`, NaN at stages without a twin run; None without
    any."""
    if not figures.twins:
        return None, None
    found = intervention_timelines(figures.twins)
    lag, end = (np.full(len(figures.run.stages), np.nan) for _ in range(2))
    lag[list(found.stages)], end[list(found.stages)] = found.lag[0], found.end[0]
    return lag, end


def _normalised(figures: RunFigures) -> list[list[Estimate | None]]:
    stages = range(len(figures.run.stages))
    return [
        [
            normalised_effect(
                figures.lying_steered[s, t],
                figures.lying_prompt[t],
                figures.honest_prompt[t],
                figures.grid.clusters,
            )
            for t in stages
        ]
        for s in stages
    ]


def _stability(figures: RunFigures) -> Stability:
    found = representation_stability(figures.directions, figures.reliability)
    return Stability(
        plain=matrix(found.plain.mean(2)),
        corrected=matrix(found.band),
        ceilings=series(figures.reliability.min(1)),
        since_first=series(found.cumulative),
        local=series(found.local),
    )


def _cells(found: CellEstimates) -> MatrixInterval:
    return matrix_interval(found.value, found.low, found.high)


def _matrix_of(cells: Sequence[Sequence[Estimate | None]]) -> MatrixInterval:
    parts = [[[_part(e, name) for e in row] for row in cells] for name in ("value", "low", "high")]
    return matrix_interval(*parts)


def _series_of(cells: Sequence[Estimate | None]) -> SeriesInterval:
    return series_interval(*([_part(e, name) for e in cells] for name in ("value", "low", "high")))


def _part(estimate: Estimate | None, name: str) -> float:
    return float("nan") if estimate is None else float(getattr(estimate, name))
