"""The header of a safetensors file, parsed and checked without touching the tensors.

Layout (github.com/huggingface/safetensors, "Format"): a little-endian u64 N, N bytes of JSON, then the
tensors' bytes. Everything a hostile header can claim is checked against the file's true size before
anything is allocated, so a header that claims terabytes is refused as fast as any other.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from dataclasses import dataclass
from typing import Any, Final

LENGTH_BYTES: Final = 8

#: Bits per element. Types unknown here are refused: their size cannot be checked.
DTYPE_BITS: Final[dict[str, int]] = {
    "F64": 64,
    "F32": 32,
    "F16": 16,
    "BF16": 16,
    "I64": 64,
    "I32": 32,
    "I16": 16,
    "I8": 8,
    "U64": 64,
    "U32": 32,
    "U16": 16,
    "U8": 8,
    "BOOL": 8,
    "F8_E4M3": 8,
    "F8_E5M2": 8,
    "F8_E8M0": 8,
    "F4": 4,
    "C64": 64,
}

# Keeps the product of a hostile shape a small number.
_MAX_DIMENSIONS: Final = 16

# What people upload in its place, by the first bytes.
_OTHER_FORMATS: Final[tuple[tuple[bytes, str], ...]] = (
    (b"PK\x03\x04", "a zip archive, such as torch.save writes (a pickle inside; never opened here)"),
    (b"\x80\x02", "a pickle (never opened here)"),
    (b"\x80\x03", "a pickle (never opened here)"),
    (b"\x80\x04", "a pickle (never opened here)"),
    (b"\x80\x05", "a pickle (never opened here)"),
    (b"GGUF", "a GGUF file"),
    (b"version https://git-lfs", "a Git LFS pointer, not the file it points to"),
)


class HeaderError(ValueError):
    """The header is no header of a whole safetensors file. too_large: it is refused for its size alone."""

    def __init__(self, message: str, *, too_large: bool = False) -> None:
        super().__init__(message)
        self.too_large = too_large


@dataclass(frozen=True)
class TensorEntry:
    """One tensor: `begin` and `end` are offsets from the end of the header, in bytes."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    begin: int
    end: int


@dataclass(frozen=True)
class SafetensorsHeader:
    """Tensors in the order of their bytes; `data_start` is the file offset of the first one."""

    tensors: tuple[TensorEntry, ...]
    metadata: dict[str, str]
    data_start: int


def header_length(start: bytes, file_size: int, limit: int) -> int:
    """Length of the JSON, from the file's first bytes (eight, better 32). Raises HeaderError."""
    # A length may begin with another format's bytes (1152 is 80 04 ...); the JSON behind it tells.
    json_follows = start[LENGTH_BYTES : LENGTH_BYTES + 1] == b"{"
    for magic, what in _OTHER_FORMATS:
        if start.startswith(magic) and not json_follows:
            raise HeaderError(f"this is {what}; a safetensors file is expected")
    if file_size < LENGTH_BYTES or len(start) < LENGTH_BYTES:
        raise HeaderError(f"the file has {file_size} bytes; a safetensors file has at least {LENGTH_BYTES}")
    length = int.from_bytes(start[:LENGTH_BYTES], "little")
    if length > limit:
        raise HeaderError(f"the header claims {length} bytes; at most {limit} are accepted", too_large=True)
    if LENGTH_BYTES + length > file_size:
        raise HeaderError(
            f"the header claims {length} bytes and the file has {file_size} in all; it is cut off, or no "
            "safetensors file"
        )
    return length


def parse_header(text: bytes, tensor_limit: int) -> SafetensorsHeader:
    """Parse the JSON; the claims about sizes are left to `check_tiling`. Raises HeaderError."""
    if not text.startswith(b"{"):
        raise HeaderError("the header does not start with '{'; this is no safetensors file")
    try:
        record = json.loads(
            text.decode("utf-8"), object_pairs_hook=_without_duplicates, parse_constant=_refuse_constant
        )
    except HeaderError:
        raise
    except (ValueError, RecursionError) as error:
        raise HeaderError(f"the header is no JSON: {str(error) or 'nested too deeply'}") from error
    metadata = _metadata(record.pop("__metadata__", {}))
    if len(record) > tensor_limit:
        raise HeaderError(
            f"the file holds {len(record)} tensors; at most {tensor_limit} are accepted", too_large=True
        )
    entries = [_entry(name, value) for name, value in record.items()]
    entries.sort(key=lambda entry: (entry.begin, entry.end))
    return SafetensorsHeader(tuple(entries), metadata, LENGTH_BYTES + len(text))


def check_tiling(header: SafetensorsHeader, file_size: int) -> None:
    """Raise HeaderError unless the tensors tile the rest of the file exactly: each as long as its shape
    says, no hole, no overlap, nothing behind."""
    data_size = file_size - header.data_start
    position = 0
    for entry in header.tensors:
        bits = math.prod(entry.shape) * DTYPE_BITS[entry.dtype]
        if bits != 8 * (entry.end - entry.begin):
            raise HeaderError(
                f"tensor {entry.name!r} of shape {entry.shape} in {entry.dtype} needs {bits // 8} bytes; its "
                f"data_offsets span {entry.end - entry.begin}"
            )
        if entry.end > data_size:
            raise HeaderError(
                f"tensor {entry.name!r} ends at byte {entry.end} of the data, which has {data_size}; the "
                "file is cut off"
            )
        if entry.begin != position:
            what = "overlaps the one before" if entry.begin < position else "leaves a hole before it"
            raise HeaderError(f"tensor {entry.name!r} {what}")
        position = entry.end
    if position != data_size:
        raise HeaderError(f"{data_size - position} bytes follow the last tensor; nothing may")


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    record = dict(pairs)
    if len(record) != len(pairs):
        twice = Counter(key for key, _ in pairs).most_common(1)[0][0]
        raise HeaderError(f"the header has the key {twice!r} twice; which one holds cannot be known")
    return record


def _refuse_constant(name: str) -> Any:
    raise HeaderError(f"the header holds {name}, which is no JSON number")


def _metadata(value: Any) -> dict[str, str]:
    if not isinstance(value, dict) or not all(isinstance(text, str) for text in value.values()):
        raise HeaderError("__metadata__ must map texts to texts")
    return value


def _entry(name: str, value: Any) -> TensorEntry:
    if not isinstance(value, dict) or value.keys() != {"dtype", "shape", "data_offsets"}:
        raise HeaderError(f"tensor {name!r} must have exactly dtype, shape and data_offsets")
    dtype, shape, offsets = value["dtype"], value["shape"], value["data_offsets"]
    if not isinstance(dtype, str) or dtype not in DTYPE_BITS:
        raise HeaderError(f"tensor {name!r} has the unknown dtype {dtype!r}")
    if not _counts(shape, _MAX_DIMENSIONS) or not _counts(offsets, 2):
        raise HeaderError(f"tensor {name!r} has an impossible shape or impossible data_offsets")
    if len(offsets) != 2 or offsets[0] > offsets[1]:
        raise HeaderError(f"tensor {name!r} has the data_offsets {offsets}; [begin, end] is expected")
    return TensorEntry(name, dtype, tuple(shape), offsets[0], offsets[1])


def _counts(value: Any, most: int) -> bool:
    if not isinstance(value, list) or len(value) > most:
        return False
    return all(type(item) is int and 0 <= item < 2**63 for item in value)
