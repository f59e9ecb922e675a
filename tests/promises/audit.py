"""Row 12: whatever is done to the audit behind the server's back shows."""

from __future__ import annotations

import json
import random
import sqlite3
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from trimtab_server.store import audit, schema
from trimtab_server.store.audit import AuditRecord
from trimtab_server.store.audit_export import verify_export, write_export
from trimtab_server.store.audit_heads import (
    Head,
    HeadFile,
    HeadKey,
    HeadsUnreadable,
    export_head,
    signature_fault,
)
from trimtab_server.store.database import Database
from trimtab_server.store.requests import Origin

from promises.power import memory_folder
from promises.row import Profile, Row
from promises.seeds import kept_seeds

MUTATIONS = {"ci": 500, "release": 10_000}
RECORDS = 40

Records = list[AuditRecord]
_TEXTS = ("actor", "role", "action", "deployment", "subject", "reason", "request_id", "details")
_NUMBERS = ("time", "from_revision", "to_revision")
_HASHES = ("hash", "previous_hash")


@dataclass(frozen=True)
class Kept:
    """An honest audit: the database's records, the heads kept elsewhere, and an exported file."""

    records: tuple[AuditRecord, ...]
    heads: tuple[Head, ...]
    key: HeadKey
    database: bytes
    export: bytes


def kept(folder: Path, dice: random.Random) -> Kept:
    """Written by the product's own code; a head is exported every few records and at the end."""
    database = Database.at(folder / "honest.db")
    schema.upgrade(database)
    key, heads = HeadKey.at(folder / "audit.key"), HeadFile(folder / "heads.jsonl")
    for number in range(1, RECORDS + 1):
        with database.write() as connection:
            audit.append(
                connection,
                time=number * 10**9,
                origin=Origin(f"tokens/{dice.randint(0, 9)}", "operator", request_id=f"r-{number}"),
                action=dice.choice(("snapshot.activate", "snapshot.rollback", "token.create")),
                subject=f"snapshots/{dice.randbytes(8).hex()}",
                deployment="default",
                from_revision=number,
                to_revision=number + 1,
                reason=dice.choice(("why", "なぜ", 'so "it" is\n')),
                details={"weight": dice.random()},
            )
        if number % 9 == 0 or number == RECORDS:
            export_head(database, key, heads, number * 10**9 + 1)
    path = folder / "audit.jsonl"
    with database.read() as connection:
        records = tuple(audit.oldest_first(connection))
        with path.open("w", encoding="utf-8", newline="\n") as out:
            write_export(connection, key, out, 10**12)
    schema.copy(database, folder / "copy.db")
    database.close()
    return Kept(records, tuple(heads.read()), key, (folder / "copy.db").read_bytes(), path.read_bytes())


def flip(records: Records, dice: random.Random) -> Records:
    """One character or digit of one field of one record."""
    at = dice.randrange(len(records))
    name = dice.choice((*_TEXTS, *_NUMBERS, *_HASHES))
    value = getattr(records[at], name)
    if isinstance(value, int):
        changed: Any = value ^ (1 << dice.randrange(40))
    else:
        place = dice.randrange(len(value) + 1)
        changed = value[:place] + chr(ord(value[place : place + 1] or "a") ^ 1) + value[place + 1 :]
    records[at] = replace(records[at], **{name: changed})
    return records


def drop(records: Records, dice: random.Random) -> Records:
    """A record is taken out, and with luck the others are numbered anew."""
    at = dice.randrange(len(records) - 1)
    rest = records[:at] + records[at + 1 :]
    return [replace(record, sequence=n) for n, record in enumerate(rest, 1)] if dice.random() < 0.5 else rest


def swap(records: Records, dice: random.Random) -> Records:
    """Two records change places, each under the other's number."""
    one, other = dice.sample(range(len(records)), 2)
    records[one], records[other] = (
        replace(records[other], sequence=records[one].sequence),
        replace(records[one], sequence=records[other].sequence),
    )
    return records


def insert(records: Records, dice: random.Random) -> Records:
    """A record that never was, with a hash that fits its own content."""
    at = dice.randrange(len(records))
    forged = replace(records[at], reason="forged", previous_hash=records[at].hash)
    rest = [replace(record, sequence=record.sequence + 1) for record in records[at:]]
    return [*records[:at], replace(forged, hash=forged.computed_hash()), *rest]


def cut(records: Records, dice: random.Random) -> Records:
    """The newest records are gone; what is left fits."""
    return records[: dice.randrange(len(records))]


