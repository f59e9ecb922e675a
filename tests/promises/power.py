"""Row 2: no acknowledged write is lost when the power fails."""

from __future__ import annotations

import random
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import event

from promises.disk import Disk
from promises.recorder import Recorder
from promises.row import Profile, Row
from promises.seeds import kept_seeds
from promises.store_world import (
    Acknowledged,
    Store,
    activate_new,
    faults_of,
    opened,
    prepare,
    roll_back_once,
)

IMAGES = {"ci": 1_000, "release": 30_000}
#: Images cut from one run of the store.
PER_RUN = 100
#: Moves of the pointer in one run; a run of the product's own setting checkpoints about twice.
MOVES = 60


@dataclass
class Cuts:
    """Cuts the power at chosen moments of a run, and judges what is left."""

    disk: Disk
    folder: Path
    dice: random.Random
    #: Numbers of the calls to the disk after which it is cut.
    moments: set[int]
    acknowledged: list[Acknowledged] = field(default_factory=list)
    seen: int = 0
    images: int = 0
    broken: int = 0
    faults: list[str] = field(default_factory=list)

    def call(self) -> None:
        """To be called before each call to the disk."""
        self.seen += 1
        if self.seen in self.moments:
            image = self.folder / f"image-{self.seen}"
            self.disk.cut(image, self.dice)
            self.images += 1
            faults = judge(image, self.acknowledged)
            self.broken += bool(faults)
            self.faults += [f"cut {self.seen}: {fault}" for fault in faults]
            shutil.rmtree(image)


def judge(image: Path, acknowledged: list[Acknowledged]) -> list[str]:
    """As the next start finds it, with the standard library's SQLite."""
    with opened(image) as store:
        store.blobs.remove_leftovers()
        return faults_of(store, acknowledged)


class CuttingRecorder(Recorder):
    """Counts every call to the disk as a moment at which the power may fail."""

    def __init__(self, disk: Disk, cuts: Cuts) -> None:
        super().__init__(disk)
        self.cuts = cuts
        counted = self.failing.fails

        def fails(what: str) -> bool:
            self.cuts.call()
            return counted(what)

        self.failing.fails = fails  # type: ignore[method-assign]


def work(store: Store, dice: random.Random, first: int, moves: int, acknowledged: list[Acknowledged]) -> None:
    """Moves the pointer a few times: mostly new vectors, sometimes back."""
    for number in range(first, first + moves):
        write = (
            roll_back_once(store, number, unsteered=dice.random() < 0.3)
            if acknowledged and acknowledged[-1].vector and dice.random() < 0.4
            else activate_new(store, number)
        )
        acknowledged.append(write)


def run_once(seed: int, images: int, folder: Path, moves: int = MOVES, **settings: Any) -> Cuts:
    """One run of the store, opened three times, cut at `images` random calls to the disk.

    Args:
        settings: "synchronous" and the like, set as pragmas beside the product's own: for the test that this
            measurement can fail.
    """
    dice = random.Random(seed)
    template = folder / "data"
    prepare(template)
    calls = _calls_of(template, folder / "rehearsal", seed, moves, settings)
    cuts = Cuts(Disk(template), folder, dice, set(dice.sample(range(1, calls), min(images, calls - 1))))
    _run(CuttingRecorder(cuts.disk, cuts), seed, cuts.acknowledged, moves, settings)
    return cuts


def _calls_of(template: Path, rehearsal: Path, seed: int, moves: int, settings: dict[str, Any]) -> int:
    shutil.copytree(template, rehearsal)
    recorder = Recorder(Disk(rehearsal))
    _run(recorder, seed, [], moves, settings)
    shutil.rmtree(rehearsal)
    return recorder.failing.made


def _run(
    recorder: Recorder, seed: int, acknowledged: list[Acknowledged], moves: int, settings: dict[str, Any]
) -> None:
    dice = random.Random(seed)
    # With and without the defect of older versions, and with many more checkpoints than the product makes.
    pragmas = {"wal_autocheckpoint": dice.choice((1_000, 30)), **settings}
    version = dice.choice((None, (3, 40, 1)))
    try:
        with recorder.system_calls():
            for first in range(2, 2 + moves, moves // 3):
                with opened(recorder.disk.root, driver=recorder.driver, sqlite_version=version) as store:
                    _configure(store, pragmas)
                    work(store, dice, first, moves // 3, acknowledged)
    finally:
        recorder.close()


def _configure(store: Store, pragmas: dict[str, Any]) -> None:
    @event.listens_for(store.database.engine, "connect")
    def configure(connection: Any, _record: Any) -> None:
        for name, value in pragmas.items():
            connection.execute(f"PRAGMA {name}={value}").close()


@contextmanager
def memory_folder() -> Iterator[Path]:
    """A folder whose flushes cost nothing: the model says what is flushed, not the device."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        yield Path(folder)


def run(profile: Profile, seed: int) -> Row:
    wanted = IMAGES[profile]
    done, failures, broken, first_fault = 0, 0, [], ""
    seeds = iter([*kept_seeds(2), *range(seed * 100_000, seed * 100_000 + wanted)])
    while done < wanted:
        one = next(seeds)
        with memory_folder() as folder:
            cuts = run_once(one, min(PER_RUN, wanted - done), folder)
        done += cuts.images
        failures += cuts.broken
        if cuts.faults:
            broken.append(one)
            first_fault = first_fault or f"seed {one}: {cuts.faults[0]}"
    note = first_fault or f"{done} crash images, blobs and names included"
    return Row.of_trials(
        2, "No acknowledged write is lost when the power fails", done, failures, note=note, seeds=broken
    )
