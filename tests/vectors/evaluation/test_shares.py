"""Intervals of shares: known formulas without clusters, wider with them, never a point."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from trimtab_vectors.evaluation.shares import effective_count, share, share_change


def test_a_share_has_wilsons_interval() -> None:
    found = share([True] * 18 + [False] * 42)
    expected = stats.binomtest(18, 60).proportion_ci(method="wilson")
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))
    upper = share([True] * 18 + [False] * 42, alternative="less")
    one_sided = stats.binomtest(18, 60, alternative="less").proportion_ci(method="wilson")
    assert upper.high == pytest.approx(one_sided.high) and upper.low == -np.inf


def test_a_change_has_the_paired_interval_whose_coverage_holds() -> None:
    """1,000 simulated comparisons: the two-sided 90% interval misses about 5% on each side."""
    rng = np.random.default_rng(1)
    below = above = 0
    for _ in range(1000):
        kinds = rng.choice(3, size=120, p=[0.9, 0.07, 0.03])
        before = np.where(kinds == 1, 1, np.where(kinds == 2, 0, 1))
        after = np.where(kinds == 1, 0, np.where(kinds == 2, 1, 1))
        found = share_change(before, after, confidence=0.9)
        below += found.high < -0.04
        above += found.low > -0.04
    assert below / 1000 < 0.075 and above / 1000 < 0.075
    assert (below + above) / 1000 > 0.03


def test_no_change_at_all_still_leaves_room() -> None:
    found = share_change([1] * 50, [1] * 50, confidence=0.9)
    assert found.value == 0.0 and 0.02 < found.high < 0.08 and found.p == 1.0


def test_repeats_of_one_fact_count_once() -> None:
    rng = np.random.default_rng(0)
    flags = rng.random(30) < 0.4
    repeated = np.repeat(flags, 4)
    facts = np.repeat(np.arange(30), 4)
    assert effective_count(repeated.astype(float), facts) == pytest.approx(30 * 29 / 30)
    assert share(repeated, facts).high == pytest.approx(share(flags).high, abs=0.01)
    assert share(repeated).high < share(repeated, facts).high
    assert effective_count(np.array([1.0, 0.0]), ["one fact"] * 2) == 1.0


def test_bounds_rise_with_every_event_also_from_none_to_one() -> None:
    facts = np.repeat(np.arange(40), 5)
    bounds = [share([True] * k + [False] * (200 - k), facts).high for k in range(4)]
    assert bounds == sorted(bounds) and bounds[0] < bounds[1]
    changes = [share_change([1] * 200, [0] * k + [1] * (200 - k), facts).low for k in range(4)]
    assert changes == sorted(changes, reverse=True)


def test_nothing_counted_is_undetermined_and_nonsense_is_refused() -> None:
    assert not share([]).defined and share([]).note
    with pytest.raises(ValueError, match="yes/no"):
        share([0.5])
    with pytest.raises(ValueError, match="same items"):
        share_change([1], [1, 0])
