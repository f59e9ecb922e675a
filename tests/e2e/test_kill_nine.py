"""kill -9 of the whole server in the middle of activations: nothing acknowledged is lost."""

from __future__ import annotations

import random
import threading
from pathlib import Path

from server_process import ServerProcess
from trimtab_client import Client, Steering, SteeringTerm, TrimtabError

CYCLES = 20
SEED = 20


class Writer(threading.Thread):
    """Activates as fast as it can and remembers what was sent and what was acknowledged."""

    def __init__(self, client: Client, names: list[str]) -> None:
        super().__init__()
        self.client = client
        self.names = names
        self.attempted: str | None = None
        self.acknowledged: list[tuple[int, str]] = []

    def run(self) -> None:
        for number in range(10_000):
            self.attempted = self.names[number % len(self.names)]
            try:
                revision = self.client.activate_snapshot(self.attempted, reason="kill -9 test")
            except TrimtabError:
                return
            self.acknowledged.append((revision.number, revision.snapshot))


def prepare(client: Client) -> tuple[list[str], list[str]]:
    """Names of the vectors and of three snapshots."""
    vectors = client.vectors()
    stage = client.models()[0].default_stage
    shipped = next(v for v in vectors if v.suggested_strength > 0)
    names = [
        client.create_snapshot(
            display_name=f"kill-{n}",
            steering=Steering(
                stage=stage,
                terms=(SteeringTerm(shipped.name, strength=n / 10, layers=shipped.suggested_layers),),
            ),
        ).name
        for n in (1, 2, 3)
    ]
    return [v.name for v in vectors], names


def test_no_acknowledged_activation_and_no_vector_is_lost(tmp_path: Path) -> None:
    moments = random.Random(SEED)
    history: dict[int, str] = {}
    server = ServerProcess(tmp_path / "data", "--no-auto-canary")
    with server.client() as client:
        vectors, names = prepare(client)
    for cycle in range(CYCLES):
        with server.client() as client:
            writer = Writer(client, names)
            writer.start()
            writer.join(timeout=0.05 + 0.3 * moments.random())
            server.kill()
            writer.join()
        assert writer.acknowledged, (
            f"cycle {cycle}: nothing was written before the kill, the test shows nothing"
        )
        history.update(writer.acknowledged)

        server = ServerProcess(tmp_path / "data", "--no-auto-canary")
        with server.client() as client:
            active = client.deployment().active_revision
            last_number, last_snapshot = writer.acknowledged[-1]
            assert active.number in (last_number, last_number + 1)
            expected = last_snapshot if active.number == last_number else writer.attempted
            assert active.snapshot == expected
            revisions = {r.number: r.snapshot for r in client.revisions()}
            assert sorted(revisions) == list(range(1, active.number + 1)), "the history has a hole"
            assert all(revisions[number] == snapshot for number, snapshot in history.items())
            assert {v.name for v in client.vectors()} >= set(vectors)
            for name in vectors:
                assert client.export_vector(name)
    assert server.stop() == 0
