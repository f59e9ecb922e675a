"""The audit and the store from the command line, with no server."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from promises.store_world import activate_new, opened, prepare, roll_back_once
from trimtab_server.store.audit_heads import HeadFile, HeadKey, export_head


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data directory with a few moves, a signed head inside it and one elsewhere."""
    root = tmp_path / "data"
    prepare(root)
    with opened(root) as store:
        activate_new(store, 2)
        roll_back_once(store, 3)
        key = HeadKey.at(root / "audit.key")
        export_head(store.database, key, HeadFile(root / "audit-heads.jsonl"), 4)
        export_head(store.database, key, HeadFile(tmp_path / "far.jsonl"), 5)
    return root


@pytest.fixture
def trimtab(data: Path, nowhere: Any) -> Any:
    """`nowhere` is the command line of that directory."""
    return nowhere


def elsewhere(trimtab: Any, data_dir: Path) -> Any:
    return replace(trimtab, options=("--data-dir", str(data_dir)))


def tamper(data: Path, *statements: str) -> None:
    with closing(sqlite3.connect(data / "trimtab.db", isolation_level=None)) as intruder:
        for operation in ("update", "delete"):
            intruder.execute(f"DROP TRIGGER audit_no_{operation}")
        for statement in statements:
            intruder.execute(statement)
        for operation in ("UPDATE", "DELETE"):
            intruder.execute(
                f"CREATE TRIGGER audit_no_{operation.lower()} BEFORE {operation} ON audit "
                "BEGIN SELECT RAISE(ABORT, 'the audit chain is append-only'); END"
            )


def test_an_untouched_audit_verifies_with_the_heads_beside_it_and_elsewhere(
    trimtab: Any, tmp_path: Path
) -> None:
    told = trimtab.json("audit", "verify")
    assert told["ok"] is True and told["records"] == 6 and len(told["head"]) == 64 and told["heads"] == 1
    far = trimtab.json("audit", "verify", "--head", tmp_path / "far.jsonl")
    assert far["heads"] == 1


@pytest.mark.parametrize(
    ("statement", "fault"),
    [
        ("UPDATE audit SET actor = 'x' WHERE sequence = 3", "record 3 was changed"),
        ("DELETE FROM audit WHERE sequence = 6", "the chain ends at record 5"),
    ],
)
def test_a_tampered_audit_does_not_verify(trimtab: Any, data: Path, statement: str, fault: str) -> None:
    tamper(data, statement)
    ran = trimtab("audit", "verify", "--json")
    assert ran.exit_code == 1
    assert ran.json["ok"] is False and fault in ran.json["fault"]
    assert trimtab("audit", "verify").out.startswith("NOT WHOLE: ")


def test_heads_of_a_stranger_do_not_verify(trimtab: Any, tmp_path: Path) -> None:
    HeadKey.at(tmp_path / "stranger")
    ran = trimtab("audit", "verify", "--public-key", tmp_path / "stranger.pub", "--json")
    assert ran.exit_code == 1
    assert "was not signed with key" in ran.json["fault"]


def test_an_export_verifies_and_a_changed_one_does_not(trimtab: Any, tmp_path: Path) -> None:
    out = tmp_path / "audit.jsonl"
    told = trimtab.json("audit", "export", "--out", out)
    assert told["records"] == 6
    assert trimtab.json("audit", "verify", "--export", out)["records"] == 6
    assert trimtab("audit", "export", "--out", out).exit_code == 1, "nothing is overwritten"
    lines = out.read_text().splitlines()
    record = json.loads(lines[2]) | {"actor": "x"}
    text = json.dumps(record, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    out.write_text("\n".join([*lines[:2], text, *lines[3:]]) + "\n")
    ran = trimtab("audit", "verify", "--export", out, "--json")
    assert ran.exit_code == 1 and "record 3 was changed" in ran.json["fault"]


def test_the_audit_is_listed_without_a_server(trimtab: Any) -> None:
    told = trimtab.json("audit", "list", "--offline", "--limit", "1")
    assert told["record_count"] == 6
    assert told["audit_records"][0]["action"] == "snapshot.rollback"
    assert "snapshot.rollback" in trimtab("audit", "list", "--offline").out


def test_a_store_is_checked_backed_up_and_restored(trimtab: Any, tmp_path: Path) -> None:
    lines: list[Any] = trimtab.json("store", "check")["lines"]
    assert [line["name"] for line in lines] == [
        "database",
        "triggers",
        "audit",
        "deployments",
        "snapshots",
        "blobs",
    ]
    assert all(line["ok"] for line in lines)
    assert len(trimtab.json("store", "backup", tmp_path / "backup")["blobs"]) == 1
    other = elsewhere(trimtab, tmp_path / "other")
    assert other.json("store", "restore", tmp_path / "backup")["audit_records"] == 6
    assert other.json("store", "check")["ok"] is True
    assert other.json("audit", "list", "--offline", "--limit", "1")["audit_records"][0]["actor"].startswith(
        "local/"
    )
    again = other("store", "restore", tmp_path / "backup")
    assert again.exit_code == 1 and "is not empty" in again.err


def test_a_damaged_blob_fails_the_check_and_is_named(trimtab: Any, data: Path) -> None:
    (blob,) = (data / "blobs").rglob("??/*")
    blob.chmod(0o644)
    blob.write_bytes(b"")
    ran = trimtab("store", "check", "--json")
    assert ran.exit_code == 1
    (line,) = [line for line in ran.json["lines"] if not line["ok"]]
    assert line["name"] == "blobs" and blob.name in line["faults"][0]


@pytest.mark.parametrize(
    "words",
    [("audit", "verify"), ("audit", "list", "--offline"), ("store", "check"), ("store", "backup", "x")],
)
def test_a_directory_without_a_store_is_one_clear_line(nowhere: Any, words: tuple[str, ...]) -> None:
    ran = nowhere(*words)
    assert ran.exit_code == 1
    assert ran.err.count("\n") == 1 and "[DATA_DIR_EMPTY]" in ran.err
