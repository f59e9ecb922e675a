"""Intervention plasticity: what a push at a stage leaves behind, against a twin run without it.

One figure is not enough. Measured at the end of training, the latest push always had the fewest steps to wash
out; so each record holds a fixed lag as well, and both are reported (Kannan, arXiv:2410.06225, measured the end).
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np

from trimtab_vectors.statistics import Estimate, clustered_mean, ratio_of_means
from trimtab_vectors.statistics.samples import FloatArray, same_length, sample


@dataclass(frozen=True, eq=False)
class TwinRecord:
    """Margins `[n]`, in nats, of one twin run: same seed, same data in the same order, apart from the push.

    seed: the training run. stage, step: where the push came. budget_steps: optimiser steps that it took.
    lag_steps: steps after it at which `lag` was measured, the same for all records that are compared.
    """

    seed: str
    stage: int
    step: int
    budget_steps: int
    lag_steps: int
    arm_lag: FloatArray
    twin_lag: FloatArray
    arm_end: FloatArray
    twin_end: FloatArray
    clusters: tuple[Hashable, ...] | None = None

    def __post_init__(self) -> None:
        if self.budget_steps < 1:
            raise ValueError(f"budget_steps is {self.budget_steps}; a push takes at least 1 step")
        for pair in ("lag", "end"):
            arm, twin = getattr(self, f"arm_{pair}"), getattr(self, f"twin_{pair}")
            if arm.ndim != 1 or arm.shape != twin.shape:
                raise ValueError(
                    f"arm_{pair} has shape {list(arm.shape)}, twin_{pair} {list(twin.shape)}; the same items, [n], "
                    "are expected"
                )


@dataclass(frozen=True)
class TwinEffect:
    """lag, end: gain in nats for each step of the budget. retention: end over lag, undetermined where the gain
    at the lag cannot be told from 0. None: the run was not followed that far."""

    lag: Estimate | None
    end: Estimate | None
    retention: Estimate | None


def twin_effect(record: TwinRecord, *, confidence: float = 0.95) -> TwinEffect:
    """`P = mean_i (arm - twin) / budget` at the lag and at the end, over the items of one record."""
    found: dict[str, FloatArray | None] = {}
    for pair in ("lag", "end"):
        gain = (getattr(record, f"arm_{pair}") - getattr(record, f"twin_{pair}")) / record.budget_steps
        found[pair] = None if np.isnan(gain).all() else sample(f"arm_{pair} - twin_{pair}", gain, 2)
    lag, end = found["lag"], found["end"]
    retention = None
    if lag is not None and end is not None:
        same_length(lag=lag, end=end)
        retention = ratio_of_means(end, lag, record.clusters, confidence=confidence)
    means = [
        None if gain is None else clustered_mean(gain, record.clusters, confidence=confidence)
        for gain in (lag, end)
    ]
    return TwinEffect(means[0], means[1], retention)


@dataclass(frozen=True, eq=False)
class InterventionTimelines:
    """lag, end: gain a step of budget, `[G, T]` for seeds and stages; NaN where there is no record or figure.
    retention: for each stage, end over lag with seeds as units; None with fewer than 2 seeds."""

    seeds: tuple[str, ...]
    stages: tuple[int, ...]
    lag: FloatArray
    end: FloatArray
    retention: tuple[Estimate | None, ...]


def intervention_timelines(
    records: Sequence[TwinRecord], *, confidence: float = 0.95
) -> InterventionTimelines:
    """The records as timelines over stages, ready for the critical-window rule.

    Raises:
        ValueError: a seed has two records for a stage, or the records differ in lag.
    """
    if len({record.lag_steps for record in records}) != 1:
        lags = sorted({record.lag_steps for record in records})
        raise ValueError(f"records have lags {lags}; one lag for all is expected, else recency is confounded")
    seeds, stages = sorted({r.seed for r in records}), sorted({r.stage for r in records})
    lag, end = np.full((len(seeds), len(stages)), np.nan), np.full((len(seeds), len(stages)), np.nan)
    filled: set[tuple[str, int]] = set()
    for record in records:
        if (record.seed, record.stage) in filled:
            raise ValueError(f"seed {record.seed} has two records for stage {record.stage}; keep one")
        filled.add((record.seed, record.stage))
        cell = seeds.index(record.seed), stages.index(record.stage)
        lag[cell] = float(np.mean(record.arm_lag - record.twin_lag)) / record.budget_steps
        end[cell] = float(np.mean(record.arm_end - record.twin_end)) / record.budget_steps
    return InterventionTimelines(
        tuple(seeds),
        tuple(stages),
        lag,
        end,
        tuple(_retention(lag[:, t], end[:, t], confidence) for t in range(len(stages))),
    )


def _retention(lag: FloatArray, end: FloatArray, confidence: float) -> Estimate | None:
    both = np.isfinite(lag) & np.isfinite(end)
    if both.sum() < 2:
        return None
    return ratio_of_means(end[both], lag[both], confidence=confidence)
