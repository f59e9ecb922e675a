"""Which lanes a trial has: those that the server makes, and any snapshot or stage beside them."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QSignalBlocker, Slot
from PySide6.QtWidgets import QCheckBox, QComboBox, QGridLayout, QHBoxLayout, QPushButton, QVBoxLayout
from trimtab_client import abbreviated

from trimtab_gui.models.trial_criteria import LANE_KINDS, CriteriaModel
from trimtab_gui.models.trial_words import KINDS, named
from trimtab_gui.models.workspace import Workspace
from trimtab_gui.views.elements import ElidedLabel, Panel, label, set_tone

_OWN_LANES: Final = ("unsteered", "prompt", "steered")


class LaneChoice(Panel):
    """Writes into the criteria, where lanes are. numbered: as the third of the form's choices."""

    def __init__(self, workspace: Workspace, model: CriteriaModel, *, numbered: bool = True) -> None:
        super().__init__()
        self._workspace = workspace
        self._model = model
        self._numbered = numbered
        self._labels = {name: label("muted") for name in ("lanes", "snapshot", "more")}
        self.boxes = {kind: QCheckBox() for kind in LANE_KINDS}
        self.snapshot_choice = QComboBox()
        self.more_choice = QComboBox()
        for choice in (self.snapshot_choice, self.more_choice):
            choice.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.extra: list[ExtraLane] = []
        self._extra = QVBoxLayout()
        self._extra.setSpacing(2)
        boxes = QGridLayout()
        for place, box in enumerate(self.boxes.values()):
            boxes.addWidget(box, place // 2, place % 2)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(7)
        layout.addWidget(self._labels["lanes"])
        layout.addLayout(boxes)
        layout.addLayout(self._extra)
        layout.addWidget(self._labels["more"])
        layout.addWidget(self.more_choice)
        layout.addWidget(self._labels["snapshot"])
        layout.addWidget(self.snapshot_choice)
        self._wire()
        self.retranslate()

    def _wire(self) -> None:
        for box in self.boxes.values():
            box.clicked.connect(self._choose)
        self.snapshot_choice.activated.connect(self._choose_snapshot)
        self.more_choice.activated.connect(self._add)
        self._model.changed.connect(self._show)
        self._model.edited.connect(self._show)
        self._workspace.release.snapshotsChanged.connect(self._fill)
        self._workspace.steering.stagesChanged.connect(self._fill)

    def retranslate(self) -> None:
        self._labels["lanes"].setText(self.tr("3. Lanes") if self._numbered else self.tr("Lanes"))
        self._labels["snapshot"].setText(self.tr("Steer with"))
        self._labels["more"].setText(self.tr("Beside them"))
        self.snapshot_choice.setAccessibleName(self.tr("Steer with"))
        self.more_choice.setAccessibleName(self.tr("Add a snapshot or a stage as a lane"))
        for kind, box in self.boxes.items():
            box.setText(named(KINDS, kind))
            box.setAccessibleName(self.tr("Lane: {0}").format(named(KINDS, kind)))
        self._fill()
        self._show()

    # Choosing ---------------------------------------------------------------------------------------------

    @Slot()
    def _choose(self) -> None:
        self._model.choose_lanes([kind for kind, box in self.boxes.items() if box.isChecked()])

    @Slot(int)
    def _choose_snapshot(self, index: int) -> None:
        self._model.choose_snapshot(str(self.snapshot_choice.itemData(index) or ""))

    @Slot(int)
    def _add(self, index: int) -> None:
        chosen = self.more_choice.itemData(index)
        self.more_choice.setCurrentIndex(0)
        if chosen:
            kind, target, title = chosen
            self._model.add_lane(kind, title, target)

    @Slot()
    def _remove(self) -> None:
        line = self.sender()
        if isinstance(line, QPushButton):
            self._model.remove_lane(str(line.property("lane")))

    # Showing ----------------------------------------------------------------------------------------------

    @Slot()
    def _fill(self) -> None:
        snapshots = [
            (snapshot.display_name or abbreviated(snapshot.name), snapshot)
            for snapshot in self._workspace.release.snapshots
        ]
        with QSignalBlocker(self.snapshot_choice):
            self.snapshot_choice.clear()
            self.snapshot_choice.addItem(self.tr("active snapshot, else the suggested vector"), "")
            for title, snapshot in snapshots:
                if snapshot.steering.terms:
                    self.snapshot_choice.addItem(title, snapshot.name)
            chosen = self.snapshot_choice.findData(self._model.snapshot)
            self.snapshot_choice.setCurrentIndex(max(0, chosen))
        with QSignalBlocker(self.more_choice):
            self.more_choice.clear()
            self.more_choice.addItem(self.tr("add a snapshot or a stage…"), None)
            for title, snapshot in snapshots:
                self.more_choice.addItem(
                    self.tr("snapshot: {0}").format(title), ("snapshot", snapshot.name, title)
                )
            for stage in self._workspace.steering.stages:
                bare = stage.short_name
                self.more_choice.addItem(self.tr("stage: {0}").format(bare), ("stage", bare, bare))

    @Slot()
    def _show(self) -> None:
        model = self._model
        kinds = {lane["kind"] for lane in model.record["lanes"]} if model.record is not None else _OWN_LANES
        if model.lanes:
            by_name = {lane["name"]: lane["kind"] for lane in (model.record or {}).get("lanes", ())}
            kinds = {by_name.get(own, own) for own in model.lanes}
        for kind, box in self.boxes.items():
            box.setChecked(kind in kinds)
            box.setEnabled(kind != "unsteered" and not model.is_locked)
        known = model.record is not None
        self.more_choice.setEnabled(known and not model.is_locked)
        self.snapshot_choice.setEnabled(not model.is_locked)
        with QSignalBlocker(self.snapshot_choice):
            self.snapshot_choice.setCurrentIndex(max(0, self.snapshot_choice.findData(model.snapshot)))
        self._show_extra(model.extra_lanes)

    def _show_extra(self, names: tuple[str, ...]) -> None:
        while len(self.extra) < len(names):
            line = ExtraLane()
            line.remove_button.clicked.connect(self._remove)
            self.extra.append(line)
            self._extra.addWidget(line)
        while len(self.extra) > len(names):
            line = self.extra.pop()
            self._extra.removeWidget(line)
            line.hide()
            line.deleteLater()
        kinds = {lane["name"]: lane["kind"] for lane in (self._model.record or {}).get("lanes", ())}
        for line, name in zip(self.extra, names, strict=True):
            line.show_lane(name, named(KINDS, kinds[name]), editable=not self._model.is_locked)


class ExtraLane(Panel):
    """A snapshot or a stage that is a lane, with the way to take it out."""

    def __init__(self) -> None:
        super().__init__()
        self.title = ElidedLabel()
        self._name = ""
        self.remove_button = QPushButton("✕")
        set_tone(self.remove_button, "flat")
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.title, 1)
        layout.addWidget(self.remove_button)

    def retranslate(self) -> None:
        text = self.tr("Remove the lane {0}").format(self._name)
        self.remove_button.setAccessibleName(text)
        self.remove_button.setToolTip(text)

    def show_lane(self, name: str, kind: str, *, editable: bool) -> None:
        self._name = name
        self.title.setText(f"✓ {name}  ({kind})")
        self.remove_button.setProperty("lane", name)
        self.remove_button.setEnabled(editable)
        self.retranslate()
