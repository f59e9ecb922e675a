"""What was measured of each vector, and the measurement that runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from PySide6.QtCore import QObject, Signal
from trimtab_client import Progress, VectorMeasurement
from trimtab_client.types import Vector

from trimtab_gui.bridge import Failure, Gateway, Stream
from trimtab_gui.models.hosted import HostedModel
from trimtab_gui.models.measuring_questions import MeasuringQuestions
from trimtab_gui.models.telling import TellingModel

LayerGroups = tuple[tuple[int, ...], ...]


class Scope(StrEnum):
    """How much is measured."""

    # A few questions at one place: where it begins to work, not whether it is safe.
    GLANCE = "glance"
    # All questions at the likeliest places: enough for a recommendation there.
    USUAL = "usual"
    # All questions at every place.
    THOROUGH = "thorough"


@dataclass(frozen=True)
class _Plan:
    strengths: tuple[float, ...]
    questions_per_kind: int


_PLANS: Final = {
    Scope.GLANCE: _Plan((0.1, 0.2, 0.3, 0.45, 0.6), 6),
    Scope.USUAL: _Plan((0.1, 0.2, 0.3, 0.35, 0.4, 0.5, 0.6, 0.8), 0),
    Scope.THOROUGH: _Plan((), 0),
}


def layers_of(vector: Vector, scope: Scope) -> LayerGroups:
    """Where a vector is swept; empty: the server's own choice, which is everywhere."""
    if scope is Scope.THOROUGH or not vector.layers:
        return ()
    best = best_layer(vector)
    pairs = [group for group in ((best - 1, best), (best, best + 1)) if set(group) <= set(vector.layers)]
    if scope is Scope.GLANCE:
        return (pairs[0] if pairs else (best,),)
    return ((best,), *pairs)


def best_layer(vector: Vector) -> int:
    """The layer at which held-out pairs are told apart best; the middle one where nothing was measured."""
    figures: Sequence[float] = vector.separations or vector.pair_accuracies
    if len(figures) != len(vector.layers):
        return vector.layers[len(vector.layers) // 2]
    return vector.layers[max(range(len(figures)), key=lambda place: figures[place])]


class MeasurementsModel(TellingModel):
    """One measurement runs at a time, and goes on whatever is open; each vector's newest one is kept here."""

    # A vector's name: its measurement has come, or it is known that there is none.
    changed = Signal(str)
    # The run began, went on, or ended.
    runChanged = Signal()
    # A vector's name: measured to the end.
    measured = Signal(str)

    def __init__(self, gateway: Gateway, hosted: HostedModel, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._gateway = gateway
        self.questions = MeasuringQuestions(hosted, self)
        self._known: dict[str, VectorMeasurement | None] = {}
        self._asked: set[str] = set()
        self._running = ""
        self._stream: Stream | None = None
        self._progress: Progress | None = None
        self._failures: dict[str, Failure] = {}

    def forget(self) -> None:
        """Of another server nothing is known; what ran there ended with the connection."""
        self._known, self._asked = {}, set()
        self._failures = {}

    # What is known ----------------------------------------------------------------------------------------

    def find(self, vector: str) -> VectorMeasurement | None:
        return self._known.get(vector)

    def is_known(self, vector: str) -> bool:
        """Whether the server has said that there is one, or none."""
        return vector in self._known

    def failure(self, vector: str) -> Failure | None:
        """Why the last measurement of a vector came to nothing."""
        return self._failures.get(vector)

    def read(self, vector: str) -> None:
        """Asks for a vector's measurement, once."""
        if vector in self._asked:
            return
        self._asked.add(vector)
        answer = _Answer(self, vector)
        self._gateway.call(lambda client: client.measurements.get(vector), answer.done, answer.failed)

    def take(self, vector: str, measurement: VectorMeasurement | None) -> None:
        self._known[vector] = measurement
        self.changed.emit(vector)

    def refuse(self, vector: str, failure: Failure) -> None:
        """There is none, or it could not be read: then it is asked for again next time."""
        if failure.reason == "MEASUREMENT_NOT_FOUND":
            self.take(vector, None)
            return
        self._asked.discard(vector)
        self.tell(failure)

    # Measuring --------------------------------------------------------------------------------------------

    @property
    def running(self) -> str:
        """The vector that is being measured; empty while there is none."""
        # A stream that the connection took with it ends without a word.
        return self._running if self._stream is not None and self._stream.is_open else ""

    @property
    def progress(self) -> Progress | None:
        return self._progress

    def measure(self, vector: Vector, scope: Scope, contrast_set: bytes = b"", seed: int = 0) -> None:
        """Begins, unless one runs. contrast_set: what it was extracted from, if that is a file of the operator's."""
        if self.running:
            return
        self._running, self._progress = vector.name, None
        self._failures.pop(vector.name, None)
        plan, layers, name = _PLANS[scope], layers_of(vector, scope), vector.name
        questions, questions_name = self.questions.content, self.questions.file_name
        self._stream = self._gateway.stream(
            lambda client: client.measurements.measure(
                name,
                layers=layers,
                strengths=plan.strengths,
                questions=questions,
                questions_name=questions_name,
                questions_per_kind=plan.questions_per_kind,
                contrast_set=contrast_set,
                seed=seed,
            ),
            self._received,
            self._ended,
        )
        self.runChanged.emit()

    def cancel(self) -> None:
        """Stops; what was measured stays with the server and is not measured again."""
        if self._stream is not None:
            self._stream.cancel()
        self._end()

    def _received(self, events: list[Progress | VectorMeasurement]) -> None:
        for event in events:
            if isinstance(event, Progress):
                self._progress = event
            else:
                self._asked.add(event.vector)
                self.take(event.vector, event)
                self.measured.emit(event.vector)
        self.runChanged.emit()

    def _ended(self, failure: Failure | None) -> None:
        if failure is not None:
            self._failures[self._running] = failure
        self._end()

    def _end(self) -> None:
        self._running, self._stream, self._progress = "", None, None
        self.runChanged.emit()


class _Answer:
    """Where the answer about one vector goes."""

    def __init__(self, model: MeasurementsModel, vector: str) -> None:
        self._model, self._vector = model, vector

    def done(self, measurement: VectorMeasurement) -> None:
        self._model.take(self._vector, measurement)

    def failed(self, failure: Failure) -> None:
        self._model.refuse(self._vector, failure)
