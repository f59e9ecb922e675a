"""A read-out: an affine reading of the residual stream that knows nothing of the vector being injected.

    score(h) = (direction . h - offset) / scale

`direction` is orthogonal to everything in `removed`: the directions injected, and what they have become at the
layer that is read. So adding the vector does not move the score by itself; only what the model makes of it does.
Of a projection on the vector the opposite holds: it rises with the dose, whether the dose does good or harm.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final, Literal, get_args

import torch
from torch import Tensor

from trimtab_vectors.readouts.reply_states import LIVE_PLACES, PLACES, Place
from trimtab_vectors.steering_vector import ModelFingerprint, direction_bytes

ProbeMethod = Literal["diff_mean", "mass_mean", "logistic"]

PROBE_METHODS: Final[tuple[ProbeMethod, ...]] = get_args(ProbeMethod)

#: Largest cosine with a removed direction: rounding to float32, and nothing that a dose could move.
INDEPENDENCE: Final = 1e-4

_CANONICAL_FORM: Final = "trimtab.readout/1"


class ProbeError(ValueError):
    """A read-out, or its file, cannot be used. The message says what was expected."""


@dataclass(frozen=True, eq=False)
class Probe:
    """A read-out at one layer and place.

    direction: float32 `[H]` of norm 1. offset: the score is 0 halfway between the mean honest and the mean
    lying reply it was fitted on; scale: their pooled standard deviation. removed: float32 `[K, H]`,
    orthonormal. vector: id of the steering vector it is independent of. guardrail: whether its figures earned
    it a place among the guardrails; figures: those figures, as `ReadoutReport` made them.

    Raises ProbeError for what is not such a read-out, and for one that is not independent.
    """

    concept: str
    stage: str
    model: ModelFingerprint
    vector: str
    layer: int
    place: Place
    method: ProbeMethod
    direction: Tensor
    offset: float
    scale: float
    removed: Tensor
    data_hash: str
    guardrail: bool = False
    figures: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        width = self.model.hidden_size
        if not 0 <= self.layer < self.model.layer_count:
            raise ProbeError(f"layer {self.layer} does not exist; the model has {self.model.layer_count}")
        if self.place not in PLACES or self.method not in PROBE_METHODS:
            raise ProbeError(
                f"place is {self.place!r} and method {self.method!r}; use one of {', '.join(PLACES)} and one of "
                f"{', '.join(PROBE_METHODS)}"
            )
        if (
            tuple(self.direction.shape) != (width,)
            or self.removed.dim() != 2
            or len(self.removed[0]) != width
        ):
            raise ProbeError(
                f"direction and removed have shapes {tuple(self.direction.shape)} and "
                f"{tuple(self.removed.shape)}; ({width},) and (K, {width}) are expected"
            )
        if self.direction.dtype != torch.float32 or self.removed.dtype != torch.float32:
            raise ProbeError("direction and removed must be float32")
        numbers = torch.cat([self.direction.flatten(), self.removed.flatten()])
        if not bool(torch.isfinite(numbers).all()) or not math.isfinite(self.offset):
            raise ProbeError("the read-out holds NaN or infinity")
        if not (math.isfinite(self.scale) and self.scale > 0):
            raise ProbeError(f"scale is {self.scale}; a positive number is expected")
        _check_units("direction", self.direction[None])
        _check_units("removed", self.removed)
        overlap = float((self.removed.double() @ self.direction.double()).abs().max())
        if overlap > INDEPENDENCE:
            raise ProbeError(
                f"the direction has cosine {overlap:.2g} with a removed one; a read-out that the injected vector "
                "moves by itself says nothing about the reply"
            )
        if self.guardrail and self.place not in LIVE_PLACES:
            raise ProbeError(f"place {self.place!r} is not known while a reply is written: no guardrail")

    def read(self, h: Tensor) -> Tensor:
        """Scores `[...]`, float32, of states `[..., H]`: above 0 like an honest reply, below like a lie. The
        score of a mean of states is the mean of their scores."""
        direction = self.direction.to(h.device)
        return (h.float() @ direction - self.offset) / self.scale

    @cached_property
    def id(self) -> str:
        """SHA-256 hex over what is read and how; not over the figures."""
        header = {
            "form": _CANONICAL_FORM,
            "concept": self.concept,
            "stage": self.stage,
            "model": self.model.as_dict(),
            "vector": self.vector,
            "layer": self.layer,
            "place": self.place,
            "method": self.method,
            "offset": self.offset,
            "scale": self.scale,
            "data_hash": self.data_hash,
        }
        text = json.dumps(header, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
        digest = hashlib.sha256(text.encode() + b"\0")
        for row in (self.direction, *self.removed):
            digest.update(direction_bytes(row))
        return digest.hexdigest()


def _check_units(name: str, rows: Tensor) -> None:
    wrong = (torch.linalg.vector_norm(rows.double(), dim=-1) - 1).abs().max()
    if float(wrong) > 1e-4:
        raise ProbeError(
            f"{name} has a norm that differs from 1 by {float(wrong):.2g}; unit rows are expected"
        )
