"""The rule's error rates on simulated timelines, and what the shipped study says of planted windows."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from trimtab_vectors.evaluation import wilson_interval
from trimtab_vectors.plasticity import StudySummaryError, TimelineModel, read_planted, run_check


@pytest.fixture(scope="module")
def checked() -> object:
    return run_check(seed=1, timelines=2000)


def test_the_rule_meets_its_limits(checked: object) -> None:
    found = checked
    assert found.ok  # type: ignore[attr-defined]
    for trend in ("flat", "decaying"):
        assert found.false_windows[trend].high <= 0.06  # type: ignore[attr-defined]
        assert found.power[trend].low >= 0.75  # type: ignore[attr-defined]
    assert found.false_windows["shoulder"].high <= 0.06  # type: ignore[attr-defined]
    assert found.late_rises_called_window.share <= 0.06  # type: ignore[attr-defined]


def test_figures_carry_the_interval_of_their_number_of_timelines(checked: object) -> None:
    power = checked.power["decaying"]  # type: ignore[attr-defined]
    assert (power.low, power.high) == wilson_interval(round(power.share * 2000), 2000)
    for shares in checked.verdicts.values():  # type: ignore[attr-defined]
        assert sum(shares.values()) == pytest.approx(1.0)


def test_the_seed_alone_decides_the_figures() -> None:
    assert run_check(3, 100) == run_check(3, 100)
    assert run_check(3, 100) != run_check(4, 100)


def test_a_window_too_small_for_the_noise_fails_the_check() -> None:
    weak = run_check(0, 400, replace(TimelineModel(), bump=0.04))
    assert not weak.ok
    assert weak.least_power < 0.5


def test_noise_has_the_spread_and_the_correlation_that_are_stated() -> None:
    noise = TimelineModel().noise(20_000, 2, np.random.default_rng(0))
    assert noise.std(axis=(0, 1)) == pytest.approx(np.full(10, np.hypot(0.05, 0.02)), rel=0.02)
    neighbours = np.mean(noise[..., 1:] * noise[..., :-1])
    assert neighbours == pytest.approx(0.5 * 0.05**2, rel=0.05)
    assert abs(np.mean(noise[:, 0] * noise[:, 1])) < 3e-5


def test_planted_windows_have_two_stages_on_either_side() -> None:
    planted = TimelineModel().planted(2000, np.random.default_rng(0)) > 0
    assert set(planted.sum(axis=1)) == {2, 3}
    assert not planted[:, [0, 1, 8, 9]].any()
    assert planted[:, 2:8].any(axis=0).all()


def write(path: Path, record: object) -> Path:
    path.write_text(json.dumps(record), encoding="utf-8")
    return path


def test_planted_lines_hold_only_as_confirmed_and_none(tmp_path: Path) -> None:
    good = read_planted(
        write(tmp_path / "a", {"planted_window": "confirmed", "planted_null": "none", "more": 1})
    )
    assert good.ok
    assert not read_planted(write(tmp_path / "b", {"planted_window": "candidate", "planted_null": "none"})).ok
    assert not read_planted(
        write(tmp_path / "c", {"planted_window": "confirmed", "planted_null": "undecided"})
    ).ok


def test_a_study_that_was_not_run_is_missing_and_not_ok(tmp_path: Path) -> None:
    found = read_planted(tmp_path / "summary.json")
    assert (found.planted_window, found.planted_null, found.ok) == ("missing", "missing", False)


@pytest.mark.parametrize("record", [[], {}, {"planted_window": "yes", "planted_null": "none"}])
def test_a_summary_that_says_something_else_is_an_error(tmp_path: Path, record: object) -> None:
    with pytest.raises(StudySummaryError, match=r"summary\.json"):
        read_planted(write(tmp_path / "summary.json", record))
    (tmp_path / "broken").write_text("{", encoding="utf-8")
    with pytest.raises(StudySummaryError, match="not JSON"):
        read_planted(tmp_path / "broken")
