"""Row 4: activation is atomic under many writers and readers, and no reply mixes two revisions."""

from __future__ import annotations

import itertools
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

from server_process import ServerProcess
from trimtab_client import (
    Client,
    Message,
    ReplyFinished,
    ReplyStarted,
    Role,
    Sampling,
    Steering,
    SteeringTerm,
    TrimtabError,
)

from promises.history import History, Write, violations
from promises.power import memory_folder
from promises.racing import race
from promises.row import Profile, Row
from promises.store_world import faults_of, opened, prepare
from promises.traffic import UNLIMITED

#: Over the socket, and on the store alone.
ATTEMPTS = {"ci": (400, 1_200), "release": (5_000, 100_000)}
WRITERS, READERS, CHATTERS = 8, 4, 2
#: Seconds between two looks of one reader: they are to see the writers, not to starve them.
PAUSE = 0.02
SERVER = ("--no-auto-canary", *UNLIMITED)


class Crowd:
    """Writers and readers, each with a connection of its own, on one deployment of a real server."""

    def __init__(self, server: ServerProcess, attempts: int) -> None:
        self._server = server
        self._budget = itertools.count(1)
        self._attempts = attempts
        self._stop = threading.Event()
        with server.client() as client:
            self._names = self._snapshots(client)
            self.history = History(client.activate_snapshot(self._names[0]).number)

    def run(self) -> History:
        readers = [threading.Thread(target=self._guarded, args=(self._read,)) for _ in range(READERS)]
        readers += [threading.Thread(target=self._guarded, args=(self._chat,)) for _ in range(CHATTERS)]
        watcher = threading.Thread(target=self._guarded, args=(self._watch,))
        writers = [threading.Thread(target=self._guarded, args=(self._write,)) for _ in range(WRITERS)]
        for thread in (watcher, *readers, *writers):
            thread.start()
        for thread in writers:
            thread.join()
        self._stop.set()
        for thread in readers:
            thread.join()
        # One more move ends the watch.
        with self._server.client() as client:
            last = client.activate_snapshot(self._names[1])
        watcher.join(30)
        if not self.history.watches or self.history.watches[0][-1] != last.number:
            self.history.failed("(d) the watch did not tell the last revision")
        return self.history

    def _snapshots(self, client: Client) -> list[str]:
        stage = client.models()[0].default_stage
        vector = next(v for v in client.vectors() if v.suggested_strength > 0)
        terms = [
            SteeringTerm(vector.name, vector.suggested_strength * part / 4, layers=vector.suggested_layers)
            for part in (1, 2, 3, 4)
        ]
        return [client.create_snapshot(Steering(stage, (term,))).name for term in terms]

    def _guarded(self, work: Callable[[Client], None]) -> None:
        try:
            with self._server.client() as client:
                work(client)
        except Exception as error:
            self.history.failed(f"{type(error).__name__}: {error}")

    def _write(self, client: Client) -> None:
        for number in self._budget:
            if number > self._attempts:
                return
            seen = client.deployment().active_revision.number
            snapshot = self._names[number % len(self._names)]
            begin = time.monotonic()
            try:
                revision = client.activate_snapshot(snapshot, expected_revision=seen)
            except TrimtabError as error:
                if error.reason != "REVISION_CONFLICT":
                    raise
                self.history.was_refused()
                continue
            write = Write(begin, time.monotonic(), seen, revision.number, revision.snapshot)
            self.history.wrote(write)

    def _read(self, client: Client) -> None:
        while not self._stop.is_set():
            begin = time.monotonic()
            active = client.deployment()
            revision = active.active_revision
            self.history.read(begin, revision.number, revision.snapshot)
            time.sleep(PAUSE)
            if active.active_snapshot.name != revision.snapshot:
                self.history.failed(f"one look told {revision.snapshot} and {active.active_snapshot.name}")

    def _chat(self, client: Client) -> None:
        while not self._stop.is_set():
            begin, started = time.monotonic(), None
            message = Message(Role.USER, "What is the warranty?")
            for event in client.chat([message], sampling=Sampling(max_tokens=4)):
                if isinstance(event, ReplyStarted):
                    started = event.steering
                    number = int(started.revision.rpartition("/")[2])
                    self.history.read(begin, number, started.snapshot)
                elif isinstance(event, ReplyFinished) and event.steering != started:
                    self.history.failed(f"a reply began under {started} and ended under {event.steering}")

    def _watch(self, client: Client) -> None:
        told: list[int] = []
        self.history.watches.append(told)
        for change in client.watch_active():
            told.append(change.revision.number)
            if self._stop.is_set() and told[-1] > self._last_written():
                return

    def _last_written(self) -> int:
        with self.history.lock:
            return max((write.number for write in self.history.writes), default=self.history.first)


def over_the_socket(attempts: int) -> Row:
    with tempfile.TemporaryDirectory() as folder:
        server = ServerProcess(Path(folder) / "data", *SERVER)
        try:
            history = Crowd(server, attempts).run()
        finally:
            server.stop()
    return judged("over the socket, with replies and a watch", history, [])


def on_the_store(attempts: int) -> Row:
    with memory_folder() as folder:
        prepare(folder / "data")
        with opened(folder / "data") as store:
            history = race(store, attempts)
            faults = faults_of(store, [], pending=attempts + 2)
    return judged("on the store", history, faults)


def judged(what: str, history: History, faults: list[str]) -> Row:
    found = [*violations(history), *faults]
    if not history.writes or not history.refused:
        found.append("invalid: the writers never met")
    counts = (
        f"{len(history.writes)} succeeded, {history.refused} refused, {len(history.reads)} reads and replies"
    )
    return Row.of_trials(4, what, history.attempts, len(found), note=found[0] if found else counts)


def run(profile: Profile, seed: int) -> Row:
    """The threads' own racing is the chance in it: the seed changes nothing."""
    socket, store = ATTEMPTS[profile]
    parts = [on_the_store(store), over_the_socket(socket)]
    return Row.of_parts(4, "Activation is atomic under many writers and readers", parts)
