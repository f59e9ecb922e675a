"""The whole server, killed in the middle of activations over the socket; a part of row 1."""

from __future__ import annotations

import random
import threading
from dataclasses import dataclass, field
from pathlib import Path

from server_process import ServerProcess
from trimtab_client import Client, Steering, SteeringTerm, TrimtabError

from promises.traffic import UNLIMITED

OPTIONS = ("--no-auto-canary", *UNLIMITED)


class Writer(threading.Thread):
    """Activates as fast as it can and remembers what was sent and what was acknowledged."""

    def __init__(self, client: Client, names: list[str]) -> None:
        super().__init__()
        self._client = client
        self._names = names
        self.attempted = ""
        self.acknowledged: list[tuple[int, str]] = []

    def run(self) -> None:
        for number in range(10_000):
            self.attempted = self._names[number % len(self._names)]
            try:
                revision = self._client.activate_snapshot(self.attempted, reason="kill -9")
            except TrimtabError:
                return
            self.acknowledged.append((revision.number, revision.snapshot))


@dataclass
class ServerKills:
    """Kills of one server after another on one data directory, and what was wrong after each."""

    data_dir: Path
    seed: int
    writes: int = 0
    faults: list[str] = field(default_factory=list)
    history: dict[int, str] = field(default_factory=dict)

    def run(self, cycles: int) -> ServerKills:
        moments = random.Random(self.seed)
        server = ServerProcess(self.data_dir, *OPTIONS)
        try:
            with server.client() as client:
                self._prepare(client)
            for cycle in range(cycles):
                with server.client() as client:
                    writer = Writer(client, self._names)
                    writer.start()
                    writer.join(timeout=0.05 + 0.3 * moments.random())
                    server.kill()
                    writer.join()
                self.writes += len(writer.acknowledged)
                self.history.update(writer.acknowledged)
                server = ServerProcess(self.data_dir, *OPTIONS)
                with server.client() as client:
                    self.faults += [f"cycle {cycle}: {fault}" for fault in self._faults(client, writer)]
        finally:
            status = server.stop() if server.process.poll() is None else 1
        if status:
            self.faults.append(f"the last server ended with status {status}")
        return self

    def _prepare(self, client: Client) -> None:
        vectors = client.vectors()
        self._vectors = [vector.name for vector in vectors]
        stage = client.models()[0].default_stage
        shipped = next(v for v in vectors if v.suggested_strength > 0)
        steerings = [
            Steering(stage, (SteeringTerm(shipped.name, n / 10, layers=shipped.suggested_layers),))
            for n in (1, 2, 3)
        ]
        self._names = [client.create_snapshot(steering).name for steering in steerings]

    def _faults(self, client: Client, writer: Writer) -> list[str]:
        if not writer.acknowledged:
            return ["nothing was written before the kill, which shows nothing"]
        faults = []
        active = client.deployment().active_revision
        number, snapshot = writer.acknowledged[-1]
        expected = {number: snapshot, number + 1: writer.attempted}
        if expected.get(active.number) != active.snapshot:
            faults.append(f"revision {active.number} is active, acknowledged was {number}")
        revisions = {revision.number: revision.snapshot for revision in client.revisions()}
        if sorted(revisions) != list(range(1, active.number + 1)):
            faults.append("the history has a hole")
        lost = [n for n, snapshot in self.history.items() if revisions.get(n) != snapshot]
        if lost:
            faults.append(f"acknowledged revision {lost[0]} is lost or another")
        if not {vector.name for vector in client.vectors()} >= set(self._vectors):
            faults.append("a vector is lost")
        faults += [f"{name} is empty" for name in self._vectors if not client.export_vector(name)]
        return faults
