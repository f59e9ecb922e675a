"""Second and third page of the wizard: where the model is read, and how the direction is made."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import QSignalBlocker, Slot
from PySide6.QtWidgets import (
    QButtonGroup,
    QCheckBox,
    QComboBox,
    QGridLayout,
    QLineEdit,
    QRadioButton,
    QSpinBox,
    QWidget,
)
from trimtab_client.types import StageState

from trimtab_gui.models.extraction import ExtractionModel
from trimtab_gui.models.extraction_words import METHODS, POSITIONS, spans, words
from trimtab_gui.models.workspace import Workspace
from trimtab_gui.views.elements import Panel, label
from trimtab_gui.views.lengths import fix_width
from trimtab_gui.views.wizard_page import WizardPage


class Choices(Panel):
    """One of a few, each with a line on when it is right."""

    def __init__(self, choices: Mapping[str, tuple[str, str]]) -> None:
        super().__init__()
        self._choices = choices
        self.group = QButtonGroup(self)
        self.buttons = {key: QRadioButton() for key in choices}
        self._notes = {key: label("caption", wrap=True) for key in choices}
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setVerticalSpacing(1)
        grid.setColumnMinimumWidth(0, 22)
        grid.setColumnStretch(1, 1)
        for place, (key, button) in enumerate(self.buttons.items()):
            self.group.addButton(button)
            grid.addWidget(button, 2 * place, 0, 1, 2)
            grid.addWidget(self._notes[key], 2 * place + 1, 1)
        self.retranslate()

    def retranslate(self) -> None:
        for key, (title, note) in self._choices.items():
            self.buttons[key].setText(words(title))
            self.buttons[key].setAccessibleDescription(words(note))
            self._notes[key].setText(words(note))

    @property
    def chosen(self) -> str:
        return next((key for key, button in self.buttons.items() if button.isChecked()), "")

    def choose(self, key: str) -> None:
        """Shows a choice without reporting it."""
        with QSignalBlocker(self.group):
            self.buttons[key].setChecked(True)


class WherePage(WizardPage):
    """Stage, position and layers."""

    def __init__(self, workspace: Workspace, model: ExtractionModel) -> None:
        super().__init__()
        self._workspace = workspace
        self._model = model
        self._layers_wrong = ""
        self._labels = {name: label("heading") for name in ("stage", "position", "layers")}
        self._stage_note = label("caption", wrap=True)
        self.stage_choice = QComboBox()
        self.positions = Choices(POSITIONS)
        self.all_layers = QCheckBox()
        self.layers_field = QLineEdit()
        fix_width(self.layers_field, 160)
        self.fault = label("error", wrap=True)
        self.body.addWidget(self._labels["stage"])
        self.body.addWidget(self.stage_choice)
        self.body.addWidget(self._stage_note)
        self.body.addWidget(self._labels["position"])
        self.body.addWidget(self.positions)
        self.body.addWidget(self._labels["layers"])
        self.body.addWidget(self.all_layers)
        self.body.addWidget(self.layers_field)
        self.body.addWidget(self.fault)
        self.body.addStretch(1)
        self.stage_choice.activated.connect(self._choose_stage)
        self.positions.group.buttonClicked.connect(self._choose_position)
        self.all_layers.toggled.connect(self._choose_layers)
        self.layers_field.textEdited.connect(self._choose_layers)
        model.draftChanged.connect(self._show)
        model.reviewChanged.connect(self._show)
        workspace.steering.stagesChanged.connect(self._show_stages)
        self.all_layers.setChecked(True)
        self.retranslate()

    @property
    def title(self) -> str:
        return self.tr("Where to read it")

    @property
    def first_field(self) -> QWidget:
        return self.stage_choice

    @property
    def can_go_on(self) -> bool:
        model = self._model
        return bool(model.draft.stage) and not self._layers_wrong and model.review is not None

    def retranslate(self) -> None:
        self._labels["stage"].setText(self.tr("At which stage"))
        self._labels["position"].setText(self.tr("At which place of the text"))
        self._labels["layers"].setText(self.tr("In which layers"))
        self._stage_note.setText(
            self.tr(
                "A vector works at the stage it was made at. Take the stage that is in use, unless you study another"
                " one."
            )
        )
        self.all_layers.setText(self.tr("All layers: the sweep then finds the ones that work"))
        self.layers_field.setPlaceholderText(self.tr("such as 2-6 or 1,3"))
        self.layers_field.setAccessibleName(self.tr("Layers"))
        self.stage_choice.setAccessibleName(self.tr("Stage"))
        self._show_stages()
        self._show()

    @Slot(int)
    def _choose_stage(self, index: int) -> None:
        self._model.change(stage=str(self.stage_choice.itemData(index) or ""))

    @Slot()
    def _choose_position(self) -> None:
        self._model.change(position=self.positions.chosen)

    @Slot()
    def _choose_layers(self) -> None:
        every = self.all_layers.isChecked()
        self.layers_field.setVisible(not every)
        layers, self._layers_wrong = ((), "") if every else self._read_layers()
        self._model.change(layers=layers)
        self._show()

    def _read_layers(self) -> tuple[tuple[int, ...], str]:
        """The layers that are written, and what is wrong with them."""
        model = self._workspace.hosted.model
        count = model.layer_count if model is not None else 0
        found: set[int] = set()
        for part in self.layers_field.text().replace("–", "-").replace("、", ",").split(","):
            first, dash, last = part.strip().partition("-")
            if not first.isdecimal() or (dash and not last.strip().isdecimal()):
                return (), self.tr("Write layers as 2-6 or 1,3.")
            begin, end = int(first), int(last or first)
            if begin > end or end >= count:
                return (), self.tr("The model has layers 0 to {0}.").format(count - 1)
            found |= set(range(begin, end + 1))
        return tuple(sorted(found)), ""

    @Slot()
    def _show_stages(self) -> None:
        with QSignalBlocker(self.stage_choice):
            self.stage_choice.clear()
            for stage in self._workspace.steering.stages:
                text = stage.short_name
                if stage.state is StageState.LOADED:
                    text = self.tr("{0} (loaded)").format(text)
                self.stage_choice.addItem(text, stage.name)
            self.stage_choice.setCurrentIndex(self.stage_choice.findData(self._model.draft.stage))

    @Slot()
    def _show(self) -> None:
        draft, review = self._model.draft, self._model.review
        self.positions.choose(draft.position)
        failure = self._model.review_failure
        if review is not None:
            for key, button in self.positions.buttons.items():
                button.setEnabled(key in review.positions)
        with QSignalBlocker(self.stage_choice):
            self.stage_choice.setCurrentIndex(self.stage_choice.findData(draft.stage))
        self.layers_field.setVisible(not self.all_layers.isChecked())
        text = self._layers_wrong or ("" if failure is None else failure.message)
        self.fault.setText(text)
        self.fault.setVisible(bool(text))
        self.changed.emit()


class HowPage(WizardPage):
    """Method and seed."""

    def __init__(self, model: ExtractionModel) -> None:
        super().__init__()
        self._model = model
        self._labels = {name: label("heading") for name in ("method", "seed")}
        self._seed_note = label("caption", wrap=True)
        self.methods = Choices(METHODS)
        self.seed = QSpinBox()
        self.seed.setRange(0, 2**31 - 1)
        self.seed.lineEdit().setTextMargins(6, 0, 0, 0)
        fix_width(self.seed, 160)
        self.body.addWidget(self._labels["method"])
        self.body.addWidget(self.methods)
        self.body.addWidget(self._labels["seed"])
        self.body.addWidget(self.seed)
        self.body.addWidget(self._seed_note)
        self.body.addStretch(1)
        self.methods.group.buttonClicked.connect(self._choose_method)
        self.seed.valueChanged.connect(self._choose_seed)
        model.draftChanged.connect(self._show)
        self.retranslate()
        self._show()

    @property
    def title(self) -> str:
        return self.tr("How to make it")

    @property
    def first_field(self) -> QWidget:
        return self.methods.buttons[self.methods.chosen or "diff_mean"]

    def retranslate(self) -> None:
        self._labels["method"].setText(self.tr("Method"))
        self._labels["seed"].setText(self.tr("Seed"))
        self.seed.setAccessibleName(self.tr("Seed"))
        self._seed_note.setText(
            self.tr(
                "The same seed gives the same vector. It draws the held-out pairs where your file names none, and what"
                " LAT draws."
            )
        )

    @Slot()
    def _choose_method(self) -> None:
        self._model.change(method=self.methods.chosen)

    @Slot(int)
    def _choose_seed(self, value: int) -> None:
        self._model.change(seed=value)

    @Slot()
    def _show(self) -> None:
        self.methods.choose(self._model.draft.method)
        with QSignalBlocker(self.seed):
            self.seed.setValue(self._model.draft.seed)
        self.changed.emit()


def layers_text(layers: tuple[int, ...], every: str) -> str:
    """Layers as people write them; `every` where none are named."""
    return spans(layers) if layers else every
