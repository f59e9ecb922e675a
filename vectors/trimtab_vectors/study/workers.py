"""Units of a study's work, done in this process or by others, each on a device of its own."""

from __future__ import annotations

import multiprocessing
import os
import traceback
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

import torch

from trimtab_vectors.study.bench import Bench
from trimtab_vectors.study.cells import CellKey
from trimtab_vectors.study.choice import ReferenceDose
from trimtab_vectors.study.plan import StudyError
from trimtab_vectors.study.study import Study

UnitKind = Literal["extract", "try_doses", "measure"]

#: Called with (key, seconds) as each cell is finished.
Finished = Callable[[CellKey, float], None]


class WorkerError(StudyError):
    """A unit of work failed. The message names the unit and says why."""


@dataclass(frozen=True)
class Unit:
    """One stage to load and what to do there. run, stage: indices. wanted: the cells of a measurement."""

    kind: UnitKind
    run: int
    stage: int
    dose: ReferenceDose | None = None
    wanted: tuple[CellKey, ...] = ()

    def told(self, study: Study) -> str:
        run = study.runs[self.run]
        return f"{self.kind.replace('_', ' ')} at {run.name} {run.stages[self.stage].name}"


def do(bench: Bench, study: Study, unit: Unit, finished: Finished) -> None:
    """Do one unit in this process."""
    run = study.runs[unit.run]
    stage = run.stages[unit.stage]
    if unit.kind == "extract":
        bench.extract(run, stage, finished)
    elif unit.kind == "try_doses":
        bench.try_doses(run, finished)
    else:
        if unit.dose is None:
            raise ValueError("a measurement needs the locked dose")
        bench.measure(run, stage, unit.dose, unit.wanted, finished)


@dataclass
class Workers:
    """`count` processes that share the devices in turn; one worker is this process itself.

    A `with` starts and ends them. If this process dies, they end after the unit in hand.
    """

    study: Study
    devices: Sequence[str]
    count: int
    _bench: Bench | None = None
    _processes: list[BaseProcess] = field(default_factory=list)
    _connections: list[Connection] = field(default_factory=list)

    def __enter__(self) -> Workers:
        if self.count == 1:
            self._bench = Bench(self.study.plan, self.study.material, self.study.store, self.devices[0])
            return self
        context = multiprocessing.get_context("spawn")
        threads = max(1, (os.cpu_count() or 1) // self.count)
        for index in range(self.count):
            ours, theirs = context.Pipe()
            device = self.devices[index % len(self.devices)]
            sharing = -(-self.count // len(self.devices))
            process = context.Process(
                target=_serve, args=(theirs, self.study, device, sharing, threads), daemon=True
            )
            process.start()
            theirs.close()
            self._processes.append(process)
            self._connections.append(ours)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for connection in self._connections:
            connection.close()
        for process in self._processes:
            if kind is not None:
                process.terminate()
            process.join()
        self._processes, self._connections, self._bench = [], [], None

    def run(self, units: Iterable[Unit], finished: Finished) -> None:
        """Do all units, in their order as workers come free.

        Raises:
            WorkerError: a unit failed, or a worker died; what was finished stays finished.
        """
        if self._bench is not None:
            for unit in units:
                do(self._bench, self.study, unit, finished)
            return
        todo = deque(units)
        busy: dict[Connection, Unit] = {}
        idle = list(self._connections)
        while todo or busy:
            while todo and idle:
                connection = idle.pop()
                busy[connection] = todo.popleft()
                connection.send(busy[connection])
            for ready in wait(list(busy)):
                if isinstance(ready, Connection) and self._heard(ready, busy[ready], finished):
                    idle.append(ready)
                    del busy[ready]

    def _heard(self, connection: Connection, unit: Unit, finished: Finished) -> bool:
        """One message of a worker; whether its unit is done."""
        try:
            kind, *content = connection.recv()
        except (EOFError, ConnectionResetError) as error:
            raise WorkerError(
                f"the worker died during {unit.told(self.study)} (out of memory?); run the study again with fewer "
                "workers, it goes on where it was"
            ) from error
        if kind == "failed":
            raise WorkerError(f"{unit.told(self.study)}: {content[0]}")
        if kind == "cell":
            finished(content[0], content[1])
        return bool(kind == "done")


def _serve(connection: Connection, study: Study, device: str, sharing: int, threads: int) -> None:
    """A worker process: units in, finished cells out, until the other end closes."""
    torch.set_num_threads(threads)
    bench = Bench(study.plan, study.material, study.store, device, sharing)

    def finished(key: CellKey, seconds: float) -> None:
        connection.send(("cell", key, seconds))

    while True:
        try:
            unit: Any = connection.recv()
        except EOFError:
            return
        try:
            do(bench, study, unit, finished)
            connection.send(("done",))
        except (BrokenPipeError, ConnectionResetError):
            return
        except Exception as error:
            told = "".join(traceback.format_exception_only(error)).strip()
            place = traceback.extract_tb(error.__traceback__)[-1]
            connection.send(("failed", f"{told} ({Path(place.filename).name}:{place.lineno})"))
