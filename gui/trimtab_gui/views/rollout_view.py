"""One rollout: where it stands, why, and what may be done to it."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import Qt, Slot
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QPushButton, QScrollArea, QVBoxLayout, QWidget
from trimtab_client import bare
from trimtab_client.rollout_types import Rollout, RolloutState, Verdict

from trimtab_gui.models.rollout_words import (
    candidate_name,
    guardrail_name,
    limit_of_method,
    plan_name,
    stable_name,
    state_tone,
    state_word,
    verdict_tone,
    verdict_word,
)
from trimtab_gui.models.server_sentences import say
from trimtab_gui.models.workspace import Workspace
from trimtab_gui.theme import Theme
from trimtab_gui.views.elements import ElidedLabel, Panel, clock, label, set_tone
from trimtab_gui.views.guardrail_table import GuardrailTable
from trimtab_gui.views.rollout_track import StepTrack, facts_of

# The commands in the order of their buttons.
BUTTONS: Final = (
    "rollout.start",
    "rollout.pause",
    "rollout.resume",
    "rollout.promote",
    "rollout.promote_full",
    "rollout.retry",
    "rollout.abort",
)
_FACTS: Final = ("reason", "by", "plan", "looks")


class RolloutView(Panel):
    """Shown while it runs and after it has ended."""

    def __init__(self, workspace: Workspace, theme: Theme) -> None:
        super().__init__()
        self._workspace = workspace
        self._rollout: Rollout | None = None
        self._title = ElidedLabel("title")
        self.state_chip = label("chip")
        self.weight_chip = label("chip")
        self.verdict_chip = label("chip")
        self._known = label("chip")
        set_tone(self._known, "warning")
        self._next = label(wrap=True)
        self._names = {name: label("muted") for name in _FACTS}
        self._values = {name: ElidedLabel() for name in _FACTS}
        self.buttons = {command: QPushButton() for command in BUTTONS}
        set_tone(self.buttons["rollout.start"], "accent")
        set_tone(self.buttons["rollout.abort"], "danger")
        self.track = StepTrack()
        self._headings = {name: label("heading") for name in ("steps", "guardrails", "limits")}
        self.table = GuardrailTable(theme)
        self._finding = label("muted", wrap=True)
        self._limits = label("caption", wrap=True)
        self._build()
        self._wire()
        self.retranslate()

    def _build(self) -> None:
        chips = QHBoxLayout()
        chips.setSpacing(8)
        chips.addWidget(self._title, 1)
        for chip in (self._known, self.state_chip, self.weight_chip, self.verdict_chip):
            chips.addWidget(chip)
        facts = QGridLayout()
        facts.setHorizontalSpacing(14)
        facts.setVerticalSpacing(3)
        facts.setColumnStretch(1, 1)
        for row, name in enumerate(_FACTS):
            facts.addWidget(self._names[name], row, 0)
            facts.addWidget(self._values[name], row, 1)
        tools = QHBoxLayout()
        tools.setSpacing(8)
        for command, button in self.buttons.items():
            if command == "rollout.abort":
                tools.addStretch(1)
            tools.addWidget(button)
        card = Panel("card")
        column = QVBoxLayout(card)
        column.setContentsMargins(16, 12, 16, 12)
        column.setSpacing(8)
        column.addLayout(chips)
        column.addWidget(self._next)
        column.addLayout(facts)
        column.addLayout(tools)
        body = QWidget()
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(body)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(8)
        # What to do stays in sight; what is below it scrolls.
        outer.addWidget(card)
        outer.addWidget(scroll, 1)
        layout = QVBoxLayout(body)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        layout.addWidget(self._headings["steps"])
        layout.addWidget(self.track)
        layout.addWidget(self._headings["guardrails"])
        layout.addWidget(self.table)
        layout.addWidget(self._finding)
        layout.addWidget(self._headings["limits"])
        layout.addWidget(self._limits)
        layout.addStretch(1)

    def _wire(self) -> None:
        self._workspace.commands.changed.connect(self._show_buttons)
        self._workspace.connection.changed.connect(self._show)
        self.table.selectionModel().selectionChanged.connect(self._show_finding)
        self.table.rows.modelReset.connect(self._show_finding)
        for button in self.buttons.values():
            button.clicked.connect(self._press)

    def retranslate(self) -> None:
        names = {
            "reason": self.tr("Reason"),
            "by": self.tr("By"),
            "plan": self.tr("Plan"),
            "looks": self.tr("Looks"),
        }
        for name, text in names.items():
            self._names[name].setText(text)
        self._headings["steps"].setText(self.tr("Steps"))
        self._headings["guardrails"].setText(self.tr("Guardrails: the candidate against stable"))
        self._headings["limits"].setText(self.tr("What the figures do not show"))
        self._known.setText(self.tr("◐ last known"))
        self.table.setAccessibleName(self.tr("Guardrails"))
        self.table.rows.retranslate()
        self._show_finding()
        self._show()

    def show_rollout(self, rollout: Rollout | None) -> None:
        self._rollout = rollout
        self._show()

    @Slot()
    def _show(self) -> None:
        rollout = self._rollout
        self._show_buttons()
        if rollout is None:
            return
        self._title.setText(
            self.tr("“{0}” in place of “{1}”").format(candidate_name(rollout), stable_name(rollout))
        )
        self._known.setVisible(not rollout.state.ended and not self._workspace.connection.is_live)
        self.state_chip.setText(state_word(rollout.state))
        set_tone(self.state_chip, state_tone(rollout.state))
        self.weight_chip.setText(self.tr("{0}% of sessions get the candidate").format(rollout.weight))
        self.verdict_chip.setText(verdict_word(rollout.verdict))
        set_tone(self.verdict_chip, verdict_tone(rollout.verdict))
        self._next.setText(self._what_next(rollout))
        values = {
            "reason": say(rollout.reason) or "–",
            "by": self._people(rollout),
            "plan": self._plan(rollout),
            "looks": self._looks(rollout),
        }
        for name, text in values.items():
            self._values[name].setText(text)
        self.track.show_steps(facts_of(rollout.plan, rollout))
        self.track.retranslate()
        self.table.show_rollout(rollout)
        self._limits.setText("  ·  ".join(limit_of_method(limit) for limit in rollout.limits_of_method))

    def _what_next(self, rollout: Rollout) -> str:
        match rollout.state:
            case RolloutState.CREATED:
                return self.tr("The plan is locked. Nobody gets the candidate before you start it.")
            case RolloutState.RUNNING if rollout.verdict is Verdict.NOT_ENOUGH_DATA:
                return self.tr(
                    "This step waits for what its plan asks: more looks, replies or questions. You do not have to"
                    " watch."
                )
            case RolloutState.RUNNING:
                return self.tr(
                    "It goes on by itself; you do not have to watch. A guardrail that trips takes the candidate away."
                )
            case RolloutState.PAUSED:
                return self.tr(
                    "It waits for a person: resume to gather more, promote to the next step, or abort. Guardrails go"
                    " on."
                )
            case RolloutState.PROMOTED:
                return self.tr("The candidate is the active snapshot. Roll back if it proves wrong.")
            case RolloutState.FAILED:
                return self.tr(
                    "Nobody gets the candidate any more. See below which guardrail tripped; retry if it was not to"
                    " blame."
                )
            case _:
                return self.tr("Nobody gets the candidate any more. Retry draws the sessions anew.")

    def _people(self, rollout: Rollout) -> str:
        text = self.tr("created by {0}, {1}").format(rollout.created_by, clock(rollout.create_time))
        if rollout.start_time is not None:
            text += "  ·  " + self.tr("started {0}").format(clock(rollout.start_time))
        if rollout.end_time is not None:
            text += "  ·  " + self.tr("ended by {0}, {1}").format(rollout.changed_by, clock(rollout.end_time))
        elif rollout.changed_by and rollout.changed_by != rollout.created_by:
            text += "  ·  " + self.tr("last changed by {0}").format(rollout.changed_by)
        return text

    def _plan(self, rollout: Rollout) -> str:
        return self.tr("{0} ({1}), locked; rollout {2}").format(
            plan_name(rollout.plan.name), rollout.plan.hash[:12], bare(rollout.name)
        )

    def _looks(self, rollout: Rollout) -> str:
        if not rollout.look_count:
            return self.tr("none yet")
        return self.tr("{0}, the newest at {1}").format(rollout.look_count, clock(rollout.look_time))

    @Slot()
    def _show_finding(self) -> None:
        row = self.table.chosen
        if row is None or row.evidence is None:
            self._finding.setText(self.tr("Choose a guardrail to read its finding in a sentence."))
        else:
            self._finding.setText(f"{guardrail_name(row.name)}: {say(row.evidence.text)}")

    # Buttons ----------------------------------------------------------------------------------------------

    @Slot()
    def _show_buttons(self) -> None:
        commands = self._workspace.commands
        state = None if self._rollout is None else self._rollout.state
        for command, button in self.buttons.items():
            spec = commands.spec(command)
            button.setText(
                spec.translated_title if command == "rollout.abort" else f"{spec.translated_title}…"
            )
            shortcut = f" ({spec.shortcut})" if spec.shortcut else ""
            button.setToolTip(f"{spec.translated_hint}{shortcut}")
            button.setVisible(state in _WHEN[command])
            button.setEnabled(commands.is_enabled(command))

    @Slot()
    def _press(self) -> None:
        pressed = self.sender()
        for command, button in self.buttons.items():
            if button is pressed:
                self._workspace.commands.run(command)


_FORCE: Final = (RolloutState.RUNNING, RolloutState.PAUSED)
_WHEN: Final = {
    "rollout.start": (RolloutState.CREATED,),
    "rollout.pause": (RolloutState.RUNNING,),
    "rollout.resume": (RolloutState.PAUSED,),
    "rollout.promote": _FORCE,
    "rollout.promote_full": (RolloutState.CREATED, *_FORCE),
    "rollout.retry": (RolloutState.ABORTED, RolloutState.FAILED),
    "rollout.abort": (RolloutState.CREATED, *_FORCE),
}
