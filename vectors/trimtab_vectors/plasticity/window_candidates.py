"""Where a critical window may lie: every candidate place as contrasts over the stages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from trimtab_vectors.statistics.samples import BoolArray, FloatArray, IntArray


@dataclass(frozen=True, eq=False)
class WindowCandidates:
    """K places in a timeline of T stages, as weights over stages.

    start, width: `[K]`, stages `start .. start + width - 1`. rise `[K, T]`: mean inside minus mean of the stages
    just before. fall `[K, T]`: mean inside minus mean of the stages just after; all 0 where the place reaches
    the last stage. closes `[K]`: whether there is a stage after it.
    """

    start: IntArray
    width: IntArray
    rise: FloatArray
    fall: FloatArray
    closes: BoolArray

    @classmethod
    def of(cls, stages: int, widths: Sequence[int] = (2, 3), reference: int = 2) -> WindowCandidates:
        """Every place of these widths with `reference` stages before it; after it, up to as many as there are.

        Raises:
            ValueError: the timeline is too short for any place.
        """
        places = [(s, w) for w in sorted(set(widths)) for s in range(reference, stages - w + 1)]
        if not places:
            raise ValueError(
                f"{stages} stages are too few: a window of {min(widths)} stages needs {reference} before it"
            )
        rise, fall = np.zeros((len(places), stages)), np.zeros((len(places), stages))
        for row, (start, width) in enumerate(places):
            stop = start + width
            rise[row, start:stop] = 1.0 / width
            rise[row, start - reference : start] = -1.0 / reference
            after = min(reference, stages - stop)
            if after:
                fall[row, start:stop] = 1.0 / width
                fall[row, stop : stop + after] = -1.0 / after
        where = np.array(places, dtype=np.int64)
        return cls(where[:, 0], where[:, 1], rise, fall, where.sum(axis=1) < stages)

    def place(self, mean_timelines: FloatArray) -> IntArray:
        """The candidate of each mean timeline `[N, T]`: the largest rise plus half the fall after it, `[N]`.

        Half, since the rise is the claim that is tested and the fall only tells where it ends.
        """
        # No BLAS product: its rounding depends on the number of rows, and a row must not depend on others.
        scores = np.einsum("nt,kt->nk", mean_timelines, self.rise + 0.5 * self.fall)
        chosen: IntArray = scores.argmax(axis=1)
        return chosen

    def inside(self, chosen: IntArray) -> BoolArray:
        """Which stages each chosen place holds, `[N, T]`."""
        stage = np.arange(self.rise.shape[1])
        start = self.start[chosen][:, None]
        inside: BoolArray = (stage >= start) & (stage < start + self.width[chosen][:, None])
        return inside
