"""What can be said of a direction before anything is steered with it.

None of these figures shows that a direction STEERS: directions that tell the sides apart without fault may move
nothing. They show what cannot work, and how much of a difference between two vectors is noise.

u is the unit direction, d a pair's difference, positive minus negative. Of held-out pairs:

- pair accuracy: share of pairs with `d . u > 0` (chance .5; equal counts as not told apart);
- separation: d' = `(mean positive - mean negative) . u / s`, s the pooled standard deviation of the two sides'
  projections; agreement: mean of `cos(d, u)` (both: Braun et al., arXiv:2505.22637).

Of the training pairs:

- explained variance: `sum of (d . u)^2 / sum of |d|^2`, about zero and not about the mean, which is the concept;
- noise ceiling: statements are halved at random, each half makes a direction by the same method; C is the mean
  cosine of the two halves over the splits, the ceiling 2C / (1 + C) (Spearman-Brown: what directions of all the
  statements would reach), 0 where C is not positive. A cosine between two stages' vectors means something only
  against it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import torch

from trimtab_vectors.extraction.methods import Method, signed

#: Halvings behind a noise ceiling.
SPLIT_HALVES: Final = 50
#: Statements in each half, at least: below this there is no ceiling.
_SMALLEST_HALF: Final = 2


def pair_accuracy(differences: torch.Tensor, unit: torch.Tensor) -> float:
    """`[P, H]`, `[H]` -> share of pairs whose positive state projects strictly above its negative one."""
    return float((differences @ unit > 0).double().mean())


def separation(positive: torch.Tensor, negative: torch.Tensor, unit: torch.Tensor) -> float | None:
    """d' of two sets of states `[P, H]`; None where it is not defined: one pair, or no spread at all."""
    if len(positive) < 2:
        return None
    above, below = positive.double() @ unit, negative.double() @ unit
    spread = float(((above.var() + below.var()) / 2).sqrt())
    return None if spread == 0.0 else float(above.mean() - below.mean()) / spread


def agreement(differences: torch.Tensor, unit: torch.Tensor) -> float:
    """Mean cosine of `[P, H]` with `[H]`; a pair without a difference counts as 0."""
    lengths = torch.linalg.vector_norm(differences, dim=1)
    cosines = (differences @ unit) / torch.where(lengths > 0, lengths, 1.0)
    return max(-1.0, min(1.0, float(cosines.mean())))


def explained_variance(differences: torch.Tensor, unit: torch.Tensor) -> float:
    """Share of the differences' sum of squares that lies along the direction."""
    total = float(differences.square().sum())
    return min(1.0, float((differences @ unit).square().sum()) / total) if total > 0 else 0.0


def noise_ceiling(
    differences: torch.Tensor,
    statements: Sequence[str],
    method: Method,
    *,
    seed: int,
    splits: int = SPLIT_HALVES,
) -> float | None:
    """Spearman-Brown of the mean split-half cosine, in [0, 1]; None with fewer than four statements.

    statements: of each pair. The halves are of statements, never of pairs: two wordings of one statement are
    not two observations.
    """
    if splits < 1:
        raise ValueError(f"splits is {splits}; at least one is needed")
    first = _halves(statements, splits, seed)
    if first is None:
        return None
    subsets = torch.cat((first, ~first))
    vectors = signed(method.directions(differences, subsets, seed), _means(differences, subsets))
    cosines = torch.cosine_similarity(vectors[:splits], vectors[splits:], dim=1)
    mean = float(cosines.mean())
    return min(1.0, 2 * mean / (1 + mean)) if mean > 0 else 0.0


def _halves(statements: Sequence[str], splits: int, seed: int) -> torch.Tensor | None:
    """`[splits, P]` bool: the pairs of each split's first half."""
    distinct = sorted(set(statements))
    half = len(distinct) // 2
    if half < _SMALLEST_HALF:
        return None
    place = {statement: index for index, statement in enumerate(distinct)}
    of_pair = torch.tensor([place[statement] for statement in statements])
    generator = torch.Generator().manual_seed(seed)
    chosen = torch.zeros((splits, len(distinct)), dtype=torch.bool)
    for row in chosen:
        row[torch.randperm(len(distinct), generator=generator)[:half]] = True
    return chosen[:, of_pair]


def _means(differences: torch.Tensor, subsets: torch.Tensor) -> torch.Tensor:
    weights = subsets.to(differences.dtype)
    return (weights / weights.sum(dim=1, keepdim=True)) @ differences
