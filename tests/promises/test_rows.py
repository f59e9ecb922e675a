"""The bound of a row, the seeds it keeps, and the shape of the table."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from scipy.stats import binom

from promises.__main__ import measured
from promises.row import Row, upper_bound
from promises.seeds import keep_seeds, kept_seeds
from promises.table import PROMISES, printed


@pytest.mark.parametrize(("failures", "n"), [(1, 20), (3, 400), (17, 60), (59, 60)])
def test_at_the_bound_as_few_failures_have_a_chance_of_one_in_twenty(failures: int, n: int) -> None:
    assert binom.cdf(failures, n, upper_bound(failures, n)) == pytest.approx(0.05, rel=1e-6)


def test_no_failure_in_3000_trials_bounds_the_rate_at_one_in_a_thousand() -> None:
    assert upper_bound(0, 3_000) == pytest.approx(0.001)
    assert upper_bound(0, 0) == upper_bound(4, 4) == 1.0
    with pytest.raises(ValueError, match="cannot be"):
        upper_bound(5, 4)


def test_a_promise_that_was_not_tried_does_not_hold() -> None:
    assert not Row.of_trials(1, "kept", 0, 0).ok
    assert Row.of_trials(1, "kept", 10, 0).ok
    assert not Row.of_trials(1, "kept", 10, 1).ok


def test_parts_add_up_and_the_broken_one_is_told() -> None:
    whole = Row.of_trials(5, "first", 10, 0)
    broken = Row(5, "second", 4, 1, 0.7, 300.0, 250.0, False, note="late", seeds=(8,))
    row = Row.of_parts(5, "both", [whole, broken])
    assert (row.n, row.failures, row.value, row.limit, row.ok) == (14, 1, 300.0, 250.0, False)
    assert row.seeds == (8,)
    assert Row.from_json(json.loads(json.dumps(row.to_json()))) == row
    assert "BROKEN" in printed([row]) and "second (late)" in printed([row])


def test_failing_seeds_are_kept_once_and_in_order(tmp_path: Path) -> None:
    assert kept_seeds(7, tmp_path) == []
    assert keep_seeds(7, [5, 3, 5], tmp_path) == [5, 3]
    assert keep_seeds(7, [3, 9], tmp_path) == [9]
    assert kept_seeds(7, tmp_path) == [5, 3, 9]


def test_every_row_of_the_table_is_listed_once() -> None:
    assert [promise.id for promise in PROMISES] == list(range(1, 17))


def test_a_process_without_a_result_breaks_its_promise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "false")
    row = measured(1, "ci", 3)
    assert not row.ok and row.bound == 1.0
    assert "status 1 and no result" in row.note
