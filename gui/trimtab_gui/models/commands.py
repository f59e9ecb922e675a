"""Every command of the client, by id.

Menus, buttons, shortcuts and the command palette are made from this registry, so that a command has one title,
one shortcut and one condition, and so that none can be reached from one place only.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from PySide6.QtCore import QCoreApplication, QObject, Signal

from trimtab_gui.i18n import QT_TRANSLATE_NOOP


@dataclass(frozen=True)
class CommandSpec:
    """What a command is called and where it appears. `title` and `hint` are sources of the context "Commands"."""

    id: str
    menu: str
    title: str
    shortcut: str = ""
    # Another way to press it, where keyboards differ.
    second_shortcut: str = ""
    hint: str = ""
    # A change of state that the audit must explain: the reason is asked for in the window, not in a dialog.
    needs_reason: bool = False

    @property
    def translated_title(self) -> str:
        return QCoreApplication.translate("Commands", self.title)

    @property
    def translated_hint(self) -> str:
        return QCoreApplication.translate("Commands", self.hint) if self.hint else self.translated_title


MENUS: Final = {
    "connection": QT_TRANSLATE_NOOP("Commands", "&Connection"),
    "chat": QT_TRANSLATE_NOOP("Commands", "C&hat"),
    "evidence": QT_TRANSLATE_NOOP("Commands", "&Evidence"),
    "vectors": QT_TRANSLATE_NOOP("Commands", "Vec&tors"),
    "release": QT_TRANSLATE_NOOP("Commands", "&Release"),
    "view": QT_TRANSLATE_NOOP("Commands", "&View"),
}

SPECS: Final = (
    CommandSpec(
        "connection.change",
        "connection",
        QT_TRANSLATE_NOOP("Commands", "Connect to another server"),
        hint=QT_TRANSLATE_NOOP("Commands", "Shows the start page with address and token"),
    ),
    CommandSpec(
        "connection.retry",
        "connection",
        QT_TRANSLATE_NOOP("Commands", "Try to reconnect now"),
        shortcut="F5",
    ),
    CommandSpec("application.quit", "connection", QT_TRANSLATE_NOOP("Commands", "Quit"), shortcut="Ctrl+Q"),
    CommandSpec(
        "chat.compose", "chat", QT_TRANSLATE_NOOP("Commands", "Go to the message field"), shortcut="Ctrl+L"
    ),
    CommandSpec("chat.stop", "chat", QT_TRANSLATE_NOOP("Commands", "Stop the replies"), shortcut="Ctrl+."),
    CommandSpec(
        "chat.regenerate",
        "chat",
        QT_TRANSLATE_NOOP("Commands", "Regenerate the last replies"),
        shortcut="Ctrl+R",
        hint=QT_TRANSLATE_NOOP(
            "Commands", "Asks every lane again; with a temperature, the seed moves on by one"
        ),
    ),
    CommandSpec("chat.clear", "chat", QT_TRANSLATE_NOOP("Commands", "New conversation"), shortcut="Ctrl+N"),
    CommandSpec(
        "chat.undo",
        "chat",
        QT_TRANSLATE_NOOP("Commands", "Take back the last change of the chat"),
        shortcut="Ctrl+Alt+Z",
        hint=QT_TRANSLATE_NOOP(
            "Commands", "A removed lane, a regenerated or edited message, or a new conversation"
        ),
    ),
    CommandSpec(
        "chat.list", "chat", QT_TRANSLATE_NOOP("Commands", "Show the chats"), shortcut="Ctrl+Shift+H"
    ),
    CommandSpec(
        "chat.search",
        "chat",
        QT_TRANSLATE_NOOP("Commands", "Search in all chats"),
        shortcut="Ctrl+Shift+F",
    ),
    CommandSpec("chat.find", "chat", QT_TRANSLATE_NOOP("Commands", "Find in this chat"), shortcut="Ctrl+F"),
    CommandSpec("chat.find_next", "chat", QT_TRANSLATE_NOOP("Commands", "Find the next"), shortcut="F3"),
    CommandSpec(
        "chat.find_previous",
        "chat",
        QT_TRANSLATE_NOOP("Commands", "Find the one before"),
        shortcut="Shift+F3",
    ),
    CommandSpec("chat.rename", "chat", QT_TRANSLATE_NOOP("Commands", "Rename this chat")),
    CommandSpec("chat.pin", "chat", QT_TRANSLATE_NOOP("Commands", "Pin or unpin this chat")),
    CommandSpec(
        "chat.delete",
        "chat",
        QT_TRANSLATE_NOOP("Commands", "Delete this chat"),
        hint=QT_TRANSLATE_NOOP("Commands", "Can be taken back until the client ends"),
    ),
    CommandSpec(
        "chat.export",
        "chat",
        QT_TRANSLATE_NOOP("Commands", "Export this chat…"),
        shortcut="Ctrl+Shift+E",
        hint=QT_TRANSLATE_NOOP("Commands", "As Markdown, JSON or CSV"),
    ),
    CommandSpec("chat.export_all", "chat", QT_TRANSLATE_NOOP("Commands", "Export all chats…")),
    CommandSpec(
        "chat.presets",
        "chat",
        QT_TRANSLATE_NOOP("Commands", "Presets"),
        shortcut="Ctrl+Shift+P",
        hint=QT_TRANSLATE_NOOP("Commands", "Named system prompts and samplings, for all lanes or for one"),
    ),
    CommandSpec(
        "chat.retention",
        "chat",
        QT_TRANSLATE_NOOP("Commands", "How long chats are kept"),
        hint=QT_TRANSLATE_NOOP("Commands", "Also deletes everything that is kept of chats"),
    ),
    CommandSpec("chat.add_lane", "chat", QT_TRANSLATE_NOOP("Commands", "Add a lane"), shortcut="Ctrl+T"),
    CommandSpec(
        "chat.cycle_readout",
        "chat",
        QT_TRANSLATE_NOOP("Commands", "Next token colouring"),
        shortcut="Ctrl+E",
    ),
    CommandSpec(
        "chat.send_key",
        "chat",
        QT_TRANSLATE_NOOP("Commands", "Switch between sending with Enter and Ctrl+Enter"),
    ),
    CommandSpec(
        "case.show",
        "evidence",
        QT_TRANSLATE_NOOP("Commands", "Show the cases"),
        hint=QT_TRANSLATE_NOOP("Commands", "From the goal to the decision, step by step"),
    ),
    CommandSpec(
        "case.new",
        "evidence",
        QT_TRANSLATE_NOOP("Commands", "New case"),
        hint=QT_TRANSLATE_NOOP("Commands", "From a template, in two clicks"),
    ),
    CommandSpec(
        "case.next",
        "evidence",
        QT_TRANSLATE_NOOP("Commands", "The next step of the case"),
        hint=QT_TRANSLATE_NOOP("Commands", "Opens the place where it is done"),
    ),
    CommandSpec(
        "case.decide",
        "evidence",
        QT_TRANSLATE_NOOP("Commands", "Decide the case"),
        hint=QT_TRANSLATE_NOOP("Commands", "Scale or stop, with the reason"),
        needs_reason=True,
    ),
    CommandSpec(
        "trial.show",
        "evidence",
        QT_TRANSLATE_NOOP("Commands", "Show the trials"),
    ),
    CommandSpec(
        "trial.new",
        "evidence",
        QT_TRANSLATE_NOOP("Commands", "New trial"),
        shortcut="Ctrl+Alt+N",
        hint=QT_TRANSLATE_NOOP("Commands", "Company prompts over two or more lanes"),
    ),
    CommandSpec(
        "trial.sample",
        "evidence",
        QT_TRANSLATE_NOOP("Commands", "Try the sample set"),
    ),
    CommandSpec(
        "trial.start",
        "evidence",
        QT_TRANSLATE_NOOP("Commands", "Start the trial"),
    ),
    CommandSpec(
        "trial.pause",
        "evidence",
        QT_TRANSLATE_NOOP("Commands", "Pause the trial"),
    ),
    CommandSpec(
        "trial.resume",
        "evidence",
        QT_TRANSLATE_NOOP("Commands", "Resume the trial"),
        hint=QT_TRANSLATE_NOOP("Commands", "Asks what is missing, and nothing else"),
    ),
    CommandSpec(
        "trial.rerun",
        "evidence",
        QT_TRANSLATE_NOOP("Commands", "Ask the selected row again"),
    ),
    CommandSpec(
        "trial.rate",
        "evidence",
        QT_TRANSLATE_NOOP("Commands", "Rate the replies blind"),
    ),
    CommandSpec(
        "trial.costs",
        "evidence",
        QT_TRANSLATE_NOOP("Commands", "Show the costs of the trial"),
    ),
    CommandSpec(
        "trial.export",
        "evidence",
        QT_TRANSLATE_NOOP("Commands", "Export the trial"),
    ),
    CommandSpec(
        "trial.report",
        "evidence",
        QT_TRANSLATE_NOOP("Commands", "Write a report of the trial"),
        shortcut="Ctrl+Alt+R",
        hint=QT_TRANSLATE_NOOP("Commands", "Slides, PDF or a web page, in English or Japanese"),
    ),
    CommandSpec(
        "vectors.extract",
        "vectors",
        QT_TRANSLATE_NOOP("Commands", "Make a steering vector…"),
        shortcut="Ctrl+Shift+V",
        hint=QT_TRANSLATE_NOOP("Commands", "From pairs of texts to a vector and its strength, page by page"),
    ),
    CommandSpec(
        "vectors.import",
        "vectors",
        QT_TRANSLATE_NOOP("Commands", "Import a vector file…"),
        hint=QT_TRANSLATE_NOOP("Commands", "safetensors, GGUF, svec, or layer files of weights alone"),
    ),
    CommandSpec(
        "release.rollback",
        "release",
        QT_TRANSLATE_NOOP("Commands", "Roll back"),
        shortcut="F9",
        hint=QT_TRANSLATE_NOOP("Commands", "Makes the snapshot before the active one active again"),
        needs_reason=True,
    ),
    CommandSpec(
        "release.undo_rollback",
        "release",
        QT_TRANSLATE_NOOP("Commands", "Undo the rollback"),
        hint=QT_TRANSLATE_NOOP("Commands", "Activates again what was active before the last rollback"),
        needs_reason=True,
    ),
    CommandSpec(
        "release.unsteered",
        "release",
        QT_TRANSLATE_NOOP("Commands", "Unsteered now"),
        shortcut="Ctrl+F9",
        hint=QT_TRANSLATE_NOOP(
            "Commands", "One click: everyone gets the unsteered model at once; can be taken back"
        ),
    ),
    CommandSpec(
        "release.create",
        "release",
        QT_TRANSLATE_NOOP("Commands", "Create a snapshot from the vectors"),
        shortcut="Ctrl+S",
    ),
    CommandSpec(
        "release.canary",
        "release",
        QT_TRANSLATE_NOOP("Commands", "Run the canary set"),
        shortcut="Ctrl+Shift+C",
        hint=QT_TRANSLATE_NOOP("Commands", "Asks the active snapshot questions whose answers are known"),
    ),
    CommandSpec(
        "rollout.show",
        "release",
        QT_TRANSLATE_NOOP("Commands", "Show the rollout"),
        shortcut="Ctrl+Shift+R",
    ),
    CommandSpec(
        "rollout.new",
        "release",
        QT_TRANSLATE_NOOP("Commands", "New rollout"),
        shortcut="Ctrl+Shift+N",
        hint=QT_TRANSLATE_NOOP("Commands", "From the active snapshot to a candidate, in steps"),
        needs_reason=True,
    ),
    CommandSpec(
        "rollout.start",
        "release",
        QT_TRANSLATE_NOOP("Commands", "Start the rollout"),
        hint=QT_TRANSLATE_NOOP("Commands", "Enters the first step under the locked plan"),
        needs_reason=True,
    ),
    CommandSpec(
        "rollout.pause",
        "release",
        QT_TRANSLATE_NOOP("Commands", "Pause the rollout"),
        hint=QT_TRANSLATE_NOOP("Commands", "Holds it where it is; its guardrails go on"),
        needs_reason=True,
    ),
    CommandSpec(
        "rollout.resume",
        "release",
        QT_TRANSLATE_NOOP("Commands", "Resume the rollout"),
        hint=QT_TRANSLATE_NOOP("Commands", "Goes on; a step that waits for a person is done by that"),
        needs_reason=True,
    ),
    CommandSpec(
        "rollout.promote",
        "release",
        QT_TRANSLATE_NOOP("Commands", "Promote to the next step"),
        hint=QT_TRANSLATE_NOOP(
            "Commands", "Goes on without waiting for this step; the last one is left by a pass alone"
        ),
        needs_reason=True,
    ),
    CommandSpec(
        "rollout.promote_full",
        "release",
        QT_TRANSLATE_NOOP("Commands", "Promote fully"),
        hint=QT_TRANSLATE_NOOP("Commands", "Skips every step that is left; takes two admins"),
        needs_reason=True,
    ),
    CommandSpec(
        "rollout.abort",
        "release",
        QT_TRANSLATE_NOOP("Commands", "Abort the rollout"),
        shortcut="Shift+F9",
        hint=QT_TRANSLATE_NOOP("Commands", "One click: the candidate is taken away from everyone at once"),
    ),
    CommandSpec(
        "rollout.retry",
        "release",
        QT_TRANSLATE_NOOP("Commands", "Retry the rollout"),
        hint=QT_TRANSLATE_NOOP("Commands", "The same candidate and plan, with sessions drawn anew"),
        needs_reason=True,
    ),
    CommandSpec("monitors.show", "release", QT_TRANSLATE_NOOP("Commands", "Show the monitors")),
    CommandSpec(
        "evidence.stale",
        "release",
        QT_TRANSLATE_NOOP("Commands", "How fresh the evidence is"),
        hint=QT_TRANSLATE_NOOP("Commands", "Says why the evidence is stale, and what to do"),
    ),
    CommandSpec("approvals.show", "release", QT_TRANSLATE_NOOP("Commands", "Show the approvals")),
    CommandSpec("room.chat", "view", QT_TRANSLATE_NOOP("Commands", "Chat"), shortcut="Ctrl+1"),
    CommandSpec("room.evidence", "view", QT_TRANSLATE_NOOP("Commands", "Evidence"), shortcut="Ctrl+2"),
    CommandSpec("room.release", "view", QT_TRANSLATE_NOOP("Commands", "Release"), shortcut="Ctrl+3"),
    CommandSpec("room.record", "view", QT_TRANSLATE_NOOP("Commands", "Record"), shortcut="Ctrl+4"),
    CommandSpec(
        "view.side_panel",
        "view",
        QT_TRANSLATE_NOOP("Commands", "Show or hide the vectors"),
        shortcut="Ctrl+B",
    ),
    CommandSpec("view.palette", "view", QT_TRANSLATE_NOOP("Commands", "Find a command"), shortcut="Ctrl+K"),
    CommandSpec(
        "view.larger_text",
        "view",
        QT_TRANSLATE_NOOP("Commands", "Larger text"),
        shortcut="Ctrl++",
        second_shortcut="Ctrl+=",
    ),
    CommandSpec(
        "view.smaller_text", "view", QT_TRANSLATE_NOOP("Commands", "Smaller text"), shortcut="Ctrl+-"
    ),
    CommandSpec(
        "view.usual_text",
        "view",
        QT_TRANSLATE_NOOP("Commands", "Text of the usual size"),
        shortcut="Ctrl+0",
    ),
    CommandSpec("view.theme", "view", QT_TRANSLATE_NOOP("Commands", "Switch between light and dark")),
    CommandSpec("view.language", "view", QT_TRANSLATE_NOOP("Commands", "Switch to Japanese / 日本語")),
)


def _always() -> bool:
    return True


class Commands(QObject):
    """The registry. A command without a handler is unknown to menus: there are no dead entries."""

    changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._specs = {spec.id: spec for spec in SPECS}
        self._run: dict[str, Callable[[], None]] = {}
        self._enabled: dict[str, Callable[[], bool]] = {}

    def register(self, command: str, run: Callable[[], None], enabled: Callable[[], bool] = _always) -> None:
        """Gives a command its handler and its condition.

        Raises:
            KeyError: there is no such command.
            ValueError: it has a handler already.
        """
        if command not in self._specs:
            raise KeyError(command)
        if command in self._run:
            raise ValueError(f"{command} has a handler already")
        self._run[command] = run
        self._enabled[command] = enabled

    def specs(self) -> tuple[CommandSpec, ...]:
        """The commands that have handlers, in menu order."""
        return tuple(spec for spec in SPECS if spec.id in self._run)

    def spec(self, command: str) -> CommandSpec:
        return self._specs[command]

    def is_enabled(self, command: str) -> bool:
        return command in self._run and self._enabled[command]()

    def run(self, command: str) -> bool:
        """Runs a command if its condition holds; says whether it ran."""
        if not self.is_enabled(command):
            return False
        self._run[command]()
        return True

    def refresh(self) -> None:
        """To be called when something a condition depends on has changed."""
        self.changed.emit()
