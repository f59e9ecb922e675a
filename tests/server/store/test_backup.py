"""Backups are whole, are made while the store is used, and are put back only where nothing is lost."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from promises.store_world import (
    OPERATOR,
    Acknowledged,
    Store,
    activate_new,
    faults_of,
    opened,
    prepare,
)
from trimtab_server.store import audit
from trimtab_server.store.backup import MANIFEST, BackupError, back_up, restore
from trimtab_server.store.blobs import BlobStore
from trimtab_server.store.check import check
from trimtab_server.store.database import Database


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    prepare(tmp_path / "data")
    with opened(tmp_path / "data") as store:
        yield store


def test_a_restored_store_has_every_write_and_says_that_it_was_restored(store: Store, tmp_path: Path) -> None:
    writes = [activate_new(store, number) for number in range(2, 6)]
    manifest = back_up(store.database, store.blobs, tmp_path / "backup", 7)
    assert len(manifest.blobs) == 4
    restore(tmp_path / "backup", tmp_path / "restored", OPERATOR, 8)
    with opened(tmp_path / "restored") as restored:
        assert faults_of(restored, writes, pending=0) == []
        with restored.database.read() as connection:
            newest = audit.records(connection, limit=1)[0]
    assert (newest.action, newest.actor, newest.sequence) == (
        "store.restore",
        OPERATOR.actor,
        manifest.audit_records + 1,
    )


def test_a_backup_beside_a_busy_writer_is_one_consistent_view(store: Store, tmp_path: Path) -> None:
    """As the command makes it: a second opening of the files, which another connection writes."""
    writes = [activate_new(store, 2)]
    stop = threading.Event()

    def work() -> None:
        while not stop.is_set():
            writes.append(activate_new(store, len(writes) + 2))

    writer = threading.Thread(target=work)
    writer.start()
    try:
        for number in range(3):
            seen: list[Acknowledged] = list(writes)
            reader = Database.read_only(store.root / "trimtab.db")
            back_up(reader, BlobStore(store.root / "blobs"), tmp_path / f"backup-{number}", 7)
            reader.close()
            restore(tmp_path / f"backup-{number}", tmp_path / f"restored-{number}", OPERATOR, 8)
            with opened(tmp_path / f"restored-{number}") as restored:
                assert faults_of(restored, seen, pending=10**6) == []
    finally:
        stop.set()
        writer.join()
    assert len(writes) > 4


def test_nothing_is_ever_overwritten(store: Store, tmp_path: Path) -> None:
    back_up(store.database, store.blobs, tmp_path / "backup", 7)
    with pytest.raises(BackupError, match="not empty"):
        back_up(store.database, store.blobs, tmp_path / "backup", 7)
    with pytest.raises(BackupError, match="not empty"):
        restore(tmp_path / "backup", store.root, OPERATOR, 8)


@pytest.mark.parametrize("damage", ["database", "blob", "unfinished"])
def test_a_damaged_or_unfinished_backup_is_refused_and_never_served(
    store: Store, tmp_path: Path, damage: str
) -> None:
    activate_new(store, 2)
    manifest = back_up(store.database, store.blobs, tmp_path / "backup", 7)
    path = {
        "database": tmp_path / "backup" / "trimtab.db",
        "blob": BlobStore(tmp_path / "backup" / "blobs").path(manifest.blobs[0]),
        "unfinished": tmp_path / "backup" / MANIFEST,
    }[damage]
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[:-1] + b"\x01")
    with pytest.raises(BackupError, match=r"changed|damaged|no finished backup"):
        restore(tmp_path / "backup", tmp_path / "restored", OPERATOR, 8)
    assert not (tmp_path / "restored" / "trimtab.db").exists()


def test_a_store_with_a_damaged_blob_makes_no_backup(store: Store, tmp_path: Path) -> None:
    activate_new(store, 2)
    store.blobs.path(next(store.blobs.digests())).unlink()
    with pytest.raises(BackupError, match="would not be whole"):
        back_up(store.database, store.blobs, tmp_path / "backup", 7)
    assert not (tmp_path / "backup" / MANIFEST).exists()


SOUND = {"database": (), "triggers": (), "audit": (), "deployments": (), "snapshots": (), "blobs": ()}


@pytest.mark.parametrize(
    ("statement", "line", "fault"),
    [
        ("UPDATE audit SET reason = 'x' WHERE sequence = 2", "audit", "record 2 was changed"),
        (
            "UPDATE snapshots SET body = 'x' WHERE id IN (SELECT snapshot FROM revisions)",
            "snapshots",
            "changed",
        ),
        ("UPDATE deployments SET revision = 1", "deployments", "the pointer is at revision 1"),
        ("DELETE FROM revisions WHERE number = 2", "deployments", "has a hole"),
        (
            "UPDATE revisions SET snapshot = (SELECT snapshot FROM revisions WHERE number = 1) WHERE number = 2",
            "deployments",
            "revision 2 and the audit do not tell the same",
        ),
        ("DELETE FROM blobs", "database", "names a row of blobs that is not there"),
    ],
)
def test_check_finds_what_was_changed_behind_the_servers_back(
    store: Store, statement: str, line: str, fault: str
) -> None:
    activate_new(store, 2)
    activate_new(store, 3)
    assert {found.name: found.faults for found in check(store.database, store.blobs)} == SOUND
    # Not through our own code: no foreign keys are checked, and triggers can be dropped.
    with sqlite3.connect(store.root / "trimtab.db", isolation_level=None) as intruder:
        for (trigger,) in intruder.execute(
            "SELECT name FROM sqlite_master WHERE type = 'trigger'"
        ).fetchall():
            intruder.execute(f"DROP TRIGGER {trigger}")
        intruder.execute(statement)
    found = {one.name: one for one in check(store.database, store.blobs)}
    assert fault in found[line].faults[0]
    assert not found["triggers"].ok
