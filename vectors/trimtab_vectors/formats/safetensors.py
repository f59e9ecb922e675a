"""Trimtab's own vector file: safetensors, tensors "layer.{i}" [H], the manifest in the header.

The manifest is JSON under the metadata key "trimtab.manifest". Writing is deterministic to the byte: one
vector with one manifest is one file. Reading trusts nothing: sizes and the whole header are checked before
the safetensors library sees the file, and the id is computed again and compared.
"""

from __future__ import annotations

import json
import re
from typing import Any, Final

import safetensors.torch
import torch

from trimtab_vectors.formats.manifest import VectorManifest
from trimtab_vectors.formats.safetensors_header import (
    LENGTH_BYTES,
    HeaderError,
    SafetensorsHeader,
    check_tiling,
    header_length,
    parse_header,
)
from trimtab_vectors.steering_vector import SteeringVector, VectorError, direction_bytes

MANIFEST_KEY: Final = "trimtab.manifest"
MAX_FILE_BYTES: Final = 64 * 2**20
MAX_HEADER_BYTES: Final = 2**20
MAX_TENSORS: Final = 256
MAX_HIDDEN_SIZE: Final = 2**20
DTYPES: Final = ("F32", "F16", "BF16")

_NAME: Final = re.compile(r"layer\.(0|[1-9][0-9]{0,3})")
_ALIGNMENT: Final = 8


def write_vector(vector: SteeringVector) -> bytes:
    """The vector as a file: F32, layers ascending, keys sorted, header padded with spaces to 8 bytes.

    Raises VectorError (VECTOR_TOO_LARGE) for one that `read_vector` would refuse.
    """
    size = 4 * vector.hidden_size
    manifest = VectorManifest.of(vector).model_dump(mode="json")
    header: dict[str, Any] = {
        f"layer.{layer}": {
            "dtype": "F32",
            "shape": [vector.hidden_size],
            "data_offsets": [index * size, (index + 1) * size],
        }
        for index, layer in enumerate(vector.layers)
    }
    header["__metadata__"] = {MANIFEST_KEY: _json(manifest)}
    text = _json(header).encode()
    text += b" " * (-len(text) % _ALIGNMENT)
    data = b"".join(direction_bytes(direction) for direction in vector.directions.values())
    if len(text) > MAX_HEADER_BYTES or len(vector.layers) > MAX_TENSORS:
        raise _too_large(f"a header of {len(text)} bytes and {len(vector.layers)} layers")
    content = len(text).to_bytes(LENGTH_BYTES, "little") + text + data
    if len(content) > MAX_FILE_BYTES:
        raise _too_large(f"{len(content)} bytes")
    return content


def read_vector(content: bytes) -> SteeringVector:
    """Read a vector file. Directions in F16 or BF16 are widened to float32, never scaled.

    Raises VectorError: VECTOR_TOO_LARGE (file, header, number of tensors), VECTOR_SHAPE (a tensor that is
    not a [hidden_size] direction in F32, F16 or BF16), VECTOR_NOT_FINITE, LAYER_OUT_OF_RANGE (a layer the
    manifest's own model does not have), VECTOR_CORRUPT (all else).
    """
    if len(content) > MAX_FILE_BYTES:
        raise _too_large(f"{len(content)} bytes")
    header = _checked_header(content)
    text = header.metadata.get(MANIFEST_KEY)
    if text is None:
        raise VectorError(
            "VECTOR_CORRUPT",
            f"the file has no manifest ({MANIFEST_KEY!r} in its metadata); export the vector with trimtab",
        )
    manifest = VectorManifest.parse(text)
    vector = manifest.vector(_directions(content))
    if vector.id != manifest.id:
        raise VectorError(
            "VECTOR_CORRUPT",
            f"the content's id is {vector.id}, the manifest states {manifest.id}; the file was changed after "
            "it was written",
            expected=manifest.id,
            actual=vector.id,
        )
    return vector


def _checked_header(content: bytes) -> SafetensorsHeader:
    """Shapes before sizes, so that an absurd shape is called one, and not a file cut off."""
    try:
        length = header_length(content[:32], len(content), MAX_HEADER_BYTES)
        header = parse_header(content[LENGTH_BYTES : LENGTH_BYTES + length], MAX_TENSORS)
        _check_tensors(header)
        check_tiling(header, len(content))
    except HeaderError as error:
        raise VectorError("VECTOR_TOO_LARGE" if error.too_large else "VECTOR_CORRUPT", str(error)) from error
    return header


def _check_tensors(header: SafetensorsHeader) -> None:
    if not header.tensors:
        raise VectorError("VECTOR_CORRUPT", "the file holds no tensor; at least one 'layer.{i}' is expected")
    width = header.tensors[0].shape[0] if header.tensors[0].shape else 0
    for tensor in header.tensors:
        if not _NAME.fullmatch(tensor.name):
            raise VectorError(
                "VECTOR_CORRUPT",
                f"the file holds a tensor {tensor.name[:80]!r}; 'layer.{{i}}' with a number is expected",
                tensor=tensor.name[:80],
            )
        if tensor.dtype not in DTYPES:
            raise VectorError(
                "VECTOR_SHAPE",
                f"{tensor.name} is {tensor.dtype}; {', '.join(DTYPES)} are accepted",
                tensor=tensor.name,
                dtype=tensor.dtype,
            )
        if len(tensor.shape) != 1 or tensor.shape[0] != width or not 0 < width <= MAX_HIDDEN_SIZE:
            raise VectorError(
                "VECTOR_SHAPE",
                f"{tensor.name} has shape {tensor.shape}; every tensor must have the one shape (H,), with H "
                f"at most {MAX_HIDDEN_SIZE}",
                tensor=tensor.name,
                actual=tensor.shape,
            )


def _directions(content: bytes) -> dict[int, torch.Tensor]:
    try:
        tensors = safetensors.torch.load(content)
    except safetensors.SafetensorError as error:
        raise VectorError("VECTOR_CORRUPT", f"safetensors refuses the file: {error}") from error
    return {int(name.partition(".")[2]): tensor.float() for name, tensor in tensors.items()}


def _too_large(what: str) -> VectorError:
    return VectorError(
        "VECTOR_TOO_LARGE",
        f"the vector file has {what}; accepted are {MAX_FILE_BYTES} bytes, a header of {MAX_HEADER_BYTES} "
        f"and {MAX_TENSORS} layers",
        limit=MAX_FILE_BYTES,
    )


def _json(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
