"""Twin records: gains per step of budget, retention, and timelines that show what is missing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from trimtab_vectors.plasticity import TwinRecord, intervention_timelines, twin_effect
from trimtab_vectors.statistics import clustered_mean


def record(
    seed: str = "1", stage: int = 0, lag: float = 0.8, end: float = 0.2, budget: int = 4
) -> TwinRecord:
    rng = np.random.default_rng(int(seed) * 100 + stage)
    twin_lag, twin_end = rng.normal(size=(2, 24))
    shared = rng.normal(0.0, 0.1, size=24)
    return TwinRecord(
        seed=seed,
        stage=stage,
        step=16 * stage,
        budget_steps=budget,
        lag_steps=32,
        arm_lag=twin_lag + lag + shared,
        twin_lag=twin_lag,
        arm_end=twin_end + end + shared * end / lag,
        twin_end=twin_end,
        clusters=tuple(i // 2 for i in range(24)),
    )


def test_gains_are_paired_clustered_and_per_step_of_budget() -> None:
    r = record()
    found = twin_effect(r)
    oracle = clustered_mean((r.arm_lag - r.twin_lag) / 4, r.clusters)
    assert found.lag == oracle
    assert found.end is not None and found.end.clusters == 12
    assert found.retention is not None and found.retention.value == pytest.approx(0.25)


def test_a_run_that_was_not_followed_to_its_end_has_no_end_figure() -> None:
    nothing = np.full(24, np.nan)
    found = twin_effect(replace(record(), arm_end=nothing, twin_end=nothing))
    assert found.lag is not None
    assert found.end is None
    assert found.retention is None


def test_a_push_that_did_nothing_has_no_retention() -> None:
    r = record()
    rng = np.random.default_rng(0)
    found = twin_effect(replace(r, arm_lag=r.twin_lag + rng.normal(0.0, 1.0, size=24)))
    assert found.retention is not None
    assert not found.retention.defined


def test_timelines_put_every_record_in_its_place() -> None:
    records = [record(s, t, lag=0.4 + 0.1 * t, budget=2) for s in ("2", "1") for t in (0, 1, 3)][:-1]
    found = intervention_timelines(records)
    assert (found.seeds, found.stages) == (("1", "2"), (0, 1, 3))
    assert found.lag[1] == pytest.approx([0.2, 0.25, 0.35], abs=0.03)
    assert np.isnan(found.lag[0, 2]) and np.isnan(found.end[0, 2])
    assert found.retention[0] is not None and found.retention[0].n == 2
    assert found.retention[2] is None


def test_records_that_cannot_be_compared_are_refused() -> None:
    with pytest.raises(ValueError, match="two records for stage 0"):
        intervention_timelines([record(), record()])
    with pytest.raises(ValueError, match=r"lags \[32, 64\]"):
        intervention_timelines([record(), replace(record("2"), lag_steps=64)])
    with pytest.raises(ValueError, match="at least 1 step"):
        replace(record(), budget_steps=0)
    with pytest.raises(ValueError, match="the same items"):
        replace(record(), arm_lag=np.zeros(3))
