"""The steps of a rollout in a row, the present one marked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget
from trimtab_client.rollout_types import Plan, Rollout, RolloutState

from trimtab_gui.models.rollout_words import step_words
from trimtab_gui.views.elements import Panel, label, set_tone

# What stands in front of a step's number, so that its colour is not alone.
_MARKS: Final = {"done": "✓", "here": "▶", "held": "▮▮", "ended": "✕", "ahead": ""}


@dataclass(frozen=True)
class StepFacts:
    """One step as it is drawn: `place` is a key of `_MARKS`."""

    number: int
    text: str
    weight: int
    place: str


def facts_of(plan: Plan, rollout: Rollout | None = None) -> tuple[StepFacts, ...]:
    """The steps of a plan, with where a rollout under it stands."""
    words = step_words(plan.canonical_json, plan.steps)
    return tuple(
        StepFacts(index + 1, text, step.weight, "ahead" if rollout is None else _place(rollout, index))
        for index, (step, text) in enumerate(zip(plan.steps, words, strict=True))
    )


def _place(rollout: Rollout, index: int) -> str:
    if rollout.state is RolloutState.PROMOTED or (index < rollout.step and rollout.start_time is not None):
        return "done"
    if rollout.state is RolloutState.CREATED or rollout.start_time is None or index > rollout.step:
        return "ahead"
    match rollout.state:
        case RolloutState.RUNNING:
            return "here"
        case RolloutState.PAUSED:
            return "held"
        case _:
            return "ended"


class StepCell(Panel):
    """One step: its mark and number, what it is, and the share of sessions from there on."""

    def __init__(self) -> None:
        super().__init__("step")
        self._head = label("heading")
        self._text = label(wrap=True)
        self._text.setAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop)
        self._weight = label("caption")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(10, 6, 8, 6)
        layout.setSpacing(2)
        layout.addWidget(self._head)
        layout.addWidget(self._text, 1)
        layout.addWidget(self._weight)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Minimum)

    def show_step(self, step: StepFacts) -> None:
        self._head.setText(f"{_MARKS[step.place]} {step.number}".strip())
        self._text.setText(step.text)
        self._weight.setText(self.tr("weight {0}%").format(step.weight))
        set_tone(self, step.place)
        here = {
            "done": self.tr("done"),
            "here": self.tr("the present step"),
            "held": self.tr("held here"),
            "ended": self.tr("ended here"),
            "ahead": self.tr("to come"),
        }[step.place]
        self.setAccessibleName(
            self.tr("Step {0}: {1}, weight {2}%, {3}").format(step.number, step.text, step.weight, here)
        )
        self.setToolTip(self.accessibleName())


class StepTrack(Panel):
    """All steps, from left to right."""

    def __init__(self) -> None:
        super().__init__()
        self._steps: tuple[StepFacts, ...] = ()
        self.cells: list[StepCell] = []
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.setSpacing(4)

    def show_steps(self, steps: Sequence[StepFacts]) -> None:
        """Draws other steps; equal ones change nothing."""
        if tuple(steps) == self._steps:
            return
        self._steps = tuple(steps)
        while len(self.cells) > len(steps):
            cell = self.cells.pop()
            self._row.removeWidget(cell)
            cell.hide()
            cell.deleteLater()
        while len(self.cells) < len(steps):
            cell = StepCell()
            self.cells.append(cell)
            self._row.addWidget(cell, 1)
        self._draw()

    def retranslate(self) -> None:
        self.setAccessibleName(self.tr("Steps of the rollout"))
        self._draw()

    def _draw(self) -> None:
        for cell, step in zip(self.cells, self._steps, strict=True):
            cell.show_step(step)

    @property
    def present(self) -> QWidget | None:
        """The cell of the step where it stands."""
        places = {"here", "held", "ended"}
        found = (cell for cell, step in zip(self.cells, self._steps, strict=True) if step.place in places)
        return next(found, None)
