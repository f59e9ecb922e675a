"""Row 3: a write, a flush or an open that fails is a clean error, and the store is as it was."""

from __future__ import annotations

import errno
import random
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from trimtab_server.store import deployments, schema
from trimtab_server.store.failure import StorageFailure
from trimtab_server.store.triggers import missing_triggers

from promises.disk import Disk
from promises.old_store import OldStore
from promises.power import memory_folder
from promises.recorder import Failing, Recorder
from promises.row import Profile, Row
from promises.store_world import (
    Acknowledged,
    Store,
    activate_new,
    faults_of,
    opened,
    prepare,
    roll_back_once,
)

Operation = Callable[[Store], list[Acknowledged]]


def activate(store: Store) -> list[Acknowledged]:
    return [activate_new(store, 100)]


def roll_back(store: Store) -> list[Acknowledged]:
    return [roll_back_once(store, 100, unsteered=True)]


def migrate(store: Store) -> list[Acknowledged]:
    schema.upgrade(store.database, store.root)
    return []


OPERATIONS: dict[str, Operation] = {"activate": activate, "rollback": roll_back, "migrate": migrate}


@dataclass(frozen=True)
class Trial:
    """The `at`-th call of an operation fails; with `persistent` every later one, too."""

    operation: str
    at: int
    persistent: bool
    number: int
    #: Whether SQLite is handled as one with the WAL-reset defect.
    old_sqlite: bool

    def __str__(self) -> str:
        how = "and every later call" if self.persistent else "once"
        return f"{self.operation}, call {self.at} {how}, {errno.errorcode[self.number]}"


def template(operation: str, folder: Path) -> Path:
    """A data directory in which the operation has something to do."""
    root = folder / f"template-{operation}"
    if not root.exists():
        if operation == "migrate":
            OldStore(revisions=20, audit_records=60).write(root)
        else:
            prepare(root)
            with opened(root) as store:
                for number in (2, 3):
                    activate_new(store, number)
    return root


def calls_of(operation: str, folder: Path, old_sqlite: bool) -> int:
    """How many opens, writes and flushes it makes when nothing fails."""
    root = folder / "rehearsal"
    shutil.copytree(template(operation, folder), root)
    made, fault = _run(Trial(operation, 0, False, errno.EIO, old_sqlite), root)
    shutil.rmtree(root)
    assert not fault, fault
    return made


def fault_of(trial: Trial, folder: Path) -> str:
    """What was not as promised; "" if everything was."""
    root = folder / "trial"
    shutil.copytree(template(trial.operation, folder), root)
    try:
        return _run(trial, root)[1]
    finally:
        shutil.rmtree(root)


def _run(trial: Trial, root: Path) -> tuple[int, str]:
    """How many calls the operation made, and what was wrong."""
    name, operation = trial.operation, OPERATIONS[trial.operation]
    failing = Failing(0, trial.persistent, trial.number)
    recorder = Recorder(Disk(root), failing)
    version = (3, 40, 1) if trial.old_sqlite else None
    try:
        with recorder.system_calls(), opened(root, driver=recorder.driver, sqlite_version=version) as store:
            before = state(store) if name != "migrate" else 0
            failing.made, failing.at = 0, trial.at
            acknowledged, fault = _tried(operation, store)
            made, failing.at = failing.made, 0
            if not fault and not acknowledged and name != "migrate" and state(store) != before:
                fault = f"an operation that failed moved the pointer from {before} to {state(store)}"
            fault = fault or _goes_on(store, name, operation, acknowledged)
            # Flushes that failed have lost what waited for them: does the disk have what was acknowledged?
            image = root.parent / "image"
            recorder.disk.cut(image, random.Random(trial.at))
        with opened(image) as survivor:
            fault = fault or "; ".join(faults_of(survivor, acknowledged, pending=_pending(name)))
        shutil.rmtree(image)
        return made, fault
    finally:
        recorder.close()


def _tried(operation: Operation, store: Store) -> tuple[list[Acknowledged], str]:
    # So that the files are opened anew, and the log is written back when they are closed: calls that fail, too.
    store.database.engine.dispose()
    try:
        return operation(store), ""
    except StorageFailure:
        return [], ""
    except Exception as error:
        return [], f"no clean error: {type(error).__name__}: {error}"


def _goes_on(store: Store, name: str, operation: Operation, acknowledged: list[Acknowledged]) -> str:
    """In the same process, after the disk was mended."""
    if not acknowledged:
        try:
            acknowledged += operation(store)
        except Exception as error:
            return f"it did not work again: {type(error).__name__}: {error}"
    if name == "migrate":
        with store.database.read() as connection:
            missing = missing_triggers(connection)
        if schema.current(store.database) != schema.HEAD or missing:
            return f"the schema is {schema.current(store.database)}, missing are {missing}"
    return "; ".join(faults_of(store, acknowledged, pending=_pending(name)))


def _pending(name: str) -> int:
    """A migration moves no pointer: it stays where the old store has it."""
    return 10**9 if name == "migrate" else 0


def state(store: Store) -> int:
    with store.database.read() as connection:
        found = deployments.find(connection, "default")
    assert found is not None
    return found.revision


def trials(folder: Path, persistent: tuple[bool, ...]) -> list[Trial]:
    """Every call of every operation."""
    found = []
    for operation in OPERATIONS:
        for old_sqlite in (False, True):
            for at in range(1, calls_of(operation, folder, old_sqlite) + 1):
                for lasting in persistent:
                    for number in (errno.EIO, errno.ENOSPC):
                        found.append(Trial(operation, at, lasting, number, old_sqlite))
    return found


def run(profile: Profile, seed: int) -> Row:
    """Nothing is drawn: all calls are tried, whatever the seed."""
    with memory_folder() as folder:
        tried = trials(folder, (False,) if profile == "ci" else (False, True))
        faults = [f"{trial}: {fault}" for trial in tried if (fault := fault_of(trial, folder))]
    note = faults[0] if faults else f"each of the calls of {', '.join(OPERATIONS)}"
    return Row.of_trials(
        3, "A write, sync or open that fails is a clean error", len(tried), len(faults), note=note
    )
