"""Migrations."""

from __future__ import annotations

from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text
from trimtab_server.store import schema
from trimtab_server.store.database import Database
from trimtab_server.store.tables import metadata


def test_migrations_from_empty_make_exactly_the_tables_of_the_code(database: Database) -> None:
    with database.read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []


def test_the_head_named_in_the_code_is_the_newest_script() -> None:
    config = Config()
    config.set_main_option("script_location", str(schema.MIGRATIONS))
    assert ScriptDirectory.from_config(config).get_current_head() == schema.HEAD


def test_the_triggers_are_there_after_a_migration(database: Database) -> None:
    with database.read() as connection:
        names = set(
            connection.execute(text("SELECT name FROM sqlite_master WHERE type = 'trigger'")).scalars()
        )
    assert names == {
        "audit_no_update",
        "audit_no_delete",
        "revisions_no_update",
        "revisions_no_delete",
        "snapshots_no_change",
    }


def test_upgrading_twice_changes_nothing(database: Database) -> None:
    schema.upgrade(database)
    assert schema.current(database) == schema.HEAD


def test_a_database_of_a_newer_release_is_refused_and_left_alone(database: Database, tmp_path: Path) -> None:
    with database.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(schema.SchemaTooNew, match="9999"):
        schema.upgrade(database, tmp_path)
    assert schema.current(database) == "9999"
