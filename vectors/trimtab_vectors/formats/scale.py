"""How long the directions are that another tool is given. Ours are unit directions and a strength; theirs are
one thing, added as it stands, so a length has to be chosen and said."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch

from trimtab_vectors.steering_vector import SteeringVector, VectorError


@dataclass(frozen=True)
class Scale:
    """The length of every written direction.

    unit: 1, for tools that multiply by a coefficient of their own choosing. raw_norm: as it was extracted, so
    that a file read and written again is the same numbers. dose: `strength` x the residual norm of the stage
    the vector was extracted at, layer by layer: with a coefficient of 1, llama.cpp, which knows no relative
    units, then adds what Trimtab adds at that strength.
    """

    kind: Literal["unit", "raw_norm", "dose"]
    strength: float = 1.0

    def __post_init__(self) -> None:
        if self.kind not in ("unit", "raw_norm", "dose"):
            raise VectorError(
                "FIELD_INVALID", f"scale is {self.kind!r}; unit, raw_norm or dose is expected", field="scale"
            )
        if self.kind == "dose" and not (math.isfinite(self.strength) and self.strength != 0.0):
            raise VectorError(
                "FIELD_INVALID",
                f"the strength to write is {self.strength}; a finite number other than 0 is expected",
                field="strength",
            )
        if self.kind != "dose" and self.strength != 1.0:
            raise VectorError(
                "FIELD_INVALID",
                f"a strength ({self.strength:g}) belongs to the scale 'dose'; the scale is {self.kind!r}",
                field="strength",
            )

    @classmethod
    def unit(cls) -> Scale:
        return cls("unit")

    @classmethod
    def raw_norm(cls) -> Scale:
        return cls("raw_norm")

    @classmethod
    def dose(cls, strength: float) -> Scale:
        return cls("dose", strength)

    def factor(self, vector: SteeringVector, layer: int) -> float:
        if self.kind == "unit":
            return 1.0
        if self.kind == "raw_norm":
            return vector.raw_norms[layer]
        return self.strength * vector.residual_norms[layer]

    def apply(self, vector: SteeringVector) -> dict[int, torch.Tensor]:
        """Layer -> float32 [H]. Raises VectorError (FIELD_INVALID) where a length is 0 or beyond float32."""
        return {layer: self._scaled(vector, layer) for layer in vector.layers}

    def _scaled(self, vector: SteeringVector, layer: int) -> torch.Tensor:
        factor = self.factor(vector, layer)
        scaled = (vector.directions[layer].double() * factor).float()
        if not bool(torch.isfinite(scaled).all()) or not bool(scaled.any()):
            raise VectorError(
                "FIELD_INVALID",
                f"layer {layer} would be written with length {factor:g}, which float32 cannot hold as a "
                "direction; choose another scale",
                field="scale",
                layer=layer,
            )
        return scaled
