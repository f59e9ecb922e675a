"""The connection rules: one writer, durable commits, and a SQLite defect that must not be met."""

from __future__ import annotations

import contextlib
import logging
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.pool import QueuePool, StaticPool

log = logging.getLogger("trimtab.store")

_PRAGMAS = (
    "PRAGMA journal_mode=WAL",
    # NORMAL loses acknowledged commits on power loss; FULL does not.
    "PRAGMA synchronous=FULL",
    "PRAGMA foreign_keys=ON",
    "PRAGMA busy_timeout=10000",
    "PRAGMA wal_autocheckpoint=1000",
)


def has_wal_reset_defect(version: tuple[int, int, int]) -> bool:
    """Whether this SQLite can corrupt a WAL database when a checkpoint races a commit of another connection.

    Present from 3.7.0, fixed in 3.51.3 and in the back-ports 3.44.6 and 3.50.7 (sqlite.org, release notes).
    """
    if version < (3, 7, 0) or version >= (3, 51, 3):
        return False
    fixed_patch = {(3, 44): 6, (3, 50): 7}.get(version[:2])
    return fixed_patch is None or version[2] < fixed_patch


class Database:
    """Transactions on the store.

    `write()` holds the process's one write lock and begins with BEGIN IMMEDIATE, so a transaction that reads
    and then writes cannot find its snapshot stale. With a SQLite that has the WAL-reset defect every
    transaction, reads too, uses one connection under one lock: the race needs two. The data directory's lock
    keeps other processes out.
    """

    def __init__(self, url: URL | str, *, sqlite_version: tuple[int, int, int] | None = None) -> None:
        version = sqlite_version or sqlite3.sqlite_version_info
        sqlite = make_url(url).get_backend_name() == "sqlite"
        self.single_connection = sqlite and has_wal_reset_defect(version)
        self.engine = _sqlite_engine(url, self.single_connection) if sqlite else create_engine(url)
        self._write_lock = threading.RLock()
        if self.single_connection:
            log.warning(
                "sqlite_wal_reset_defect",
                extra={
                    "facts": {
                        "sqlite": ".".join(map(str, version)),
                        "handling": "one connection for reads and writes",
                        "fixed_in": "3.51.3",
                    }
                },
            )

    @classmethod
    def at(cls, path: Path, *, sqlite_version: tuple[int, int, int] | None = None) -> Database:
        """The SQLite database in this file; it is made if it does not exist."""
        return cls(URL.create("sqlite", database=str(path)), sqlite_version=sqlite_version)

    @contextlib.contextmanager
    def read(self) -> Iterator[Connection]:
        """One consistent view; nothing may be written."""
        guard = self._write_lock if self.single_connection else contextlib.nullcontext()
        with guard, self.engine.connect() as connection:
            yield connection

    @contextlib.contextmanager
    def write(self) -> Iterator[Connection]:
        """One transaction: committed and durable when the block ends, undone if it raises."""
        with self._write_lock, self.engine.connect() as connection:
            connection = connection.execution_options(trimtab_write=True)
            with connection.begin():
                yield connection

    def close(self) -> None:
        """Waits for a running write, then closes every connection."""
        with self._write_lock:
            self.engine.dispose()


def _sqlite_engine(url: URL | str, single_connection: bool) -> Engine:
    engine = create_engine(
        url,
        poolclass=StaticPool if single_connection else QueuePool,
        connect_args={"check_same_thread": False, "timeout": 10},
    )

    @event.listens_for(engine, "connect")
    def configure(connection: Any, _record: Any) -> None:
        # Transactions are begun below, not by the driver, which would begin them deferred and late.
        connection.isolation_level = None
        for pragma in _PRAGMAS:
            connection.execute(pragma).close()

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get("trimtab_write", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine
