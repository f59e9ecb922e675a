"""What commands share that read a data directory themselves, with or without a server on it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from trimtab_server.cli.failure import CommandFailed
from trimtab_server.cli.session import Session

if TYPE_CHECKING:
    from trimtab_server.store.database import Database


@contextmanager
def opened_to_read(session: Session) -> Iterator[Database]:
    """The database of the data directory. A server may run on it: nothing is written.

    Raises:
        CommandFailed: there is none.
    """
    from trimtab_server.store.data_directory import DATABASE
    from trimtab_server.store.database import Database

    path = session.data_dir / DATABASE
    if not path.is_file():
        raise CommandFailed(
            "DATA_DIR_EMPTY", f"{session.data_dir} holds no {DATABASE}; name a data directory with --data-dir"
        )
    database = Database.read_only(path)
    try:
        yield database
    finally:
        database.close()


@contextmanager
def reported() -> Iterator[None]:
    """Turns what can be wrong with files, and a missing extra, into one line."""
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name is None or error.name.startswith("trimtab"):
            raise
        raise CommandFailed(
            "EXTRA_MISSING", f"this needs {error.name}: pip install 'trimtab[server]'"
        ) from error
    except OSError as error:
        named = f"{error.filename}: " if error.filename else ""
        raise CommandFailed("FILE_UNUSABLE", f"{named}{error.strerror or error}") from error
    except Exception as error:
        if type(error).__module__.startswith("trimtab_server.store"):
            raise CommandFailed(getattr(error, "reason", "STORE_UNUSABLE"), str(error)) from error
        raise


def moment(nanoseconds: int) -> datetime:
    """A time of the store as a moment."""
    return datetime.fromtimestamp(nanoseconds / 1e9, UTC)
