"""Row 1: no acknowledged write is lost when a process is killed."""

from __future__ import annotations

import os
import random
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from promises.killed_server import ServerKills
from promises.killed_writer import WritingProcess
from promises.power import memory_folder
from promises.row import Profile, Row
from promises.seeds import kept_seeds
from promises.store_world import Acknowledged, faults_of, opened, prepare

#: Kills of a writer on the store alone, and of the whole server.
CYCLES = {"ci": (200, 20), "release": (3_000, 200)}
#: Acknowledged writes a second before the kill; below that a run shows too little and is invalid (the floor of
#: etcd's robustness tests).
FLOOR = 100.0
#: Cycles in one data directory; a longer history is only slower to verify.
PER_DIRECTORY = 25


@dataclass
class Killed:
    """What the killed processes acknowledged, and how fast. A move of the pointer is up to four commits: the
    blob's row, the snapshot, the move; each is told to the caller before the next begins."""

    acknowledged: list[Acknowledged] = field(default_factory=list)
    cycles: int = 0
    writes: int = 0
    seconds: float = 0.0
    faults: list[str] = field(default_factory=list)

    @property
    def rate(self) -> float:
        return self.writes / self.seconds if self.seconds else 0.0


def kill_once(root: Path, killed: Killed, longest: float, dice: random.Random) -> None:
    """Starts a writer, kills it at a random moment after its first acknowledgement, and judges the store."""
    first = killed.acknowledged[-1].number + 2 if killed.acknowledged else 2
    # Numbers that a lost reply may have used are left out.
    process = WritingProcess(root, first + dice.randint(0, 4))
    lines, seconds = process.lines_until_killed(longest * dice.random())
    told = [_acknowledged(line) for line in lines]
    if not told:
        killed.faults.append("the writer acknowledged nothing before it was killed")
        return
    killed.acknowledged += told
    # The first line began the clock.
    killed.writes += sum(3 if write.vector else 1 for write in told[1:])
    killed.seconds += seconds
    with opened(root) as store:
        killed.faults += faults_of(store, killed.acknowledged)


def _acknowledged(line: bytes) -> Acknowledged:
    number, revision, snapshot, vector = line.decode().split()
    return Acknowledged(int(number), int(revision), snapshot, "" if vector == "-" else vector)


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[1]), *sys.path])}


def run_once(seed: int, cycles: int, root: Path, longest: float = 0.4) -> Killed:
    """`cycles` kills in one data directory."""
    dice = random.Random(seed)
    prepare(root)
    killed = Killed()
    for _ in range(cycles):
        killed.cycles += 1
        kill_once(root, killed, longest, dice)
        if killed.faults:
            break
    return killed


def of_the_store(wanted: int, seed: int) -> Row:
    """Of a process that runs the store's and the activation's own code as fast as it can."""
    what = "a process that writes at full speed"
    done, writes, seconds, moves = 0, 0, 0.0, 0
    broken: list[int] = []
    note = ""
    seeds = iter([*kept_seeds(1), *range(seed * 100_000, seed * 100_000 + wanted)])
    while done < wanted:
        one, cycles = next(seeds), min(PER_DIRECTORY, wanted - done)
        # A killed process leaves the page cache, so the device does not matter here (row 2 is about that), and
        # without waiting for it there are more writes to be killed in.
        with memory_folder() as folder:
            killed = run_once(one, cycles, folder / "data")
        done += killed.cycles
        writes, seconds = writes + killed.writes, seconds + killed.seconds
        moves += len(killed.acknowledged)
        if killed.faults:
            broken.append(one)
            note = note or f"seed {one}: {killed.faults[0]}"
    rate = writes / seconds if seconds else 0.0
    if rate < FLOOR:
        # Too slow shows nothing: neither a failure nor a success.
        invalid = f"invalid: {rate:.0f} acknowledged writes/s, at least {FLOOR:.0f} are needed"
        return Row(1, what, 0, 0, 1.0, rate, FLOOR, False, note=note or invalid)
    note = note or f"{moves} moves of the pointer, {writes} commits at {rate:.0f}/s before the kills"
    return Row.of_trials(1, what, done, len(broken), note=note, seeds=broken)


def of_the_server(wanted: int, seed: int) -> Row:
    with tempfile.TemporaryDirectory() as folder:
        kills = ServerKills(Path(folder) / "data", seed).run(wanted)
    note = kills.faults[0] if kills.faults else f"{kills.writes} acknowledged activations"
    return Row.of_trials(1, "the whole server", wanted, len(kills.faults), note=note)


def run(profile: Profile, seed: int) -> Row:
    writer, server = CYCLES[profile]
    parts = [of_the_store(writer, seed), of_the_server(server, seed)]
    return Row.of_parts(1, "No acknowledged write is lost when a process is killed", parts)
