"""The header of a GGUF file, parsed and checked without touching the tensors.

Layout (github.com/ggml-org/ggml, docs/gguf.md, version 3): magic, version, counts, key-value pairs, tensor
infos, padding to the alignment, tensors each padded to the alignment. All little-endian here. Every count and
length is checked against the bytes that are left before anything is made of it.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

MAGIC: Final = b"GGUF"
VERSION: Final = 3
DEFAULT_ALIGNMENT: Final = 32
ALIGNMENT_KEY: Final = "general.alignment"

MAX_KEYS: Final = 1024
MAX_TENSORS: Final = 4096
MAX_NAME_BYTES: Final = 64
MAX_KEY_BYTES: Final = 1024
MAX_TEXT_BYTES: Final = 2**16
_MAX_ALIGNMENT: Final = 2**16
_MAX_DIMENSIONS: Final = 4

#: Value types of the format: number -> struct code. 8 is text, 9 an array.
_SCALARS: Final[Mapping[int, str]] = {
    0: "B",
    1: "b",
    2: "H",
    3: "h",
    4: "I",
    5: "i",
    6: "f",
    7: "?",
    10: "Q",
    11: "q",
    12: "d",
}
TEXT: Final = 8
ARRAY: Final = 9
UINT32: Final = 4
INT32: Final = 5

#: Tensor types of the format that are plain numbers; every other one is a quantisation.
PLAIN_TYPES: Final[Mapping[int, tuple[str, int]]] = {
    0: ("F32", 4),
    1: ("F16", 2),
    24: ("I8", 1),
    25: ("I16", 2),
    26: ("I32", 4),
    27: ("I64", 8),
    28: ("F64", 8),
    30: ("BF16", 2),
}


class GgufError(ValueError):
    """The bytes are no header of a whole GGUF file. too_large: refused for its size alone."""

    def __init__(self, message: str, *, too_large: bool = False) -> None:
        super().__init__(message)
        self.too_large = too_large


@dataclass(frozen=True)
class Value:
    """A key's value with its type as the file has it: 4 and 5 (unsigned and signed) are not the same. Arrays
    are checked and not kept: `value` is their length."""

    type: int
    value: str | int | float | bool


@dataclass(frozen=True)
class TensorInfo:
    """One tensor: `shape` as the file has it (innermost first), `offset` from the start of the data."""

    name: str
    shape: tuple[int, ...]
    type: int
    offset: int

    @property
    def type_name(self) -> str:
        return PLAIN_TYPES[self.type][0] if self.type in PLAIN_TYPES else f"quantised (type {self.type})"


@dataclass(frozen=True)
class GgufHeader:
    """Keys and tensors in the file's order; `data_start` is the file offset that tensor offsets count from."""

    keys: Mapping[str, Value]
    tensors: tuple[TensorInfo, ...]
    alignment: int
    data_start: int


def parse_header(content: bytes) -> GgufHeader:
    """Parse and check everything ahead of the tensors. Raises GgufError."""
    cursor = _Cursor(content)
    _check_start(cursor)
    tensor_count, key_count = cursor.number("Q", "number of tensors"), cursor.number("Q", "number of keys")
    for what, count, limit in (("tensors", tensor_count, MAX_TENSORS), ("keys", key_count, MAX_KEYS)):
        if count > limit:
            raise GgufError(f"the file claims {count} {what}; at most {limit} are accepted", too_large=True)
    keys: dict[str, Value] = {}
    for _ in range(key_count):
        key = cursor.text(MAX_KEY_BYTES, "a key")
        if key in keys:
            raise GgufError(f"the key {key[:80]!r} stands twice; which one holds cannot be known")
        keys[key] = _value(cursor, key)
    tensors = tuple(_tensor(cursor) for _ in range(tensor_count))
    names = [tensor.name for tensor in tensors]
    if len(set(names)) != len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise GgufError(
            f"the tensor {twice!r} stands twice; llama.cpp would add the two up, which is hardly what is meant"
        )
    alignment = _alignment(keys)
    return GgufHeader(keys, tensors, alignment, _padded(cursor.position, alignment))


