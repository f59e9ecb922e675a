"""A store of the first released schema, filled as that release filled it.

Written from that schema alone, with none of the product's code: tables by the first migration, rows and hashes
by their written definition.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine
from trimtab_server.store.schema import MIGRATIONS

_TRIGGERS = (
    ("audit_no_update", "UPDATE ON audit", "the audit chain is append-only"),
    ("audit_no_delete", "DELETE ON audit", "the audit chain is append-only"),
    ("revisions_no_update", "UPDATE ON revisions", "the history of a deployment is append-only"),
    ("revisions_no_delete", "DELETE ON revisions", "the history of a deployment is append-only"),
    (
        "snapshots_no_change",
        "UPDATE OF id, body, created_by, create_time ON snapshots",
        "a snapshot is immutable",
    ),
)


@dataclass(frozen=True)
class OldStore:
    """`revisions` moves of one pointer between two snapshots, and audit records to make `audit_records`."""

    revisions: int
    audit_records: int

    def write(self, root: Path) -> None:
        root.mkdir(parents=True, exist_ok=True)
        path = root / "trimtab.db"
        _first_schema(path)
        with sqlite3.connect(path) as database:
            database.execute("PRAGMA journal_mode=WAL")
            snapshots = [_snapshot(text) for text in ("", "Be honest.")]
            database.executemany("INSERT INTO snapshots VALUES (?, NULL, '', ?, 'server', 1)", snapshots)
            ids = [snapshot for snapshot, _ in snapshots]
            database.execute("INSERT INTO deployments VALUES ('default', 'desk', ?, '')", (self.revisions,))
            database.executemany(
                "INSERT INTO revisions VALUES ('default', ?, ?, ?, 'tokens/a', 'why', 0, ?)",
                (
                    (number, ids[number % 2], "initial" if number == 1 else "activate", number)
                    for number in range(1, self.revisions + 1)
                ),
            )
            database.executemany(f"INSERT INTO audit VALUES ({', '.join('?' * 14)})", self._chain(ids))
            for name, event, message in _TRIGGERS:
                database.execute(
                    f"CREATE TRIGGER {name} BEFORE {event} BEGIN SELECT RAISE(ABORT, '{message}'); END"
                )
        database.close()

    def _chain(self, snapshots: list[str]) -> Iterator[tuple[Any, ...]]:
        previous = "0" * 64
        for sequence in range(1, self.audit_records + 1):
            moves = sequence < self.revisions
            body = {
                "sequence": sequence,
                "time": sequence,
                "actor": "tokens/a",
                "role": "operator",
                "action": "snapshot.activate" if moves else "steering.force",
                "deployment": "default",
                "subject": f"snapshots/{snapshots[(sequence + 1) % 2]}",
                "from_revision": sequence if moves else 0,
                "to_revision": sequence + 1 if moves else 0,
                "reason": "何故 why",
                "request_id": "",
                "details": '{"forced":{}}',
            }
            text = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
            hash = hashlib.sha256((previous + text).encode()).hexdigest()
            yield (*body.values(), previous, hash)
            previous = hash


def _first_schema(path: Path) -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    engine = create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
    engine.dispose()


def _snapshot(system_prompt: str) -> tuple[str, str]:
    """Id and body."""
    body = json.dumps({"steering": {"stage": "stage-01", "system_prompt": system_prompt, "terms": []}})
    return hashlib.sha256(body.encode()).hexdigest(), body
