"""Brings a data directory to the newest schema, as a server's start does; row 15 kills it.

`python -m promises.killed_upgrade DATA_DIR`: prints "ready" before it begins.
"""

from __future__ import annotations

import logging
import sys
from pathlib import Path

from trimtab_server.store import schema
from trimtab_server.store.data_directory import DataDirectory
from trimtab_server.store.database import Database

if __name__ == "__main__":
    logging.disable()
    # Slow to import; not a moment to be killed in.
    import alembic.command
    import alembic.script  # noqa: F401

    directory = DataDirectory(Path(sys.argv[1]))
    database = Database.at(directory.database)
    print("ready", flush=True)
    schema.upgrade(database, directory.root)
    database.close()
    directory.release()
