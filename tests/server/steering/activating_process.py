"""Activates without end, telling after each acknowledged write; the test kills it."""

from __future__ import annotations

import sys
from pathlib import Path

from trimtab_server.steering.activation import activate
from trimtab_server.steering.creation import create_snapshot
from trimtab_server.steering.snapshot import Configuration, Steering
from trimtab_server.steering.validation import Checked
from trimtab_server.store.blobs import BlobStore
from trimtab_server.store.data_directory import DataDirectory
from trimtab_server.store.database import Database
from trimtab_server.store.requests import Origin

ORIGIN = Origin("tokens/a", "operator", "test")


def main(root: Path) -> None:
    directory = DataDirectory(root)
    database, blobs = Database.at(directory.database), BlobStore(directory.blobs)
    blobs.remove_leftovers()
    number = int((root / "next").read_text())
    while True:
        blob = blobs.put(f"vector {number}".encode())
        configuration = Configuration(Steering("desk", "stage-01", (), f"prompt {number} {blob}"))
        create_snapshot(database, Checked(configuration, {}), "", "", ORIGIN, number)
        revision = activate(
            database,
            deployment="default",
            snapshot=configuration.id,
            expected_revision=0,
            reason="",
            origin=ORIGIN,
            time=number,
        )
        print(number, revision.number, configuration.id, blob, flush=True)
        number += 1


main(Path(sys.argv[1]))
