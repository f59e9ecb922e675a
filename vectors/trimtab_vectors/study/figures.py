"""One run's measurements as arrays, read from its cells: what all indices are made of."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError

from trimtab_vectors.plasticity import (
    CellEstimates,
    EffectGrid,
    SpecificSteerability,
    SteerabilityMatrix,
    TwinRecord,
    TwoWayFit,
    effect_matrix,
    specific_steerability,
    steerability_matrix,
    two_way_fit,
)
from trimtab_vectors.statistics.samples import FloatArray
from trimtab_vectors.study.choice import ReferenceDose
from trimtab_vectors.study.plan import PlanError
from trimtab_vectors.study.runs import StudyRun, read_json
from trimtab_vectors.study.study import Study


@dataclass(frozen=True, eq=False)
class RunFigures:
    """Log-odds in nats throughout; S vectors' and T models' stages are the same ones, n held-out items, m neutral
    questions, w neutral texts, R random and K label-shuffled vectors, L layers.

    grid: margins `[S, T, A, n]`. lying_steered `[S, T, n]`; unsteered, honest_prompt, lying_prompt `[T, n]`;
    neutral `[T, m]`. own_*: under the stage's own vector at a*: neutral `[T, m]`, kl, nll_change `[T, w]`.
    random_slopes `[R, T, n]`; random_effects `[R, T]`; shuffled_effects `[K, T]`. directions `[T, L, H]`,
    reliability `[T, L]` at the dose's layers. extract_seconds, measure_seconds `[T]`.
    """

    run: StudyRun
    dose: ReferenceDose
    grid: EffectGrid
    lying_steered: FloatArray
    unsteered: FloatArray
    honest_prompt: FloatArray
    lying_prompt: FloatArray
    neutral: FloatArray
    own_neutral: FloatArray
    own_kl: FloatArray
    own_nll_change: FloatArray
    random_slopes: FloatArray
    random_effects: FloatArray
    shuffled_effects: FloatArray
    directions: FloatArray
    reliability: FloatArray
    extract_seconds: FloatArray
    measure_seconds: FloatArray
    twins: tuple[TwinRecord, ...]

    @cached_property
    def effect(self) -> CellEstimates:
        return effect_matrix(self.grid, self.dose.strength)

    @cached_property
    def steerability(self) -> SteerabilityMatrix:
        return steerability_matrix(self.grid)

    @cached_property
    def specific(self) -> SpecificSteerability:
        return specific_steerability(self.grid, self.random_slopes)

    @cached_property
    def two_way(self) -> TwoWayFit:
        return two_way_fit(self.specific.slope.value)

    @cached_property
    def own_steered(self) -> FloatArray:
        """`[T, n]`: each stage under its own vector at a*."""
        at = self.grid.at(self.dose.strength)
        return np.stack([at[t, t] for t in range(len(at))])


def run_figures(study: Study, run: StudyRun, dose: ReferenceDose) -> RunFigures:
    """Raises CellError for a cell that is missing or damaged, PlanError for a twins file that is wrong."""
    keys, read = study.keys, study.store.read
    multiples = study.plan.dose.grid
    zero = multiples.index(0.0)
    baselines = [read(keys.baseline(stage, dose)) for stage in run.stages]
    sides = [read(keys.side(stage, stage, dose)) for stage in run.stages]
    randoms = [read(keys.random(stage, dose)) for stage in run.stages]
    vectors = [read(keys.vector(stage)) for stage in run.stages]
    margins, lying, seconds = [], [], np.zeros(len(run.stages))
    for vector in run.stages:
        row = [read(keys.effect(vector, stage, dose)) for stage in run.stages]
        margins.append(
            [
                np.insert(np.array(c["log_odds"]), zero, b["unsteered"], axis=0)
                for c, b in zip(row, baselines, strict=True)
            ]
        )
        lying.append([c["lying_steered"] for c in row])
        seconds += [c["seconds"] for c in row]
    seconds += [
        b["seconds"] + s["seconds"] + r["seconds"] for b, s, r in zip(baselines, sides, randoms, strict=True)
    ]
    names = tuple(stage.name for stage in run.stages)
    grid = EffectGrid(
        margins=np.array(margins, dtype=np.float64),
        strengths=tuple(m * dose.strength for m in multiples),
        vector_stages=names,
        model_stages=names,
        clusters=study.material.clusters,
        seed=run.name,
    )
    places = [vectors[0]["layers"].index(layer) for layer in dose.layers]
    return RunFigures(
        run=run,
        dose=dose,
        grid=grid,
        lying_steered=np.array(lying),
        unsteered=_rows(baselines, "unsteered"),
        honest_prompt=_rows(baselines, "honest_prompt"),
        lying_prompt=_rows(baselines, "lying_prompt"),
        neutral=_rows(baselines, "neutral"),
        own_neutral=_rows(sides, "neutral"),
        own_kl=_rows(sides, "kl"),
        own_nll_change=_rows(sides, "steered_nll") - _rows(sides, "nll"),
        random_slopes=_rows(randoms, "random_slopes").transpose(1, 0, 2),
        random_effects=_rows(randoms, "random_effects").T,
        shuffled_effects=np.array([r.get("shuffled_effects", []) for r in randoms]).T,
        directions=_rows(vectors, "directions")[:, places],
        reliability=np.array(
            [[np.nan if c is None else c for c in v["noise_ceilings"]] for v in vectors], dtype=np.float64
        )[:, places],
        extract_seconds=np.array([v["seconds"] for v in vectors]),
        measure_seconds=seconds,
        twins=_twins(study, run),
    )


class _Twin(BaseModel):
    """One record of a twins file; margins of arm and twin, item by item."""

    model_config = ConfigDict(extra="forbid", strict=True)

    seed: int
    stage: str
    step: int
    budget_steps: int
    lag_steps: int = 0
    arm_lag: list[float]
    twin_lag: list[float]
    arm_end: list[float]
    twin_end: list[float]


def _twins(study: Study, run: StudyRun) -> tuple[TwinRecord, ...]:
    if run.twins is None:
        return ()
    content = read_json(run.twins)
    if not isinstance(content, list):
        raise PlanError(f"{run.twins}: a list of twin runs is expected")
    numbers = {stage.name: index for index, stage in enumerate(run.stages)}
    records = []
    for index, entry in enumerate(content):
        try:
            twin = _Twin.model_validate(entry)
        except ValidationError as error:
            key = ".".join(str(p) for p in error.errors()[0]["loc"])
            raise PlanError(f"{run.twins}: record {index}: {key}: {error.errors()[0]['msg']}") from error
        if twin.seed != run.seed:
            raise PlanError(f"{run.twins}: record {index} is of seed {twin.seed}; the run is seed {run.seed}")
        # A subset of stages takes the twin runs that began at them.
        if twin.stage in numbers:
            records.append(_record(study, run, twin, numbers[twin.stage]))
    return tuple(records)


def _record(study: Study, run: StudyRun, twin: _Twin, stage: int) -> TwinRecord:
    # Twin runs measured on the study's own items share their facts; any other items stand alone.
    clusters = study.material.clusters
    return TwinRecord(
        seed=run.name,
        stage=stage,
        step=twin.step,
        budget_steps=twin.budget_steps,
        lag_steps=twin.lag_steps,
        arm_lag=np.array(twin.arm_lag),
        twin_lag=np.array(twin.twin_lag),
        arm_end=np.array(twin.arm_end),
        twin_end=np.array(twin.twin_end),
        clusters=clusters if len(clusters) == len(twin.arm_lag) else None,
    )


def _rows(cells: list[dict[str, Any]], key: str) -> FloatArray:
    return np.array([cell[key] for cell in cells], dtype=np.float64)
