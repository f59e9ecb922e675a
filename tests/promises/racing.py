"""Eight writers and four readers on the store's own activation, in one process as in the server."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Sequence

from trimtab_server.steering.activation import activate
from trimtab_server.store import deployments
from trimtab_server.store.refusal import Refusal

from promises.history import History, Write
from promises.store_world import DEPLOYMENT, OPERATOR, Store, activate_new

WRITERS, READERS = 8, 4


def race(store: Store, attempts: int) -> History:
    """All compare-and-sets among two snapshots, until `attempts` were made."""
    made = [activate_new(store, number) for number in (2, 3)]
    snapshots = [write.snapshot for write in made]
    history, stop, budget = History(made[-1].revision), threading.Event(), itertools.count(1)
    writers = [
        threading.Thread(target=_move, args=(store, history, snapshots, budget, attempts))
        for _ in range(WRITERS)
    ]
    readers = [threading.Thread(target=_look, args=(store, history, stop)) for _ in range(READERS)]
    for thread in (*readers, *writers):
        thread.start()
    for thread in writers:
        thread.join()
    stop.set()
    for thread in readers:
        thread.join()
    return history


def _move(
    store: Store, history: History, snapshots: Sequence[str], budget: itertools.count[int], attempts: int
) -> None:
    for number in budget:
        if number > attempts:
            return
        with store.database.read() as connection:
            seen = deployments.find(connection, DEPLOYMENT)
        assert seen is not None
        begin = time.monotonic()
        try:
            revision = activate(
                store.database,
                deployment=DEPLOYMENT,
                snapshot=snapshots[number % 2],
                expected_revision=seen.revision,
                reason="",
                origin=OPERATOR,
                time=number,
            )
        except Refusal:
            history.was_refused()
        except Exception as error:
            history.failed(f"{type(error).__name__}: {error}")
        else:
            write = Write(begin, time.monotonic(), seen.revision, revision.number, revision.snapshot)
            history.wrote(write)


def _look(store: Store, history: History, stop: threading.Event) -> None:
    while not stop.is_set():
        begin = time.monotonic()
        with store.database.read() as connection:
            found = deployments.find(connection, DEPLOYMENT)
            revision = found and deployments.find_revision(connection, DEPLOYMENT, found.revision)
        if revision is None:
            history.failed("the pointer leads to a revision that is not there")
            return
        history.read(begin, revision.number, revision.snapshot)
        time.sleep(0.001)
