"""The Chat room: lanes side by side, the composer under them, the vectors and the canary set beside."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import QLocale, QSignalBlocker, QSize, Qt, Slot
from PySide6.QtWidgets import (
    QComboBox,
    QDoubleSpinBox,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QSizePolicy,
    QSpinBox,
    QSplitter,
    QToolButton,
    QVBoxLayout,
    QWidget,
)
from trimtab_client.types import PromptPreset

from trimtab_gui.color_scale import ColorScale, Readout
from trimtab_gui.icons import icon
from trimtab_gui.models.chat_find import ChatFind
from trimtab_gui.models.conversation import LANES_AT_MOST, LaneKind, LaneSetup
from trimtab_gui.models.workspace import Workspace
from trimtab_gui.theme import Theme
from trimtab_gui.views.canary_panel import CanaryPanel
from trimtab_gui.views.chat_find import FindBar
from trimtab_gui.views.composer import Composer
from trimtab_gui.views.elements import Choice, ElidedLabel, Panel, label, set_tone
from trimtab_gui.views.lane_view import LaneView
from trimtab_gui.views.legend import Legend
from trimtab_gui.views.lengths import fix_width
from trimtab_gui.views.transcript import value_of
from trimtab_gui.views.vectors_dock import VectorsDock

# The newest replies, and of each the newest tokens, that the colour scale is fitted to.
_TURNS_FOR_SCALE = 12
_TOKENS_FOR_SCALE = 2000
_READOUTS = (Readout.PROJECTION, Readout.ENTROPY, Readout.KL_TO_UNSTEERED, Readout.OFF)


class ChatRoom(Panel):
    """Shows a `Conversation`; everything that is asked goes through it."""

    def __init__(self, workspace: Workspace, theme: Theme) -> None:
        super().__init__()
        self._workspace = workspace
        self._conversation = workspace.conversation
        self._theme = theme
        self._views: dict[str, LaneView] = {}
        self._scale = ColorScale(1.0, True)
        self._editing: tuple[str, int] | None = None
        self.preset_choice = Choice()
        self.scene_field = QLineEdit()
        self.readout_choice = QComboBox()
        self.add_button = QToolButton()
        self.chats_button = QToolButton()
        self.presets_button = QToolButton()
        self.search = ChatFind(workspace.conversation, workspace.chats.worker, self)
        self.find_bar = FindBar(self.search, theme)
        self.lanes = QSplitter(Qt.Orientation.Horizontal)
        self.lanes.setChildrenCollapsible(False)
        self.lanes.setHandleWidth(8)
        self.legend = Legend(theme)
        self._hint = ElidedLabel("caption")
        self.composer = Composer()
        self.send_button = QPushButton()
        self._editing_note = label("caption")
        self.cancel_edit_button = QPushButton()
        self.temperature = QDoubleSpinBox()
        self.seed = QSpinBox()
        self._labels = {
            name: label("muted") for name in ("preset", "scene", "readout", "temperature", "seed")
        }
        self.dock = VectorsDock(workspace, theme)
        self.canary = CanaryPanel(workspace, theme)
        self.side = QSplitter(Qt.Orientation.Vertical)
        self._build()
        self._wire()
        self.retranslate()
        self._show_lanes()
        self._show_busy()
        self.restyle()

    # Building ---------------------------------------------------------------------------------------------

    def _build(self) -> None:
        self.side.addWidget(self.dock)
        self.side.addWidget(self.canary)
        self.side.setStretchFactor(0, 3)
        self.side.setStretchFactor(1, 2)
        self.side.setChildrenCollapsible(False)
        self.side.setHandleWidth(8)
        middle = QWidget()
        column = QVBoxLayout(middle)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addLayout(self._make_head())
        column.addWidget(self.find_bar)
        column.addWidget(self.lanes, 1)
        column.addLayout(self._make_legend_row())
        column.addWidget(self._make_composer())
        halves = QSplitter(Qt.Orientation.Horizontal)
        halves.setChildrenCollapsible(False)
        halves.setHandleWidth(8)
        halves.addWidget(middle)
        halves.addWidget(self.side)
        halves.setStretchFactor(0, 1)
        halves.setStretchFactor(1, 0)
        halves.setSizes([1100, 360])
        layout = QHBoxLayout(self)
        layout.setContentsMargins(10, 10, 10, 10)
        layout.addWidget(halves)

    def _make_head(self) -> QVBoxLayout:
        self.preset_choice.setMinimumContentsLength(16)
        self.preset_choice.setSizeAdjustPolicy(
            QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        )
        self.scene_field.setClearButtonEnabled(True)
        self.readout_choice.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        for button in (self.add_button, self.chats_button, self.presets_button):
            button.setIconSize(QSize(18, 18))
            button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        first = QHBoxLayout()
        first.setSpacing(8)
        first.addWidget(self.chats_button)
        first.addWidget(self._labels["preset"])
        first.addWidget(self.preset_choice, 1)
        first.addSpacing(8)
        first.addWidget(self._labels["readout"])
        first.addWidget(self.readout_choice)
        first.addWidget(self.add_button)
        second = QHBoxLayout()
        second.setSpacing(8)
        second.addWidget(self._labels["scene"])
        second.addWidget(self.scene_field, 1)
        head = QVBoxLayout()
        head.setSpacing(6)
        head.addLayout(first)
        head.addLayout(second)
        return head

    def _make_legend_row(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setContentsMargins(4, 0, 4, 0)
        row.addWidget(self.legend)
        row.addWidget(self._hint, 1)
        return row

    def _make_composer(self) -> QWidget:
        card = Panel("card")
        self.temperature.setRange(0.0, 2.0)
        self.temperature.setDecimals(2)
        self.temperature.setSingleStep(0.1)
        self.seed.setRange(0, 2**31 - 1)
        fix_width(self.temperature, 84)
        fix_width(self.seed, 100)
        for spin in (self.temperature, self.seed):
            spin.lineEdit().setTextMargins(6, 0, 0, 0)
        set_tone(self.send_button, "accent")
        set_tone(self.cancel_edit_button, "flat")
        self.send_button.setMinimumWidth(110)
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self._labels["temperature"])
        row.addWidget(self.temperature)
        row.addSpacing(8)
        row.addWidget(self._labels["seed"])
        row.addWidget(self.seed)
        row.addWidget(self.presets_button)
        row.addStretch(1)
        row.addWidget(self._editing_note)
        row.addWidget(self.cancel_edit_button)
        row.addWidget(self.send_button)
        layout = QVBoxLayout(card)
        layout.setContentsMargins(10, 10, 10, 10)
        layout.setSpacing(8)
        layout.addWidget(self.composer)
        layout.addLayout(row)
        card.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
        return card

    def _wire(self) -> None:
        conversation, workspace = self._conversation, self._workspace
        conversation.lanesChanged.connect(self._show_lanes)
        conversation.historyReset.connect(self._history_reset)
        conversation.replyExtended.connect(self._reply_extended)
        conversation.replyChanged.connect(self._reply_changed)
        conversation.setupChanged.connect(self._setup_changed)
        conversation.busyChanged.connect(self._show_busy)
        conversation.readoutChanged.connect(self._readout_changed)
        conversation.sceneChanged.connect(self._show_scene)
        conversation.samplingChanged.connect(self._show_sampling)
        self.search.changed.connect(self._show_found)
        workspace.hosted.changed.connect(self._show_presets)
        workspace.steering.draftChanged.connect(self._show_outcomes)
        workspace.connection.changed.connect(self._show_busy)
        self.preset_choice.activated.connect(self._choose_preset)
        self.scene_field.textChanged.connect(conversation.set_scene)
        self.readout_choice.activated.connect(self._choose_readout)
        self.add_button.clicked.connect(self.add_lane)
        self.chats_button.clicked.connect(self._open_chats)
        self.presets_button.clicked.connect(self._open_presets)
        self.composer.submitted.connect(self._submit)
        self.composer.textChanged.connect(self._show_busy)
        self.send_button.clicked.connect(self._send_or_stop)
        self.cancel_edit_button.clicked.connect(self.stop_editing)
        self.temperature.valueChanged.connect(self._sampling_changed)
        self.seed.valueChanged.connect(self._sampling_changed)
        self._theme.changed.connect(self.restyle)
        self.composer.set_history(workspace.files.prompts())

    # Texts and looks --------------------------------------------------------------------------------------

    def retranslate(self) -> None:
        texts = {
            "preset": self.tr("Situation"),
            "scene": self.tr("System message"),
            "readout": self.tr("Colour by"),
            "temperature": self.tr("Temperature"),
            "seed": self.tr("Seed"),
        }
        for name, text in texts.items():
            self._labels[name].setText(text)
        self.preset_choice.setAccessibleName(self.tr("Situation to try"))
        self.scene_field.setAccessibleName(self.tr("System message of every lane"))
        self.scene_field.setPlaceholderText(self.tr("The company's own instructions, the same in every lane"))
        self.readout_choice.setAccessibleName(self.tr("Figure that colours the tokens"))
        self.temperature.setAccessibleName(self.tr("Temperature"))
        self.temperature.setToolTip(self.tr("0 always takes the likeliest token"))
        self.seed.setAccessibleName(self.tr("Seed"))
        self.seed.setToolTip(self.tr("The same in every lane, so that only the steering differs"))
        self.add_button.setText(self.tr("Lane"))
        self.add_button.setAccessibleName(self.tr("Add a lane"))
        self.add_button.setToolTip(self.tr("Add a lane"))
        self.chats_button.setText(self.tr("Chats"))
        self.chats_button.setAccessibleName(self.tr("Show the chats"))
        self.chats_button.setToolTip(self.tr("Chats that are kept, and the search in all of them"))
        self.presets_button.setText(self.tr("Presets"))
        self.presets_button.setAccessibleName(self.tr("Presets"))
        self.presets_button.setToolTip(self.tr("Named system prompts and samplings"))
        self.composer.setAccessibleName(self.tr("Your message"))
        self._show_send_key()
        self.cancel_edit_button.setText(self.tr("Cancel"))
        self._editing_note.setText(self.tr("Editing an earlier message"))
        names = {
            Readout.PROJECTION: self.tr("Projection"),
            Readout.ENTROPY: self.tr("Entropy"),
            Readout.KL_TO_UNSTEERED: self.tr("KL to unsteered"),
            Readout.OFF: self.tr("Nothing"),
        }
        with QSignalBlocker(self.readout_choice):
            self.readout_choice.clear()
            for readout in _READOUTS:
                self.readout_choice.addItem(names[readout], readout.value)
            self.readout_choice.setCurrentIndex(_READOUTS.index(self._conversation.readout))
        self._show_presets()
        self._show_busy()
        self._show_hint()

    def send_with_control_enter(self, on: bool) -> None:
        """Which key sends: Enter, or Ctrl+Enter."""
        self.composer.send_with_control_enter = on
        self._show_send_key()

    def _show_send_key(self) -> None:
        self.composer.setPlaceholderText(
            self.tr("Ask every lane at once. Ctrl+Enter sends, Enter makes a new line.")
            if self.composer.send_with_control_enter
            else self.tr("Ask every lane at once. Enter sends, Shift+Enter makes a new line.")
        )

    @Slot()
    def restyle(self) -> None:
        for button, name in (
            (self.add_button, "add"),
            (self.chats_button, "chats"),
            (self.presets_button, "preset"),
        ):
            button.setIcon(icon(name, self._theme.tokens.text))
        for view in self._views.values():
            view.restyle()
        self._show_busy()
        self.legend.show_scale(self._conversation.readout, self._scale)

    def _show_hint(self) -> None:
        empty = self._conversation.is_empty
        self._hint.setText(
            self.tr("Choose a situation, or write a question: every lane answers it, each in its own way.")
            if empty
            else self.tr("Rest on a token to see its figures.")
        )

    # Lanes ------------------------------------------------------------------------------------------------

    def view(self, lane_id: str) -> LaneView:
        return self._views[lane_id]

    @Slot()
    def add_lane(self) -> None:
        """Adds a lane: the first kind that no lane has yet."""
        if len(self._conversation.lanes) >= LANES_AT_MOST:
            return
        used = {lane.setup.kind for lane in self._conversation.lanes}
        wanted = (LaneKind.UNSTEERED, LaneKind.PROMPT_ONLY, LaneKind.STEERED, LaneKind.ACTIVE)
        kind = next((kind for kind in wanted if kind not in used), LaneKind.ACTIVE)
        presets = self._workspace.hosted.prompt_presets
        prompt = presets[0].system if kind is LaneKind.PROMPT_ONLY and presets else ""
        self._conversation.add_lane(LaneSetup(kind, prompt=prompt))

    @Slot()
    def _show_lanes(self) -> None:
        wanted = [lane.id for lane in self._conversation.lanes]
        for lane_id in [known for known in self._views if known not in wanted]:
            view = self._views.pop(lane_id)
            view.hide()
            view.deleteLater()
        for place, lane_id in enumerate(wanted):
            if lane_id not in self._views:
                view = LaneView(self._workspace, self._theme, lane_id)
                view.editRequested.connect(self._start_editing)
                self._views[lane_id] = view
                self.lanes.insertWidget(place, view)
        self.lanes.setSizes([1000] * len(wanted))
        self.add_button.setEnabled(len(wanted) < LANES_AT_MOST)

    @Slot(str)
    def _history_reset(self, lane_id: str) -> None:
        if lane_id in self._views:
            self._views[lane_id].render_all(self._scale)
        self._show_hint()

    @Slot(str, object)
    def _reply_extended(self, lane_id: str, tokens: object) -> None:
        if lane_id in self._views and isinstance(tokens, list):
            self._views[lane_id].extend(tokens)

    @Slot(str)
    def _reply_changed(self, lane_id: str) -> None:
        if lane_id in self._views:
            self._views[lane_id].finish()
        if not self._conversation.is_busy:
            self._rescale()

    @Slot(str)
    def _setup_changed(self, lane_id: str) -> None:
        if lane_id in self._views:
            self._views[lane_id].retranslate()

    @Slot(str)
    def _show_outcomes(self, _vector: str) -> None:
        for view in self._views.values():
            view.show_outcome()

    @Slot()
    def _readout_changed(self) -> None:
        with QSignalBlocker(self.readout_choice):
            self.readout_choice.setCurrentIndex(_READOUTS.index(self._conversation.readout))
        self._scale = self._fitting_scale()
        self._render_everything()

    def _rescale(self) -> None:
        """One scale for all lanes, so that the same colour means the same figure everywhere."""
        scale = self._fitting_scale()
        if scale != self._scale:
            self._scale = scale
            self._render_everything()

    def _fitting_scale(self) -> ColorScale:
        readout = self._conversation.readout
        values = (
            value_of(token, readout)
            for lane in self._conversation.lanes
            for turn in lane.turns[-_TURNS_FOR_SCALE:]
            for token in turn.tokens[-_TOKENS_FOR_SCALE:]
        )
        return ColorScale.fitting(readout, (value for value in values if value is not None))

    def _render_everything(self) -> None:
        for view in self._views.values():
            view.render_all(self._scale)
        self.legend.show_scale(self._conversation.readout, self._scale)

    # Head -------------------------------------------------------------------------------------------------

    @Slot()
    def _show_presets(self) -> None:
        language = "ja" if QLocale().language() == QLocale.Language.Japanese else "en"
        everything = self._workspace.hosted.question_presets
        presets = [preset for preset in everything if preset.language == language]
        presets += [preset for preset in everything if preset.language != language]
        chosen = self.preset_choice.currentData()
        with QSignalBlocker(self.preset_choice):
            self.preset_choice.clear()
            self.preset_choice.addItem(self.tr("Your own"), "")
            for preset in presets:
                self.preset_choice.addItem(self._preset_title(preset), preset.id)
            self.preset_choice.setCurrentIndex(max(0, self.preset_choice.findData(chosen)))
        self.preset_choice.setEnabled(bool(presets))

    def _preset_title(self, preset: PromptPreset) -> str:
        kinds = {
            "hard_pressure": self.tr("Hard pressure"),
            "soft_pressure": self.tr("Soft pressure"),
            "neutral": self.tr("Neutral"),
        }
        kind = kinds.get(preset.id.partition("/")[0])
        title = preset.title or preset.user
        return title if kind is None else self.tr("{0}: {1}").format(kind, title)

    def preset(self, preset_id: str) -> PromptPreset | None:
        presets = self._workspace.hosted.question_presets
        return next((preset for preset in presets if preset.id == preset_id), None)

    def apply_preset(self, preset_id: str) -> bool:
        """Sets scene and question from a preset; says whether there is such a preset."""
        preset = self.preset(preset_id)
        if preset is None:
            return False
        with QSignalBlocker(self.preset_choice):
            self.preset_choice.setCurrentIndex(self.preset_choice.findData(preset_id))
        self._conversation.set_scene(preset.system)
        self.composer.setPlainText(preset.user)
        self.composer.setFocus()
        return True

    @Slot(int)
    def _choose_preset(self, index: int) -> None:
        preset_id = str(self.preset_choice.itemData(index))
        if not self.apply_preset(preset_id):
            self._conversation.set_scene("")

    @Slot()
    def _show_scene(self) -> None:
        if self.scene_field.text() != self._conversation.scene:
            with QSignalBlocker(self.scene_field):
                self.scene_field.setText(self._conversation.scene)
                self.scene_field.setCursorPosition(0)
        self.scene_field.setToolTip(self._conversation.scene)

    @Slot(int)
    def _choose_readout(self, index: int) -> None:
        self._conversation.set_readout(_READOUTS[index])

    def cycle_readout(self) -> None:
        place = _READOUTS.index(self._conversation.readout)
        self._conversation.set_readout(_READOUTS[(place + 1) % len(_READOUTS)])

    @Slot()
    def _sampling_changed(self) -> None:
        sampling = self._conversation.sampling
        self._conversation.set_sampling(
            replace(sampling, temperature=self.temperature.value(), seed=self.seed.value())
        )

    @Slot()
    def _show_sampling(self) -> None:
        sampling = self._conversation.sampling
        with QSignalBlocker(self.seed), QSignalBlocker(self.temperature):
            self.seed.setValue(sampling.seed)
            self.temperature.setValue(sampling.temperature)

    @Slot()
    def _show_found(self) -> None:
        """Marks what is looked for in every lane, and goes to the place that is looked at."""
        here = self.search.current
        for lane_id, view in self._views.items():
            at = None if here is None or here.lane != lane_id else (here.turn, self.search.current_in_turn)
            view.transcript.mark(self.search.folded, at)

    @Slot()
    def _open_chats(self) -> None:
        self._workspace.commands.run("chat.list")

    @Slot()
    def _open_presets(self) -> None:
        self._workspace.commands.run("chat.presets")

    # Asking -----------------------------------------------------------------------------------------------

    @Slot(str)
    def _submit(self, text: str) -> None:
        if self._conversation.is_busy or not self._workspace.connection.is_live:
            self.composer.setPlainText(text)
            return
        if self._editing is not None:
            lane_id, index = self._editing
            self.stop_editing()
            self._conversation.resend(lane_id, index, text)
        else:
            self._conversation.send(text)

    @Slot()
    def _send_or_stop(self) -> None:
        if self._conversation.is_busy:
            self._conversation.stop()
        else:
            self.composer.submit()

    @Slot(str, int)
    def _start_editing(self, lane_id: str, index: int) -> None:
        if self._conversation.is_busy:
            return
        self._editing = (lane_id, index)
        self.composer.setPlainText(self._conversation.lane(lane_id).turns[index].text)
        self.composer.selectAll()
        self.composer.setFocus()
        self._show_busy()

    @Slot()
    def stop_editing(self) -> None:
        if self._editing is not None:
            self._editing = None
            self.composer.clear()
            self._show_busy()

    @Slot()
    def _show_busy(self) -> None:
        busy = self._conversation.is_busy
        live = self._workspace.connection.is_live
        self.send_button.setText(self.tr("Stop") if busy else self.tr("Send"))
        can_send = busy or (live and bool(self.composer.toPlainText().strip()))
        tokens = self._theme.tokens
        ink = tokens.on_accent if can_send else tokens.muted
        self.send_button.setIcon(icon("stop" if busy else "send", ink))
        self.send_button.setEnabled(can_send)
        self._editing_note.setVisible(self._editing is not None)
        self.cancel_edit_button.setVisible(self._editing is not None)
