"""The limits of side effects in criteria, one line each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from PySide6.QtCore import QSignalBlocker, Signal, Slot
from PySide6.QtWidgets import QComboBox, QDoubleSpinBox, QHBoxLayout, QLabel, QPushButton, QVBoxLayout

from trimtab_gui.models.trial_criteria import CriteriaModel
from trimtab_gui.models.trial_rows import pressure_text
from trimtab_gui.models.trial_words import EFFECTS, effect_text
from trimtab_gui.views.elements import Panel, set_tone

_PRESSURES: Final = ("neutral", "soft", "hard")
#: Decimals and the largest value that can be entered; what makes sense, the server says.
DECIMALS: Final = 3
_MOST: Final = 1000.0


class SideEffects(Panel):
    """One line for each limit; the fields of a line are made once and shown anew."""

    def __init__(self, model: CriteriaModel) -> None:
        super().__init__()
        self._model = model
        self.lines: list[SideEffectLine] = []
        self.add_button = QPushButton()
        self._lines = QVBoxLayout()
        self._lines.setSpacing(6)
        row = QHBoxLayout()
        row.addWidget(self.add_button)
        row.addStretch(1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        layout.addLayout(self._lines)
        layout.addLayout(row)
        self.add_button.clicked.connect(self._add)
        self.retranslate()

    def retranslate(self) -> None:
        self.add_button.setText(self.tr("Add a limit"))

    def show_effects(self, effects: list[dict[str, Any]]) -> None:
        while len(self.lines) < len(effects):
            line = SideEffectLine()
            line.edited.connect(self._write)
            line.removed.connect(self._remove)
            self.lines.append(line)
            self._lines.addWidget(line)
        while len(self.lines) > len(effects):
            line = self.lines.pop()
            self._lines.removeWidget(line)
            line.hide()
            line.deleteLater()
        for line, effect in zip(self.lines, effects, strict=True):
            line.show_effect(effect)

    @Slot()
    def _add(self) -> None:
        used = {line.measure.currentData() for line in self.lines}
        fresh = next((own for own in EFFECTS if own not in used), next(iter(EFFECTS)))
        written = [line.effect() for line in self.lines]
        self._model.set("side_effects", [*written, {"measure": fresh, "at_most": 0.1, "pressure": []}])
        if self.lines:
            self.lines[-1].measure.setFocus()

    @Slot()
    def _write(self) -> None:
        self._model.set("side_effects", [line.effect() for line in self.lines])

    @Slot()
    def _remove(self) -> None:
        gone = self.sender()
        self._model.set("side_effects", [line.effect() for line in self.lines if line is not gone])


class SideEffectLine(Panel):
    """What is measured, on which prompts, and how much of it is allowed."""

    edited = Signal()
    removed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.measure = QComboBox()
        self.pressure = QComboBox()
        self.at_most = share_field()
        self._sign = QLabel("≤")
        self.remove_button = QPushButton("✕")
        set_tone(self.remove_button, "flat")
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        layout.addWidget(self.measure, 3)
        layout.addWidget(self.pressure, 2)
        layout.addWidget(self._sign)
        layout.addWidget(self.at_most, 1)
        layout.addWidget(self.remove_button)
        for choice in (self.measure, self.pressure):
            choice.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
            choice.setMinimumContentsLength(10)
            choice.activated.connect(self.edited)
        self.at_most.valueChanged.connect(self.edited)
        self.remove_button.clicked.connect(self.removed)
        self.retranslate()

    def retranslate(self) -> None:
        self.measure.setAccessibleName(self.tr("Side effect"))
        self.pressure.setAccessibleName(self.tr("Measured on"))
        self.at_most.setAccessibleName(self.tr("At most"))
        self.remove_button.setAccessibleName(self.tr("Remove this limit"))
        self.remove_button.setToolTip(self.tr("Remove this limit"))
        measure, pressure = self.measure.currentData(), self.pressure.currentData()
        self.measure.clear()
        for own in EFFECTS:
            self.measure.addItem(effect_text(own), own)
        self.pressure.clear()
        self.pressure.addItem(self.tr("all prompts"), "")
        for own in _PRESSURES:
            self.pressure.addItem(pressure_text(own), own)
        self.measure.setCurrentIndex(max(0, self.measure.findData(measure)))
        self.pressure.setCurrentIndex(max(0, self.pressure.findData(pressure)))

    def show_effect(self, effect: Mapping[str, Any]) -> None:
        """Several pressures, which a file may name, are an entry of their own."""
        if self.measure.findData(effect["measure"]) < 0:
            self.measure.addItem(str(effect["measure"]), effect["measure"])
        self.measure.setCurrentIndex(self.measure.findData(effect["measure"]))
        several = ",".join(effect.get("pressure", ()))
        if self.pressure.findData(several) < 0:
            self.pressure.addItem(", ".join(map(pressure_text, effect["pressure"])), several)
        self.pressure.setCurrentIndex(self.pressure.findData(several))
        with QSignalBlocker(self.at_most):
            self.at_most.setValue(effect["at_most"])

    def effect(self) -> dict[str, Any]:
        named = str(self.pressure.currentData() or "")
        return {
            "measure": self.measure.currentData(),
            "at_most": round(self.at_most.value(), DECIMALS),
            "pressure": named.split(",") if named else [],
        }


def share_field() -> QDoubleSpinBox:
    """A field for a share or a difference of rates."""
    field = QDoubleSpinBox()
    field.setRange(-_MOST, _MOST)
    field.setDecimals(DECIMALS)
    field.setSingleStep(0.01)
    field.lineEdit().setTextMargins(6, 0, 0, 0)
    return field
