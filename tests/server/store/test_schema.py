"""Migrations."""

from __future__ import annotations

from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from trimtab_server.steering.creation import create_deployment
from trimtab_server.steering.snapshot import Configuration, Steering
from trimtab_server.steering.validation import Checked
from trimtab_server.store import schema
from trimtab_server.store.database import Database
from trimtab_server.store.failure import StorageFailure
from trimtab_server.store.tables import metadata
from trimtab_server.store.triggers import create_triggers, missing_triggers


def first_deployment(database: Database) -> None:
    unsteered = Checked(Configuration(Steering("desk", "stage-01")), {})
    create_deployment(database, name="default", model="desk", unsteered=unsteered, watched_vector="", time=1)


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
        assert missing_triggers(connection) == []
        names = connection.execute(text("SELECT name FROM sqlite_master WHERE type = 'trigger'")).scalars()
        assert {"audit_no_update", "audit_no_delete", "revisions_no_update", "snapshots_no_change"} <= set(
            names
        )


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE revisions SET actor = 'x'",
        "DELETE FROM revisions",
        "UPDATE snapshots SET body = 'x'",
        "DELETE FROM snapshots",
    ],
)
def test_the_database_itself_refuses_to_change_history(database: Database, statement: str) -> None:
    first_deployment(database)
    with (
        pytest.raises(IntegrityError, match=r"append-only|immutable|for ever"),
        database.write() as connection,
    ):
        connection.execute(text(statement))


def test_a_trigger_that_was_dropped_or_weakened_is_missed(database: Database) -> None:
    with database.write() as connection:
        connection.execute(text("DROP TRIGGER audit_no_delete"))
        connection.execute(text("DROP TRIGGER audit_no_update"))
        connection.execute(text("CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit BEGIN SELECT 1; END"))
    with database.read() as connection:
        assert missing_triggers(connection) == ["audit_no_update", "audit_no_delete"]
    with database.write() as connection:
        create_triggers(connection)
        assert missing_triggers(connection) == []


def test_the_copy_before_a_migration_is_whole_or_not_there(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first_deployment(database)
    with database.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '0003'"))
    target = tmp_path / f"before-{schema.HEAD}-from-0003.db"
    with monkeypatch.context() as patch:
        patch.setattr(schema, "flush_file", _fails)
        with pytest.raises(StorageFailure, match="No space"):
            schema.upgrade(database, tmp_path)
    assert not target.exists()
    assert schema.current(database) == "0003", "it migrated without a copy to go back to"


def _fails(path: Path) -> None:
    raise OSError(28, "No space left on device")


def test_upgrading_twice_changes_nothing(database: Database) -> None:
    schema.upgrade(database)
    assert schema.current(database) == schema.HEAD


def test_a_database_of_a_newer_release_is_refused_and_left_alone(database: Database, tmp_path: Path) -> None:
    with database.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(schema.SchemaTooNew, match="9999"):
        schema.upgrade(database, tmp_path)
    assert schema.current(database) == "9999"
