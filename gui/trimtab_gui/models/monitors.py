"""What the monitors plot: a ring of recent samples for each signal, thresholds, alarms, canary runs."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Signal
from trimtab_client.types import (
    Alarm,
    CanaryEvent,
    CanaryProgress,
    CanaryRun,
    DriftAlarm,
    Heartbeat,
    MonitorEvent,
    Sample,
    Threshold,
    Thresholds,
)
from trimtab_client.types import Signal as Figure

from trimtab_gui.bridge import Failure, Gateway, Stream
from trimtab_gui.models.telling import TellingModel

CAPACITY: Final = 2000
HISTORY: Final = 2000
PLOTTED: Final = (
    Figure.HONEST_UNDER_PRESSURE,
    Figure.HONEST_NEUTRAL,
    Figure.PROJECTION,
    Figure.KL_TO_UNSTEERED,
    Figure.ENTROPY,
    Figure.REPETITION,
)


class Ring:
    """The last `capacity` rows of `width` columns, always readable as one contiguous block without copying.

    Each row is written twice, `capacity` apart.
    """

    def __init__(self, capacity: int, width: int) -> None:
        self._rows = np.zeros((2 * capacity, width), dtype=np.float64)
        self._capacity = capacity
        self._next = 0
        self._count = 0

    def append(self, row: tuple[float, ...]) -> None:
        self._rows[self._next] = row
        self._rows[self._next + self._capacity] = row
        self._next = (self._next + 1) % self._capacity
        self._count = min(self._count + 1, self._capacity)

    def clear(self) -> None:
        self._next = self._count = 0

    def view(self) -> NDArray[np.float64]:
        """The rows, oldest first, `[count, width]`."""
        end = self._next + self._capacity if self._count == self._capacity else self._next
        return self._rows[end - self._count : end]

    def __len__(self) -> int:
        return self._count


class MonitorsModel(TellingModel):
    """The watch of one deployment. `changed` comes at most once a flush, not once a sample."""

    changed = Signal()
    alarmsChanged = Signal()
    thresholdsChanged = Signal()
    canaryChanged = Signal()

    def __init__(self, gateway: Gateway, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._gateway = gateway
        # Columns: seconds since the epoch, value, lower and upper end of the interval (the value where none).
        self._rings = {figure: Ring(CAPACITY, 4) for figure in Figure}
        self._last: dict[Figure, Sample] = {}
        self._thresholds: dict[Figure, Threshold] = {}
        self._alarms: dict[Figure, Alarm] = {}
        self._drift: dict[Figure, DriftAlarm] = {}
        self._runs: list[CanaryRun] = []
        self._watch: Stream | None = None
        self._canary: Stream | None = None
        self._progress: CanaryProgress | None = None

    @property
    def alarms(self) -> tuple[Alarm, ...]:
        """The alarms that stand."""
        return tuple(self._alarms.values())

    @property
    def drifting(self) -> frozenset[Figure]:
        """Signals that no longer look like their reference."""
        return frozenset(self._drift)

    @property
    def drifts(self) -> tuple[DriftAlarm, ...]:
        """The drift alarms that stand."""
        return tuple(self._drift.values())

    @property
    def alarming(self) -> tuple[Figure, ...]:
        """Signals with an alarm of either kind, each once."""
        return tuple(dict.fromkeys([*self._alarms, *self._drift]))

    @property
    def runs(self) -> tuple[CanaryRun, ...]:
        """Canary runs, oldest first."""
        return tuple(self._runs)

    @property
    def progress(self) -> CanaryProgress | None:
        """Of the canary run under way; None when there is none."""
        return self._progress

    @property
    def canary_is_running(self) -> bool:
        return self._canary is not None

    def threshold(self, figure: Figure) -> Threshold | None:
        return self._thresholds.get(figure)

    def last(self, figure: Figure) -> Sample | None:
        return self._last.get(figure)

    def rows(self, figure: Figure) -> NDArray[np.float64]:
        """`[count, 4]`: time, value, lower, upper; oldest first."""
        return self._rings[figure].view()

    def start(self) -> None:
        """Watches; called for every new session. The history that the server sends replaces what was here."""
        if self._watch is not None:
            self._watch.cancel()
        if self._canary is not None:
            self._canary.cancel()
            self._canary_ended(None)
        for ring in self._rings.values():
            ring.clear()
        self._last.clear()
        self._alarms.clear()
        self._drift.clear()
        self._runs.clear()
        self._watch = self._gateway.stream(
            lambda client: client.watch_monitor(history=HISTORY),
            self._take,
            self._watch_ended,
            capacity=8192,
            droppable=_is_sample,
        )
        self._gateway.call(lambda client: client.canary_runs(limit=100), self._take_runs, self._quiet)
        self.changed.emit()
        self.alarmsChanged.emit()

    def run_canary(self, seed: int = 0) -> None:
        """Runs the canary set against the active snapshot. The same seed asks the same questions."""
        if self._canary is None:
            self._progress = CanaryProgress(0, 0)
            self._canary = self._gateway.stream(
                lambda client: client.run_canary(seed=seed), self._take_canary, self._canary_ended
            )
            self.canaryChanged.emit()

    def stop_canary(self) -> None:
        if self._canary is not None:
            self._canary.cancel()
            self._canary_ended(None)

    def _take(self, events: list[MonitorEvent]) -> None:
        samples = alarms = thresholds = runs = False
        for event in events:
            if alarms and isinstance(event, Alarm | DriftAlarm) and not event.raised:
                # What was raised in the same batch is told before it is over.
                self.alarmsChanged.emit()
            match event:
                case Sample():
                    samples = True
                    self._append(event)
                case Alarm():
                    alarms = True
                    if event.raised:
                        self._alarms[event.threshold.signal] = event
                    else:
                        self._alarms.pop(event.threshold.signal, None)
                case DriftAlarm():
                    alarms = True
                    if event.raised:
                        self._drift[event.signal] = event
                    else:
                        self._drift.pop(event.signal, None)
                case Thresholds():
                    thresholds = True
                    self._thresholds = {threshold.signal: threshold for threshold in event.thresholds}
                case CanaryRun():
                    runs = self._add_run(event) or runs
                case Heartbeat():
                    pass
        if thresholds:
            self.thresholdsChanged.emit()
        if alarms:
            self.alarmsChanged.emit()
        if runs:
            self.canaryChanged.emit()
        if samples or thresholds:
            self.changed.emit()

    def _append(self, sample: Sample) -> None:
        if sample.time is None:
            return
        self._last[sample.signal] = sample
        lower = sample.value if sample.lower is None else sample.lower
        upper = sample.value if sample.upper is None else sample.upper
        self._rings[sample.signal].append((sample.time.timestamp(), sample.value, lower, upper))

    def _add_run(self, run: CanaryRun) -> bool:
        if any(known.name == run.name for known in self._runs):
            return False
        self._runs.append(run)
        self._runs.sort(key=_time_of)
        return True

    def _take_runs(self, runs: tuple[CanaryRun, ...]) -> None:
        for run in runs:
            self._add_run(run)
        self.canaryChanged.emit()

    def _take_canary(self, events: list[CanaryEvent]) -> None:
        for event in events:
            match event:
                case CanaryProgress():
                    self._progress = event
                case CanaryRun():
                    self._add_run(event)
        self.canaryChanged.emit()

    def _canary_ended(self, failure: Failure | None) -> None:
        self._canary = None
        self._progress = None
        self.canaryChanged.emit()
        if failure is not None:
            self.tell(failure)

    def _watch_ended(self, failure: Failure | None) -> None:
        self._watch = None
        if failure is not None:
            self._quiet(failure)

    def _quiet(self, failure: Failure) -> None:
        self.tell(failure)


def _is_sample(event: MonitorEvent) -> bool:
    """Of a plot only the newest matters; alarms, thresholds and canary runs are never dropped."""
    return isinstance(event, Sample)


def _time_of(run: CanaryRun) -> float:
    return run.create_time.timestamp() if run.create_time is not None else 0.0
