"""Writes without end into a data directory, telling of each acknowledged write; row 1 kills it.

`python -m promises.killed_writer DATA_DIR FIRST_NUMBER`
"""

from __future__ import annotations

import logging
import sys
from pathlib import Path

from trimtab_server.store import schema
from trimtab_server.store.blobs import BlobStore
from trimtab_server.store.data_directory import DataDirectory
from trimtab_server.store.database import Database

from promises.store_world import Store, activate_new, roll_back_once


def main(root: Path, number: int) -> None:
    logging.disable()
    directory = DataDirectory(root)
    database, blobs = Database.at(directory.database), BlobStore(directory.blobs)
    schema.upgrade(database, root)
    blobs.remove_leftovers()
    store = Store(root, database, blobs)
    while True:
        write = (
            roll_back_once(store, number, unsteered=True) if number % 5 == 0 else activate_new(store, number)
        )
        # One system call: a line is told whole or not at all.
        print(write.number, write.revision, write.snapshot, write.vector or "-", flush=True)
        number += 1


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
