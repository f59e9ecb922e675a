"""The audit as a file that anybody can check without this program: JSON lines, the signed head last."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import IO

from sqlalchemy import Connection

from trimtab_server.store import audit
from trimtab_server.store.audit import GENESIS, AuditRecord, Verification, Witness
from trimtab_server.store.audit_heads import Head, HeadKey, HeadsUnreadable, head_of
from trimtab_server.store.canonical_json import canonical_json


def write_export(connection: Connection, key: HeadKey, out: IO[str], time: int) -> Head:
    """Every record as one line of canonical JSON, then `{"head": ...}`; returns that head."""
    count, newest = 0, GENESIS
    for record in audit.oldest_first(connection):
        out.write(canonical_json(asdict(record)) + "\n")
        count, newest = record.sequence, record.hash
    head = key.sign(count, newest, time)
    out.write(canonical_json({"head": asdict(head)}) + "\n")
    return head


def verify_export(path: Path, witnesses: Iterable[Witness] = ()) -> tuple[Verification, Head]:
    """Recomputes the chain of an exported file, and returns the head at its end, whose signature is unchecked.

    Raises:
        HeadsUnreadable: the file is none of these.
    """
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise HeadsUnreadable(f"{path} cannot be read: {error}") from error
    while lines and not lines[-1]:
        lines.pop()
    head = _last_line(lines.pop() if lines else "", path)
    checked = audit.verify_records(_records(lines, path), [*witnesses, head.witness])
    return checked, head


def _last_line(line: str, path: Path) -> Head:
    where = f"the last line of {path}"
    try:
        fields = json.loads(line)["head"]
    except (ValueError, TypeError, KeyError):
        raise HeadsUnreadable(f"{where} is no signed head: the file was cut, or is no export") from None
    head = head_of(json.dumps(fields), where)
    if line != canonical_json({"head": asdict(head)}):
        raise HeadsUnreadable(f"{where} is not in the form in which heads are exported")
    return head


def _records(lines: Iterable[str], path: Path) -> Iterator[AuditRecord]:
    for number, line in enumerate(lines, 1):
        try:
            record = AuditRecord(**json.loads(line))
        except (ValueError, TypeError) as error:
            raise HeadsUnreadable(f"{path}, line {number} is no audit record: {error}") from error
        if line != canonical_json(asdict(record)):
            raise HeadsUnreadable(f"{path}, line {number} is not in the form in which records are exported")
        yield record
