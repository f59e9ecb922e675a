"""kill -9 in the middle of activations: nothing acknowledged is lost."""

from __future__ import annotations

import random
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from trimtab_server.steering.creation import create_deployment
from trimtab_server.steering.snapshot import Configuration, Steering
from trimtab_server.steering.validation import Checked
from trimtab_server.store import audit, deployments, schema
from trimtab_server.store.blobs import BlobStore
from trimtab_server.store.database import Database

CYCLES = 20
SEED = 9


@dataclass(frozen=True)
class Acknowledged:
    number: int
    revision: int
    snapshot: str
    blob: str


def run_and_kill(root: Path, after: int) -> list[Acknowledged]:
    """Lets the process acknowledge `after` writes, then kills it; returns all it got out."""
    script = Path(__file__).with_name("activating_process.py")
    with subprocess.Popen([sys.executable, script, root], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(after)]
        process.kill()
        lines += process.stdout.read().splitlines(keepends=True)
    acknowledged = []
    for line in lines:
        if line.endswith("\n"):
            number, revision, snapshot, blob = line.split()
            acknowledged.append(Acknowledged(int(number), int(revision), snapshot, blob))
    return acknowledged


def test_no_acknowledged_write_is_lost_in_twenty_kills(tmp_path: Path) -> None:
    database = Database.at(tmp_path / "trimtab.db")
    schema.upgrade(database)
    unsteered = Checked(Configuration(Steering("desk", "stage-01")), {})
    create_deployment(database, name="default", model="desk", unsteered=unsteered, watched_vector="", time=1)
    database.close()
    dice = random.Random(SEED)
    everything: list[Acknowledged] = []
    (tmp_path / "next").write_text("1")
    for cycle in range(CYCLES):
        acknowledged = run_and_kill(tmp_path, after=dice.randint(1, 30))
        assert acknowledged, "a run without acknowledged writes proves nothing"
        everything += acknowledged
        (tmp_path / "next").write_text(str(everything[-1].number + 2 + cycle))
        check(tmp_path, everything)
    print(f"seed {SEED}, {CYCLES} kills, {len(everything)} acknowledged activations, none lost")


def check(root: Path, everything: list[Acknowledged]) -> None:
    database, blobs = Database.at(root / "trimtab.db"), BlobStore(root / "blobs")
    with database.read() as connection:
        pointer = deployments.find(connection, "default")
        history = deployments.history(connection, "default")
        assert audit.verify(connection).ok
        moves = audit.records(connection, action="snapshot.activate")
    database.close()
    assert pointer is not None
    assert [revision.number for revision in history] == list(range(1, len(history) + 1))
    assert pointer.revision == history[-1].number
    assert len(moves) == len(history) - 1, "a revision without its audit record, or a record without revision"
    held = {revision.number: revision.snapshot for revision in history}
    for write in everything:
        assert held[write.revision] == write.snapshot
        assert blobs.get(write.blob) == f"vector {write.number}".encode()
    # At most the one write per kill whose answer was on its way.
    assert history[-1].number - everything[-1].revision in (0, 1)
