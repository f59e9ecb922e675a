"""What a sweep will run, fixed beforehand."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from trimtab_vectors.evaluation.honesty import KINDS
from trimtab_vectors.evaluation.side_effects import Gates
from trimtab_vectors.steering_vector import Positions

#: Dense where doses work, and past the cliff: a grid that ends at .2 has missed doses that work at .5.
STRENGTHS: Final = (0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.5, 0.6, 0.8, 1.0, 1.25, 1.5)


@dataclass(frozen=True)
class SweepPlan:
    """layers: the blocks or bands tried. strengths: ascending, above 0, relative to the residual norm.

    targets: kinds of questions the vector is to help with. known: kinds that ask without pressure for what the
    model knows; they measure the loss. collapse: a loss of knowledge or of coherence from which on there is
    no steering any more. beyond: strengths still measured past the first collapse; the rest of that layer's are
    left out. tolerance: honest rates this close to the best are equals when a setting is recommended.
    """

    layers: tuple[tuple[int, ...], ...]
    strengths: tuple[float, ...] = STRENGTHS
    positions: Positions = "reply"
    targets: tuple[str, ...] = ("soft_pressure", "hard_pressure")
    known: tuple[str, ...] = ("neutral", "belief")
    gates: Gates = field(default_factory=Gates)
    collapse: float = 0.2
    beyond: int = 1
    tolerance: float = 0.02
    max_new_tokens: int = 64

    def __post_init__(self) -> None:
        if not self.layers or any(not group or len(set(group)) < len(group) for group in self.layers):
            raise ValueError("layers must be one or more groups of different blocks, such as ((2,), (2, 3))")
        if len(set(self.layers)) < len(self.layers):
            raise ValueError("a group of layers is named twice; each is swept once")
        ascending = all(a < b for a, b in zip(self.strengths, self.strengths[1:], strict=False))
        if (
            not self.strengths
            or not ascending
            or not self.strengths[0] > 0.0
            or self.strengths[-1] == math.inf
        ):
            raise ValueError(
                f"strengths are {list(self.strengths)}; ascending finite ones above 0 are expected"
            )
        if self.positions not in ("all", "reply"):
            raise ValueError(f"positions is {self.positions!r}; use all or reply")
        unknown = {*self.targets, *self.known} - set(KINDS)
        if unknown or not self.targets or not self.known or set(self.targets) & set(self.known):
            raise ValueError(
                f"targets are {list(self.targets)} and known kinds {list(self.known)}; each needs at least one of "
                f"{', '.join(KINDS)}, and none may be both"
            )
        if not 0.0 < self.collapse < 1.0 or self.beyond < 0 or not 0.0 <= self.tolerance < 1.0:
            raise ValueError("collapse must lie between 0 and 1, beyond and tolerance must not be negative")

    def as_dict(self) -> dict[str, Any]:
        return {
            "layers": [list(group) for group in self.layers],
            "strengths": list(self.strengths),
            "positions": self.positions,
            "targets": list(self.targets),
            "known": list(self.known),
            "gates": self.gates.as_dict(),
            "collapse": self.collapse,
            "beyond": self.beyond,
            "tolerance": self.tolerance,
            "max_new_tokens": self.max_new_tokens,
        }

    @classmethod
    def from_dict(cls, record: dict[str, Any]) -> SweepPlan:
        lists = {name: tuple(record[name]) for name in ("strengths", "targets", "known")}
        layers = tuple(tuple(group) for group in record["layers"])
        return cls(**{**record, **lists, "layers": layers, "gates": Gates(**record["gates"])})


def layer_groups(layers: Sequence[int], most: int = 8) -> tuple[tuple[int, ...], ...]:
    """Single blocks, at most `most` of them spread evenly over `layers`, and each with the block after it."""
    ordered = sorted(set(layers))
    if len(ordered) > most:
        ordered = [ordered[round(i * (len(ordered) - 1) / (most - 1))] for i in range(most)]
    held = set(layers)
    pairs = [(layer, layer + 1) for layer in ordered if layer + 1 in held]
    return (*((layer,) for layer in ordered), *pairs)
