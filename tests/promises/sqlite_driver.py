"""APSW as a DBAPI module, so that SQLAlchemy's own SQLite dialect runs on a VFS of ours.

Only what the dialect and `trimtab_server.store.database` use. Errors carry `sqlite_errorcode`, as those of the
standard library's module do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import apsw


class Error(Exception):
    sqlite_errorcode = 0


class DatabaseError(Error):
    pass


class OperationalError(DatabaseError):
    pass


class IntegrityError(DatabaseError):
    pass


class ProgrammingError(DatabaseError):
    pass


class Cursor:
    """Knows its description before the first row, which APSW tells only while the statement runs."""

    arraysize = 1

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._cursor = connection.raw.cursor()
        self._cursor.exec_trace = self._about_to_run
        self.description: tuple[tuple[Any, ...], ...] | None = None
        self.rowcount = -1
        self.lastrowid = 0

    def _about_to_run(self, cursor: Any, _sql: str, _bindings: Any) -> bool:
        columns = cursor.get_description()
        self.description = tuple((name, *(None,) * 6) for name, *_ in columns) or None
        return True

    def execute(self, sql: str, parameters: Iterable[Any] = ()) -> Cursor:
        return self._run(self._cursor.execute, sql, parameters)

    def executemany(self, sql: str, parameters: Iterable[Any]) -> Cursor:
        return self._run(self._cursor.executemany, sql, parameters)

    def _run(self, run: Callable[..., Any], sql: str, parameters: Iterable[Any]) -> Cursor:
        raw, self.description = self._connection.raw, None
        before = raw.total_changes()
        _translated(run, sql, parameters)
        self.rowcount = -1 if self.description else raw.total_changes() - before
        self.lastrowid = raw.last_insert_rowid()
        return self

    def fetchone(self) -> Any:
        return _translated(self._cursor.fetchone)

    def fetchall(self) -> Any:
        return _translated(self._cursor.fetchall)

    def fetchmany(self, size: int = 1) -> list[Any]:
        rows = [self.fetchone() for _ in range(size)]
        return [row for row in rows if row is not None]

    def close(self) -> None:
        self._cursor.close(True)


class Connection:
    """In autocommit: transactions are begun and ended by statements, as the store does."""

    isolation_level = None

    def __init__(self, path: str, vfs: str, timeout: float) -> None:
        self.raw: Any = _translated(apsw.Connection, path, vfs=vfs)
        self.raw.set_busy_timeout(int(timeout * 1000))

    def cursor(self) -> Cursor:
        return Cursor(self)

    def execute(self, sql: str, parameters: Iterable[Any] = ()) -> Cursor:
        return self.cursor().execute(sql, parameters)

    def create_function(self, *_: Any, **__: Any) -> None:
        """The dialect's REGEXP; no statement of ours uses it."""

    def commit(self) -> None:
        if self.raw.in_transaction:
            self.execute("COMMIT")

    def rollback(self) -> None:
        if self.raw.in_transaction:
            self.execute("ROLLBACK")

    def close(self) -> None:
        self.raw.close(True)


class Driver:
    """What `sqlite3` is to SQLAlchemy, on one VFS."""

    paramstyle = "qmark"
    sqlite_version_info = tuple(int(part) for part in apsw.sqlite_lib_version().split("."))
    sqlite_version = apsw.sqlite_lib_version()
    Error, DatabaseError = Error, DatabaseError
    OperationalError, IntegrityError, ProgrammingError = OperationalError, IntegrityError, ProgrammingError
    Binary = memoryview

    def __init__(self, vfs: str = "") -> None:
        self._vfs = vfs

    def connect(self, path: str, timeout: float = 5.0, **_: Any) -> Connection:
        return Connection(path, self._vfs, timeout)


def _translated(call: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
    try:
        return call(*arguments, **named)
    except apsw.Error as error:
        kind = IntegrityError if isinstance(error, apsw.ConstraintError) else OperationalError
        translated = kind(str(error) or type(error).__name__)
        translated.sqlite_errorcode = getattr(error, "extendedresult", 0) or getattr(error, "result", 1)
        raise translated from error
