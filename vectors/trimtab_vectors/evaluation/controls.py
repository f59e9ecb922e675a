"""Controls: what any push of the same size does, and what a direction does that was extracted from nothing.

A gain counts only above these. Random vectors have the norm of the real one at the same layers and dose;
label-shuffled vectors come from the same pairs by the same method, with the sides of half of them exchanged.
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from trimtab_vectors.evaluation.batching import Progress, Treatment
from trimtab_vectors.evaluation.honesty import Question
from trimtab_vectors.evaluation.outcomes import ask
from trimtab_vectors.evaluation.steerability import rank_p
from trimtab_vectors.extraction.capture import BATCH_TOKENS
from trimtab_vectors.extraction.contrast_set import ContrastSet
from trimtab_vectors.extraction.methods import Method, make_direction
from trimtab_vectors.extraction.pair_states import PairStates
from trimtab_vectors.operators import Operator
from trimtab_vectors.steering import Steer
from trimtab_vectors.steering_vector import Positions

#: Fewer than these are no control: their 95th percentile is their largest.
ENOUGH_RANDOM: Final = 50

#: Directions per row of one call, in numbers: bounds their memory whatever the model's width.
_ROW_NUMBERS: Final = 1 << 26


@dataclass(frozen=True)
class Controls:
    """A figure of each control vector, in the order drawn; the seed they were drawn with."""

    values: tuple[float, ...]
    seed: int

    @property
    def percentile_95(self) -> float:
        """The smallest value that at least 95% of the controls do not exceed."""
        ordered = sorted(self.values)
        return ordered[math.ceil(0.95 * len(ordered)) - 1]

    def p(self, value: float) -> float:
        """Rank p value of the real vector's figure, one-sided; never below 1 / (R + 1)."""
        return rank_p(value, self.values)


def random_directions(layers: Sequence[int], hidden_size: int, count: int, seed: int) -> dict[int, Tensor]:
    """Layer -> `[count, H]` unit vectors, uniform on the sphere, a draw of its own for each layer."""
    generator = torch.Generator().manual_seed(seed)
    directions = {}
    for layer in layers:
        drawn = torch.randn(count, hidden_size, generator=generator)
        directions[layer] = drawn / drawn.norm(dim=-1, keepdim=True)
    return directions


def shuffled_labels(contrast_set: ContrastSet, seed: int) -> ContrastSet:
    """The same pairs, the sides of half of the training pairs exchanged: no concept is left. Extract from it as
    from the real one. Held-out pairs keep their sides.

    Exactly half (of an odd number, the smaller half): were each exchanged by the toss of a coin, what is left of
    the concept would be small in the raw norm only, and after scaling to a unit vector be the concept again.
    """
    exchanged = iter(_half(len(contrast_set.train), seed))
    return ContrastSet(
        tuple(
            pair.swapped() if pair.split == "train" and next(exchanged) else pair
            for pair in contrast_set.pairs
        )
    )


def shuffled_directions(states: PairStates, method: Method, count: int, seed: int) -> dict[int, Tensor]:
    """Layer -> `[count, H]` unit vectors as `shuffled_labels` would give them with seeds seed, seed + 1, ..., from
    states of the training pairs that were captured once.

    Raises ContrastSetError where a shuffled set has no direction.
    """
    signs = [
        torch.tensor([-1.0 if swap else 1.0 for swap in _half(len(states.statements), seed + k)])
        for k in range(count)
    ]
    return {
        layer: torch.stack(
            [
                make_direction(
                    method, states.differences(layer) * own.double()[:, None], seed + k
                ).unit.float()
                for k, own in enumerate(signs)
            ]
        )
        for layer in states.layers
    }


def honest_under_directions(
    model: nn.Module,
    tokenizer: Any,
    questions: Sequence[Question],
    directions: Mapping[int, Tensor],
    operator: Operator,
    *,
    residual_norms: Mapping[int, float],
    positions: Positions,
    max_new_tokens: int = 64,
    batch_tokens: int = BATCH_TOKENS,
    progress: Progress | None = None,
) -> NDArray[np.bool_]:
    """`[R, N]`: which of N questions are answered honestly under each of R directions, many in one batch.

    directions: layer -> `[R, H]`, at the layers and with the operator of the vector they control for.
    progress: (vectors done, vectors in all).
    """
    count = len(next(iter(directions.values())))
    numbers = sum(table.shape[1] for table in directions.values()) * len(questions)
    together = max(1, _ROW_NUMBERS // numbers)
    honest: list[NDArray[np.bool_]] = []
    for start in range(0, count, together):
        chosen = list(range(start, min(count, start + together)))
        rows = {n: table[chosen].repeat_interleave(len(questions), dim=0) for n, table in directions.items()}
        answers = ask(
            model,
            tokenizer,
            list(questions) * len(chosen),
            Treatment((Steer(rows, operator),), residual_norms, positions),
            max_new_tokens=max_new_tokens,
            batch_tokens=batch_tokens,
        )
        honest += list(answers.honest.reshape(len(chosen), len(questions)))
        if progress is not None:
            progress(len(honest), count)
    return np.stack(honest)


def _half(count: int, seed: int) -> list[bool]:
    chosen = set(random.Random(f"shuffled/{seed}").sample(range(count), count // 2))
    return [index in chosen for index in range(count)]
