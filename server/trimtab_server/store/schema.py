"""Brings a database to the newest schema, with a copy kept beside it first."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from sqlalchemy import inspect, text

from trimtab_server.store.database import Database
from trimtab_server.store.durable import flush_directory, flush_file
from trimtab_server.store.failure import StorageFailure
from trimtab_server.store.triggers import create_triggers

#: The newest migration. A test compares it with the scripts.
HEAD: Final = "0009"

MIGRATIONS: Final = Path(__file__).parent / "migrations"


class SchemaTooNew(Exception):
    """The database was written by a newer release."""


def current(database: Database) -> str:
    """The schema the database has; "" for an empty one."""
    with database.read() as connection:
        if not inspect(connection).has_table("alembic_version"):
            return ""
        return str(connection.execute(text("SELECT version_num FROM alembic_version")).scalar() or "")


def upgrade(database: Database, backup_directory: Path | None = None) -> None:
    """Runs the migrations that are missing, all in one transaction.

    A database that already holds data is copied to `backup_directory` first (SQLite's VACUUM INTO).

    Raises:
        SchemaTooNew: a newer release wrote it; this one must not touch it.
    """
    found = current(database)
    if found == HEAD:
        return
    # Alembic is slow to import and needed only here.
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if found and found not in known:
        raise SchemaTooNew(
            f"the data directory has schema {found}, written by a newer release; this one knows {HEAD}: "
            "install that release again, or use another data directory"
        )
    if found and backup_directory is not None:
        _back_up(database, backup_directory / f"before-{HEAD}-from-{found}.db")
    with database.write() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        create_triggers(connection)


def _back_up(database: Database, target: Path) -> None:
    partial = target.with_suffix(".part")
    try:
        copy(database, partial)
        # Under its final name it is whole, whenever the process ends.
        os.replace(partial, target)  # noqa: PTH105 (the tests fail each system call in turn)
        flush_directory(target.parent)
    except OSError as error:
        raise StorageFailure.of_file(error) from error


def copy(database: Database, target: Path) -> None:
    """A consistent, durable copy of the database as one file (SQLite's VACUUM INTO), also while it is written."""
    target.unlink(missing_ok=True)
    with database.read() as connection:
        # VACUUM runs outside a transaction, so past SQLAlchemy's BEGIN.
        raw = connection.connection.dbapi_connection
        assert raw is not None
        raw.execute("VACUUM INTO ?", (str(target),))
    flush_file(target)
