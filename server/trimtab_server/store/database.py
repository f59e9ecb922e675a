"""The connection rules: one writer, durable commits, and a SQLite defect that must not be met."""

from __future__ import annotations

import contextlib
import logging
import sqlite3
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar
from urllib.parse import quote

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import QueuePool, StaticPool

from trimtab_server.store.failure import StorageFailure, out_of_space
from trimtab_server.store.node import Node
from trimtab_server.store.reserve import Reserve

if TYPE_CHECKING:
    from trimtab_server.store.audit import AuditRecord

T = TypeVar("T")

log = logging.getLogger("trimtab.store")

_PRAGMAS = (
    "PRAGMA journal_mode=WAL",
    # NORMAL loses acknowledged commits on power loss; FULL does not.
    "PRAGMA synchronous=FULL",
    "PRAGMA foreign_keys=ON",
    "PRAGMA wal_autocheckpoint=1000",
    "PRAGMA busy_timeout=10000",
)

#: Where a connection carries the `Writing` of its transaction.
_WRITING: Final = "trimtab_writing"


@dataclass(frozen=True)
class Writing:
    """One write transaction: who writes, and the audit records it has appended so far."""

    node: Node
    appended: list[AuditRecord] = field(default_factory=list)

    @classmethod
    def of(cls, connection: Connection) -> Writing:
        """The transaction of a connection; one that leads nowhere outside of `Database.write`."""
        found = connection.get_execution_options().get(_WRITING)
        return found if isinstance(found, cls) else cls(Node())


#: Called after a commit with the audit records of the transaction. It must neither block nor raise.
Listener = Callable[[list["AuditRecord"]], None]


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

    Failures of the disk, of the lock or of the file come out as `StorageFailure`.

    Attributes:
        node: who writes; told in each audit record.
        listeners: called after each commit that appended to the audit.
        reserve: space that urgent writes may take when the disk is full; None for none.
    """

    def __init__(
        self,
        url: URL | str,
        *,
        sqlite_version: tuple[int, int, int] | None = None,
        driver: Any = sqlite3,
    ) -> None:
        """
        Args:
            sqlite_version: handled as this version; by default the driver's own.
            driver: the DBAPI module of another build of SQLite.
        """
        version = sqlite_version or driver.sqlite_version_info
        sqlite = make_url(url).get_backend_name() == "sqlite"
        self.single_connection = sqlite and has_wal_reset_defect(version)
        self.engine = _sqlite_engine(url, self.single_connection, driver) if sqlite else create_engine(url)
        self.node = Node.here()
        self.listeners: list[Listener] = []
        self.reserve: Reserve | None = None
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
    def at(
        cls, path: Path, *, sqlite_version: tuple[int, int, int] | None = None, driver: Any = sqlite3
    ) -> Database:
        """The SQLite database in this file; it is made if it does not exist."""
        return cls(URL.create("sqlite", database=str(path)), sqlite_version=sqlite_version, driver=driver)

    @classmethod
    def read_only(cls, path: Path) -> Database:
        """The SQLite database in this file, also while a server writes it; it must exist."""
        name = f"file:{quote(str(path.absolute()))}"
        return cls(URL.create("sqlite", database=name, query={"mode": "ro", "uri": "true"}))

    @contextlib.contextmanager
    def read(self) -> Iterator[Connection]:
        """One consistent view; nothing may be written.

        Raises:
            StorageFailure: the disk or the file failed, or another program holds it.
        """
        guard = self._write_lock if self.single_connection else contextlib.nullcontext()
        with guard, _failures(), self.engine.connect() as connection:
            yield connection

    @contextlib.contextmanager
    def write(self, *, urgent: bool = False) -> Iterator[Connection]:
        """One transaction: committed and durable when the block ends, undone if it raises.

        Args:
            urgent: it may use the space kept in reserve. For what takes a candidate away from users.

        Raises:
            StorageFailure: nothing was kept.
        """
        with self._write_lock:
            self._make_room(urgent)
            writing = Writing(self.node)
            with _failures(), self.engine.connect() as connection:
                options: dict[str, Any] = {"trimtab_write": True, _WRITING: writing}
                connection = connection.execution_options(**options)
                with connection.begin():
                    yield connection
            if writing.appended:
                for listener in self.listeners:
                    listener(writing.appended)

    def settle(self, change: Callable[[Connection], T]) -> T:
        """An urgent write that is tried once more, from the reserve, if the disk turns out to be full."""
        try:
            with self.write(urgent=True) as connection:
                return change(connection)
        except StorageFailure as failure:
            if not failure.may_be_space or self.reserve is None or not self.reserve.give_up():
                raise
        with self.write(urgent=True) as connection:
            return change(connection)

    def close(self) -> None:
        """Waits for a running write, then closes every connection."""
        with self._write_lock:
            self.engine.dispose()

    def _make_room(self, urgent: bool) -> None:
        reserve = self.reserve
        if reserve is None:
            return
        free = reserve.free()
        if urgent and free < reserve.size:
            reserve.give_up()
        elif not urgent and free < reserve.size and not reserve.held:
            # What is left was kept for urgent writes, and may be needed for the next one.
            raise out_of_space(free, reserve.size)


@contextlib.contextmanager
def _failures() -> Iterator[None]:
    try:
        yield
    except Exception as error:
        # While a connection is being set up the driver's own errors come through as they are.
        failure = StorageFailure.of_database(error.orig if isinstance(error, DBAPIError) else error)
        if failure is None:
            raise
        raise failure from error


def _sqlite_engine(url: URL | str, single_connection: bool, driver: Any) -> Engine:
    writable = make_url(url).query.get("mode") != "ro"
    engine = create_engine(
        url,
        module=driver,
        poolclass=StaticPool if single_connection else QueuePool,
        connect_args={"check_same_thread": False, "timeout": 10},
    )

    @event.listens_for(engine, "connect")
    def configure(connection: Any, _record: Any) -> None:
        # Transactions are begun below, not by the driver, which would begin them deferred and late.
        connection.isolation_level = None
        # The others would write, or are for writers.
        for pragma in _PRAGMAS if writable else _PRAGMAS[-1:]:
            connection.execute(pragma).close()

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get("trimtab_write", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine
