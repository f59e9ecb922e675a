"""Samples are kept in order and in bounds."""

from __future__ import annotations

from trimtab_server.store import samples
from trimtab_server.store.database import Database
from trimtab_server.store.samples import SampleRecord


def test_the_newest_are_kept_and_come_back_oldest_first(database: Database) -> None:
    new = [SampleRecord("default", "entropy", float(n), n, "s", f"r{n}") for n in range(20)]
    other = SampleRecord("other", "entropy", -1.0, 0, "s", count=3, lower=0.1, upper=None)
    with database.write() as connection:
        samples.add(connection, [*new, other])
        assert samples.trim(connection, "default", 5) == 15
        assert samples.trim(connection, "default", 5) == 0
        assert samples.recent(connection, "default", 3) == new[-3:]
        assert samples.recent(connection, "default", 100) == new[-5:]
        assert samples.recent(connection, "other", 100) == [other]
