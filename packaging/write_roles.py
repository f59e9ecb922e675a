"""Writes docs/operators/roles.md: who may call what, from the protos and from the grants of the server.

Run `python packaging/write_roles.py` after a method was added or a grant was changed; a test compares the file.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from pathlib import Path

import trimtab_protos.v1
from google.protobuf.descriptor import FileDescriptor, MethodDescriptor
from trimtab_server.api.limits import CONTROL, largest_message
from trimtab_server.api.roles import GRANTS, Role

FILE = Path(__file__).parent.parent / "docs" / "operators" / "roles.md"

_HEAD = """\
# Roles: who may call what

A token, or with mTLS a client certificate, has one role. A method that does not name the role refuses it with
ROLE_NOT_ALLOWED; a method that is not in this table can be called by nobody. This page is written by
`packaging/write_roles.py`.

| role | for |
| --- | --- |
| viewer | dashboards: reads snapshots, vectors, monitors and rollouts |
| operator | steers: makes snapshots, activates, rolls out, rolls back |
| admin | also tokens, limits, and decisions that take two |
| auditor | reads the record, and whatever it is about; no prompts |
| inference | an application: gets replies, and nothing else |

**Control** is the way back: no limit of a token holds it up, and with `trimtab serve --control-port` it has a port
of its own. **Two admins**: the first admin's call is kept as a proposal and refused with SECOND_PERSON_NEEDED;
the same call by another admin within an hour is carried out (`trimtab approval list`). Where it says *sometimes*,
it depends on what is asked for:

"""

_SOMETIMES = {
    "ChatService/Chat": "steering against a protected concept that is not active",
    "ChatService/Compare": "steering against a protected concept that is not active",
    "RolloutService/CreateRollout": "a candidate that steers against a protected concept",
    "SnapshotService/ActivateSnapshot": "a snapshot that steers against a protected concept",
    "SnapshotService/RollbackSnapshot": "back to a named snapshot that steers against a protected concept",
    "TokenService/CreateToken": "the third admin token and every later one; limits above the server's own",
    "TokenService/RotateToken": "another admin's token",
    "TrialService/CreateTrial": "a lane that steers against a protected concept and is not active",
}
_ALWAYS = (
    "RolloutService/PromoteFullRollout",
    "TokenService/SetTokenLimits",
    "VectorService/SetConceptProtection",
)
_OWN = "TokenService/RotateToken"


def methods() -> Iterator[MethodDescriptor]:
    """Of every service in the protos, in the order of their names."""
    files: list[FileDescriptor] = []
    for module in pkgutil.iter_modules(trimtab_protos.v1.__path__):
        if module.name.endswith("_pb2"):
            files.append(importlib.import_module(f"trimtab_protos.v1.{module.name}").DESCRIPTOR)
    services = [service for file in files for service in file.services_by_name.values()]
    for service in sorted(services, key=lambda one: one.name):
        yield from service.methods


def page() -> str:
    """The whole page."""
    lines = [f"- `{name}`: {when}" for name, when in _SOMETIMES.items()]
    header = ["method", *Role, "control", "two admins", "largest request"]
    lines += ["", _row(header), _row(["---"] * len(header))]
    for method in methods():
        name = f"{method.containing_service.name}/{method.name}"
        granted = GRANTS.get(name, frozenset())
        marks = ["yes" if role in granted else "" for role in Role]
        if name == _OWN:
            marks = ["yes" if role is Role.ADMIN else "own" for role in Role]
        two = "always" if name in _ALWAYS else "sometimes" if name in _SOMETIMES else ""
        row = [f"`{name}`", *marks, "control" if name in CONTROL else "", two, _size(largest_message(name))]
        lines.append(_row(row))
    return _HEAD + "\n".join(lines) + "\n"


def _row(cells: list[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _size(count: int) -> str:
    return f"{count >> 20} MiB" if count >= 1 << 20 else f"{count >> 10} KiB"


if __name__ == "__main__":
    FILE.write_text(page(), encoding="utf-8")
