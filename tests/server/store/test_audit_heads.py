"""Signed heads: what they show, and who can make them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from trimtab_server.store import audit
from trimtab_server.store.audit_heads import (
    HeadFile,
    HeadKey,
    HeadsUnreadable,
    export_head,
    key_id,
    public_path,
    read_public_key,
    signature_fault,
)
from trimtab_server.store.database import Database
from trimtab_server.store.requests import SERVER


def record(database: Database, count: int = 1) -> None:
    for _ in range(count):
        with database.write() as connection:
            audit.append(connection, time=1, origin=SERVER, action="server.start", subject="server")


def test_a_head_is_in_the_file_and_in_the_log_and_names_the_newest_record(
    database: Database, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    record(database, 3)
    key, file = HeadKey.at(tmp_path / "audit.key"), HeadFile(tmp_path / "elsewhere" / "heads.jsonl")
    with caplog.at_level("INFO", logger="trimtab.audit"):
        head = export_head(database, key, file, 5)
    with database.read() as connection:
        assert (head.sequence, head.hash) == audit.head(connection)
        assert audit.verify(connection, [head.witness]).witnesses == 1
    assert file.read() == [head]
    assert [entry.facts["signature"] for entry in caplog.records] == [head.signature]  # type: ignore[attr-defined]


def test_only_the_holder_of_the_key_signs_and_anybody_can_check(tmp_path: Path) -> None:
    ours, theirs = HeadKey.at(tmp_path / "ours"), HeadKey.at(tmp_path / "theirs")
    public = read_public_key(public_path(tmp_path / "ours"))
    head = ours.sign(7, "a" * 64, 5)
    assert signature_fault([head], public) == ""
    for forged in (
        theirs.sign(7, "a" * 64, 5),
        replace(head, sequence=6),
        replace(head, hash="b" * 64),
        replace(head, time=6),
        replace(head, signature=head.signature[:-1] + ("0" if head.signature[-1] != "0" else "1")),
        replace(head, signature="no hex"),
        replace(head, purpose="another"),
    ):
        assert signature_fault([head, forged], public).endswith(f"was not signed with key {key_id(public)}")


def test_the_private_key_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "audit.key"
    first = HeadKey.at(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert HeadKey.at(path).sign(1, "a", 1) == first.sign(1, "a", 1), "Ed25519 signatures are deterministic"


def test_what_is_no_key_and_no_head_is_named(tmp_path: Path) -> None:
    (tmp_path / "bad").write_text("nothing")
    with pytest.raises(HeadsUnreadable, match="bad is no private key"):
        HeadKey.at(tmp_path / "bad")
    with pytest.raises(HeadsUnreadable, match="bad is no public key"):
        read_public_key(tmp_path / "bad")
    for line in ("nothing", "[]", '{"sequence": 1}', '{"sequence": "1", "hash": "a", "time": 1}'):
        (tmp_path / "heads").write_text(f"{line}\n")
        with pytest.raises(HeadsUnreadable, match="line 1 is no head"):
            HeadFile(tmp_path / "heads").read()


def test_a_torn_last_line_is_left_out_and_replaced(tmp_path: Path) -> None:
    key, file = HeadKey.at(tmp_path / "key"), HeadFile(tmp_path / "heads")
    first, second = key.sign(1, "a" * 64, 1), key.sign(2, "b" * 64, 2)
    file.append(first)
    whole = file.path.read_bytes()
    file.path.write_bytes(whole + b'{"hash":"')
    assert file.read() == [first]
    file.append(second)
    assert file.read() == [first, second]
    assert json.loads(file.path.read_text().splitlines()[1])["sequence"] == 2
