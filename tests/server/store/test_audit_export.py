"""An exported audit, checked by the script that the operators' guide prints, which knows nothing of us."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from trimtab_server.store import audit
from trimtab_server.store.audit_export import verify_export, write_export
from trimtab_server.store.audit_heads import (
    HeadKey,
    HeadsUnreadable,
    public_path,
    read_public_key,
    signature_fault,
)
from trimtab_server.store.database import Database
from trimtab_server.store.requests import SERVER

GUIDE = Path(__file__).parents[3] / "docs" / "operators" / "audit.md"


@pytest.fixture
def exported(database: Database, tmp_path: Path) -> Path:
    for number in range(5):
        with database.write() as connection:
            audit.append(
                connection,
                time=number,
                origin=SERVER,
                action="server.start",
                subject="server",
                reason='なぜ "so"\n\x1f',
                details={"half": 0.5},
            )
    path = tmp_path / "audit.jsonl"
    with database.read() as connection, path.open("w", encoding="utf-8") as out:
        write_export(connection, HeadKey.at(tmp_path / "audit.key"), out, 9)
    return path


def script(tmp_path: Path) -> Path:
    """The one block of Python in the guide."""
    (code,) = re.findall(r"```python\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)
    path = tmp_path / "verify_audit.py"
    path.write_text(code)
    return path


def foreign_check(exported: Path) -> subprocess.CompletedProcess[str]:
    key = public_path(exported.parent / "audit.key")
    command = [sys.executable, "-I", script(exported.parent), exported, key]
    return subprocess.run(command, capture_output=True, text=True)


def test_the_script_of_the_guide_accepts_what_was_exported(exported: Path) -> None:
    checked, head = verify_export(exported)
    assert checked.ok and checked.records == head.sequence == 5
    said = foreign_check(exported)
    assert said.returncode == 0, said.stderr
    assert "5 records" in said.stdout
    assert len(script(exported.parent).read_text().splitlines()) <= 26


@pytest.mark.parametrize(
    "tampering",
    {
        "changed": lambda lines: [lines[0].replace("server.start", "server.stop"), *lines[1:]],
        "dropped": lambda lines: [lines[0], *lines[2:]],
        "swapped": lambda lines: [lines[1], lines[0], *lines[2:]],
        "cut": lambda lines: [*lines[:4], lines[5]],
        "head": lambda lines: [*lines[:5], lines[5].replace('"time":9', '"time":8')],
        "no head": lambda lines: lines[:5],
    }.items(),
    ids=lambda item: item[0],
)
def test_ours_and_the_foreign_script_find_the_same_tampering(
    exported: Path, tampering: tuple[str, Callable[[list[str]], list[str]]]
) -> None:
    name, change = tampering
    lines = exported.read_text().splitlines()
    exported.write_text("\n".join(change(lines)) + "\n")
    assert foreign_check(exported).returncode != 0
    if name == "no head":
        with pytest.raises(HeadsUnreadable, match="no signed head"):
            verify_export(exported)
    elif name != "head":
        assert not verify_export(exported)[0].ok


def test_no_bit_of_an_exported_head_can_be_changed_unseen(exported: Path, tmp_path: Path) -> None:
    key = read_public_key(public_path(tmp_path / "audit.key"))
    content = exported.read_bytes()
    begin = content.rstrip(b"\n").rfind(b"\n") + 1
    unseen = []
    for place in range(begin, len(content) - 1):
        for bit in range(8):
            changed = bytearray(content)
            changed[place] ^= 1 << bit
            exported.write_bytes(changed)
            try:
                checked, head = verify_export(exported)
            except HeadsUnreadable:
                continue
            if checked.ok and not signature_fault([head], key):
                unseen.append((place, bit))
    assert not unseen and len(content) - begin > 200
