"""Studies: which stage's vector works how well on which stage, and whether a window was found."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from PySide6.QtCore import QCoreApplication, QSignalBlocker, Qt, Signal, Slot
from PySide6.QtWidgets import (
    QComboBox,
    QFileDialog,
    QHBoxLayout,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QSplitter,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from trimtab_gui.i18n import QT_TRANSLATE_NOOP
from trimtab_gui.models.study import Placement, StudyModel
from trimtab_gui.models.study_file import MATRICES, STATISTICS, Arc, StudyFileError, Window
from trimtab_gui.models.study_words import say
from trimtab_gui.models.table import Column, RowsModel
from trimtab_gui.models.workspace import Workspace
from trimtab_gui.theme import Theme
from trimtab_gui.views.elements import Choice, ElidedLabel, Panel, Table, label, number, set_tone
from trimtab_gui.views.heat_map import HeatMap
from trimtab_gui.views.lengths import limit_width
from trimtab_gui.views.stage_plot import StagePlot

_FAULTS: Final = {
    "too_large": QT_TRANSLATE_NOOP("Study", "The file is larger than 64 MiB and is no summary of a study."),
    "unreadable": QT_TRANSLATE_NOOP("Study", "The file cannot be read: {0}"),
    "not_json": QT_TRANSLATE_NOOP("Study", "The file is not JSON: {0}. Open the summary.json of a study."),
    "no_study": QT_TRANSLATE_NOOP(
        "Study", "This is no summary of a study. Open the summary.json in the study's folder."
    ),
    "schema": QT_TRANSLATE_NOOP(
        "Study", "The summary has version {0}, which this client does not read. Update the client."
    ),
    "damaged": QT_TRANSLATE_NOOP("Study", "The summary is damaged: {0}. Write it again from the study."),
}
_MATRIX_NAMES: Final = {
    "effect": QT_TRANSLATE_NOOP("Study", "Effect at the reference strength (nat)"),
    "specific_slope": QT_TRANSLATE_NOOP("Study", "Steerability above random vectors (nat per strength)"),
    "normalised_effect": QT_TRANSLATE_NOOP("Study", "Effect against that of a lying line"),
    "transfer": QT_TRANSLATE_NOOP("Study", "Transfer: effect against the stage's own vector"),
    "stability": QT_TRANSLATE_NOOP("Study", "Stability: cosine between the stages' vectors"),
}
_STATISTIC_NAMES: Final = {
    "receptivity": QT_TRANSLATE_NOOP("Study", "Receptivity to vectors (nat per strength)"),
    "lag": QT_TRANSLATE_NOOP("Study", "Gain by a push in training (nat per step)"),
}
_VERDICTS: Final = {
    "confirmed": QT_TRANSLATE_NOOP("Study", "confirmed"),
    "candidate": QT_TRANSLATE_NOOP("Study", "candidate, not confirmed"),
    "none": QT_TRANSLATE_NOOP("Study", "no window"),
    "undecided": QT_TRANSLATE_NOOP("Study", "undecided"),
}
_TONES: Final = {"confirmed": "good", "candidate": "warning", "none": "", "undecided": "warning"}
_MARKS: Final = {"confirmed": "✓", "candidate": "?", "none": "–", "undecided": "?"}
_WORDS: Final = {
    "window": QT_TRANSLATE_NOOP("Study", "A window: it opens and closes."),
    "late rise": QT_TRANSLATE_NOOP("Study", "A late rise: it opens and stays open."),
}


def _translated(text: str) -> str:
    return QCoreApplication.translate("Study", text)


@dataclass(frozen=True)
class _StageRow:
    stage: str
    value: float | None
    low: float | None
    high: float | None
    lies: float | None
    marked: str


def _figure(value: float | None, digits: int = 2) -> str:
    return "–" if value is None else number(value, digits)


def _interval(row: _StageRow) -> str:
    if row.low is None or row.high is None:
        return "–"
    return f"{number(row.low, 2)} – {number(row.high, 2)}"


_COLUMNS: Final = (
    Column[_StageRow](QT_TRANSLATE_NOOP("Tables", "Stage"), lambda row: row.stage),
    Column[_StageRow](QT_TRANSLATE_NOOP("Tables", "Value"), lambda row: _figure(row.value), align_right=True),
    Column[_StageRow](QT_TRANSLATE_NOOP("Tables", "95% interval"), _interval),
    Column[_StageRow](
        QT_TRANSLATE_NOOP("Tables", "Lies, unsteered"),
        lambda row: "–" if row.lies is None else f"{number(100 * row.lies, 0)}%",
        align_right=True,
    ),
    Column[_StageRow](QT_TRANSLATE_NOOP("Tables", "Window"), lambda row: row.marked),
)


class StudiesPage(Panel):
    """Opens the summary of a study, and leads from a cell to the vectors dock."""

    def __init__(self, workspace: Workspace, theme: Theme) -> None:
        super().__init__()
        self._workspace = workspace
        self.model = StudyModel(workspace.steering, self)
        self.empty = EmptyStudies()
        self._title = ElidedLabel("heading")
        self._source = ElidedLabel("caption")
        self.error = label("error", wrap=True)
        self.error.hide()
        self.open_button = QPushButton()
        self.arc_choice = Choice()
        self.matrix_choice = Choice()
        self.statistic_choice = Choice()
        self._labels = {name: label("muted") for name in ("arc", "matrix", "statistic")}
        self.heat_map = HeatMap(theme)
        self.cell_panel = CellPanel(workspace, self.model)
        self.verdict = WindowPanel()
        self.plot = StagePlot(theme)
        self.table = Table()
        self._rows: RowsModel[_StageRow] = RowsModel(_COLUMNS, self)
        self.table.setModel(self._rows)
        self._caveats = label("caption", wrap=True)
        self._dialog: QFileDialog | None = None
        self._stack = QStackedWidget()
        self._build()
        self._wire()
        self.retranslate()

    # Building ---------------------------------------------------------------------------------------------

    def _build(self) -> None:
        head = QHBoxLayout()
        head.setSpacing(8)
        head.addWidget(self._title, 2)
        head.addWidget(self._source, 3)
        head.addWidget(self._labels["arc"])
        head.addWidget(self.arc_choice)
        head.addWidget(self.open_button)
        inside = QWidget()
        column = QVBoxLayout(inside)
        column.setContentsMargins(0, 0, 6, 0)
        column.setSpacing(10)
        column.addLayout(head)
        column.addWidget(self._make_halves(), 1)
        column.addWidget(self._caveats)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(inside)
        self._stack.addWidget(self.empty)
        self._stack.addWidget(scroll)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 8, 0, 0)
        layout.addWidget(self.error)
        layout.addWidget(self._stack, 1)

    def _make_halves(self) -> QWidget:
        right = QWidget()
        column = QVBoxLayout(right)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(10)
        column.addWidget(self.cell_panel)
        column.addWidget(self._make_timeline(), 1)
        halves = QSplitter(Qt.Orientation.Horizontal)
        halves.setChildrenCollapsible(False)
        halves.setHandleWidth(8)
        halves.addWidget(self._make_matrix())
        halves.addWidget(right)
        halves.setStretchFactor(0, 3)
        halves.setStretchFactor(1, 2)
        halves.setSizes([760, 500])
        return halves

    def _make_matrix(self) -> QWidget:
        card = Panel("card")
        for choice in (self.matrix_choice, self.statistic_choice, self.arc_choice):
            choice.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        column = QVBoxLayout(card)
        column.setContentsMargins(14, 12, 14, 10)
        column.addLayout(_row(self._labels["matrix"], self.matrix_choice))
        column.addWidget(self.heat_map, 1)
        return card

    def _make_timeline(self) -> QWidget:
        card = Panel("card")
        self.table.setMinimumHeight(110)
        self.table.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Ignored)
        column = QVBoxLayout(card)
        column.setContentsMargins(14, 12, 14, 12)
        column.addLayout(_row(self._labels["statistic"], self.statistic_choice))
        column.addWidget(self.verdict)
        column.addWidget(self.plot, 3)
        column.addWidget(self.table, 2)
        return card

    def _wire(self) -> None:
        self.model.changed.connect(self._show_study)
        self.model.refused.connect(self._show_fault)
        self.empty.openRequested.connect(self.ask_for_file)
        self.open_button.clicked.connect(self.ask_for_file)
        self.arc_choice.activated.connect(self.model.choose_arc)
        self.matrix_choice.activated.connect(self._show_matrix)
        self.statistic_choice.activated.connect(self._show_timeline)
        self.heat_map.cellChosen.connect(self._show_cell)
        self.heat_map.cellActivated.connect(self._use_cell)
        self._workspace.steering.vectorsChanged.connect(self._refresh_cell)
        self._workspace.steering.stagesChanged.connect(self._refresh_cell)

    def retranslate(self) -> None:
        self.open_button.setText(self.tr("Open a study…"))
        self._labels["arc"].setText(self.tr("Runs"))
        self._labels["matrix"].setText(self.tr("Matrix"))
        self._labels["statistic"].setText(self.tr("Over the stages"))
        self.arc_choice.setAccessibleName(self.tr("Runs of the study"))
        self.matrix_choice.setAccessibleName(self.tr("Figure in the matrix"))
        self.statistic_choice.setAccessibleName(self.tr("Figure over the stages"))
        self.heat_map.setAccessibleName(self.tr("Matrix of vectors by stages; arrow keys choose a cell"))
        self.heat_map.set_words(self.tr("stage of the vector"), self.tr("stage of the model"))
        self.plot.setAccessibleName(self.tr("Figure over the stages, as a plot"))
        self.table.setAccessibleName(self.tr("Figure over the stages, as a table"))
        for choice, names, known in (
            (self.matrix_choice, _MATRIX_NAMES, MATRICES),
            (self.statistic_choice, _STATISTIC_NAMES, STATISTICS),
        ):
            for place in range(choice.count()):
                choice.setItemText(place, _translated(names[choice.itemData(place)]))
            assert set(known) == set(names)
        self._rows.retranslate()
        self._show_study()

    # The file ---------------------------------------------------------------------------------------------

    @Slot()
    def ask_for_file(self) -> None:
        """Lets the operator pick a summary.json."""
        if self._dialog is None:
            self._dialog = QFileDialog(self)
            self._dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
            self._dialog.fileSelected.connect(self._open_named)
        self._dialog.setWindowTitle(self.tr("Open a study"))
        self._dialog.setNameFilters([self.tr("Summary of a study (*.json)")])
        self._dialog.open()

    @Slot(str)
    def _open_named(self, path: str) -> None:
        self.open(Path(path))

    def open(self, path: Path) -> None:
        """Shows the study of a file, or says what is wrong with it."""
        self.error.hide()
        self.model.open(path)

    @Slot(object)
    def _show_fault(self, fault: StudyFileError) -> None:
        self.error.setText(_translated(_FAULTS[fault.fault]).format(fault.detail))
        self.error.show()

    # What is on the page ----------------------------------------------------------------------------------

    @Slot()
    def _show_study(self) -> None:
        study, arc = self.model.study, self.model.arc
        if study is None or arc is None:
            self._stack.setCurrentIndex(0)
            return
        self._stack.setCurrentIndex(1)
        self._title.setText(study.name)
        self._source.setText(
            self.tr("{0}  ·  plan {1}").format(
                "" if self.model.path is None else self.model.path.name, study.plan_hash[:12]
            )
        )
        with QSignalBlocker(self.arc_choice):
            self.arc_choice.clear()
            for own in study.arcs:
                seeds = len(own.discovery_seeds) + len(own.confirmation_seeds)
                self.arc_choice.addItem(
                    self.tr("{0}, {1}: {2} seeds").format(own.architecture, own.arc, seeds)
                )
            self.arc_choice.setCurrentIndex(study.arcs.index(arc))
        self._fill(self.matrix_choice, _MATRIX_NAMES, [own for own in MATRICES if arc.matrix(own)])
        self._fill(self.statistic_choice, _STATISTIC_NAMES, [own for own in STATISTICS if arc.timeline(own)])
        self._caveats.setText(
            self.tr("What the study says of itself: {0}").format("  ·  ".join(map(say, study.caveats)))
            if study.caveats
            else ""
        )
        self._show_timeline()
        self._show_matrix()

    def _fill(self, choice: QComboBox, names: dict[str, str], known: list[str]) -> None:
        before = choice.currentData()
        with QSignalBlocker(choice):
            choice.clear()
            for own in known:
                choice.addItem(_translated(names[own]), own)
            choice.setCurrentIndex(max(0, choice.findData(before)))

    @Slot()
    def _show_matrix(self, _index: int = 0) -> None:
        arc = self.model.arc
        if arc is None:
            return
        window = arc.window(str(self.statistic_choice.currentData()))
        confirmed = window is not None and window.verdict == "confirmed"
        self.heat_map.show_matrix(
            arc.stages,
            arc.matrix(str(self.matrix_choice.currentData())),
            _band(arc, window) if confirmed else None,
        )
        self._refresh_cell()

    @Slot()
    def _show_timeline(self, _index: int = 0) -> None:
        arc = self.model.arc
        if arc is None:
            return
        statistic = self.statistic_choice.currentData()
        timeline = None if statistic is None else arc.timeline(str(statistic))
        window = None if statistic is None else arc.window(str(statistic))
        band = _band(arc, window)
        confirmed = window is not None and window.verdict == "confirmed"
        self.plot.show_timeline(arc.stages, timeline, band, confirmed=confirmed)
        self.verdict.show_window(window)
        mark = self.tr("window") if confirmed else self.tr("looked at")
        rows = []
        for place, stage in enumerate(arc.stages):
            inside = band is not None and band[0] <= place <= band[1]
            rows.append(
                _StageRow(
                    stage=stage,
                    value=None if timeline is None else timeline.value[place],
                    low=None if timeline is None else timeline.low[place],
                    high=None if timeline is None else timeline.high[place],
                    lies=None if arc.lie_rate is None else arc.lie_rate.value[place],
                    marked=mark if inside else "",
                )
            )
        self._rows.replace(rows)
        self.table.fit_columns()
        self._show_matrix()

    @Slot(int, int)
    def _show_cell(self, vector: int, model: int) -> None:
        arc = self.model.arc
        if arc is not None:
            text = self.heat_map.describe(vector, model)
            self.cell_panel.show_cell(arc.stages[vector], arc.stages[model], text)

    @Slot()
    def _refresh_cell(self) -> None:
        if self.heat_map.cell is None:
            self.cell_panel.clear()
        else:
            self._show_cell(*self.heat_map.cell)

    @Slot(int, int)
    def _use_cell(self, _vector: int, _model: int) -> None:
        self.cell_panel.use()


def _row(title: QWidget, choice: QWidget) -> QHBoxLayout:
    row = QHBoxLayout()
    row.setSpacing(8)
    row.addWidget(title)
    row.addWidget(choice)
    row.addStretch(1)
    return row


def _band(arc: Arc, window: Window | None) -> tuple[int, int] | None:
    """The stages that the window rule looked at."""
    if window is None or window.first_stage not in arc.stages or window.last_stage not in arc.stages:
        return None
    return arc.stages.index(window.first_stage), arc.stages.index(window.last_stage)


class EmptyStudies(Panel):
    """What a study is, and the next step."""

    openRequested = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._title = label("title")
        self._text = label("", wrap=True)
        self._how = label("muted", wrap=True)
        self._command = label("code")
        self._command.setText("trimtab study run study.toml")
        self.open_button = QPushButton()
        set_tone(self.open_button, "accent")
        self.open_button.clicked.connect(self.openRequested)
        card = Panel("card")
        limit_width(card, 680)
        inside = QVBoxLayout(card)
        inside.setContentsMargins(32, 28, 32, 28)
        inside.setSpacing(14)
        for widget in (self._title, self._text, self._how, self._command):
            inside.addWidget(widget)
        buttons = QHBoxLayout()
        buttons.addWidget(self.open_button)
        buttons.addStretch(1)
        inside.addLayout(buttons)
        row = QHBoxLayout()
        row.addStretch(1)
        row.addWidget(card, 4)
        row.addStretch(1)
        layout = QVBoxLayout(self)
        layout.addStretch(1)
        layout.addLayout(row)
        layout.addStretch(2)
        self.retranslate()

    def retranslate(self) -> None:
        self._title.setText(self.tr("Find the stage where a small intervention works best"))
        self._text.setText(
            self.tr(
                "A study measures the vector of each stage on each stage of a fine-tuning run, over several seeds,"
                " and says whether there is a critical window: confirmed, candidate, none or undecided."
            )
        )
        self._how.setText(
            self.tr("A study writes a summary.json. Open it here, or start one from the command line:")
        )
        self.open_button.setText(self.tr("Open a study…"))


class CellPanel(Panel):
    """One cell in words, and the button that loads it into the dock."""

    def __init__(self, workspace: Workspace, model: StudyModel) -> None:
        super().__init__("card")
        self._workspace = workspace
        self._model = model
        self._placement = Placement(None, ())
        self._stages = ("", "")
        self._title = label("heading")
        self.text = label("", wrap=True)
        self.hint = label("muted", wrap=True)
        self.vector_choice = Choice()
        self.use_button = QPushButton()
        set_tone(self.use_button, "accent")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 14, 16, 14)
        layout.setSpacing(10)
        for widget in (self._title, self.text, self.vector_choice, self.use_button, self.hint):
            layout.addWidget(widget)
        layout.addStretch(1)
        self.setMinimumWidth(270)
        self.use_button.clicked.connect(self.use)
        workspace.connection.changed.connect(self._show)
        self.retranslate()

    def retranslate(self) -> None:
        self._title.setText(self.tr("Chosen cell"))
        self.use_button.setText(self.tr("Use this vector at this stage"))
        self.vector_choice.setAccessibleName(self.tr("Vector of that stage"))
        self._show()

    def show_cell(self, vector_stage: str, model_stage: str, text: str) -> None:
        self._stages = (vector_stage, model_stage)
        self._placement = self._model.placement(vector_stage, model_stage)
        before = self.vector_choice.currentData()
        with QSignalBlocker(self.vector_choice):
            self.vector_choice.clear()
            for vector in self._placement.vectors:
                self.vector_choice.addItem(vector.display_name or vector.concept, vector.name)
            self.vector_choice.setCurrentIndex(max(0, self.vector_choice.findData(before)))
        self.text.setText(text)
        self._show()

    def clear(self) -> None:
        self._placement, self._stages = Placement(None, ()), ("", "")
        self.vector_choice.clear()
        self.text.setText("")
        self._show()

    @Slot()
    def use(self) -> None:
        """Loads the cell into the dock and opens the chat."""
        stage, vector = self._placement.stage, self.vector_choice.currentData()
        if stage is not None and vector is not None and self.use_button.isEnabled():
            self._model.use(str(vector), stage)
            self._workspace.commands.run("room.chat")

    @Slot()
    def _show(self) -> None:
        placement, chosen = self._placement, bool(self._stages[0])
        self.use_button.setVisible(chosen)
        self.vector_choice.setVisible(len(placement.vectors) > 1)
        self.use_button.setEnabled(placement.possible and self._workspace.connection.is_live)
        vector_stage, model_stage = self._stages
        if not chosen:
            hint = self.tr(
                "Click a cell, or use the arrow keys, to see its figure and to try it in the chat."
            )
        elif placement.stage is None:
            hint = self.tr("The hosted model has no stage named {0}.").format(model_stage)
        elif not placement.vectors:
            hint = self.tr("The server has no vector of {0}. Extract one at that stage first.").format(
                vector_stage
            )
        elif vector_stage != model_stage:
            hint = self.tr(
                "The vector is of another stage than the model: it is used by force, and the server puts that on"
                " record. Stages are matched by name; the study may be of another fine-tuning run."
            )
        else:
            hint = self.tr("Stages are matched by name; the study may be of another fine-tuning run.")
        self.hint.setText(hint)


class WindowPanel(Panel):
    """The window rule's verdict in words."""

    def __init__(self) -> None:
        super().__init__()
        self.badge = label("chip")
        self.text = label("", wrap=True)
        self._window: Window | None = None
        row = QHBoxLayout()
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.badge)
        row.addStretch(1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(row)
        layout.addWidget(self.text)

    def retranslate(self) -> None:
        self.show_window(self._window)

    def show_window(self, window: Window | None) -> None:
        self._window = window
        if window is None:
            self.badge.setText(self.tr("The study did not ask for a window here"))
            set_tone(self.badge, "")
            self.text.setText("")
            return
        verdict = _translated(_VERDICTS.get(window.verdict, window.verdict))
        self.badge.setText(self.tr("{0} Window rule: {1}").format(_MARKS.get(window.verdict, "?"), verdict))
        set_tone(self.badge, _TONES.get(window.verdict, "warning"))
        parts = []
        if window.word is not None:
            parts.append(_translated(_WORDS.get(window.word, window.word)))
        if window.first_stage is not None and window.last_stage is not None:
            parts.append(self.tr("Looked at: {0} to {1}").format(window.first_stage, window.last_stage))
        self.text.setText("\n".join([*parts, *map(say, window.reasons)]))
