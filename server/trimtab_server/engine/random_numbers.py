"""Counter-based random numbers: a token's number depends on (seed, position) alone, never on a state."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MASK = (1 << 64) - 1


def uniforms(seeds: Sequence[int], positions: Sequence[int]) -> npt.NDArray[np.float64]:
    """One number in [0, 1) per (seed, position), each with 53 random bits.

    SplitMix64's finaliser (Steele, Lea, Flood 2014, "Fast splittable pseudorandom number generators", §3)
    over the seed, then over the mixed seed plus the position: neighbouring seeds and positions are
    unrelated.
    """
    with np.errstate(over="ignore"):
        seed = np.array([value & _MASK for value in seeds], dtype=np.uint64)
        position = np.array([value & _MASK for value in positions], dtype=np.uint64)
        mixed = _finalise(_finalise(seed + _GOLDEN) + (position + np.uint64(1)) * _GOLDEN)
    return (mixed >> np.uint64(11)).astype(np.float64) * 2.0**-53


def _finalise(x: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))
