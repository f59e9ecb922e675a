"""Directions out of another tool's file, and what has to be said beside them to make a steering vector.

Foreign files hold numbers per layer and little else: no concept, no stage, no fingerprint of the weights. A
reader of such a format gives `ForeignDirections`, the numbers as they stand in the file; `adopt` joins them
with what only the importer knows. Nothing of it is guessed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

import torch

from trimtab_vectors.steering_vector import (
    ModelFingerprint,
    Reason,
    SteeringVector,
    Suggested,
    VectorError,
)

MAX_LAYERS: Final = 256
MAX_HIDDEN_SIZE: Final = 2**20

#: Strengths above the residual norm itself are refused everywhere, so none is suggested.
_STRONGEST_SUGGESTION: Final = 1.0

#: What a file's layer number means. "block_output": number i is the output of block i, as here (repeng,
#: EasySteer, dialz, IBM's and AISteer360's steering vectors, CAA). "cvector_generator": number i was captured
#: at the output of block i - 1, as llama.cpp's own generator numbers its files, so i becomes layer i - 1.
LayerConvention = Literal["block_output", "cvector_generator"]

_OFFSETS: Final[Mapping[str, int]] = {"block_output": 0, "cvector_generator": -1}


@dataclass(frozen=True, eq=False)
class ForeignDirections:
    """What a foreign file says.

    origin: format and writer, such as "gguf:repeng"; it becomes the vector's method. content_hash: SHA-256
    hex of the file. directions: block index in OUR convention -> float32 [H] on the CPU, of any length but 0,
    all of one H. convention: how the file's own numbers were read. notes: what else the file says, as text.
    """

    origin: str
    content_hash: str
    directions: Mapping[int, torch.Tensor]
    convention: LayerConvention
    notes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Adoption:
    """What the importer states: foreign files do not.

    concept: what the directions stand for. stage, fingerprint: where they will be allowed to steer.
    residual_norms: that stage's median residual norms, at least at the file's layers.
    """

    concept: str
    stage: str
    fingerprint: ModelFingerprint
    residual_norms: Mapping[int, float]
    license: str = ""
    display_name: str = ""
    created_by: str = ""


def adopt(found: ForeignDirections, adoption: Adoption) -> SteeringVector:
    """A steering vector: unit directions, the file's own lengths as raw norms, the file's hash as data hash.

    The suggested strength is raw norm / residual norm at the middle one of the file's layers, at most 1: the
    dose that the tool the file comes from gives with a coefficient of 1 there. It is a translation of units,
    measured on nothing. It is suggested at every layer and position of the file, as those tools steer. There
    is no suggestion where the residual norm is 0.

    Raises VectorError: FIELD_INVALID (concept, stage or a residual norm is missing), VECTOR_SHAPE (not the
    model's width), LAYER_OUT_OF_RANGE (a layer the model does not have).
    """
    raw_norms = {layer: _length(direction) for layer, direction in found.directions.items()}
    layers = sorted(found.directions)
    unmeasured = [layer for layer in layers if layer not in adoption.residual_norms]
    in_range = [layer for layer in unmeasured if layer < adoption.fingerprint.layer_count]
    if in_range:
        raise VectorError(
            "FIELD_INVALID",
            f"no residual norm is given for layers {in_range}; measure the stage with median_residual_norms",
            field="residual_norms",
        )
    middle = layers[len(layers) // 2]
    unit = adoption.residual_norms.get(middle, 0.0)
    return SteeringVector(
        concept=adoption.concept,
        stage=adoption.stage,
        model=adoption.fingerprint,
        method=found.origin,
        data_hash=found.content_hash,
        directions={
            layer: (direction.double() / raw_norms[layer]).float()
            for layer, direction in found.directions.items()
        },
        raw_norms=raw_norms,
        residual_norms={layer: adoption.residual_norms.get(layer, 0.0) for layer in layers},
        display_name=adoption.display_name,
        created_by=adoption.created_by,
        license=adoption.license,
        suggested=None
        if unit <= 0.0
        else Suggested(min(raw_norms[middle] / unit, _STRONGEST_SUGGESTION), tuple(layers)),
    )


def in_our_layers(
    numbered: Mapping[int, torch.Tensor], convention: LayerConvention
) -> dict[int, torch.Tensor]:
    """The file's own numbers as block indices. Raises VectorError (FIELD_INVALID, LAYER_OUT_OF_RANGE)."""
    if convention not in _OFFSETS:
        raise VectorError(
            "FIELD_INVALID",
            f"layer_convention is {convention!r}; {' or '.join(_OFFSETS)} is expected",
            field="layer_convention",
        )
    offset = _OFFSETS[convention]
    lowest = min(numbered)
    if lowest + offset < 0:
        raise VectorError(
            "LAYER_OUT_OF_RANGE",
            f"the file numbers a layer {lowest}; under the convention {convention!r} that would be block "
            f"{lowest + offset}. Say block_output if the numbers count blocks from 0",
            layer=lowest,
            convention=convention,
        )
    return {number + offset: numbered[number] for number in sorted(numbered)}


def only_block_output(convention: LayerConvention | None, what: str) -> LayerConvention:
    """For formats whose writers number block outputs from 0. Raises VectorError (FIELD_INVALID)."""
    if convention not in (None, "block_output"):
        raise VectorError(
            "FIELD_INVALID",
            f"layer_convention is {convention!r}, which is a way of numbering GGUF files; {what} numbers "
            "block outputs: leave it out, or say block_output",
            field="layer_convention",
        )
    return "block_output"


def checked_direction(name: str, direction: torch.Tensor, width: int) -> torch.Tensor:
    """One direction of a file, as float32 on the CPU; `width` is the one all of them must have.

    name: as the file calls it, for the error. Only after the shape is known to be small are values touched.
    Raises VectorError: VECTOR_SHAPE, VECTOR_NOT_FINITE, VECTOR_CORRUPT (all zeros).
    """
    if tuple(direction.shape) != (width,) or not 0 < width <= MAX_HIDDEN_SIZE:
        raise VectorError(
            "VECTOR_SHAPE",
            f"{name} has shape {tuple(direction.shape)}; every direction must have the one shape (H,), with "
            f"H at most {MAX_HIDDEN_SIZE}",
            tensor=name,
            actual=tuple(direction.shape),
        )
    own = direction.detach().to(torch.float32).contiguous()
    if not bool(torch.isfinite(own).all()):
        raise VectorError(
            "VECTOR_NOT_FINITE",
            f"{name} holds NaN, infinity or a number beyond float32; make the file again",
            tensor=name,
        )
    if not bool(own.any()):
        raise VectorError(
            "VECTOR_CORRUPT",
            f"{name} is zero everywhere and points nowhere; leave that layer out of the file",
            tensor=name,
        )
    return own


def content_hash(content: bytes) -> str:
    """SHA-256 hex of a file."""
    return hashlib.sha256(content).hexdigest()


def check_layer_count(count: int, what: str) -> None:
    """Raise VectorError for a file with no layer (VECTOR_CORRUPT) or with too many (VECTOR_TOO_LARGE)."""
    if count == 0:
        raise unreadable(what, "it holds no direction; at least one is expected")
    if count > MAX_LAYERS:
        raise unreadable(what, f"it holds {count} directions; at most {MAX_LAYERS} are accepted", large=True)


def check_file_size(size: int, limit: int, what: str) -> None:
    """Raise VectorError (VECTOR_TOO_LARGE) for a file above its format's limit."""
    if size > limit:
        raise unreadable(what, f"it has {size} bytes; at most {limit} are accepted", large=True)


def unreadable(what: str, message: str, *, large: bool = False) -> VectorError:
    """The refusal of a file; `what` says which kind it was taken for, such as "GGUF control vector"."""
    reason: Reason = "VECTOR_TOO_LARGE" if large else "VECTOR_CORRUPT"
    return VectorError(reason, f"this is no readable {what}: {message}")


def _length(direction: torch.Tensor) -> float:
    return float(torch.linalg.vector_norm(direction.double()))