def check_tiling(header: GgufHeader, file_size: int) -> None:
    """Raise GgufError unless the tensors fill the rest of the file: in order, each at the next multiple of the
    alignment, nothing behind the last but its padding. All tensors must be of plain types."""
    data_size = file_size - header.data_start
    position, end = 0, 0
    for tensor in header.tensors:
        if tensor.offset % header.alignment:
            raise GgufError(
                f"tensor {tensor.name!r} begins at byte {tensor.offset} of the data, which is no multiple of "
                f"the alignment {header.alignment}"
            )
        if tensor.offset != position:
            what = "overlaps the one before" if tensor.offset < position else "leaves a hole before it"
            raise GgufError(
                f"tensor {tensor.name!r} {what}: it begins at byte {tensor.offset} of the data, {position} "
                "is expected"
            )
        end = tensor.offset + math.prod(tensor.shape) * PLAIN_TYPES[tensor.type][1]
        if end > data_size:
            raise GgufError(
                f"tensor {tensor.name!r} ends at byte {end} of the data, which has {max(data_size, 0)}; the "
                "file is cut off"
            )
        position = _padded(end, header.alignment)
    # Older writers leave out the padding of the last tensor.
    if data_size not in (end, position):
        raise GgufError(f"{data_size - position} bytes follow the last tensor; nothing may")


class _Cursor:
    """Reads numbers and texts, never beyond the end."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.position = 0

    @property
    def left(self) -> int:
        return len(self.content) - self.position

    def take(self, size: int, what: str) -> bytes:
        if size > self.left:
            raise GgufError(
                f"the file ends inside {what}: {size} bytes are claimed, {self.left} are left; it is cut off"
            )
        self.position += size
        return self.content[self.position - size : self.position]

    def number(self, code: str, what: str) -> int:
        return int(self.scalar(code, what))

    def scalar(self, code: str, what: str) -> int | float | bool:
        raw = self.take(struct.calcsize(f"<{code}"), what)
        value: int | float | bool = struct.unpack(f"<{code}", raw)[0]
        return value

    def text(self, limit: int, what: str) -> str:
        length = self.number("Q", f"the length of {what}")
        if length > limit:
            raise GgufError(f"{what} claims {length} bytes; at most {limit} are accepted", too_large=True)
        try:
            return self.take(length, what).decode("utf-8")
        except UnicodeDecodeError as error:
            raise GgufError(f"{what} is not UTF-8") from error


def _check_start(cursor: _Cursor) -> None:
    if cursor.take(4, "the magic") != MAGIC:
        raise GgufError("the file does not begin with 'GGUF'")
    version = cursor.number("I", "the version")
    if version == VERSION:
        return
    if version == int.from_bytes(VERSION.to_bytes(4, "little"), "big"):
        raise GgufError("the file is big-endian; write it little-endian, as llama.cpp does by default")
    raise GgufError(f"the file is GGUF version {version}; version {VERSION} is expected")


def _value(cursor: _Cursor, key: str) -> Value:
    what = f"the value of {key[:80]!r}"
    kind = cursor.number("I", what)
    if kind == TEXT:
        return Value(kind, cursor.text(MAX_TEXT_BYTES, what))
    if kind == ARRAY:
        return Value(kind, _array_length(cursor, what))
    if kind not in _SCALARS:
        raise GgufError(f"{what} has the unknown type {kind}")
    return Value(kind, cursor.scalar(_SCALARS[kind], what))


def _array_length(cursor: _Cursor, what: str) -> int:
    kind, length = cursor.number("I", what), cursor.number("Q", what)
    if kind == TEXT:
        # Eight bytes at least a text, so a count beyond that need not be walked to be refused.
        if 8 * length > cursor.left:
            raise GgufError(f"{what} claims {length} texts, which the file cannot hold; it is cut off")
        for _ in range(length):
            cursor.text(MAX_TEXT_BYTES, what)
        return length
    if kind not in _SCALARS:
        raise GgufError(f"{what} is an array of the type {kind}; numbers or texts are expected")
    cursor.take(length * struct.calcsize(f"<{_SCALARS[kind]}"), what)
    return length


def _tensor(cursor: _Cursor) -> TensorInfo:
    name = cursor.text(MAX_NAME_BYTES, "a tensor's name")
    what = f"the description of tensor {name!r}"
    dimensions = cursor.number("I", what)
    if dimensions > _MAX_DIMENSIONS:
        raise GgufError(f"tensor {name!r} claims {dimensions} dimensions; at most {_MAX_DIMENSIONS} exist")
    shape = tuple(cursor.number("Q", what) for _ in range(dimensions))
    return TensorInfo(name, shape, cursor.number("I", what), cursor.number("Q", what))


def _alignment(keys: Mapping[str, Value]) -> int:
    stated = keys.get(ALIGNMENT_KEY)
    if stated is None:
        return DEFAULT_ALIGNMENT
    value = stated.value
    if stated.type != UINT32 or not isinstance(value, int):
        raise GgufError(f"{ALIGNMENT_KEY} must be a uint32")
    if not 0 < value <= _MAX_ALIGNMENT or value & (value - 1):
        raise GgufError(f"{ALIGNMENT_KEY} is {value}; a power of two up to {_MAX_ALIGNMENT} is expected")
    return value


def _padded(position: int, alignment: int) -> int:
    return position + -position % alignment
