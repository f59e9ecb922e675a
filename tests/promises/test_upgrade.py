"""An upgrade keeps every record, also when it is killed."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from promises.old_store import OldStore
from promises.power import memory_folder
from promises.upgrade import Upgrades


@pytest.fixture(scope="module")
def upgrades() -> Iterator[Upgrades]:
    with memory_folder() as folder:
        yield Upgrades(folder, OldStore(revisions=300, audit_records=2_000))


@pytest.mark.parametrize("kill_after", [None, 0.02, 0.1])
def test_an_upgrade_from_the_first_schema_keeps_every_record(
    upgrades: Upgrades, kill_after: float | None
) -> None:
    assert upgrades.fault(kill_after) == ""


def test_a_record_lost_on_the_way_is_found_out(upgrades: Upgrades, monkeypatch: pytest.MonkeyPatch) -> None:
    def lossy(root: Path, kill_after: float | None) -> int:
        status = real(root, kill_after)
        with sqlite3.connect(root / "trimtab.db") as database:
            database.execute("DROP TRIGGER audit_no_delete")
            database.execute("DELETE FROM audit WHERE sequence = 7")
        return status

    real = upgrades._run
    monkeypatch.setattr(upgrades, "_run", lossy)
    assert upgrades.fault(None) == "rows are not what they were"
