"""Row 15: an upgrade keeps every record, also when it is killed in the middle."""

from __future__ import annotations

import random
import shutil
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from trimtab_server.store import audit, schema
from trimtab_server.store.blobs import BlobStore
from trimtab_server.store.check import check
from trimtab_server.store.database import Database
from trimtab_server.store.requests import SERVER

from promises.durability import environment
from promises.old_store import OldStore
from promises.power import memory_folder
from promises.row import Profile, Row

REVISIONS, AUDIT_RECORDS = 10_000, 100_000
KILLS = {"ci": 10, "release": 50}
#: Tables of the first schema whose rows must come through as they were.
_KEPT = ("audit", "revisions", "snapshots", "deployments")


@dataclass(frozen=True)
class Content:
    """Every row of the old tables, as that release's columns have it."""

    rows: dict[str, list[tuple[object, ...]]]

    @classmethod
    def of(cls, path: Path, columns: dict[str, list[str]]) -> Content:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
            return cls(
                {
                    table: database.execute(
                        f"SELECT {', '.join(names)} FROM {table} ORDER BY {names[0]}, {names[1]}"
                    ).fetchall()
                    for table, names in columns.items()
                }
            )


def columns_of(path: Path) -> dict[str, list[str]]:
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
        return {
            table: [name for _, name, *_ in database.execute(f"PRAGMA table_info({table})")]
            for table in _KEPT
        }


@dataclass
class Upgrades:
    """A store of the first release, and what each upgrade of a copy of it came to."""

    folder: Path
    old: OldStore

    def __post_init__(self) -> None:
        self.template = self.folder / "old"
        self.old.write(self.template)
        self.columns = columns_of(self.template / "trimtab.db")
        self.content = Content.of(self.template / "trimtab.db", self.columns)

    def fault(self, kill_after: float | None) -> str:
        """What is wrong after an upgrade that was killed `kill_after` seconds after it began (None: it was not),
        and after the one that follows."""
        root = self.folder / "data"
        shutil.copytree(self.template, root)
        try:
            if kill_after is not None:
                self._run(root, kill_after)
                found = self._schema(root)
                if found not in ("0001", schema.HEAD):
                    return f"a killed upgrade left schema {found!r}"
                if found == "0001" and Content.of(root / "trimtab.db", self.columns) != self.content:
                    return "a killed upgrade that did not happen changed rows"
            if self._run(root, None) != 0:
                return "the upgrade ended with an error"
            return self._whole(root)
        finally:
            shutil.rmtree(root)

    def seconds(self) -> float:
        """How long one takes that is not killed, from the moment at which a kill is counted from."""
        root = self.folder / "rehearsal"
        shutil.copytree(self.template, root)
        self._run(root, None)
        shutil.rmtree(root)
        return self._spent

    def _run(self, root: Path, kill_after: float | None) -> int:
        command = [sys.executable, "-m", "promises.killed_upgrade", str(root)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment()) as process:
            assert process.stdout is not None
            process.stdout.readline()
            begin = time.monotonic()
            if kill_after is not None:
                time.sleep(kill_after)
                process.kill()
            status = process.wait()
            self._spent = time.monotonic() - begin
            return status

    def _schema(self, root: Path) -> str:
        with closing(sqlite3.connect(root / "trimtab.db")) as database:
            return str(database.execute("SELECT version_num FROM alembic_version").fetchone()[0])

    def _whole(self, root: Path) -> str:
        if self._schema(root) != schema.HEAD:
            return "the upgrade did not happen"
        if Content.of(root / "trimtab.db", self.columns) != self.content:
            return "rows are not what they were"
        copy = root / f"before-{schema.HEAD}-from-0001.db"
        if copy.exists() and Content.of(copy, self.columns) != self.content:
            return "the copy made before the upgrade is not what was there"
        database = Database.at(root / "trimtab.db")
        try:
            faults = [f for line in check(database, BlobStore(root / "blobs")) for f in line.faults]
            if faults:
                return "; ".join(faults)
            # The chain goes on from the old records to new ones.
            with database.write() as connection:
                audit.append(connection, time=1, origin=SERVER, action="server.start", subject="server")
            with database.read() as connection:
                checked = audit.verify(connection)
        finally:
            database.close()
        return checked.fault or ("" if checked.records == self.old.audit_records + 1 else "records are gone")


def run(profile: Profile, seed: int) -> Row:
    """The one released schema, untouched and killed at moments drawn over the length of an upgrade."""
    dice = random.Random(seed)
    with memory_folder() as folder:
        upgrades = Upgrades(folder, OldStore(REVISIONS, AUDIT_RECORDS))
        longest = upgrades.seconds()
        moments = [None, *(dice.uniform(0, longest) for _ in range(KILLS[profile]))]
        faults = [fault for moment in moments if (fault := upgrades.fault(moment))]
    note = faults[0] if faults else f"0001 to {schema.HEAD}, {REVISIONS} revisions, {AUDIT_RECORDS} records"
    return Row.of_trials(15, "An upgrade keeps every record", len(moments), len(faults), note=note)
