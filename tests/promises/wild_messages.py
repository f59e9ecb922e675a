"""Messages that no client of ours would send, for every RPC, made from its descriptor. One seed, one message."""

from __future__ import annotations

import importlib
import pkgutil
import random
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import trimtab_protos.v1
from google.protobuf.descriptor import Descriptor, FieldDescriptor, MethodDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

#: Nothing nests deeper by chance; depth on purpose is a kind of its own.
_DEEPEST = 5

_INTEGERS = (0, 1, 2, 7, 200, 5_000, (1 << 31) - 1, (1 << 32) - 1, (1 << 63) - 1, (1 << 64) - 1)
_FLOATS = (0.0, -0.0, 0.5, 1.0, -1.0, 1e-320, 1e308, -1e308, float("nan"), float("inf"), float("-inf"))
_WORDS = (
    "",
    "default",
    "deployments/default",
    "models/desk",
    "snapshots/0123456789abcdef",
    "vectors/" + "0" * 64,
    "deployments/default/revisions/1",
    "../../etc/passwd",
    "%2e%2e/%2e%2e/etc/passwd",
    "CON",
    "a\x00b",
    "\u202egnp.exe",
    "ﷺ" * 50,
    "'; DROP TABLE revisions; --",
    "{detail}",
    "%s%n",
    "x" * 300,
    "é" * 5_000,
)


@dataclass(frozen=True)
class Wild:
    """A request as it goes over the wire, and how it was made."""

    seed: int
    kind: str
    method: MethodDescriptor
    raw: bytes

    @property
    def path(self) -> str:
        return f"/{self.method.containing_service.full_name}/{self.method.name}"


def all_methods() -> list[MethodDescriptor]:
    """Every RPC of every service of ours, in the order of their names."""
    found = []
    for module in pkgutil.iter_modules(trimtab_protos.v1.__path__):
        if module.name.endswith("_pb2"):
            file = importlib.import_module(f"trimtab_protos.v1.{module.name}").DESCRIPTOR
            for service in file.services_by_name.values():
                found += list(service.methods)
    return sorted(found, key=lambda method: method.full_name)


def wild_message(seed: int, methods: Sequence[MethodDescriptor]) -> Wild:
    """The request of this seed: the method is drawn too."""
    dice = random.Random(seed)
    method = dice.choice(methods)
    kind = dice.choices(list(_KINDS), [weight for weight, _ in _KINDS.values()])[0]
    return Wild(seed, kind, method, _KINDS[kind][1](method.input_type, dice))


def filled(descriptor: Descriptor, dice: random.Random, extreme: bool, depth: int = 0) -> Message:
    """A message that parses, its fields drawn at random; `extreme` draws from the ends of their ranges."""
    message: Any = GetMessageClass(descriptor)()
    for field in descriptor.fields:
        if dice.random() < 0.4:
            continue
        if field.is_repeated:
            if field.message_type is not None and field.message_type.GetOptions().map_entry:
                continue
            # Seldom very many.
            count = dice.choice((300, 2_000)) if extreme and dice.random() < 0.03 else dice.randint(1, 3)
            if field.message_type is not None:
                count = min(count, 300 if depth == 0 else 3)
            values = [_value(field, dice, extreme, depth) for _ in range(count)]
            getattr(message, field.name).extend(value for value in values if value is not None)
        elif field.message_type is not None:
            value = _value(field, dice, extreme, depth)
            if value is not None:
                getattr(message, field.name).CopyFrom(value)
        else:
            setattr(message, field.name, _value(field, dice, extreme, depth))
    return message  # type: ignore[no-any-return]


def _value(field: FieldDescriptor, dice: random.Random, extreme: bool, depth: int) -> Any:
    if field.message_type is not None:
        return filled(field.message_type, dice, extreme, depth + 1) if depth < _DEEPEST else None
    if field.enum_type is not None:
        known = [value.number for value in field.enum_type.values]
        return dice.choice((*known, 999, -1) if extreme else known)
    kind = field.cpp_type
    if kind == FieldDescriptor.CPPTYPE_BOOL:
        return dice.random() < 0.5
    if kind in (FieldDescriptor.CPPTYPE_DOUBLE, FieldDescriptor.CPPTYPE_FLOAT):
        return dice.choice(_FLOATS) if extreme else dice.uniform(-2, 2)
    if kind == FieldDescriptor.CPPTYPE_STRING:
        if field.type == FieldDescriptor.TYPE_BYTES:
            return dice.randbytes(dice.choice((0, 1, 40, 4_000)))
        return dice.choice(_WORDS) if extreme else dice.choice(_WORDS[:7])
    return _integer(kind, dice, extreme)


