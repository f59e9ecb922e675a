"""One lane: where its steering comes from, its conversation, and what was really used."""

from __future__ import annotations

from PySide6.QtCore import QSignalBlocker, Qt, Signal, Slot
from PySide6.QtGui import QAction, QGuiApplication
from PySide6.QtWidgets import (
    QComboBox,
    QFrame,
    QHBoxLayout,
    QMenu,
    QSizePolicy,
    QStackedWidget,
    QToolButton,
    QVBoxLayout,
)
from trimtab_client import abbreviated, bare
from trimtab_client.types import Role, Steering, TokenReadout

from trimtab_gui.color_scale import ColorScale
from trimtab_gui.icons import icon
from trimtab_gui.models.chat_words import sampling_words
from trimtab_gui.models.conversation import Conversation, LaneKind, LaneSetup, LaneState, Turn
from trimtab_gui.models.rollout_words import candidate_name
from trimtab_gui.models.workspace import Workspace
from trimtab_gui.theme import Theme
from trimtab_gui.views.elements import Choice, ElidedLabel, Panel, number
from trimtab_gui.views.lengths import ask_width, fit_icon
from trimtab_gui.views.transcript import Transcript

_KINDS = (
    LaneKind.UNSTEERED,
    LaneKind.PROMPT_ONLY,
    LaneKind.STEERED,
    LaneKind.ACTIVE,
    LaneKind.SNAPSHOT,
)
_COLORS = {
    LaneKind.UNSTEERED: "lane_unsteered",
    LaneKind.PROMPT_ONLY: "lane_prompt",
    LaneKind.STEERED: "lane_steered",
    LaneKind.ACTIVE: "lane_snapshot",
    LaneKind.SNAPSHOT: "lane_snapshot",
}


