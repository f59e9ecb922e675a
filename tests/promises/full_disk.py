"""A store on a disk that is really full: run by `test_full_disk.py` on a small file system of its own.

`python -m promises.full_disk DIRECTORY`: prints one JSON object of what happened.
"""

from __future__ import annotations

import contextlib
import json
import logging
import sys
from pathlib import Path

from trimtab_server.store.failure import StorageFailure
from trimtab_server.store.reserve import Reserve

from promises.store_world import Store, activate_new, faults_of, opened, prepare, roll_back_once

ROLLBACKS = 60


def fill(path: Path) -> None:
    """Writes until nothing fits any more, not even a byte."""
    with path.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(1 << 16))
    with path.open("ab", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(b"\0")


def reason_of(store: Store, number: int) -> str:
    try:
        activate_new(store, number)
    except StorageFailure as failure:
        return failure.reason
    return ""


def main(root: Path) -> dict[str, object]:
    prepare(root)
    with opened(root) as store:
        store.database.reserve = reserve = Reserve(root / "reserve", 2 << 20)
        told: dict[str, object] = {"held": reserve.hold()}
        writes = [activate_new(store, number) for number in (2, 3)]
        fill(root / "filler")
        told["free_when_full"] = reserve.free()
        told["refused"] = reason_of(store, 50)
        told["still_held"] = reserve.held
        writes += [roll_back_once(store, 100 + number, unsteered=True) for number in range(ROLLBACKS)]
        told["rolled_back"] = len(writes) - 2
        told["given_up"] = not reserve.held
        told["refused_again"] = reason_of(store, 51)
        told["faults"] = faults_of(store, writes, pending=0)
        (root / "filler").unlink()
        told["held_again"] = reserve.hold()
        told["activated_again"] = reason_of(store, 52) == ""
    return told


if __name__ == "__main__":
    logging.disable()
    print(json.dumps(main(Path(sys.argv[1]))))