def rewrite(records: Records, dice: random.Random) -> Records:
    """One record is changed and the whole chain after it written anew: what is left fits."""
    at = dice.randrange(len(records))
    records[at] = replace(records[at], actor="tokens/innocent")
    previous = records[at - 1].hash if at else audit.GENESIS
    for number in range(at, len(records)):
        record = replace(records[number], previous_hash=previous)
        records[number] = replace(record, hash=record.computed_hash())
        previous = records[number].hash
    return records


MUTATE: dict[str, Callable[[Records, random.Random], Records]] = {
    "flip": flip,
    "drop": drop,
    "swap": swap,
    "insert": insert,
    "cut": cut,
    "rewrite": rewrite,
}


def found_in_database(honest: Kept, kind: str, dice: random.Random, folder: Path) -> bool:
    """The table is changed by an intruder with the file in hand; ours is asked afterwards."""
    path = folder / "tampered.db"
    path.write_bytes(honest.database)
    mutated = MUTATE[kind](list(honest.records), dice)
    if mutated == list(honest.records):
        raise AssertionError(f"{kind} changed nothing")
    with sqlite3.connect(path) as intruder:
        for trigger in ("audit_no_update", "audit_no_delete"):
            intruder.execute(f"DROP TRIGGER {trigger}")
        intruder.execute("DELETE FROM audit")
        names = list(asdict(honest.records[0]))
        intruder.executemany(
            f"INSERT OR IGNORE INTO audit ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})",
            [tuple(asdict(record).values()) for record in mutated],
        )
    intruder.close()
    database = Database.read_only(path)
    try:
        with database.read() as connection:
            return not audit.verify(connection, [head.witness for head in honest.heads]).ok
    finally:
        database.close()


def found_in_export(honest: Kept, dice: random.Random, folder: Path) -> bool:
    """Any byte of an exported file is changed, or a line of it dropped or swapped."""
    path = folder / "tampered.jsonl"
    lines = honest.export.splitlines(keepends=True)
    kind = dice.choice(("byte", "drop", "swap"))
    if kind == "byte":
        content = bytearray(honest.export)
        # The last newline carries nothing.
        content[dice.randrange(len(content) - 1)] ^= 1 << dice.randrange(8)
        path.write_bytes(content)
    elif kind == "drop":
        del lines[dice.randrange(len(lines))]
        path.write_bytes(b"".join(lines))
    else:
        one, other = dice.sample(range(len(lines)), 2)
        lines[one], lines[other] = lines[other], lines[one]
        path.write_bytes(b"".join(lines))
    try:
        checked, head = verify_export(path)
    except HeadsUnreadable:
        return True
    return not checked.ok or bool(signature_fault([head], honest.key.public))


def found_in_heads(honest: Kept, dice: random.Random) -> bool:
    """A head is changed, or signed by somebody else."""
    head = dice.choice(honest.heads)
    fields = json.loads(json.dumps(asdict(head)))
    name = dice.choice(("sequence", "hash", "time", "signature", "forged"))
    if name == "forged":
        stranger = HeadKey.made()
        return bool(signature_fault([stranger.sign(head.sequence, "0" * 64, head.time)], honest.key.public))
    if isinstance(fields[name], int):
        fields[name] += 1
    else:
        place = dice.randrange(len(fields[name]))
        digit = f"{int(fields[name][place], 16) ^ 1:x}"
        fields[name] = fields[name][:place] + digit + fields[name][place + 1 :]
    return bool(signature_fault([Head(**fields)], honest.key.public))


def missed(honest: Kept, seed: int, folder: Path) -> str:
    """One mutation; "" if it was found, else what it was."""
    dice = random.Random(seed)
    kind = (*MUTATE, "export", "heads")[seed % (len(MUTATE) + 2)]
    if kind == "export":
        found = found_in_export(honest, dice, folder)
    elif kind == "heads":
        found = found_in_heads(honest, dice)
    else:
        found = found_in_database(honest, kind, dice, folder)
    return "" if found else f"seed {seed}: {kind} was not found"


def run(profile: Profile, seed: int) -> Row:
    wanted = MUTATIONS[profile]
    with memory_folder() as folder:
        honest = kept(folder, random.Random(seed))
        seeds = [*kept_seeds(12), *range(seed * 1_000_000, seed * 1_000_000 + wanted)]
        misses = {one: said for one in seeds if (said := missed(honest, one, folder))}
    note = next(iter(misses.values()), "flip, drop, swap, insert, cut, rewrite, exports, heads")
    return Row.of_trials(
        12, "The audit shows every tampering", len(seeds), len(misses), note=note, seeds=list(misses)
    )
