"""Vector files that are damaged, made up or hostile. One seed, one file."""

from __future__ import annotations

import json
import pickle
import random
import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from promises.wild_messages import mutated


@dataclass(frozen=True)
class WildFile:
    """A file as it is uploaded, and how it was made."""

    seed: int
    kind: str
    content: bytes


def wild_file(seed: int, good: Sequence[bytes]) -> WildFile:
    """The file of this seed. good: whole files to damage, the first of them a safetensors one."""
    dice = random.Random(seed)
    kind = dice.choices(list(_KINDS), [weight for weight, _ in _KINDS.values()])[0]
    return WildFile(seed, kind, _KINDS[kind][1](good, dice))


def _flipped(good: Sequence[bytes], dice: random.Random) -> bytes:
    changed = bytearray(dice.choice(good))
    # The beginning decides how the rest is read.
    end = dice.choice((16, 400, len(changed)))
    for _ in range(dice.randint(1, 8)):
        changed[dice.randrange(min(end, len(changed)))] ^= 1 << dice.randrange(8)
    return bytes(changed)


def _cut(good: Sequence[bytes], dice: random.Random) -> bytes:
    whole = dice.choice(good)
    return whole[: dice.randrange(len(whole))] + dice.choice((b"", dice.randbytes(50)))


def _edited(good: Sequence[bytes], dice: random.Random) -> bytes:
    head = dice.choice(good)
    return mutated(head[:2_000], dice) + head[2_000:]


def _header(good: Sequence[bytes], dice: random.Random) -> bytes:
    """A safetensors file whose header says something else than its bytes."""
    length = struct.unpack("<Q", good[0][:8])[0]
    header: dict[str, Any] = json.loads(good[0][8 : 8 + length])
    payload = good[0][8 + length :]
    names = [name for name in header if name != "__metadata__"]
    name = dice.choice(names)
    entry = header[name]
    match dice.randrange(9):
        case 0:
            entry["dtype"] = dice.choice(("F64", "I8", "BOOL", "BF16", "U64", "X9", "", 7))
        case 1:
            entry["shape"] = dice.choice(([], [0], [-1], [1 << 31, 1 << 31], [2, 2], [(1 << 63) - 1], None))
        case 2:
            entry["data_offsets"] = dice.choice(
                ([0, 0], [0, 1 << 62], [8, 4], [-4, 4], [0, len(payload)], [])
            )
        case 3:
            header[dice.choice(("../../etc/passwd", "", "a\x00b", "x" * 5_000, "direction.-1"))] = entry
        case 4:
            del header[name]
        case 5:
            header |= {f"t{n}": {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]} for n in range(20_000)}
        case 6:
            metadata = header.get("__metadata__", {})
            if metadata:
                key = dice.choice(list(metadata))
                metadata[key] = dice.choice(
                    ("", "{}", "[]", "9" * 400, metadata[key][::-1], "\u202e", None, 5)
                )
        case 7:
            header["__metadata__"] = dice.choice((None, [], "x", {"a": {"b": 1}}, {"k": "v" * 100_000}))
        case 8:
            text = json.dumps(header)
            text = text[:-1] + "," + text[1:]  # every key twice
            return _file(text.encode(), payload)
    return _file(json.dumps(header).encode(), payload)


def _file(header: bytes, payload: bytes) -> bytes:
    return struct.pack("<Q", len(header)) + header + payload


def _payload(good: Sequence[bytes], dice: random.Random) -> bytes:
    """Numbers that are none, or too large, or nothing but zeros, behind a header that fits."""
    length = struct.unpack("<Q", good[0][:8])[0]
    payload = bytearray(good[0][8 + length :])
    number = dice.choice((float("nan"), float("inf"), -float("inf"), 3e38, 1e-45, 0.0))
    spots = range(0, len(payload), 4) if dice.random() < 0.3 else [4 * dice.randrange(len(payload) // 4)]
    for spot in spots:
        struct.pack_into("<f", payload, spot, number)
    return good[0][: 8 + length] + bytes(payload)


def _lying_length(good: Sequence[bytes], dice: random.Random) -> bytes:
    length = dice.choice((0, 1, 101 << 20, 1 << 62, (1 << 64) - 1))
    return struct.pack("<Q", length) + good[0][8:]


def _deep_json(good: Sequence[bytes], dice: random.Random) -> bytes:
    depth = dice.choice((500, 5_000, 100_000))
    return _file(dice.choice((b'{"a":' * depth, b"[" * depth, b'{"a":' * depth + b"1" + b"}" * depth)), b"")


def _other(good: Sequence[bytes], dice: random.Random) -> bytes:
    """Another kind of file altogether."""
    return dice.choice(
        (
            b"",
            dice.randbytes(dice.randint(1, 2_000)),
            pickle.dumps({"direction.1": [0.5] * 48}),
            b"\x93NUMPY\x01\x00v\x00{'descr': '|O', 'fortran_order': False, 'shape': (1,), }" + b" " * 60,
            b"PK\x03\x04" + dice.randbytes(300),
            b"GGUF" + struct.pack("<IQQ", 3, dice.choice((1, 1 << 40)), dice.choice((1, 1 << 62))),
            b"GGUF\x03\x00\x00\x00" + dice.randbytes(200),
            b"<svg onload=alert(1)>",
        )
    )


#: Kind -> how often in a hundred, and how it is made.
_KINDS: Mapping[str, tuple[float, Callable[[Sequence[bytes], random.Random], bytes]]] = {
    "flipped": (25, _flipped),
    "cut": (12, _cut),
    "edited": (20, _edited),
    "header": (24, _header),
    "payload": (6, _payload),
    "lying length": (3, _lying_length),
    "deep": (3, _deep_json),
    "another file": (7, _other),
}
