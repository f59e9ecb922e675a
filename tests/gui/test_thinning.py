"""Fewer points for the same picture, against a naive computation."""

from __future__ import annotations

import numpy as np
import pytest
from trimtab_gui.views.thinning import extremes, in_view, spans


def naive_columns(times: np.ndarray, start: float, end: float, count: int) -> list[np.ndarray]:
    """The places of the points in each column that has any; what lies outside goes to the outermost."""
    edges = start + (end - start) / count * np.arange(1, count)
    own = np.array([sum(edge <= time for edge in edges) for time in times])
    return [np.flatnonzero(own == column) for column in sorted(set(own))]


@pytest.fixture
def irregular() -> tuple[np.ndarray, np.ndarray]:
    """Points in bursts with long gaps between them."""
    rng = np.random.default_rng(3)
    times = np.sort(np.concatenate([at + rng.random(200) for at in (0.0, 1.5, 40.0, 41.0, 99.0)]))
    return times, rng.standard_normal(len(times))


def test_every_column_of_pixels_keeps_its_smallest_and_largest_value(irregular: tuple) -> None:
    times, values = irregular
    at, thin = extremes(times, values, 0.0, 100.0, 60)
    expected = naive_columns(times, 0.0, 100.0, 60)
    assert len(at) == len(thin) == 2 * len(expected) < len(times)
    for place, own in enumerate(expected):
        assert at[2 * place] == at[2 * place + 1] == times[own[0]]
        assert (thin[2 * place], thin[2 * place + 1]) == (values[own].min(), values[own].max())


def test_a_line_that_is_short_enough_stays_as_it_is(irregular: tuple) -> None:
    times, values = irregular
    at, thin = extremes(times, values, 0.0, 100.0, 500)
    assert at is times and thin is values


def test_an_interval_covers_all_that_fall_on_its_column(irregular: tuple) -> None:
    times, values = irregular
    at, low, high = spans(times, values - 0.1, values + 0.2, 0.0, 100.0, 30)
    expected = naive_columns(times, 0.0, 100.0, 30)
    assert len(at) == len(expected)
    for place, own in enumerate(expected):
        assert low[place] == values[own].min() - 0.1 and high[place] == values[own].max() + 0.2


@pytest.mark.parametrize(
    ("start", "end", "first", "last"),
    [(2.5, 5.5, 2, 6), (-9.0, -5.0, 0, 0), (50.0, 60.0, 9, 9), (-1.0, 99.0, 0, 9), (3.0, 4.0, 2, 4)],
)
def test_one_point_more_on_each_side_lets_the_line_leave_the_view(
    start: float, end: float, first: int, last: int
) -> None:
    times = np.arange(10.0)
    assert list(times[in_view(times, start, end)]) == list(range(first, last + 1))


def test_no_points_make_no_line() -> None:
    none = np.zeros(0)
    assert in_view(none, 0.0, 1.0) == slice(0, 1)
    assert len(extremes(none, none, 0.0, 1.0, 10)[0]) == len(spans(none, none, none, 0.0, 1.0, 10)[0]) == 0
