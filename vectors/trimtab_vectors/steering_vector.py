"""The steering vector: per-layer unit directions of one concept, extracted at one stage of one model.

A vector is immutable and named by its content: `id` is a SHA-256 over the directions, the norms, the
model's fingerprint, the concept, the stage and the method. Strength is never part of it, nor are the
author, the display name, the licence or a suggested setting, so the same directions have the same name
whoever made them and however they are used.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import Any, Final, Literal

import torch

#: A direction's norm may differ from 1 by this much: what rounding to bfloat16 can do (2^-9 per component)
#: and no more.
UNIT_TOLERANCE: Final = 4e-3

#: What may be measured of each layer when a vector is made, with the range of its values.
FIGURES: Final[Mapping[str, tuple[float, float]]] = MappingProxyType(
    {
        "pair_accuracies": (0.0, 1.0),
        "explained_variances": (0.0, 1.0),
        "noise_ceilings": (0.0, 1.0),
        "separations": (-math.inf, math.inf),
        "agreements": (-1.0, 1.0),
    }
)

#: Ahead of everything hashed into an id; a change of the canonical form changes it.
_CANONICAL_FORM: Final = "trimtab.vector/1"

Reason = Literal[
    "VECTOR_CORRUPT",
    "VECTOR_NOT_FINITE",
    "VECTOR_SHAPE",
    "VECTOR_TOO_LARGE",
    "VECTOR_MODEL_MISMATCH",
    "VECTOR_STAGE_MISMATCH",
    "LAYER_OUT_OF_RANGE",
    "FIELD_INVALID",
]

Positions = Literal["all", "reply"]


class VectorError(ValueError):
    """A vector, its file or what it is made from cannot be used.

    reason: one of `Reason`, stable, for programs. metadata: every variable of the message, as text.
    """

    def __init__(self, reason: Reason, message: str, **metadata: object) -> None:
        super().__init__(message)
        self.reason: Reason = reason
        self.metadata: dict[str, str] = {key: str(value) for key, value in metadata.items()}


@dataclass(frozen=True)
class ModelFingerprint:
    """Which model: the base all stages share.

    architecture: the model class, e.g. "LlamaForCausalLM". hidden_size: H of the residual stream.
    layer_count: number of blocks. weights: SHA-256 hex, as `trimtab_vectors.fingerprint` defines it.
    """

    architecture: str
    hidden_size: int
    layer_count: int
    weights: str

    def __post_init__(self) -> None:
        if not self.architecture:
            raise VectorError("FIELD_INVALID", "the fingerprint names no architecture", field="architecture")
        for name in ("hidden_size", "layer_count"):
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or value <= 0:
                raise VectorError(
                    "FIELD_INVALID", f"{name} is {value!r}; a positive integer is expected", field=name
                )
        if not _is_sha256(self.weights):
            raise VectorError(
                "FIELD_INVALID",
                f"weights is {self.weights!r}; a SHA-256 of 64 lower-case hex digits is expected",
                field="weights",
            )

    @cached_property
    def digest(self) -> str:
        """SHA-256 hex of the canonical JSON of all four fields."""
        return hashlib.sha256(_canonical_json(self.as_dict())).hexdigest()

    def as_dict(self) -> dict[str, Any]:
        return {
            "architecture": self.architecture,
            "hidden_size": self.hidden_size,
            "layer_count": self.layer_count,
            "weights": self.weights,
        }


@dataclass(frozen=True)
class Suggested:
    """A setting recommended by the vector's maker or by a sweep. Strengths are relative to the residual norm.

    safe_strength: upper end of the range whose side effects were measured to stay small; None if unknown.
    """

    strength: float
    layers: tuple[int, ...]
    positions: Positions = "all"
    safe_strength: float | None = None


@dataclass(frozen=True, eq=False)
class SteeringVector:
    """Unit directions per layer with where they came from. Two vectors are equal if their ids are.

    directions: block index (0 is the first block; the block's OUTPUT) -> float32 [H] on the CPU, norm 1.
    raw_norms: norm of the direction before it was scaled to 1 (DiffMean: of the difference of means).
    residual_norms: median residual norm at the extraction stage on neutral text, in the model's own units.
    data_hash: SHA-256 hex of the contrast set.
    position, seed: where the states were read, and the seed of whatever was drawn; "" and None if unknown.

    Figures per layer, each empty where it was not measured, and no part of the id (formulas and sources:
    `extraction.quality`). Of the held-out pairs: pair_accuracies, the share ordered rightly, in [0, 1];
    separations, d' of the two sides along the direction; agreements, the mean cosine of a pair's difference
    with the direction. Of the training pairs: explained_variances, the share of the differences' sum of
    squares along the direction; noise_ceilings, how alike two vectors from as many other statements would be.

    Raises VectorError (FIELD_INVALID, VECTOR_SHAPE, VECTOR_NOT_FINITE, VECTOR_CORRUPT, LAYER_OUT_OF_RANGE)
    for what is not such a vector.
    """

    concept: str
    stage: str
    model: ModelFingerprint
    method: str
    data_hash: str
    directions: Mapping[int, torch.Tensor]
    raw_norms: Mapping[int, float]
    residual_norms: Mapping[int, float]
    pair_accuracies: Mapping[int, float] = field(default_factory=dict)
    explained_variances: Mapping[int, float] = field(default_factory=dict)
    noise_ceilings: Mapping[int, float] = field(default_factory=dict)
    separations: Mapping[int, float] = field(default_factory=dict)
    agreements: Mapping[int, float] = field(default_factory=dict)
    position: str = ""
    seed: int | None = None
    display_name: str = ""
    created_by: str = ""
    license: str = ""
    suggested: Suggested | None = None

    def __post_init__(self) -> None:
        for name in ("concept", "stage", "method"):
            if not getattr(self, name).strip():
                raise VectorError("FIELD_INVALID", f"{name} is empty; a vector must state it", field=name)
        if not _is_sha256(self.data_hash):
            raise VectorError(
                "FIELD_INVALID",
                f"data_hash is {self.data_hash!r}; a SHA-256 of 64 lower-case hex digits is expected",
                field="data_hash",
            )
        if not self.directions:
            raise VectorError("VECTOR_SHAPE", "the vector holds no layer; at least one is expected")
        directions = {
            layer: _checked_direction(layer, self.directions[layer], self.model)
            for layer in sorted(self.directions)
        }
        object.__setattr__(self, "directions", MappingProxyType(directions))
        for name in ("raw_norms", "residual_norms"):
            norms = _checked_figures(name, getattr(self, name), directions, low=0.0, high=math.inf)
            if norms.keys() != directions.keys():
                raise VectorError(
                    "FIELD_INVALID",
                    f"{name} is given for layers {sorted(norms)}, the directions are for {sorted(directions)}"
                    "; both must name the same layers",
                    field=name,
                )
            object.__setattr__(self, name, MappingProxyType(norms))
        for name, (low, high) in FIGURES.items():
            figures = _checked_figures(name, getattr(self, name), directions, low=low, high=high)
            object.__setattr__(self, name, MappingProxyType(figures))
        if self.suggested is not None:
            _check_suggested(self.suggested, directions)

    @property
    def layers(self) -> tuple[int, ...]:
        """Block indices the vector holds, ascending."""
        return tuple(self.directions)

    @property
    def hidden_size(self) -> int:
        return self.model.hidden_size

    @cached_property
    def id(self) -> str:
        """SHA-256 hex of the content: a canonical JSON header, a zero byte, the directions as little-endian
        float32 in ascending order of layers."""
        header = {
            "form": _CANONICAL_FORM,
            "concept": self.concept,
            "stage": self.stage,
            "model": self.model.as_dict(),
            "method": self.method,
            "raw_norms": [[layer, self.raw_norms[layer]] for layer in self.layers],
            "residual_norms": [[layer, self.residual_norms[layer]] for layer in self.layers],
        }
        digest = hashlib.sha256(_canonical_json(header) + b"\0")
        for direction in self.directions.values():
            digest.update(direction_bytes(direction))
        return digest.hexdigest()

    def __eq__(self, other: object) -> bool:
        return self.id == other.id if isinstance(other, SteeringVector) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.id)

    def __repr__(self) -> str:
        return (
            f"SteeringVector({self.id[:12]}, {self.concept!r} at {self.stage!r} of {self.model.architecture}"
            f", {self.method}, layers {list(self.layers)}, H={self.hidden_size})"
        )


def check_compatible(vector: SteeringVector, fingerprint: ModelFingerprint, stage: str) -> None:
    """Raise VectorError unless `vector` was made for exactly this model and this stage.

    VECTOR_MODEL_MISMATCH comes before VECTOR_STAGE_MISMATCH. Whether a mismatch may be forced is the
    caller's decision; `check_fits` says what cannot be forced.
    """
    if vector.model.digest != fingerprint.digest:
        raise VectorError(
            "VECTOR_MODEL_MISMATCH",
            f"vector {vector.id[:12]} was made for another model: {_short(vector.model)}; this one is "
            f"{_short(fingerprint)}. Extract a vector on this model, or force it and have that recorded",
            vector=vector.id,
            vector_model=vector.model.digest,
            model=fingerprint.digest,
        )
    if vector.stage != stage:
        raise VectorError(
            "VECTOR_STAGE_MISMATCH",
            f"vector {vector.id[:12]} was extracted at stage {vector.stage!r}, not at {stage!r}. Extract a "
            f"vector at {stage!r}, or force it and have that recorded",
            vector=vector.id,
            vector_stage=vector.stage,
            stage=stage,
        )


def check_fits(vector: SteeringVector, hidden_size: int, layer_count: int) -> None:
    """Raise VectorError (VECTOR_SHAPE, LAYER_OUT_OF_RANGE) if a model of this shape cannot hold the vector.

    Nobody can force what this refuses.
    """
    if vector.hidden_size != hidden_size:
        raise VectorError(
            "VECTOR_SHAPE",
            f"the vector's directions have {vector.hidden_size} components, the model's residual stream has "
            f"{hidden_size}; use a vector made for this model",
            expected=hidden_size,
            actual=vector.hidden_size,
        )
    if vector.layers[-1] >= layer_count:
        raise VectorError(
            "LAYER_OUT_OF_RANGE",
            f"the vector holds layer {vector.layers[-1]}, the model has layers 0 to {layer_count - 1}; use a "
            "vector made for this model",
            layer=vector.layers[-1],
            layer_count=layer_count,
        )


def direction_bytes(direction: torch.Tensor) -> bytes:
    """[H] as little-endian float32, the form that is hashed and stored."""
    return bytes(direction.detach().cpu().contiguous().numpy().astype("<f4").tobytes())


def _checked_direction(layer: int, direction: torch.Tensor, model: ModelFingerprint) -> torch.Tensor:
    if not isinstance(layer, int) or not 0 <= layer < model.layer_count:
        raise VectorError(
            "LAYER_OUT_OF_RANGE",
            f"layer {layer!r} does not exist: {model.architecture} has layers 0 to {model.layer_count - 1}",
            layer=layer,
            layer_count=model.layer_count,
        )
    if tuple(direction.shape) != (model.hidden_size,):
        raise VectorError(
            "VECTOR_SHAPE",
            f"the direction of layer {layer} has shape {tuple(direction.shape)}; ({model.hidden_size},) is "
            "expected, the model's hidden size",
            layer=layer,
            expected=f"({model.hidden_size},)",
            actual=tuple(direction.shape),
        )
    if direction.dtype != torch.float32:
        raise VectorError(
            "VECTOR_SHAPE",
            f"the direction of layer {layer} is {direction.dtype}; convert it to torch.float32",
            layer=layer,
            dtype=direction.dtype,
        )
    own = direction.detach().to("cpu", copy=True).contiguous()
    if not bool(torch.isfinite(own).all()):
        raise VectorError(
            "VECTOR_NOT_FINITE",
            f"the direction of layer {layer} holds NaN or infinity; extract or export it again",
            layer=layer,
        )
    norm = float(torch.linalg.vector_norm(own.double()))
    if abs(norm - 1.0) > UNIT_TOLERANCE:
        raise VectorError(
            "VECTOR_CORRUPT",
            f"the direction of layer {layer} has norm {norm:.6g}; 1 is expected (divide it by its norm and "
            "keep that as its raw norm)",
            layer=layer,
            norm=norm,
        )
    return own


def _checked_figures(
    name: str, figures: Mapping[int, float], layers: Mapping[int, torch.Tensor], *, low: float, high: float
) -> dict[int, float]:
    checked: dict[int, float] = {}
    for layer in sorted(figures):
        value = float(figures[layer])
        if layer not in layers:
            raise VectorError(
                "FIELD_INVALID",
                f"{name} names layer {layer}, which has no direction",
                field=name,
                layer=layer,
            )
        if not math.isfinite(value):
            raise VectorError(
                "VECTOR_NOT_FINITE", f"{name} of layer {layer} is {value}", field=name, layer=layer
            )
        if not low <= value <= high:
            raise VectorError(
                "FIELD_INVALID",
                f"{name} of layer {layer} is {value}; a number from {low:g} to {high:g} is expected",
                field=name,
                layer=layer,
            )
        checked[layer] = value
    return checked


def _check_suggested(suggested: Suggested, layers: Mapping[int, torch.Tensor]) -> None:
    missing = [layer for layer in suggested.layers if layer not in layers]
    if missing:
        raise VectorError(
            "FIELD_INVALID",
            f"the suggested layers {missing} have no direction; the vector holds {sorted(layers)}",
            field="suggested.layers",
        )
    if suggested.positions not in ("all", "reply"):
        raise VectorError(
            "FIELD_INVALID",
            f"the suggested positions are {suggested.positions!r}; 'all' or 'reply' is expected",
            field="suggested.positions",
        )
    for name in ("strength", "safe_strength"):
        value = getattr(suggested, name)
        if value is not None and not math.isfinite(value):
            raise VectorError(
                "VECTOR_NOT_FINITE", f"the suggested {name} is {value}", field=f"suggested.{name}"
            )


def _short(model: ModelFingerprint) -> str:
    return f"{model.architecture} ({model.layer_count} layers, H={model.hidden_size}, {model.digest[:12]})"


def _canonical_json(value: object) -> bytes:
    # Python writes the shortest decimal that reads back to the same double, so equal numbers hash equally.
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    ).encode()


def _is_sha256(text: str) -> bool:
    return re.fullmatch(r"[0-9a-f]{64}", text) is not None