class LaneView(Panel):
    """The view of one `LaneState`."""

    # The index of a user turn that is to be edited.
    editRequested = Signal(str, int)

    def __init__(self, workspace: Workspace, theme: Theme, lane_id: str) -> None:
        super().__init__("card")
        self.lane_id = lane_id
        self._workspace = workspace
        self._conversation: Conversation = workspace.conversation
        # Held, not looked up: a removed lane's view lives until the event loop deletes it.
        self.lane: LaneState = workspace.conversation.lane(lane_id)
        self._theme = theme
        self._scale = ColorScale(1.0, True)
        self._stripe = QFrame()
        self._stripe.setFixedHeight(3)
        self.kind_choice = QComboBox()
        self.kind_choice.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.kind_choice.setMinimumContentsLength(8)
        self.menu_button = QToolButton()
        fit_icon(self.menu_button, 18)
        self.menu_button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self._detail = ElidedLabel("caption")
        self.prompt_choice = Choice()
        self.prompt_choice.setEditable(True)
        self.prompt_choice.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        self.prompt_choice.setMinimumContentsLength(8)
        self.snapshot_choice = Choice()
        self.snapshot_choice.setMinimumContentsLength(8)
        # The preset and the sampling, where they are not the plain ones.
        self._words = ElidedLabel("caption")
        self._details = QStackedWidget()
        for widget in (self._detail, self.prompt_choice, self.snapshot_choice):
            widget.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
            self._details.addWidget(widget)
        self._details.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.transcript = Transcript(theme)
        self._footer = ElidedLabel("caption")
        self._make_menu()
        self._build()
        self._wire()
        self.retranslate()
        self.restyle()

    def _build(self) -> None:
        head = QHBoxLayout()
        head.setSpacing(4)
        head.addWidget(self.kind_choice, 1)
        head.addWidget(self.menu_button)
        top = QVBoxLayout()
        top.setContentsMargins(10, 8, 8, 6)
        top.setSpacing(6)
        top.addLayout(head)
        top.addWidget(self._details)
        top.addWidget(self._words)
        foot = QHBoxLayout()
        foot.setContentsMargins(12, 4, 12, 8)
        foot.addWidget(self._footer)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(1, 1, 1, 1)
        layout.setSpacing(0)
        layout.addWidget(self._stripe)
        layout.addLayout(top)
        layout.addWidget(self.transcript, 1)
        layout.addLayout(foot)
        ask_width(self, 184)

    def _make_menu(self) -> None:
        menu = QMenu(self)
        self._regenerate = QAction(self)
        self._copy_conversation = QAction(self)
        self._copy_table = QAction(self)
        self._remove = QAction(self)
        for action, slot in (
            (self._regenerate, self._regenerate_reply),
            (self._copy_conversation, self.copy_conversation),
            (self._copy_table, self.copy_table),
            (self._remove, self._remove_lane),
        ):
            action.triggered.connect(slot)
            menu.addAction(action)
        menu.aboutToShow.connect(self._refresh_menu)
        self.menu_button.setMenu(menu)

    def _wire(self) -> None:
        self.kind_choice.activated.connect(self._choose_kind)
        self.prompt_choice.activated.connect(self._choose_prompt)
        line = self.prompt_choice.lineEdit()
        assert line is not None
        line.editingFinished.connect(self._write_prompt)
        self.snapshot_choice.activated.connect(self._choose_snapshot)
        self.transcript.actionRequested.connect(self._act)
        self.transcript.tokenDescribed.connect(self._show_token)
        workspace = self._workspace
        workspace.steering.draftChanged.connect(self._show_setup)
        workspace.steering.vectorsChanged.connect(self._show_setup)
        workspace.steering.activeChanged.connect(self._show_setup)
        workspace.steering.stagesChanged.connect(self._show_setup)
        workspace.release.snapshotsChanged.connect(self._show_setup)
        workspace.rollouts.changed.connect(self._show_setup)
        workspace.hosted.changed.connect(self._show_setup)
        workspace.presets.changed.connect(self._show_setup)
        self._conversation.samplingChanged.connect(self._show_words)
        self._conversation.sceneChanged.connect(self._show_words)

    def retranslate(self) -> None:
        titles = {
            LaneKind.UNSTEERED: self.tr("Unsteered"),
            LaneKind.PROMPT_ONLY: self.tr("Prompt only"),
            LaneKind.STEERED: self.tr("Steered"),
            LaneKind.ACTIVE: self.tr("Active snapshot"),
            LaneKind.SNAPSHOT: self.tr("A snapshot"),
        }
        with QSignalBlocker(self.kind_choice):
            self.kind_choice.clear()
            for kind in _KINDS:
                self.kind_choice.addItem(titles[kind], kind.value)
        self.kind_choice.setAccessibleName(self.tr("What this lane is"))
        self.prompt_choice.setAccessibleName(self.tr("Honesty line of this lane"))
        line = self.prompt_choice.lineEdit()
        assert line is not None
        line.setAccessibleName(self.tr("Honesty line of this lane"))
        self.snapshot_choice.setAccessibleName(self.tr("Snapshot of this lane"))
        self.menu_button.setAccessibleName(self.tr("More for this lane"))
        self.menu_button.setToolTip(self.tr("More for this lane"))
        self.transcript.setAccessibleName(self.tr("Conversation of this lane"))
        self._regenerate.setText(self.tr("Regenerate the reply"))
        self._copy_conversation.setText(self.tr("Copy the conversation"))
        self._copy_table.setText(self.tr("Copy the tokens as a table"))
        self._remove.setText(self.tr("Remove this lane"))
        self._show_setup()
        self.show_outcome()

    def _welcome(self) -> str:
        match self.lane.setup.kind:
            case LaneKind.UNSTEERED:
                return self.tr("The model of this stage as it is, with no vectors.")
            case LaneKind.PROMPT_ONLY:
                return self.tr("The same model, told to be honest in one line before the system message.")
            case LaneKind.STEERED:
                return self.tr("The same model with the vectors that are set in the dock.")
            case LaneKind.ACTIVE:
                return self.tr("What everybody gets now.")
            case LaneKind.SNAPSHOT:
                return self.tr("A snapshot, whether it is active or not.")

    def restyle(self) -> None:
        """Takes the colours of the look that is on."""
        self.menu_button.setIcon(icon("more", self._theme.tokens.muted))
        self._show_setup()
        self.render_all(self._scale)

    def render_all(self, scale: ColorScale) -> None:
        self._scale = scale
        self.transcript.show_turns(self.lane.turns, self._conversation.readout, scale)
        self.show_outcome()

    def extend(self, tokens: list[TokenReadout]) -> None:
        self.transcript.extend(tokens)

    def finish(self) -> None:
        self.transcript.finish()
        self.show_outcome()

    # The setup --------------------------------------------------------------------------------------------

    @Slot()
    def _show_setup(self, _name: str = "") -> None:
        setup = self.lane.setup
        with QSignalBlocker(self.kind_choice):
            self.kind_choice.setCurrentIndex(_KINDS.index(setup.kind))
        color = self._theme.color(_COLORS[setup.kind]).name()
        self._stripe.setStyleSheet(
            f"background: {color}; border-top-left-radius: 7px; border-top-right-radius: 7px;"
        )
        self.transcript.set_welcome(self._welcome())
        self._show_words()
        match setup.kind:
            case LaneKind.PROMPT_ONLY:
                self._show_prompts(setup)
            case LaneKind.SNAPSHOT:
                self._show_snapshots(setup)
            case _:
                self._details.setCurrentWidget(self._detail)
                self._detail.setText(self._describe(setup))

    @Slot()
    def _show_words(self) -> None:
        presets, setup = self._workspace.presets, self.lane.setup
        named = presets.named(setup.prompt) if setup.kind is LaneKind.PROMPT_ONLY else None
        names = [
            preset.name for preset in (named, presets.fitting_all()) if preset is not None and preset.own
        ]
        parts = [self.tr("Preset “{0}”").format(name) for name in dict.fromkeys(names)]
        sampling = sampling_words(self._conversation.sampling)
        self._words.setText(" · ".join([*parts, sampling] if sampling else parts))
        self._words.setVisible(bool(self._words.text()))

    def _describe(self, setup: LaneSetup) -> str:
        steering = self._workspace.steering
        stage = bare(steering.stage)
        match setup.kind:
            case LaneKind.UNSTEERED:
                return self.tr("{0}, no vectors").format(stage) if stage else ""
            case LaneKind.STEERED:
                terms = self.describe_terms(steering.steering())
                return terms or self.tr("No vector is on: the same as unsteered")
            case LaneKind.ACTIVE if steering.active is not None:
                rollout = self._workspace.rollouts.in_force
                if rollout is not None:
                    return self.tr("{0}; {1}% of sessions get “{2}”").format(
                        steering.active.display_name, rollout.weight, candidate_name(rollout)
                    )
                return steering.active.display_name
            case _:
                return ""

    def describe_terms(self, steering: Steering) -> str:
        """The vectors and doses of a steering, such as "honesty 0.54 · stage-07"."""
        parts = []
        for term in steering.terms:
            vector = self._workspace.steering.vector(term.vector)
            name = abbreviated(term.vector) if vector is None else vector.display_name or vector.concept
            parts.append(f"{name} {number(term.strength, 2)}")
        return " + ".join(parts) + (f" · {bare(steering.stage)}" if parts and steering.stage else "")

    def _show_prompts(self, setup: LaneSetup) -> None:
        self._details.setCurrentWidget(self.prompt_choice)
        with QSignalBlocker(self.prompt_choice):
            self.prompt_choice.clear()
            for preset in self._workspace.presets.all:
                if not preset.system:
                    continue
                self.prompt_choice.addItem(preset.name, preset.system)
                last = self.prompt_choice.count() - 1
                self.prompt_choice.setItemData(last, preset.system, Qt.ItemDataRole.ToolTipRole)
            self.prompt_choice.setEditText(setup.prompt)
        line = self.prompt_choice.lineEdit()
        assert line is not None
        line.setPlaceholderText(self.tr("A line such as “Answer honestly.”"))
        line.setCursorPosition(0)
        self.prompt_choice.setToolTip(setup.prompt)

    def _show_snapshots(self, setup: LaneSetup) -> None:
        self._details.setCurrentWidget(self.snapshot_choice)
        with QSignalBlocker(self.snapshot_choice):
            self.snapshot_choice.clear()
            for snapshot in self._workspace.release.snapshots:
                self.snapshot_choice.addItem(
                    snapshot.display_name or abbreviated(snapshot.name), snapshot.name
                )
            self.snapshot_choice.setCurrentIndex(self.snapshot_choice.findData(setup.snapshot))

    @Slot(int)
    def _choose_kind(self, index: int) -> None:
        kind = _KINDS[index]
        snapshot = prompt = ""
        if kind is LaneKind.SNAPSHOT and self._workspace.release.snapshots:
            snapshot = self._workspace.release.snapshots[0].name
        if kind is LaneKind.PROMPT_ONLY:
            presets = self._workspace.hosted.prompt_presets
            prompt = self.lane.setup.prompt or (presets[0].system if presets else "")
        self._set(LaneSetup(kind, prompt=prompt, snapshot=snapshot))

    @Slot(int)
    def _choose_prompt(self, index: int) -> None:
        self._set(LaneSetup(LaneKind.PROMPT_ONLY, prompt=str(self.prompt_choice.itemData(index))))

    @Slot()
    def _write_prompt(self) -> None:
        if self.lane.setup.kind is LaneKind.PROMPT_ONLY:
            text = self.prompt_choice.currentText().strip()
            # A preset shows its title in the list; what counts is its line.
            index = self.prompt_choice.findText(text, Qt.MatchFlag.MatchExactly)
            line = text if index < 0 else str(self.prompt_choice.itemData(index))
            self._set(LaneSetup(LaneKind.PROMPT_ONLY, prompt=line))

    @Slot(int)
    def _choose_snapshot(self, index: int) -> None:
        self._set(LaneSetup(LaneKind.SNAPSHOT, snapshot=str(self.snapshot_choice.itemData(index))))

    def _set(self, setup: LaneSetup) -> None:
        self._conversation.set_setup(self.lane_id, setup)
        self._show_setup()
        self.show_outcome()

    # The outcome ------------------------------------------------------------------------------------------

    def show_outcome(self) -> None:
        """What the last reply used and what it took, from the server's own words."""
        turn = self.lane.last_reply
        self._footer.setText("" if turn is None else " · ".join(self._outcome(turn)))

    def _outcome(self, turn: Turn) -> list[str]:
        parts = []
        if turn.finished is not None:
            tokens = turn.finished.usage.reply_tokens
            parts.append(self.tr("{0} tokens").format(tokens))
            if turn.finished.timings.decode_seconds > 0:
                rate = tokens / turn.finished.timings.decode_seconds
                parts.append(self.tr("{0} tokens/s").format(number(rate, 0)))
        mean = None if turn.is_open else turn.mean(self._conversation.readout)
        if mean is not None:
            parts.append(self.tr("mean {0}").format(number(mean, 2)))
        if turn.started is not None and turn.started.steering.snapshot:
            parts.append(abbreviated(turn.started.steering.snapshot)[:8])
        if turn.started is not None and turn.started.steering.arm:
            parts.insert(0, self._arm(turn.started.steering.arm))
        if self._edited_since(turn):
            parts.append(self.tr("settings changed since"))
        return parts

    def _arm(self, arm: str) -> str:
        """Which arm of the rollout answered."""
        match arm:
            case "candidate":
                return self.tr("◆ candidate arm")
            case "stable":
                return self.tr("◇ stable arm")
            case _:
                return arm

    def _edited_since(self, turn: Turn) -> bool:
        if turn.setup != self.lane.setup:
            return True
        return (
            turn.setup is not None
            and turn.setup.kind is LaneKind.STEERED
            and turn.steering != self._workspace.steering.steering()
        )

    @Slot(str)
    def _show_token(self, text: str) -> None:
        if text:
            self._footer.setText(text)
        else:
            self.show_outcome()

    # What can be done -------------------------------------------------------------------------------------

    @Slot(str, int)
    def _act(self, action: str, index: int) -> None:
        match action:
            case "copy":
                QGuiApplication.clipboard().setText(self.lane.turns[index].text)
            case "regenerate":
                self._conversation.regenerate(self.lane_id)
            case "edit":
                self.editRequested.emit(self.lane_id, index)

    @Slot()
    def _regenerate_reply(self) -> None:
        self._conversation.regenerate(self.lane_id)

    @Slot()
    def _remove_lane(self) -> None:
        self._conversation.remove_lane(self.lane_id)

    @Slot()
    def copy_conversation(self) -> None:
        names = {Role.USER: self.tr("User"), Role.ASSISTANT: self.tr("Model")}
        text = "\n\n".join(f"{names.get(turn.role, '')}: {turn.text}" for turn in self.lane.turns)
        QGuiApplication.clipboard().setText(text)

    @Slot()
    def copy_table(self) -> None:
        """The last reply's tokens with every figure, tab-separated, for a spreadsheet."""
        turn = self.lane.last_reply
        if turn is None:
            return
        rows = ["index\ttoken\tprojection\tentropy\tkl_to_unsteered\tlog_probability"]
        for token in turn.tokens:
            figures = (token.projection, token.entropy, token.kl_to_unsteered, token.log_probability)
            cells = [str(token.index), token.text.replace("\t", " ").replace("\n", " ")]
            rows.append("\t".join(cells + ["" if value is None else f"{value:.6g}" for value in figures]))
        QGuiApplication.clipboard().setText("\n".join(rows))

    @Slot()
    def _refresh_menu(self) -> None:
        has_reply = self.lane.last_reply is not None
        self._regenerate.setEnabled(has_reply and not self._conversation.is_busy)
        self._copy_conversation.setEnabled(bool(self.lane.turns))
        self._copy_table.setEnabled(has_reply)
        self._remove.setEnabled(len(self._conversation.lanes) > 1)
