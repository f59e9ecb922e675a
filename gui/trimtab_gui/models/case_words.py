"""What the steps of a case are called on the screen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from PySide6.QtCore import QCoreApplication, QLocale
from trimtab_client.case_types import Case, CaseChoice, CaseStep, CaseStepKind, CaseStepState

from trimtab_gui.i18n import QT_TRANSLATE_NOOP

STEPS: Final = {
    CaseStepKind.GOAL: QT_TRANSLATE_NOOP("Cases", "Goal"),
    CaseStepKind.CRITERIA: QT_TRANSLATE_NOOP("Cases", "Criteria locked"),
    CaseStepKind.SMALL_TRIAL: QT_TRANSLATE_NOOP("Cases", "Small trial"),
    CaseStepKind.CONFIRMATION: QT_TRANSLATE_NOOP("Cases", "Confirmation on fresh prompts"),
    CaseStepKind.RELEASE: QT_TRANSLATE_NOOP("Cases", "Release"),
    CaseStepKind.DECISION: QT_TRANSLATE_NOOP("Cases", "Scale or stop"),
}
#: Where there is little room.
SHORT: Final = STEPS | {CaseStepKind.CONFIRMATION: QT_TRANSLATE_NOOP("Cases", "Confirmation")}
STATES: Final = {
    CaseStepState.DONE: QT_TRANSLATE_NOOP("Cases", "done"),
    CaseStepState.NEXT: QT_TRANSLATE_NOOP("Cases", "to do now"),
    CaseStepState.WAITING: QT_TRANSLATE_NOOP("Cases", "running"),
    CaseStepState.BLOCKED: QT_TRANSLATE_NOOP("Cases", "later"),
    CaseStepState.FAILED: QT_TRANSLATE_NOOP("Cases", "failed"),
    CaseStepState.UNSPECIFIED: QT_TRANSLATE_NOOP("Cases", "unknown"),
}
MARKS: Final = {
    CaseStepState.DONE: "✓",
    CaseStepState.NEXT: "▶",
    CaseStepState.WAITING: "…",
    CaseStepState.BLOCKED: "○",
    CaseStepState.FAILED: "✗",
    CaseStepState.UNSPECIFIED: "?",
}
TONES: Final = {
    CaseStepState.DONE: "good",
    CaseStepState.NEXT: "accent",
    CaseStepState.WAITING: "warning",
    CaseStepState.FAILED: "danger",
}
CHOICES: Final = {
    CaseChoice.SCALE: QT_TRANSLATE_NOOP("Cases", "scale"),
    CaseChoice.STOP: QT_TRANSLATE_NOOP("Cases", "stop"),
}
#: What the button of a step says, by the step's command.
BUTTONS: Final = {
    "case.edit": QT_TRANSLATE_NOOP("Cases", "Write goal and criteria…"),
    "case.lock": QT_TRANSLATE_NOOP("Cases", "Look at the criteria and lock them…"),
    "trial.new": QT_TRANSLATE_NOOP("Cases", "New trial by these criteria…"),
    "trial.start": QT_TRANSLATE_NOOP("Cases", "Start the trial"),
    "trial.show": QT_TRANSLATE_NOOP("Cases", "Show the trial"),
    "trial.resume": QT_TRANSLATE_NOOP("Cases", "Resume the trial"),
    "trial.rate": QT_TRANSLATE_NOOP("Cases", "Rate the replies blind…"),
    "release.create": QT_TRANSLATE_NOOP("Cases", "Create the snapshot"),
    "rollout.new": QT_TRANSLATE_NOOP("Cases", "New rollout of this snapshot…"),
    "rollout.attach": QT_TRANSLATE_NOOP("Cases", "Make the rollout a part of the case"),
    "rollout.show": QT_TRANSLATE_NOOP("Cases", "Show the rollout"),
    "case.decide": QT_TRANSLATE_NOOP("Cases", "Decide…"),
    "case.stop": QT_TRANSLATE_NOOP("Cases", "Stop early…"),
}


def said(words: Mapping[Any, str], key: Any) -> str:
    """The operator's word for a key; the key itself where there is none."""
    return QCoreApplication.translate("Cases", words[key]) if key in words else str(key)


def language() -> str:
    """Of the client: "en" or "ja"."""
    return "ja" if QLocale().language() == QLocale.Language.Japanese else "en"


def state_text(step: CaseStep) -> str:
    """The state with its mark."""
    return f"{MARKS[step.state]} {said(STATES, step.state)}"


def title_of(case: Case) -> str:
    return case.draft.display_name or case.name.rpartition("/")[2]


def standing(case: Case) -> str:
    """Where a case stands, in a few words."""
    if case.decision is not None:
        mark = "✓" if case.decision.choice is CaseChoice.SCALE else "■"
        return f"{mark} {said(CHOICES, case.decision.choice)}"
    step = case.step
    if step is None:
        return "–"
    number = case.steps.index(step) + 1
    return f"{MARKS[step.state]} {number}/{len(case.steps)} {said(SHORT, step.kind)}"


def button_text(step: CaseStep, command: str) -> str:
    """What the button of a step says; "" for none."""
    if command == "case.decide" and step.state is CaseStepState.BLOCKED:
        command = "case.stop"
    return said(BUTTONS, command) if command in BUTTONS else ""
