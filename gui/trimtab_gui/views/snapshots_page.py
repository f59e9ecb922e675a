"""Snapshots, the history of what was active, and what differs between two of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from PySide6.QtCore import QCoreApplication, QSignalBlocker, Qt, Signal, Slot
from PySide6.QtWidgets import (
    QGridLayout,
    QHBoxLayout,
    QPushButton,
    QSplitter,
    QVBoxLayout,
    QWidget,
)
from trimtab_client import abbreviated, bare
from trimtab_client.types import FieldChange, Revision, RevisionKind, Snapshot

from trimtab_gui.i18n import QT_TRANSLATE_NOOP
from trimtab_gui.models.table import Column, RowsModel
from trimtab_gui.models.workspace import Workspace
from trimtab_gui.views.elements import (
    Choice,
    ElidedLabel,
    Panel,
    Table,
    clock,
    label,
    number,
    separator,
    set_tone,
)


@dataclass(frozen=True)
class _SnapshotRow:
    snapshot: Snapshot
    contents: str
    active: bool


_SNAPSHOT_COLUMNS: Final = (
    Column[_SnapshotRow](
        QT_TRANSLATE_NOOP("Tables", "Name"),
        lambda row: (
            ("● " if row.active else "") + (row.snapshot.display_name or abbreviated(row.snapshot.name))
        ),
    ),
    Column[_SnapshotRow](QT_TRANSLATE_NOOP("Tables", "Stage"), lambda row: bare(row.snapshot.steering.stage)),
    Column[_SnapshotRow](QT_TRANSLATE_NOOP("Tables", "Contents"), lambda row: row.contents),
    Column[_SnapshotRow](QT_TRANSLATE_NOOP("Tables", "By"), lambda row: row.snapshot.created_by),
    Column[_SnapshotRow](QT_TRANSLATE_NOOP("Tables", "Created"), lambda row: clock(row.snapshot.create_time)),
)


def _kind(revision: Revision) -> str:
    match revision.kind:
        case RevisionKind.INITIAL:
            return QCoreApplication.translate("Tables", "Beginning")
        case RevisionKind.ROLLBACK:
            undone = QCoreApplication.translate("Tables", "Rollback of {0}")
            plain = QCoreApplication.translate("Tables", "Rollback")
            return undone.format(revision.rolled_back) if revision.rolled_back else plain
        case _:
            return QCoreApplication.translate("Tables", "Activation")


_REVISION_COLUMNS: Final = (
    Column[Revision](QT_TRANSLATE_NOOP("Tables", "Revision"), lambda row: str(row.number)),
    Column[Revision](
        QT_TRANSLATE_NOOP("Tables", "Snapshot"),
        lambda row: row.snapshot_display_name or abbreviated(row.snapshot),
    ),
    Column[Revision](QT_TRANSLATE_NOOP("Tables", "How"), _kind),
    Column[Revision](QT_TRANSLATE_NOOP("Tables", "By"), lambda row: row.actor),
    Column[Revision](QT_TRANSLATE_NOOP("Tables", "Time"), lambda row: clock(row.create_time)),
    Column[Revision](QT_TRANSLATE_NOOP("Tables", "Reason"), lambda row: row.reason),
)

_CHANGE_COLUMNS: Final = (
    Column[FieldChange](QT_TRANSLATE_NOOP("Tables", "Field"), lambda row: _shorten(row.path)),
    Column[FieldChange](QT_TRANSLATE_NOOP("Tables", "Before"), lambda row: _shorten(row.before) or "–"),
    Column[FieldChange](QT_TRANSLATE_NOOP("Tables", "After"), lambda row: _shorten(row.after) or "–"),
)


def _shorten(text: str) -> str:
    """Content hashes cut to eight digits."""
    head, found, rest = text.partition("vectors/")
    if found and len(rest) >= 64:
        return f"{head}{rest[:8]}{_shorten(rest[64:])}"
    return text


class SnapshotsPage(Panel):
    """Left: what there is and what was active. Right: the chosen snapshot, and how it differs."""

    # A snapshot's name: somebody wants to activate it, or to roll back to it.
    activationRequested = Signal(str)
    rollbackRequested = Signal(str)

    def __init__(self, workspace: Workspace) -> None:
        super().__init__()
        self._workspace = workspace
        self._release = workspace.release
        self._snapshots: RowsModel[_SnapshotRow] = RowsModel(_SNAPSHOT_COLUMNS, self)
        self._revisions: RowsModel[Revision] = RowsModel(_REVISION_COLUMNS, self)
        self._changes: RowsModel[FieldChange] = RowsModel(_CHANGE_COLUMNS, self)
        self._chosen = ""
        self.snapshots_table = Table()
        self.snapshots_table.setModel(self._snapshots)
        self.history_table = Table()
        self.history_table.setModel(self._revisions)
        self.changes_table = Table()
        self.changes_table.setModel(self._changes)
        self.new_button = QPushButton()
        self.activate_button = QPushButton()
        set_tone(self.activate_button, "accent")
        self.rollback_button = QPushButton()
        self.undo_button = QPushButton()
        self.base_choice = Choice()
        self.base_choice.setMinimumContentsLength(12)
        self._title = label("heading")
        self._description = label("muted", wrap=True)
        self._facts = {
            name: label("muted") for name in ("hash", "stage", "vectors", "prompt", "sampling", "by")
        }
        self._values = {name: ElidedLabel() for name in self._facts}
        self._headings = {name: label("heading") for name in ("snapshots", "history", "diff")}
        self._base_label = label("muted")
        self._no_changes = label("muted", wrap=True)
        self._build()
        self._wire()
        self.retranslate()

    def _build(self) -> None:
        left = QWidget()
        column = QVBoxLayout(left)
        column.setContentsMargins(0, 0, 4, 0)
        column.setSpacing(8)
        head = QHBoxLayout()
        head.addWidget(self._headings["snapshots"], 1)
        head.addWidget(self.new_button)
        column.addLayout(head)
        column.addWidget(self.snapshots_table, 3)
        middle = QHBoxLayout()
        middle.addWidget(self._headings["history"], 1)
        middle.addWidget(self.undo_button)
        column.addLayout(middle)
        column.addWidget(self.history_table, 4)
        halves = QSplitter(Qt.Orientation.Horizontal)
        halves.setChildrenCollapsible(False)
        halves.setHandleWidth(8)
        halves.addWidget(left)
        halves.addWidget(self._make_details())
        halves.setSizes([760, 480])
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 8, 0, 0)
        layout.addWidget(halves)

    def _make_details(self) -> QWidget:
        card = Panel("card")
        facts = QGridLayout()
        facts.setHorizontalSpacing(12)
        facts.setVerticalSpacing(4)
        facts.setColumnStretch(1, 1)
        for row, name in enumerate(self._facts):
            facts.addWidget(self._facts[name], row, 0)
            facts.addWidget(self._values[name], row, 1)
        buttons = QHBoxLayout()
        buttons.addWidget(self.activate_button)
        buttons.addWidget(self.rollback_button)
        buttons.addStretch(1)
        base = QHBoxLayout()
        base.addWidget(self._base_label)
        base.addWidget(self.base_choice, 1)
        layout = QVBoxLayout(card)
        layout.setContentsMargins(16, 14, 16, 14)
        layout.setSpacing(8)
        layout.addWidget(self._title)
        layout.addWidget(self._description)
        layout.addLayout(facts)
        layout.addLayout(buttons)
        layout.addWidget(separator())
        layout.addWidget(self._headings["diff"])
        layout.addLayout(base)
        layout.addWidget(self._no_changes)
        layout.addWidget(self.changes_table, 1)
        return card

    def _wire(self) -> None:
        release = self._release
        release.snapshotsChanged.connect(self._show_snapshots)
        release.revisionsChanged.connect(self._show_revisions)
        release.activeChanged.connect(self._show_snapshots)
        release.diffReady.connect(self._show_diff)
        release.busyChanged.connect(self._show_buttons)
        self._workspace.connection.changed.connect(self._show_buttons)
        self._workspace.steering.vectorsChanged.connect(self._show_snapshots)
        self._workspace.steering.draftChanged.connect(self._show_buttons)
        self.snapshots_table.selectionModel().selectionChanged.connect(self._select_snapshot)
        self.history_table.selectionModel().selectionChanged.connect(self._select_revision)
        self.base_choice.activated.connect(self._compare)
        self.new_button.clicked.connect(self._new)
        self.activate_button.clicked.connect(self._activate)
        self.rollback_button.clicked.connect(self._roll_back)
        self.undo_button.clicked.connect(self._undo)

    def retranslate(self) -> None:
        self._headings["snapshots"].setText(self.tr("Snapshots"))
        self._headings["history"].setText(self.tr("History of the active snapshot"))
        self._headings["diff"].setText(self.tr("What differs"))
        texts = {
            "hash": self.tr("Content hash"),
            "stage": self.tr("Stage"),
            "vectors": self.tr("Vectors"),
            "prompt": self.tr("System prompt"),
            "sampling": self.tr("Sampling"),
            "by": self.tr("Created"),
        }
        for name, text in texts.items():
            self._facts[name].setText(text)
        self.snapshots_table.setAccessibleName(self.tr("Snapshots"))
        self.history_table.setAccessibleName(self.tr("History of the active snapshot"))
        self.changes_table.setAccessibleName(self.tr("What differs"))
        self.base_choice.setAccessibleName(self.tr("Compare with"))
        self._base_label.setText(self.tr("Compare with"))
        self.new_button.setText(self.tr("New from the vectors…"))
        self.activate_button.setText(self.tr("Activate…"))
        self.rollback_button.setText(self.tr("Roll back to this…"))
        self.undo_button.setText(self.tr("Undo the rollback…"))
        self.undo_button.setToolTip(self._workspace.commands.spec("release.undo_rollback").translated_hint)
        for model in (self._snapshots, self._revisions, self._changes):
            model.retranslate()
        self._show_snapshots()
        self._show_details()

    # Lists ------------------------------------------------------------------------------------------------

    @Slot()
    def _show_snapshots(self, _change: object = None) -> None:
        active = self._active_name()
        self._snapshots.replace(
            [
                _SnapshotRow(snapshot, self._contents(snapshot), snapshot.name == active)
                for snapshot in self._release.snapshots
            ]
        )
        self.snapshots_table.fit_columns()
        if not self._chosen:
            self._chosen = active
        base = self.base_choice.currentData()
        with QSignalBlocker(self.base_choice):
            self.base_choice.clear()
            for snapshot in self._release.snapshots:
                title = snapshot.display_name or abbreviated(snapshot.name)
                if snapshot.name == active:
                    title = self.tr("{0} (active)").format(title)
                self.base_choice.addItem(title, snapshot.name)
            wanted = self.base_choice.findData(base) if base else self.base_choice.findData(active)
            self.base_choice.setCurrentIndex(max(0, wanted))
        self._show_details()

    @Slot()
    def _show_revisions(self) -> None:
        self._revisions.replace(self._release.revisions)
        self.history_table.fit_columns()
        self._show_buttons()

    def _contents(self, snapshot: Snapshot) -> str:
        if snapshot.is_unsteered:
            return self.tr("unsteered")
        parts = [self._term(term.vector, term.strength) for term in snapshot.steering.terms]
        if snapshot.steering.system_prompt:
            parts.append(self.tr("prompt"))
        return " + ".join(parts)

    def _term(self, vector_name: str, strength: float) -> str:
        vector = self._workspace.steering.vector(vector_name)
        name = abbreviated(vector_name)[:8] if vector is None else vector.display_name or vector.concept
        return f"{name} {number(strength, 2)}"

    def _active_name(self) -> str:
        return self._release.active.snapshot.name if self._release.active is not None else ""

    @Slot()
    def _select_snapshot(self) -> None:
        rows = self.snapshots_table.selectionModel().selectedRows()
        if rows:
            self.choose(self._snapshots.rows[rows[0].row()].snapshot.name)

    @Slot()
    def _select_revision(self) -> None:
        rows = self.history_table.selectionModel().selectedRows()
        if rows:
            self.choose(self._revisions.rows[rows[0].row()].snapshot)

    # The chosen one ---------------------------------------------------------------------------------------

    def choose(self, name: str) -> None:
        """Shows one snapshot and its difference to the other."""
        self._chosen = name
        self._show_details()

    def _show_details(self) -> None:
        snapshot = self._release.snapshot(self._chosen)
        if snapshot is None:
            self._title.setText(self.tr("No snapshot chosen"))
            self._description.setText(self.tr("Choose one on the left to see what is in it."))
            for value in self._values.values():
                value.setText("")
            self._changes.replace([])
            self._show_buttons()
            return
        self._title.setText(snapshot.display_name or abbreviated(snapshot.name))
        self._description.setText(snapshot.description)
        self._description.setVisible(bool(snapshot.description))
        vectors = " + ".join(self._term(term.vector, term.strength) for term in snapshot.steering.terms)
        sampling = self.tr("temperature {0}, seed {1}").format(
            number(snapshot.sampling.temperature, 1), snapshot.sampling.seed
        )
        values = {
            "hash": bare(snapshot.name),
            "stage": bare(snapshot.steering.stage),
            "vectors": vectors or self.tr("none"),
            "prompt": snapshot.steering.system_prompt or self.tr("none"),
            "sampling": sampling,
            "by": f"{snapshot.created_by}  {clock(snapshot.create_time)}",
        }
        for name, text in values.items():
            self._values[name].setText(text)
        self._show_buttons()
        self._compare()

    @Slot()
    def _compare(self, _index: int = 0) -> None:
        base = self.base_choice.currentData()
        if not self._chosen or not base or base == self._chosen:
            self._changes.replace([])
            self._no_changes.setText(self.tr("The same snapshot on both sides."))
            self._no_changes.show()
            return
        self._no_changes.hide()
        self._release.diff(str(base), self._chosen)

    @Slot(str, str, object)
    def _show_diff(self, base: str, other: str, changes: tuple[FieldChange, ...]) -> None:
        self._changes.replace(changes)
        self.changes_table.fit_columns(220)
        self._no_changes.setText(self.tr("Nothing differs."))
        self._no_changes.setVisible(not changes)

    # Buttons ----------------------------------------------------------------------------------------------

    @Slot()
    def _show_buttons(self, _name: str = "") -> None:
        free = self._workspace.connection.is_live and not self._release.is_busy
        chosen = self._release.snapshot(self._chosen) is not None
        other = chosen and self._chosen != self._active_name()
        earlier = any(revision.snapshot == self._chosen for revision in self._release.revisions)
        self.activate_button.setEnabled(free and other)
        self.rollback_button.setEnabled(free and other and earlier)
        # There only while the history ends with a rollback.
        self.undo_button.setVisible(self._release.undo_target() is not None)
        self.undo_button.setEnabled(free)
        self.new_button.setEnabled(free and bool(self._workspace.steering.enabled_names()))

    @Slot()
    def _undo(self) -> None:
        self._workspace.commands.run("release.undo_rollback")

    @Slot()
    def _new(self) -> None:
        self._workspace.commands.run("release.create")

    @Slot()
    def _activate(self) -> None:
        self.activationRequested.emit(self._chosen)

    @Slot()
    def _roll_back(self) -> None:
        self.rollbackRequested.emit(self._chosen)
