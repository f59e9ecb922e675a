"""Fewer points for the same picture: what falls on one column of pixels is drawn as its extremes."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[np.float64]


def in_view(times: Array, start: float, end: float) -> slice:
    """The points between two times, and one more on each side so that the line leaves the view. `times` ascend."""
    first, last = np.searchsorted(times, (start, end), side="left")
    return slice(max(0, int(first) - 1), int(last) + 1)


def columns(times: Array, start: float, end: float, count: int) -> NDArray[np.intp]:
    """Where each of `count` equal columns from `start` to `end` begins in `times`; columns without points left out.

    The first begins at 0 and the last ends with `times`: what lies outside belongs to the outermost column.
    """
    edges = start + (end - start) / count * np.arange(1, count)
    begins = np.concatenate(([0], np.searchsorted(times, edges, side="left")))
    return begins[np.diff(begins, append=len(times)) > 0]


def extremes(times: Array, values: Array, start: float, end: float, pixels: int) -> tuple[Array, Array]:
    """A line through the smallest and largest value of each column of pixels; as it is if it is short enough.

    Args:
        times: ascending, `[n]`.
        values: finite, `[n]`.
        start, end: the times at the left and right edge.
        pixels: between them.

    Returns:
        Times and values, `[at most max(n, 2 * pixels)]`.
    """
    if len(times) <= 2 * pixels:
        return times, values
    begins = columns(times, start, end, pixels)
    low, high = np.minimum.reduceat(values, begins), np.maximum.reduceat(values, begins)
    return np.repeat(times[begins], 2), np.column_stack((low, high)).ravel()


def spans(
    times: Array, lower: Array, upper: Array, start: float, end: float, count: int
) -> tuple[Array, Array, Array]:
    """Intervals as at most `count` of them: each covers all that fall on its column.

    Returns:
        Times, lower and upper ends, `[at most max(n, count)]`.
    """
    if len(times) <= count:
        return times, lower, upper
    begins = columns(times, start, end, count)
    return times[begins], np.minimum.reduceat(lower, begins), np.maximum.reduceat(upper, begins)
