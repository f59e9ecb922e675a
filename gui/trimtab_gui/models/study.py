"""The study on the screen, and the way from one of its cells to the vectors dock."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import QObject, Signal
from trimtab_client.types import Stage, Vector

from trimtab_gui.models.steering import SteeringModel
from trimtab_gui.models.study_file import Arc, StudyFileError, StudySummary, read_study


@dataclass(frozen=True)
class Placement:
    """What the server has for one cell: its stage, and the vectors of the other stage, the likeliest first."""

    stage: Stage | None
    vectors: tuple[Vector, ...]

    @property
    def possible(self) -> bool:
        return self.stage is not None and bool(self.vectors)


class StudyModel(QObject):
    """One opened file, one of its arcs."""

    changed = Signal()
    # StudyFileError.
    refused = Signal(object)

    def __init__(self, steering: SteeringModel, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._steering = steering
        self._study: StudySummary | None = None
        self._path: Path | None = None
        self._arc = 0

    @property
    def study(self) -> StudySummary | None:
        return self._study

    @property
    def path(self) -> Path | None:
        return self._path

    @property
    def arc(self) -> Arc | None:
        return None if self._study is None else self._study.arcs[self._arc]

    def open(self, path: Path) -> bool:
        """Reads a summary; a file that cannot be shown leaves the study that was there."""
        try:
            study = read_study(path)
        except StudyFileError as error:
            self.refused.emit(error)
            return False
        self._study, self._path, self._arc = study, path, 0
        self.changed.emit()
        return True

    def choose_arc(self, index: int) -> None:
        if self._study is not None and index != self._arc:
            self._arc = index
            self.changed.emit()

    def placement(self, vector_stage: str, model_stage: str) -> Placement:
        """Stages are matched by their short names, such as "stage-07"."""
        stage = next((own for own in self._steering.stages if own.short_name == model_stage), None)
        vectors = [own for own in self._steering.vectors if own.stage.rpartition("/")[2] == vector_stage]
        vectors.sort(key=lambda own: (not own.compatible, own.suggested_strength <= 0, own.display_name))
        return Placement(stage, tuple(vectors))

    def use(self, vector: str, stage: Stage) -> None:
        """Sets the dock as the cell was measured: this vector alone, at the study's strength and layers, at this
        stage. A vector of another stage has to be forced, which the server puts on record."""
        arc, found = self.arc, self._steering.vector(vector)
        if arc is None or found is None:
            return
        for own in self._steering.vectors:
            if own.name != vector:
                self._steering.set_enabled(own.name, False)
        self._steering.choose_stage(stage.name)
        self._steering.set_strength(vector, arc.strength)
        self._steering.set_enabled(vector, True)
        self._steering.set_force(vector, found.stage != stage.name)
