"""Checked samples: what every statistic here takes, and the messages when it is something else."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray: TypeAlias = NDArray[np.float64]
IntArray: TypeAlias = NDArray[np.int64]
BoolArray: TypeAlias = NDArray[np.bool_]
#: One label an item: the fact, template or topic that it shares with others. Anything hashable.
Clusters: TypeAlias = Sequence[Hashable] | NDArray[np.generic]


def sample(name: str, values: ArrayLike, least: int = 1) -> FloatArray:
    """`values` as a float array `[n]`.

    Raises:
        ValueError: it is not one-dimensional, shorter than `least`, or holds a value that is not finite.
    """
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1:
        raise ValueError(f"{name} has shape {list(array.shape)}; one value an item, [n], is expected")
    if len(array) < least:
        raise ValueError(f"{name} holds {len(array)} values; at least {least} are needed")
    missing = int((~np.isfinite(array)).sum())
    if missing:
        raise ValueError(
            f"{missing} of {len(array)} values in {name} are not finite; drop those items from both sides of "
            "the comparison, and report how many"
        )
    return array


def same_length(**samples: FloatArray) -> int:
    """The common length; raises ValueError when paired samples differ in length."""
    lengths = {name: len(values) for name, values in samples.items()}
    if len(set(lengths.values())) != 1:
        said = ", ".join(f"{name} {n}" for name, n in lengths.items())
        raise ValueError(f"paired samples must have the same items in the same order; lengths: {said}")
    return next(iter(lengths.values()))


def cluster_codes(clusters: Clusters | None, n: int) -> tuple[IntArray, int]:
    """Codes 0..C-1 `[n]` and C. None: every item is its own cluster."""
    if clusters is None:
        return np.arange(n), n
    if len(clusters) != n:
        raise ValueError(f"clusters holds {len(clusters)} labels for {n} items; give one label an item")
    labels: dict[object, int] = {}
    codes = np.array([labels.setdefault(label, len(labels)) for label in clusters], dtype=np.int64)
    return codes, len(labels)


def share(name: str, value: float) -> float:
    """A confidence, alpha or power: strictly between 0 and 1."""
    if not 0.0 < value < 1.0:
        raise ValueError(f"{name} is {value}; a number between 0 and 1 is expected")
    return value
