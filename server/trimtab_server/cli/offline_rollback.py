"""`trimtab rollback --offline`: the way back when there is no server to ask."""

from __future__ import annotations

import getpass
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from trimtab_server.cli.data_directory import reported
from trimtab_server.cli.failure import CommandFailed

if TYPE_CHECKING:
    from trimtab_server.store.database import Database
    from trimtab_server.store.deployments import RevisionRecord


def roll_back_offline(
    data_dir: Path, deployment: str, snapshot: str, *, unsteered: bool, reason: str
) -> RevisionRecord:
    """Moves the pointer in the data directory of a server that is not running.

    The same transaction as the server's: a rollout in force is aborted in it, the revision and the audit say
    who did it, and it works on a full disk. The next start serves what it made active.

    Raises:
        CommandFailed: a server runs on the directory, it holds no store, another release wrote it, or the
            rollback is refused.
    """
    with reported(), _opened(data_dir) as database:
        from trimtab_server.api.errors import status_of
        from trimtab_server.steering.activation import roll_back
        from trimtab_server.steering.creation import find
        from trimtab_server.store.refusal import Refusal
        from trimtab_server.store.requests import Origin

        origin = Origin(f"local/{getpass.getuser()}", "admin", auth_method="file access")
        try:
            target = ""
            if snapshot:
                with database.read() as connection:
                    target = find(connection, snapshot, "snapshot").id
            return roll_back(
                database,
                deployment=deployment,
                snapshot=target,
                unsteered=unsteered,
                reason=reason,
                origin=origin,
                time=time.time_ns(),
            )
        except Refusal as refusal:
            raise CommandFailed(refusal.reason, status_of(refusal).message) from refusal


@contextmanager
def _opened(data_dir: Path) -> Iterator[Database]:
    from trimtab_server.store import schema
    from trimtab_server.store.data_directory import DATABASE, DataDirectory, DataDirectoryInUse
    from trimtab_server.store.database import Database
    from trimtab_server.store.reserve import Reserve

    if not (data_dir / DATABASE).is_file():
        raise CommandFailed(
            "DATA_DIR_EMPTY", f"{data_dir} holds no {DATABASE}; name a data directory with --data-dir"
        )
    try:
        directory = DataDirectory(data_dir)
    except DataDirectoryInUse as error:
        raise CommandFailed(
            "DATA_DIR_IN_USE",
            f"{error}. While it runs, roll back through it: trimtab rollback without --offline. If it does not "
            "answer, end that process first: even kill -9 loses nothing that was acknowledged",
        ) from error
    try:
        database = Database.at(directory.database)
        try:
            database.reserve = Reserve(directory.reserve)
            found = schema.current(database)
            if found != schema.HEAD:
                raise CommandFailed(
                    "SCHEMA_DIFFERS",
                    f"{data_dir} has schema {found or 'none'}, this release writes {schema.HEAD}: use the release "
                    "that last served it",
                )
            yield database
        finally:
            database.close()
    finally:
        directory.release()
