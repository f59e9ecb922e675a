"""What is fixed before a critical window is looked for: the plan, the two sets of seeds, the gates."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import ArrayLike

from trimtab_vectors.statistics.samples import BoolArray, FloatArray, share

#: Fewer seeds than this never confirm a window: a plan may ask for more, not for less.
LEAST_DISCOVERY_SEEDS: Final = 3
LEAST_CONFIRMATION_SEEDS: Final = 4

Gate: TypeAlias = Literal["anti_steerable", "side_effects", "random_vectors"]
GATES: Final[tuple[Gate, ...]] = get_args(Gate)


@dataclass(frozen=True)
class WindowPlan:
    """The rule's fixed numbers; theta's unit throughout.

    smallest_effect: the smallest size of interest (delta), such as .2 of theta at the first stage.
    worthwhile_effect: "none" is only said where a rise this large is excluded; twice the former by default.
    widths, reference_stages: stages of a window, and of the surroundings it is compared with. variance: "pooled"
    uses the spread of both sets of seeds; choose "confirmation" where discovery was measured otherwise, with
    fewer items say. required_gates: those without which nothing is confirmed.
    """

    smallest_effect: float
    worthwhile_effect: float | None = None
    alpha: float = 0.05
    widths: tuple[int, ...] = (2, 3)
    reference_stages: int = 2
    discovery_seeds: int = LEAST_DISCOVERY_SEEDS
    confirmation_seeds: int = LEAST_CONFIRMATION_SEEDS
    variance: Literal["pooled", "confirmation"] = "pooled"
    anti_steerable_limit: float = 0.30
    required_gates: frozenset[Gate] = frozenset(GATES)
    null_draws: int = 999
    seed: int = 0

    def __post_init__(self) -> None:
        if not (math.isfinite(self.smallest_effect) and self.smallest_effect > 0.0):
            raise ValueError(f"smallest_effect is {self.smallest_effect}; a positive effect is expected")
        if self.excluded_effect < self.smallest_effect:
            raise ValueError(f"worthwhile_effect is {self.worthwhile_effect}, below smallest_effect")
        share("alpha", self.alpha)
        if not self.widths or min(self.widths) < 2 or self.reference_stages < 1:
            raise ValueError(
                "a window needs at least 2 stages, and at least 1 stage before it to compare with"
            )
        if self.discovery_seeds < LEAST_DISCOVERY_SEEDS or self.confirmation_seeds < LEAST_CONFIRMATION_SEEDS:
            raise ValueError(
                f"{self.discovery_seeds} + {self.confirmation_seeds} seeds are asked for; a window is confirmed "
                f"by no fewer than {LEAST_DISCOVERY_SEEDS} discovery and {LEAST_CONFIRMATION_SEEDS} confirmation "
                "seeds"
            )
        if self.variance not in ("pooled", "confirmation"):
            raise ValueError(f"variance is {self.variance!r}; use pooled or confirmation")
        unknown = sorted(set(self.required_gates) - set(GATES))
        if unknown:
            raise ValueError(f"unknown gates {', '.join(unknown)}; use {', '.join(GATES)}")
        if self.null_draws < 99:
            raise ValueError(f"null_draws is {self.null_draws}; at least 99 are needed for a test at .05")

    @property
    def excluded_effect(self) -> float:
        """The rise that "none" excludes."""
        return 2.0 * self.smallest_effect if self.worthwhile_effect is None else self.worthwhile_effect


@dataclass(frozen=True, eq=False)
class _Seeds:
    """seeds: names of training runs, G of them. theta: `[G, T]`, or `[N, G, T]` for N separate timelines."""

    seeds: tuple[str, ...]
    theta: FloatArray

    def __init__(self, seeds: Sequence[str | int], theta: ArrayLike) -> None:
        array = np.asarray(theta, dtype=np.float64)
        names = tuple(str(seed) for seed in seeds)
        if array.ndim not in (2, 3) or array.shape[-2] != len(names):
            raise ValueError(
                f"theta has shape {list(array.shape)} for {len(names)} seeds; [seeds, stages] is expected, or "
                "[timelines, seeds, stages]"
            )
        if len(set(names)) != len(names):
            raise ValueError(f"seeds {list(names)} repeat; each training run counts once")
        object.__setattr__(self, "seeds", names)
        object.__setattr__(self, "theta", array)


class DiscoverySeeds(_Seeds):
    """Training runs that choose where the window is, and whose mean never tests it."""


class ConfirmationSeeds(_Seeds):
    """Other training runs, measured on held-out items, that test the place that discovery chose."""


@dataclass(frozen=True, eq=False)
class StageGates:
    """What else must hold at every stage of a window: `[T]` each, or `[N, T]`; None where not measured.

    anti_steerable: share of items that move the wrong way. side_effects: whether the side-effect gates
    pass. effect and random_95th: the absolute effect of the vector, and the 95th percentile of that of random
    vectors of the same norm at the same place and dose (at least 20, better 50).
    """

    anti_steerable: FloatArray | None = None
    side_effects: BoolArray | None = None
    effect: FloatArray | None = None
    random_95th: FloatArray | None = None

    def __post_init__(self) -> None:
        if (self.effect is None) != (self.random_95th is None):
            raise ValueError("effect and random_95th are compared with each other; give both or neither")
