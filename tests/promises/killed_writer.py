"""A process that writes without end into a data directory, telling of each acknowledged write; row 1 kills it."""

from __future__ import annotations

import os
import signal
import time
import traceback
from pathlib import Path

from trimtab_server.store import schema
from trimtab_server.store.blobs import BlobStore
from trimtab_server.store.data_directory import DataDirectory
from trimtab_server.store.database import Database

from promises.store_world import Store, activate_new, roll_back_once


def write_without_end(root: Path, number: int, told: int) -> None:
    """As a server starts: the directory's lock, the schema, the leftovers. Then writes; `told` is a descriptor."""
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
        line = f"{write.number} {write.revision} {write.snapshot} {write.vector or '-'}\n"
        os.write(told, line.encode())
        number += 1


class WritingProcess:
    """A child of this process, forked with everything loaded, so that its life is spent writing."""

    def __init__(self, root: Path, number: int) -> None:
        reader, writer = os.pipe()
        self._pid = os.fork()
        if self._pid == 0:
            os.close(reader)
            try:
                write_without_end(root, number, writer)
            except BaseException:
                traceback.print_exc()
            finally:
                os._exit(1)
        os.close(writer)
        self._told = os.fdopen(reader, "rb")

    def lines_until_killed(self, after: float) -> tuple[list[bytes], float]:
        """Kills it `after` seconds after its first line; its whole lines, and the seconds it had for them."""
        lines = [self._told.readline()]
        begin = time.monotonic()
        time.sleep(after)
        os.kill(self._pid, signal.SIGKILL)
        seconds = time.monotonic() - begin
        os.waitpid(self._pid, 0)
        with self._told:
            lines += self._told.readlines()
        return [line for line in lines if line.endswith(b"\n")], seconds
