"""The panel of presets: choosing, using, writing and deleting them."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QSignalBlocker, Qt, Slot
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QCheckBox,
    QDoubleSpinBox,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QPlainTextEdit,
    QPushButton,
    QSizePolicy,
    QSpinBox,
    QWidget,
)
from trimtab_client.types import Sampling

from trimtab_gui.models.chat_presets import Preset, PresetsModel
from trimtab_gui.models.chat_words import lane_name
from trimtab_gui.models.conversation import Conversation
from trimtab_gui.models.workspace import Tone
from trimtab_gui.theme import Theme
from trimtab_gui.views.chat_panel import ChatPanel
from trimtab_gui.views.elements import Choice, label, set_tone
from trimtab_gui.views.strips import NoticeStrip

_ID = Qt.ItemDataRole.UserRole


class PresetPanel(ChatPanel):
    """A list above, the chosen preset's fields below. The fields are what is used: saving them is a step of its own."""

    def __init__(
        self,
        presets: PresetsModel,
        conversation: Conversation,
        notice: NoticeStrip,
        theme: Theme,
        parent: QWidget,
    ) -> None:
        super().__init__(theme, parent, right=True, scrolls=True)
        self._presets = presets
        self._conversation = conversation
        self._notice = notice
        self.list = QListWidget()
        self.list.setMinimumHeight(110)
        self.list.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Ignored)
        self.name_field = QLineEdit()
        self.system_field = QPlainTextEdit()
        self.system_field.setTabChangesFocus(True)
        self.sampling_box = QCheckBox()
        self.temperature = QDoubleSpinBox()
        self.top_p = QDoubleSpinBox()
        self.top_k = QSpinBox()
        self.max_tokens = QSpinBox()
        self.seed = QSpinBox()
        self.stop_field = QPlainTextEdit()
        self.use_button = QPushButton()
        self.lane_choice = Choice()
        self.lane_button = QPushButton()
        self.save_button = QPushButton()
        self.delete_button = QPushButton()
        self._hint = label("caption", wrap=True)
        self._labels: dict[str, QLabel] = {
            name: label("muted")
            for name in ("name", "system", "temperature", "top_p", "top_k", "max_tokens", "seed", "stop")
        }
        self._build()
        self._wire()
        self.retranslate()
        self.restyle()

    def _build(self) -> None:
        for spin in (self.temperature, self.top_p):
            spin.setDecimals(2)
            spin.setSingleStep(0.05)
        self.temperature.setRange(0.0, 2.0)
        self.top_p.setRange(0.01, 1.0)
        self.top_k.setRange(0, 1_000_000)
        self.max_tokens.setRange(0, 1_000_000)
        self.seed.setRange(0, 2**31 - 1)
        for figure in (self.temperature, self.top_p, self.top_k, self.max_tokens, self.seed):
            figure.lineEdit().setTextMargins(6, 0, 0, 0)
            # As wide as its place: what the largest figure would need is more than there is.
            figure.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.stop_field.setTabChangesFocus(True)
        line = self.fontMetrics().lineSpacing()
        self.system_field.setFixedHeight(4 * line + 20)
        self.stop_field.setFixedHeight(2 * line + 20)
        set_tone(self.use_button, "accent")
        set_tone(self.delete_button, "flat")
        self.lane_choice.setMinimumContentsLength(10)
        self._sampling_fields: tuple[tuple[str, QWidget], ...] = (
            ("temperature", self.temperature),
            ("top_p", self.top_p),
            ("top_k", self.top_k),
            ("max_tokens", self.max_tokens),
            ("seed", self.seed),
            ("stop", self.stop_field),
        )
        for name, field in self._sampling_fields:
            self._labels[name].setBuddy(field)
        self._labels["name"].setBuddy(self.name_field)
        self._labels["system"].setBuddy(self.system_field)
        lane = QHBoxLayout()
        lane.addWidget(self.lane_choice, 1)
        lane.addWidget(self.lane_button)
        keeping = QHBoxLayout()
        keeping.addWidget(self.save_button)
        keeping.addStretch(1)
        keeping.addWidget(self.delete_button)
        self.body.addWidget(self.list, 1)
        self.body.addWidget(self._labels["name"])
        self.body.addWidget(self.name_field)
        self.body.addWidget(self._labels["system"])
        self.body.addWidget(self.system_field)
        self.body.addWidget(self.sampling_box)
        self.body.addLayout(self._make_sampling())
        self.body.addWidget(self._hint)
        self.body.addWidget(self.use_button)
        self.body.addLayout(lane)
        self.body.addLayout(keeping)

    def _make_sampling(self) -> QGridLayout:
        """Each field below its name, two or three beside each other: the whole panel fits into a small window."""
        grid = QGridLayout()
        grid.setHorizontalSpacing(8)
        grid.setVerticalSpacing(3)
        places = {
            "temperature": (0, 0, 2),
            "top_p": (0, 2, 2),
            "top_k": (0, 4, 2),
            "max_tokens": (2, 0, 3),
            "seed": (2, 3, 3),
            "stop": (4, 0, 6),
        }
        for name, field in self._sampling_fields:
            row, column, width = places[name]
            grid.addWidget(self._labels[name], row, column, 1, width)
            grid.addWidget(field, row + 1, column, 1, width)
        for column in range(6):
            grid.setColumnStretch(column, 1)
        return grid

    def _wire(self) -> None:
        self.list.currentItemChanged.connect(self._chosen)
        self.list.itemActivated.connect(self.use_everywhere)
        self.sampling_box.toggled.connect(self._show_state)
        self.name_field.textChanged.connect(self._show_state)
        self.system_field.textChanged.connect(self._show_state)
        self.use_button.clicked.connect(self.use_everywhere)
        self.lane_button.clicked.connect(self.use_in_lane)
        self.save_button.clicked.connect(self.save)
        self.delete_button.clicked.connect(self.delete)
        self._presets.changed.connect(self._show_list)
        self._conversation.lanesChanged.connect(self._show_lanes)
        self._conversation.setupChanged.connect(self._show_lanes)

    def retranslate(self) -> None:
        super().retranslate()
        self.title.setText(self.tr("Presets"))
        self.list.setAccessibleName(self.tr("Presets"))
        texts = {
            "name": (self.tr("Name"), self.name_field),
            "system": (self.tr("System prompt"), self.system_field),
            "temperature": (self.tr("Temperature"), self.temperature),
            "top_p": (self.tr("Top-p"), self.top_p),
            "top_k": (self.tr("Top-k"), self.top_k),
            "max_tokens": (self.tr("Longest reply"), self.max_tokens),
            "seed": (self.tr("Seed"), self.seed),
            "stop": (self.tr("Stop texts"), self.stop_field),
        }
        for name, (text, field) in texts.items():
            self._labels[name].setText(text)
            field.setAccessibleName(text)
        self.stop_field.setPlaceholderText(self.tr("One a line; a reply ends before it"))
        self.top_k.setSpecialValueText(self.tr("no cut"))
        self.max_tokens.setSpecialValueText(self.tr("as the server has it"))
        self.max_tokens.setSuffix(self.tr(" tokens"))
        self.sampling_box.setText(self.tr("With a sampling"))
        self.use_button.setText(self.tr("Use in every lane"))
        self.lane_button.setText(self.tr("Use in this lane"))
        self.lane_choice.setAccessibleName(self.tr("Lane"))
        self.save_button.setText(self.tr("Save"))
        self.delete_button.setText(self.tr("Delete"))
        self._show_lanes()
        self._show_list()

    def open(self) -> None:
        """Shows the presets, with the keyboard in the list."""
        self._show_lanes()
        self._show_list()
        self.show_over(self.list)

    # Showing ----------------------------------------------------------------------------------------------

    @Slot()
    def _show_list(self) -> None:
        chosen = self._chosen_id()
        with QSignalBlocker(self.list):
            self.list.clear()
            self._add(self.tr("As the chat is set now"), "")
            for preset in self._presets.all:
                text = preset.name if preset.own else self.tr("{0} (of the model)").format(preset.name)
                self._add(text, preset.id)
            rows = [str(self.list.item(row).data(_ID)) for row in range(self.list.count())]
            self.list.setCurrentRow(rows.index(chosen) if chosen in rows else 0)
        self._chosen()

    def _add(self, text: str, preset_id: str) -> None:
        item = QListWidgetItem(text)
        item.setData(_ID, preset_id)
        item.setToolTip(text)
        self.list.addItem(item)

    @Slot()
    def _show_lanes(self, _lane: str = "") -> None:
        row = self.lane_choice.currentIndex()
        self.lane_choice.clear()
        for place, lane in enumerate(self._conversation.lanes):
            text = self.tr("{0}. {1}").format(place + 1, lane_name(lane.setup))
            self.lane_choice.addItem(text, lane.id)
        self.lane_choice.setCurrentIndex(max(0, min(row, self.lane_choice.count() - 1)))

    def _chosen_id(self) -> str:
        item = self.list.currentItem()
        return "" if item is None else str(item.data(_ID))

    def _preset(self) -> Preset | None:
        return self._presets.preset(self._chosen_id())

    @Slot()
    def _chosen(self) -> None:
        preset = self._preset()
        conversation = self._conversation
        sampling = conversation.sampling if preset is None else preset.sampling
        self.name_field.setText("" if preset is None else preset.name)
        self.system_field.setPlainText(conversation.scene if preset is None else preset.system)
        self.sampling_box.setChecked(sampling is not None)
        shown = sampling or Sampling()
        self.temperature.setValue(shown.temperature)
        self.top_p.setValue(shown.top_p or 1.0)
        self.top_k.setValue(shown.top_k)
        self.max_tokens.setValue(shown.max_tokens)
        self.seed.setValue(shown.seed)
        self.stop_field.setPlainText("\n".join(shown.stop))
        self._show_state()

    @Slot()
    def _show_state(self) -> None:
        preset = self._preset()
        own = preset is not None and preset.own
        with_sampling = self.sampling_box.isChecked()
        for name, field in self._sampling_fields:
            field.setEnabled(with_sampling)
            self._labels[name].setEnabled(with_sampling)
        system = bool(self.system_field.toPlainText().strip())
        self.use_button.setEnabled(system or with_sampling)
        self.lane_button.setEnabled(system)
        self.save_button.setEnabled(bool(self.name_field.text().strip()) and (system or with_sampling))
        self.save_button.setText(self.tr("Save") if own else self.tr("Save as a preset"))
        self.delete_button.setEnabled(own)
        self._hint.setText(
            self.tr(
                "Every lane shares one sampling, so that only the steering differs; one lane can have its own prompt."
            )
        )

    # Doing ------------------------------------------------------------------------------------------------

    def _written(self) -> Preset:
        """The preset as the fields have it."""
        sampling = Sampling(
            temperature=round(self.temperature.value(), 4),
            top_p=round(self.top_p.value(), 4),
            top_k=self.top_k.value(),
            seed=self.seed.value(),
            max_tokens=self.max_tokens.value(),
            stop=tuple(line for line in self.stop_field.toPlainText().splitlines() if line),
        )
        return Preset(
            id=self._chosen_id(),
            name=self.name_field.text().strip(),
            system=self.system_field.toPlainText().strip(),
            sampling=sampling if self.sampling_box.isChecked() else None,
        )

    @Slot()
    def use_everywhere(self) -> None:
        """Sets the system message and the sampling of every lane."""
        if self.use_button.isEnabled():
            self._presets.use(self._written())

    @Slot()
    def use_in_lane(self) -> None:
        """Gives the chosen lane the prompt."""
        if self.lane_button.isEnabled():
            self._presets.use_in_lane(self._written(), str(self.lane_choice.currentData()))

    @Slot()
    def save(self) -> None:
        """Keeps the fields: in the user's own preset that is chosen, else as a new one."""
        if not self.save_button.isEnabled():
            return
        chosen, written = self._preset(), self._written()
        preset_id = chosen.id if chosen is not None and chosen.own else ""
        preset = self._presets.save(written.name, written.system, written.sampling, preset_id)
        self._choose(preset.id)

    @Slot()
    def delete(self) -> None:
        """Deletes the user's own preset that is chosen; the notice offers it back."""
        gone = self._presets.delete(self._chosen_id())
        if gone is not None:
            text = self.tr("Preset “{0}” is deleted.").format(gone.name)
            self._notice.tell(text, Tone.PLAIN, self.tr("Undo"), _PutBack(self._presets, gone).run)

    def _choose(self, preset_id: str) -> None:
        for row in range(self.list.count()):
            if self.list.item(row).data(_ID) == preset_id:
                self.list.setCurrentRow(row)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Delete and self.list.hasFocus():
            self.delete()
            return
        super().keyPressEvent(event)


@dataclass(frozen=True)
class _PutBack:
    """What the notice about a deleted preset offers."""

    presets: PresetsModel
    preset: Preset

    def run(self) -> None:
        self.presets.put_back(self.preset)
