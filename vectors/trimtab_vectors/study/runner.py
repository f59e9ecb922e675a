"""Running a study: vectors of all stages, the dose on dev items, the lock, then everything held out."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from trimtab_vectors.study.cells import CellKey
from trimtab_vectors.study.choice import ReferenceDose, choose_dose, tried_doses
from trimtab_vectors.study.lock import StudyLock, read_lock
from trimtab_vectors.study.study import Study
from trimtab_vectors.study.workers import Unit, Workers


@dataclass(frozen=True)
class StudyProgress:
    """phase: what is being done. done, total: cells of the whole study. seconds_left: None while unknown."""

    phase: str
    done: int
    total: int
    seconds_left: float | None


Progress = Callable[[StudyProgress], None]


@dataclass(frozen=True)
class RunOutcome:
    """What one session did: cells computed now, and those that were there already."""

    computed: dict[str, int]
    found: dict[str, int]
    seconds: float


@dataclass
class _Tally:
    """Counts cells and foresees the time left from the mean seconds of each kind."""

    expected: dict[str, int]
    workers: int
    report: Progress
    phase: str = ""
    found: Counter[str] = field(default_factory=Counter)
    computed: Counter[str] = field(default_factory=Counter)
    seconds: dict[str, float] = field(default_factory=dict)

    def finished(self, key: CellKey, seconds: float) -> None:
        self.computed[key.kind] += 1
        self.seconds[key.kind] = self.seconds.get(key.kind, 0.0) + seconds
        self.tell()

    def tell(self) -> None:
        done = sum(self.found.values()) + sum(self.computed.values())
        self.report(StudyProgress(self.phase, done, sum(self.expected.values()), self._left()))

    def _left(self) -> float | None:
        left = 0.0
        for kind, count in self.expected.items():
            missing = count - self.found[kind] - self.computed[kind]
            if missing > 0 and not self.computed[kind]:
                return None
            if missing > 0:
                left += missing * self.seconds[kind] / self.computed[kind]
        return left / self.workers


def run_study(
    study: Study,
    *,
    devices: Sequence[str] = ("cpu",),
    workers: int = 1,
    progress: Progress | None = None,
    command: str = "",
) -> RunOutcome:
    """Compute every cell of a study that is not there yet. Killed at any point, it goes on where it was.

    The summary is made from the cells afterwards (`summary.summarise`).

    Raises:
        LockError: the directory was begun with something else.
        PlanError: no candidate dose keeps the gates on dev texts.
        WorkerError: a unit of work failed.
    """
    started = time.perf_counter()
    lock = StudyLock.open(study).with_session(list(devices), workers, command)
    tally = _Tally(study.expected, workers, progress or (lambda _: None))
    store, keys = study.store, study.keys
    with Workers(study, devices, workers) as team:
        tally.phase = "vectors"
        vectors = [
            (Unit("extract", r, s), keys.vector(stage))
            for r, run in enumerate(study.runs)
            for s, stage in enumerate(run.stages)
        ]
        team.run(_missing(study, vectors, tally), tally.finished)
        tally.phase = "dose"
        tried = [
            (Unit("try_doses", r, len(run.stages) - 1), keys.dose(run))
            for r, run in enumerate(study.runs)
            if run.role == "discovery"
        ]
        team.run(_missing(study, tried, tally), tally.finished)
        if not lock.choices:
            lock = lock.with_choices(_choices(study))
        doses = lock.doses(study)
        tally.phase = "stages"
        units = _measurements(study, doses)
        there = [key for unit in units for key in unit.wanted if store.has(key)]
        tally.found.update(key.kind for key in there)
        tally.tell()
        done = set(there)
        team.run([u for u in units if not done.issuperset(u.wanted)], tally.finished)
    seconds = round(time.perf_counter() - started, 1)
    return RunOutcome(dict(tally.computed), dict(tally.found), seconds)


def _missing(study: Study, units: Sequence[tuple[Unit, CellKey]], tally: _Tally) -> list[Unit]:
    """Units whose cell is not there, one for each cell."""
    first: dict[CellKey, Unit] = {}
    for unit, key in units:
        first.setdefault(key, unit)
    missing = [unit for key, unit in first.items() if not study.store.has(key)]
    tally.found.update(key.kind for key in first if study.store.has(key))
    tally.tell()
    return missing


def _choices(study: Study) -> dict[str, Any]:
    choices = {}
    for architecture in study.architectures:
        runs = study.discovery_runs(architecture)
        cells = [study.store.read(study.keys.dose(run)) for run in runs]
        dose = choose_dose(architecture, cells, study.plan.gates, study.plan.dose.choose == "fixed")
        chosen = study.material.dev_items.choice(dose)
        choices[architecture] = {
            "dose": chosen.chosen.as_dict(),
            "dev": chosen.dev.as_dict(),
            "runs": [run.name for run in runs],
            "tried": [t.as_dict() for t in tried_doses(cells, study.plan.gates)],
        }
    return choices


def _measurements(study: Study, doses: dict[str, ReferenceDose]) -> list[Unit]:
    """One unit a stage; a cell that several stages share (a common base's) belongs to the first."""
    claimed: set[CellKey] = set()
    units = []
    for r, run in enumerate(study.runs):
        dose = doses[run.architecture]
        for s, stage in enumerate(run.stages):
            wanted = [k for k in study.keys.of_stage(run, stage, dose) if k not in claimed]
            claimed.update(wanted)
            units.append(Unit("measure", r, s, dose, tuple(wanted)))
    return units


_KINDS: Final = ("vector", "dose", "baseline", "effect", "random", "side")


@dataclass(frozen=True)
class StudyStatus:
    """cells: kind -> (finished, expected). seconds_left: of the last session's workers, None while unknown."""

    cells: dict[str, tuple[int, int]]
    dose_locked: bool
    summarised: bool
    seconds_left: float | None

    @property
    def complete(self) -> bool:
        return all(done >= expected for done, expected in self.cells.values())

    def as_dict(self) -> dict[str, Any]:
        done, total = (sum(c[i] for c in self.cells.values()) for i in (0, 1))
        return {
            "done": done,
            "total": total,
            "cells": {kind: {"done": d, "total": t} for kind, (d, t) in self.cells.items()},
            "dose_locked": self.dose_locked,
            "summarised": self.summarised,
            "seconds_left": None if self.seconds_left is None else round(self.seconds_left, 1),
        }


def study_status(out: Path) -> StudyStatus:
    """Where the study in a directory stands, also while it runs. Raises LockError for a directory that is none."""
    lock = read_lock(out)
    workers = lock.sessions[-1]["workers"] if lock.sessions else 1
    cells, left = {}, 0.0
    unknown = False
    for kind in _KINDS:
        files = list((out / "cells" / kind).glob("*/*.json"))
        expected = lock.expected.get(kind, 0)
        cells[kind] = (len(files), expected)
        missing = expected - len(files)
        if missing > 0:
            # A sample is enough for a mean, and a study may have tens of thousands of files.
            seconds = [json.loads(f.read_text(encoding="utf-8"))["seconds"] for f in files[:50]]
            unknown |= not seconds
            left += missing * sum(seconds) / max(1, len(seconds)) / workers
    return StudyStatus(cells, bool(lock.choices), (out / "summary.json").is_file(), None if unknown else left)
