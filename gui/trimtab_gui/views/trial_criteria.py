"""Criteria as fields beside their text: what decides, by how much, and what must not get worse."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from PySide6.QtCore import QSignalBlocker, Slot
from PySide6.QtGui import QFontDatabase
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPlainTextEdit,
    QSpinBox,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from trimtab_gui.models.trial_criteria import CriteriaModel
from trimtab_gui.models.trial_faults import fault_text
from trimtab_gui.models.trial_rows import pressure_text
from trimtab_gui.models.trial_words import MEASURES, SCORERS, named
from trimtab_gui.views.elements import Panel, label
from trimtab_gui.views.trial_side_effects import DECIMALS, SideEffects, share_field

_PRESSURES: Final = ("neutral", "soft", "hard")
_FIELDS: Final = (
    "goal",
    "scorer",
    "measure",
    "pressure",
    "margin",
    "prompt_margin",
    "min_prompts",
    "alpha",
    "seeds",
    "temperature",
)


class CriteriaEditor(Panel):
    """Both pages show one thing: a change in either is in the other at once.

    of_case: with the number of repeats, and without the goal, which is the case's own.
    """

    def __init__(self, model: CriteriaModel, *, of_case: bool = False) -> None:
        super().__init__("card")
        self._model = model
        self._of_case = of_case
        self._title = label("heading")
        self._hint = label("caption", wrap=True)
        self.tabs = QTabWidget()
        self.tabs.setDocumentMode(True)
        self.labels = {name: label("muted") for name in (*_FIELDS, "effects")}
        self.faults = {name: label("error", wrap=True) for name in (*_FIELDS, "effects", "other")}
        self.goal = QLineEdit()
        self.scorer = QComboBox()
        self.measure = QComboBox()
        self.pressures = {own: QCheckBox() for own in _PRESSURES}
        self.margin = share_field()
        self.prompt_margin = share_field()
        self.alpha = share_field()
        self.min_prompts = QSpinBox()
        self.min_prompts.setRange(0, 100_000)
        self.seeds = QSpinBox()
        self.seeds.setRange(1, 1000)
        for count in (self.min_prompts, self.seeds):
            count.lineEdit().setTextMargins(6, 0, 0, 0)
        self.temperature = share_field()
        self.effects = SideEffects(model)
        self.text = QPlainTextEdit()
        self.text.setFont(QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont))
        self.text.setTabChangesFocus(True)
        self.text.setMinimumHeight(320)
        self._fields: dict[str, QWidget] = {
            "goal": self.goal,
            "scorer": self.scorer,
            "measure": self.measure,
            "margin": self.margin,
            "prompt_margin": self.prompt_margin,
            "min_prompts": self.min_prompts,
            "alpha": self.alpha,
            "seeds": self.seeds,
            "temperature": self.temperature,
        }
        self._build()
        self._wire()
        self.retranslate()

    # Building ---------------------------------------------------------------------------------------------

    def _build(self) -> None:
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 12, 16, 14)
        layout.setSpacing(8)
        layout.addWidget(self._title)
        layout.addWidget(self._hint)
        layout.addWidget(self.faults["other"])
        layout.addWidget(self.tabs)
        self.tabs.addTab(self._make_fields(), "")
        self.tabs.addTab(self.text, "")

    def _make_fields(self) -> QWidget:
        page = QWidget()
        self.page = page
        grid = QGridLayout(page)
        grid.setContentsMargins(0, 10, 0, 0)
        grid.setHorizontalSpacing(14)
        grid.setVerticalSpacing(4)
        if not self._of_case:
            self._put(grid, 0, 0, "goal", self.goal, wide=True)
        pressures = QWidget()
        boxes = QHBoxLayout(pressures)
        boxes.setContentsMargins(0, 0, 0, 0)
        for box in self.pressures.values():
            boxes.addWidget(box)
        boxes.addStretch(1)
        self._put(grid, 1, 0, "scorer", self.scorer)
        self._put(grid, 1, 1, "measure", self.measure)
        self._put(grid, 2, 0, "pressure", pressures, wide=True)
        self._put(grid, 3, 0, "margin", self.margin)
        self._put(grid, 3, 1, "prompt_margin", self.prompt_margin)
        self._put(grid, 4, 0, "min_prompts", self.min_prompts)
        self._put(grid, 4, 1, "alpha", self.alpha)
        if self._of_case:
            self._put(grid, 5, 0, "seeds", self.seeds)
            self._put(grid, 5, 1, "temperature", self.temperature)
        self._put(grid, 6, 0, "effects", self.effects, wide=True)
        grid.setColumnStretch(0, 1)
        grid.setColumnStretch(1, 1)
        grid.setRowStretch(99, 1)
        return page

    def _put(
        self, grid: QGridLayout, row: int, column: int, name: str, field: QWidget, *, wide: bool = False
    ) -> None:
        width = 2 if wide else 1
        self.labels[name].setWordWrap(True)
        for place, widget in enumerate((self.labels[name], field, self.faults[name])):
            grid.addWidget(widget, 3 * row + place, column, 1, width)
        self.labels[name].setBuddy(field)

    def _wire(self) -> None:
        self._model.changed.connect(self._show)
        self._model.edited.connect(self._show)
        self.goal.textEdited.connect(self._set_goal)
        self.scorer.activated.connect(self._set_scorer)
        self.measure.activated.connect(self._set_measure)
        for box in self.pressures.values():
            box.clicked.connect(self._set_pressures)
        self.margin.valueChanged.connect(self._set_margin)
        self.prompt_margin.valueChanged.connect(self._set_prompt_margin)
        self.alpha.valueChanged.connect(self._set_alpha)
        self.min_prompts.valueChanged.connect(self._set_min_prompts)
        self.seeds.valueChanged.connect(self._set_seeds)
        self.temperature.valueChanged.connect(self._set_temperature)
        self.text.textChanged.connect(self._set_text)

    def retranslate(self) -> None:
        self._title.setText(self.tr("Criteria"))
        self.tabs.setTabText(0, self.tr("Fields"))
        self.tabs.setTabText(1, self.tr("Text"))
        self.tabs.setAccessibleName(self.tr("Criteria, as fields or as text"))
        self.tabs.tabBar().setAccessibleName(self.tr("Criteria, as fields or as text"))
        texts = {
            "goal": self.tr("Goal"),
            "scorer": self.tr("Scored by"),
            "measure": self.tr("What is compared"),
            "pressure": self.tr("Prompts that decide (none ticked: all that are not neutral)"),
            "margin": self.tr("Gain over unsteered that must be shown"),
            "prompt_margin": self.tr("A prompt is enough if it is behind by at most"),
            "min_prompts": self.tr("Independent prompts, at least"),
            "alpha": self.tr("Level of each bound (0.05: 95%)"),
            "seeds": self.tr("Repeats"),
            "temperature": self.tr("Temperature"),
            "effects": self.tr("Side effects, at most"),
        }
        for name, text in texts.items():
            self.labels[name].setText(text)
        for name, field in self._fields.items():
            field.setAccessibleName(texts[name])
        self.text.setAccessibleName(self.tr("Criteria as text, TOML or JSON"))
        for own, box in self.pressures.items():
            box.setText(pressure_text(own))
            box.setAccessibleName(self.tr("Decides: {0}").format(pressure_text(own)))
        for choice, words in ((self.scorer, SCORERS), (self.measure, MEASURES)):
            chosen = choice.currentData()
            with QSignalBlocker(choice):
                choice.clear()
                for key in words:
                    choice.addItem(named(words, key), key)
                choice.setCurrentIndex(choice.findData(chosen))
        self._show()

    # Changing ---------------------------------------------------------------------------------------------

    @Slot(str)
    def _set_goal(self, text: str) -> None:
        self._model.set("goal", text)

    @Slot(int)
    def _set_scorer(self, _index: int) -> None:
        self._model.set_scorer(self.scorer.currentData())

    @Slot(int)
    def _set_measure(self, _index: int) -> None:
        self._model.set("measure", self.measure.currentData())

    @Slot()
    def _set_pressures(self) -> None:
        self._model.set("pressure", [own for own, box in self.pressures.items() if box.isChecked()])

    @Slot(float)
    def _set_margin(self, value: float) -> None:
        self._model.set("margin", round(value, DECIMALS))

    @Slot(float)
    def _set_prompt_margin(self, value: float) -> None:
        self._model.set("prompt_margin", round(value, DECIMALS))

    @Slot(float)
    def _set_alpha(self, value: float) -> None:
        self._model.set("alpha", round(value, DECIMALS))

    @Slot(int)
    def _set_min_prompts(self, value: int) -> None:
        self._model.set("min_prompts", value)

    @Slot(int)
    def _set_seeds(self, value: int) -> None:
        self._model.set("seeds", list(range(1, value + 1)))

    @Slot(float)
    def _set_temperature(self, value: float) -> None:
        sampling = (self._model.record or {}).get("sampling", {})
        self._model.set("sampling", {**sampling, "temperature": round(value, DECIMALS)})

    @Slot()
    def _set_text(self) -> None:
        self._model.write_text(self.text.toPlainText())

    # Showing ----------------------------------------------------------------------------------------------

    @Slot()
    def _show(self) -> None:
        record = self._model.record
        editable = record is not None and not self._model.is_locked
        self.page.setEnabled(editable)
        self.text.setReadOnly(self._model.is_locked)
        if self.text.toPlainText() != self._model.text:
            with QSignalBlocker(self.text):
                self.text.setPlainText(self._model.text)
        if self._model.is_locked:
            self._hint.setText(self.tr("Locked by the case: they cannot be changed."))
        elif record is None:
            self._hint.setText(self.tr("The fields are filled once the server has read the criteria."))
        else:
            self._hint.setText(
                self.tr("The server checks every change. A change in the fields rewrites the text as JSON.")
            )
        if record is not None:
            self._show_record(record)
        self._show_faults()

    def _show_record(self, record: Mapping[str, Any]) -> None:
        if self.goal.text() != record.get("goal", ""):
            self.goal.setText(record.get("goal", ""))
        for choice, key in ((self.scorer, record["scorer"]["kind"]), (self.measure, record["measure"])):
            choice.setCurrentIndex(choice.findData(key))
        for own, box in self.pressures.items():
            box.setChecked(own in record["pressure"])
        figures: dict[QSpinBox | QDoubleSpinBox, float] = {
            self.margin: record["margin"],
            self.prompt_margin: record["prompt_margin"],
            self.alpha: record["alpha"],
            self.min_prompts: record["min_prompts"],
            self.seeds: len(record.get("seeds", ())) or record.get("repeats", 1),
            self.temperature: record.get("sampling", {}).get("temperature", 0.0),
        }
        for field, value in figures.items():
            with QSignalBlocker(field):
                if isinstance(field, QSpinBox):
                    field.setValue(int(value))
                else:
                    field.setValue(float(value))
        self.effects.show_effects(record["side_effects"])

    def _show_faults(self) -> None:
        keys = {"effects": "side_effects", "temperature": "sampling"}
        shown: set[str] = set()
        for name in (*_FIELDS, "effects"):
            key = keys.get(name, name)
            text = self._model.fault(key) if name in self._fields or name in ("pressure", "effects") else ""
            if (name in ("seeds", "temperature")) != self._of_case and name in (
                "seeds",
                "temperature",
                "goal",
            ):
                text = ""
            _tell(self.faults[name], text)
            if text:
                shown.update(
                    own for own in self._model.faults if own == key or own.startswith((f"{key}.", f"{key}["))
                )
        rest = [f"{key}: {fault_text(text)}" for key, text in self._model.faults.items() if key not in shown]
        _tell(self.faults["other"], "\n".join(rest))


def _tell(place: QLabel, text: str) -> None:
    place.setText(text)
    place.setVisible(bool(text))
