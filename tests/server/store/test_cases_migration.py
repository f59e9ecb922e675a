"""A store of the release before cases is brought to this one, and keeps what it held."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import inspect, text
from sqlalchemy.exc import IntegrityError
from trimtab_server.store import cases, schema
from trimtab_server.store.cases import CaseRecord, CaseTrialRecord
from trimtab_server.store.database import Database
from trimtab_server.store.triggers import missing_triggers

NEW = {"cases", "case_trials", "case_rollouts"}


def case(number: int, **fields: object) -> CaseRecord:
    given = {
        "id": f"{number:012x}",
        "deployment": "default",
        "template": "",
        "secret": "ab" * 32,
        "created_by": "tokens/alice",
        "create_time": number,
        "display_name": "Desk",
        "risks": "",
        "goal": "Honest answers",
        "criteria_text": "name = 'x'",
        "criteria_format": "toml",
        "wanted_lanes": ("unsteered", "steered"),
        "wanted_snapshot": "",
    }
    return CaseRecord(**given | fields)  # type: ignore[arg-type]


def before_cases(path: Path) -> Database:
    """As the release before left it, with a deployment."""
    database = Database.at(path)
    config = Config()
    config.set_main_option("script_location", str(schema.MIGRATIONS))
    with database.write() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0007")
        connection.execute(text("INSERT INTO deployments VALUES ('default', 'desk', 1, '')"))
    return database


def test_a_store_without_cases_gets_their_tables_and_triggers_and_a_copy_is_kept(tmp_path: Path) -> None:
    database = before_cases(tmp_path / "trimtab.db")
    with database.read() as connection:
        assert not NEW & set(inspect(connection).get_table_names())
    schema.upgrade(database, tmp_path)
    assert schema.current(database) == schema.HEAD
    assert (tmp_path / f"before-{schema.HEAD}-from-0007.db").is_file()
    with database.read() as connection:
        assert set(inspect(connection).get_table_names()) >= NEW
        assert missing_triggers(connection) == []
        assert connection.execute(text("SELECT name FROM deployments")).scalar_one() == "default"
    database.close()


@pytest.fixture
def stored(tmp_path: Path) -> Iterator[Database]:
    database = before_cases(tmp_path / "trimtab.db")
    schema.upgrade(database)
    yield database
    database.close()


def test_a_case_comes_back_as_it_was_written_the_newest_first(stored: Database) -> None:
    with stored.write() as connection:
        for number in (1, 2, 3):
            cases.add(connection, case(number))
    with stored.read() as connection:
        assert cases.find(connection, f"{2:012x}") == case(2)
        assert [own.create_time for own in cases.page(connection, "default", limit=2)] == [3, 2]
        rest = cases.page(connection, "default", limit=2, before=(2, f"{2:012x}"))
        assert [own.create_time for own in rest] == [1]
        assert cases.find(connection, "none") is None


def test_a_case_that_was_changed_meanwhile_is_not_changed_again(stored: Database) -> None:
    with stored.write() as connection:
        cases.add(connection, case(1))
        changed = cases.change(connection, case(1), risks="Fewer sales")
        assert changed is not None
        assert (changed.version, changed.risks) == (2, "Fewer sales")
        assert cases.change(connection, case(1), risks="Other") is None


@pytest.mark.parametrize(
    ("statement", "why"),
    [
        ("UPDATE cases SET goal = 'easier'", "locked"),
        ("UPDATE cases SET criteria = '{}'", "locked"),
        ("UPDATE cases SET lock_time = 9", "locked"),
        ("UPDATE cases SET secret = 'x'", "stays as it was written"),
        ("DELETE FROM cases", "kept for ever"),
        ("UPDATE case_trials SET role = 'small'", "append-only"),
        ("DELETE FROM case_trials", "append-only"),
    ],
)
def test_the_database_itself_refuses_to_change_what_was_locked(
    stored: Database, statement: str, why: str
) -> None:
    with stored.write() as connection:
        cases.add(connection, case(1, criteria="{}", criteria_hash="c" * 64))
        part = CaseTrialRecord(f"{1:012x}", 1, "t1", "confirmation", "tokens/alice", "", 1)
        connection.execute(text(TRIAL))
        cases.attach_trial(connection, part, ["ab"])
        connection.execute(text("UPDATE cases SET risks = 'still open'"))
    with pytest.raises(IntegrityError, match=why), stored.write() as connection:
        connection.execute(text(statement))


TRIAL = (
    "INSERT INTO trials VALUES ('t1', 'default', '', '{}', '', NULL, '', '[]', '', '', 0, 0, 1, '', 1, 1, '', 1, "
    "'created', '', '', 0, 0, 0, 0.0, '', '', '')"
)


def test_a_decided_case_is_closed_to_every_change(stored: Database) -> None:
    with stored.write() as connection:
        cases.add(connection, case(1))
        connection.execute(text("UPDATE cases SET decision = 'stop'"))
    with pytest.raises(IntegrityError, match="closed by its decision"), stored.write() as connection:
        connection.execute(text("UPDATE cases SET risks = 'later'"))


def test_a_trial_is_part_of_one_case_at_most(stored: Database) -> None:
    with stored.write() as connection:
        connection.execute(text(TRIAL))
        for number in (1, 2):
            cases.add(connection, case(number))
        part = CaseTrialRecord(f"{1:012x}", 1, "t1", "small", "tokens/alice", "", 1)
        cases.attach_trial(connection, part, ["ab"])
        assert cases.trials_of(connection, f"{1:012x}") == [part]
        assert cases.marks_of(connection, f"{1:012x}") == {"ab"}
        assert cases.case_of_trial(connection, "t1") == f"{1:012x}"
    with pytest.raises(IntegrityError), stored.write() as connection:
        other = CaseTrialRecord(f"{2:012x}", 1, "t1", "small", "tokens/bob", "", 2)
        cases.attach_trial(connection, other, [])
