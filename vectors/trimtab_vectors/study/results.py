"""The shape of a study's summary, DIR/summary.json: everything a report draws and a reader may check.

Stages index every list, in the order of fine-tuning; a matrix is `[vector's stage][model's stage]`. null: not
measured, or it cannot be determined. Log-odds and effects are in nats, slopes in nats per unit of strength (1 is the
residual norm), intervals two-sided 95% unless said otherwise.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike
from pydantic import BaseModel, ConfigDict, ValidationError

from trimtab_vectors.study.plan import PlanError

Series = list[float | None]
Matrix = list[Series]

#: Changes with the shape of the file.
SCHEMA: Final = 1


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Interval(_Record):
    value: float | None
    low: float | None
    high: float | None


class SeriesInterval(_Record):
    value: Series
    low: Series
    high: Series


class MatrixInterval(_Record):
    value: Matrix
    low: Matrix
    high: Matrix


class Stability(_Record):
    """plain, corrected: cosines between the stages' vectors, the mean over the dose's layers; corrected for
    extraction noise by the split-half ceilings, null where one is below .5. ceilings: per stage, the least over
    those layers. since_first, local: the corrected cosine to the first stage, and to the one before."""

    plain: Matrix
    corrected: Matrix
    ceilings: Series
    since_first: Series
    local: Series


class Intervention(_Record):
    """Gain in nats per step of the push, at the fixed lag and at the end of training; retention is end over lag."""

    lag: SeriesInterval
    end: SeriesInterval
    retention: SeriesInterval


class RunSummary(_Record):
    """One fine-tuning run; intervals are over items, clustered by fact. specific_slope: above random vectors
    (`rank_p`: its rank among them; `random_95th`: their 95th percentile). receptivity: how the stage answers to an
    average vector; exportability: how the stage's vector does on an average stage, about 0."""

    name: str
    architecture: str
    arc: str
    role: str
    seed: int
    stage_hashes: list[str]
    unsteered: Series
    honest_prompt: Series
    lying_prompt: Series
    lie_rate: Series
    effect: MatrixInterval
    slope: MatrixInterval
    specific_slope: MatrixInterval
    rank_p: Matrix
    random_95th: Series
    anti_steerable: Matrix
    normalised_effect: MatrixInterval
    transfer: MatrixInterval
    receptivity: Series
    exportability: Series
    explained_by_margins: float | None
    readout_plasticity: SeriesInterval
    intervention_lag: Series | None
    intervention_end: Series | None
    stability: Stability


class Gate(_Record):
    """One limit at one stage, the stage's own vector at the reference strength. upper: one-sided 95% bound. passed:
    null where there is not enough data to say."""

    name: str
    value: float | None
    upper: float | None
    limit: float
    passed: bool | None


class OwnAgainstFirst(_Record):
    """Effect of each stage's own vector minus that of the first stage's, on the same stage and items. p: paired t
    over fine-tune seeds; p_holm: Holm's correction over the stages; null with one seed."""

    difference: SeriesInterval
    p: Series
    p_holm: Series


class WindowRecord(_Record):
    """The window rule on one statistic. verdict: confirmed, candidate, none or undecided. figures: all that
    the rule computed. theta: seed's run -> the timeline it judged. reasons: in words."""

    statistic: str
    verdict: str
    word: str | None
    first_stage: str | None
    last_stage: str | None
    smallest_effect: float | None
    figures: dict[str, Any]
    theta: dict[str, Series]
    reasons: list[str]


class CostRecord(_Record):
    """cost_per_stage: of extraction and measurement at each stage, in seconds, or in money where the plan has a
    price. lie_rate_reduction: of the stage's own vector, forced choice. reduction_per_cost: its lower bound over
    the cost. recommendation: steer, a prompt is enough, or undecided, at the last stage; advantage: of steering
    over the best prompt, share of items. best_strength, net_value: where the plan has prices."""

    unit: str
    cost_per_stage: Series
    lie_rate_reduction: SeriesInterval
    reduction_per_cost: Series
    recommendation: str
    advantage: Interval
    best_strength: Interval | None
    net_value: float | None


class ArcSummary(_Record):
    """The runs of one architecture along one arc; intervals are of the hierarchical bootstrap, fine-tune seeds
    first, then facts. With fewer than 5 seeds they are too narrow to decide anything: the verdicts do not use them."""

    architecture: str
    arc: str
    stages: list[str]
    steps: list[int]
    discovery_seeds: list[int]
    confirmation_seeds: list[int]
    layers: list[int]
    strength: float
    unsteered: SeriesInterval
    honest_prompt: SeriesInterval
    lie_rate: SeriesInterval
    effect: MatrixInterval
    slope: MatrixInterval
    specific_slope: MatrixInterval
    normalised_effect: MatrixInterval
    transfer: MatrixInterval
    receptivity: SeriesInterval
    exportability: SeriesInterval
    readout_plasticity: SeriesInterval
    random_95th: Series
    shuffled_largest: Series
    intervention: Intervention | None
    stability: MatrixInterval
    gates: list[list[Gate]]
    own_against_first: OwnAgainstFirst
    windows: list[WindowRecord]
    cost: CostRecord


class CostOfStudy(_Record):
    """cells, seconds: of each kind, the seconds of computing. seconds_per_effect_cell, r_squared: of a line through
    cumulated seconds over finished effect cells; 1 is a cost that does not grow."""

    cells: dict[str, int]
    seconds: dict[str, float]
    seconds_per_effect_cell: float
    r_squared: float


class Summary(_Record):
    """planted_window, planted_null: what the rule says of arcs of these names, over all architectures: the first
    verdict that is not the right one, if any; null without such an arc."""

    schema_version: int = SCHEMA
    name: str
    plan_hash: str
    plan: dict[str, Any]
    files: dict[str, str]
    runs_locked: dict[str, Any]
    choices: dict[str, Any]
    sessions: list[dict[str, Any]]
    planted_window: str | None
    planted_null: str | None
    arcs: list[ArcSummary]
    runs: list[RunSummary]
    cost: CostOfStudy
    caveats: list[str]

    def to_json(self) -> str:
        """Compact, one value a line at the top level."""
        record = self.model_dump(mode="json")
        lines = [f"{json.dumps(k)}: {json.dumps(v, ensure_ascii=False)}" for k, v in record.items()]
        return "{\n" + ",\n".join(lines) + "\n}\n"


def read_summary(path: Path) -> Summary:
    """Raises FileNotFoundError, or PlanError for what is no summary; the message names the key."""
    try:
        return Summary.model_validate_json(path.read_text(encoding="utf-8"))
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise PlanError(f"{path}: {key}: {first['msg']}; run the study again to write it anew") from error


def number(value: float) -> float | None:
    """Five significant digits; None for what is not finite."""
    return float(f"{value:.5g}") if math.isfinite(value) else None


def series(values: ArrayLike) -> Series:
    return [number(float(v)) for v in np.asarray(values, dtype=np.float64)]


def matrix(values: ArrayLike) -> Matrix:
    return [series(row) for row in np.asarray(values, dtype=np.float64)]


def series_interval(value: ArrayLike, low: ArrayLike, high: ArrayLike) -> SeriesInterval:
    return SeriesInterval(value=series(value), low=series(low), high=series(high))


def matrix_interval(value: ArrayLike, low: ArrayLike, high: ArrayLike) -> MatrixInterval:
    return MatrixInterval(value=matrix(value), low=matrix(low), high=matrix(high))


def interval(values: Iterable[float]) -> Interval:
    value, low, high = (number(v) for v in values)
    return Interval(value=value, low=low, high=high)
