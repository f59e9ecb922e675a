"""DiffMean: the difference of the mean states of the two sides of a contrast set."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch


@dataclass(frozen=True)
class DiffMean:
    """`v = mean over pairs of (positive - negative)`, float64; its norm is how far the sides lie apart.

    Marks and Tegmark, arXiv:2310.06824, section 5; Rimsky et al., arXiv:2312.06681, section 3.
    """

    name: ClassVar[str] = "diff_mean"

    def direction(self, differences: torch.Tensor, seed: int) -> torch.Tensor:
        """`[P, H]` -> `[H]`."""
        return differences.mean(dim=0)

    def directions(self, differences: torch.Tensor, subsets: torch.Tensor, seed: int) -> torch.Tensor:
        """`[P, H]`, `[K, P]` bool -> `[K, H]`: of every subset of the pairs, in one product."""
        weights = subsets.to(differences.dtype)
        return (weights / weights.sum(dim=1, keepdim=True)) @ differences