def _integer(kind: int, dice: random.Random, extreme: bool) -> int:
    value = dice.choice(_INTEGERS) if extreme else dice.randint(0, 9)
    signed = kind in (FieldDescriptor.CPPTYPE_INT32, FieldDescriptor.CPPTYPE_INT64)
    bits = 32 if kind in (FieldDescriptor.CPPTYPE_INT32, FieldDescriptor.CPPTYPE_UINT32) else 64
    value &= (1 << bits) - 1
    return value - (1 << bits) if signed and value >> (bits - 1) else value


def _random_bytes(descriptor: Descriptor, dice: random.Random) -> bytes:
    return dice.randbytes(dice.randint(0, 300))


def _mutated(descriptor: Descriptor, dice: random.Random) -> bytes:
    return mutated(filled(descriptor, dice, extreme=False).SerializeToString(), dice)


def mutated(raw: bytes, dice: random.Random) -> bytes:
    """Bytes with one to eight of them changed, taken out, put in, doubled, or the end cut off."""
    changed = bytearray(raw or b"\x0a")
    for _ in range(dice.randint(1, 8)):
        place = dice.randrange(len(changed)) if changed else 0
        match dice.randrange(5):
            case 0 if changed:
                changed[place] ^= 1 << dice.randrange(8)
            case 1 if changed:
                del changed[place]
            case 2:
                changed.insert(place, dice.randrange(256))
            case 3:
                changed[place:place] = changed[place : place + dice.randint(1, 20)]
            case 4 if dice.random() < 0.3:
                del changed[place:]
    return bytes(changed)


def _extreme(descriptor: Descriptor, dice: random.Random) -> bytes:
    return filled(descriptor, dice, extreme=True).SerializeToString()


def _plausible(descriptor: Descriptor, dice: random.Random) -> bytes:
    return filled(descriptor, dice, extreme=False).SerializeToString()


def _deep(descriptor: Descriptor, dice: random.Random) -> bytes:
    """Thousands of levels: groups of an unknown field, or length-delimited messages within each other."""
    depth = dice.choice((60, 101, 1_000, 10_000))
    if dice.random() < 0.5:
        return b"\x0b" * depth + (b"\x0c" * depth if dice.random() < 0.5 else b"")
    field = dice.choice([f.number for f in descriptor.fields] or [1])
    raw = b""
    for _ in range(min(depth, 1_000)):
        raw = _varint(field << 3 | 2) + _varint(len(raw)) + raw
    return raw


def _oversize(descriptor: Descriptor, dice: random.Random) -> bytes:
    """More than any call but an upload may send."""
    return _varint(dice.randint(1, 15) << 3 | 2) + _varint(size := 600_000) + bytes(size)


def _lengths(descriptor: Descriptor, dice: random.Random) -> bytes:
    """A length that lies about what follows."""
    lie = dice.choice((1 << 31, (1 << 32) - 1, 1 << 62, 1_000))
    return _varint(dice.randint(1, 15) << 3 | 2) + _varint(lie) + struct.pack("<q", dice.getrandbits(60))


def _varint(value: int) -> bytes:
    raw = bytearray()
    while value > 0x7F:
        raw.append(value & 0x7F | 0x80)
        value >>= 7
    raw.append(value)
    return bytes(raw)


#: Kind -> how often in a hundred, and how it is made.
_KINDS: dict[str, tuple[float, Callable[[Descriptor, random.Random], bytes]]] = {
    "random bytes": (25, _random_bytes),
    "mutated": (30, _mutated),
    "extreme": (27, _extreme),
    "plausible": (8, _plausible),
    "deep": (5, _deep),
    "lying length": (4.5, _lengths),
    "oversize": (0.5, _oversize),
}
