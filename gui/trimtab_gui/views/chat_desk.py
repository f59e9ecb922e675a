"""What can be done with chats beside asking: the list, both searches, export, presets, retention, taking back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtCore import QObject, Slot
from trimtab_client import abbreviated
from trimtab_client.types import Steering

from trimtab_gui.models.chat_record import ChatHead, KeptChat
from trimtab_gui.models.chat_shelf import ChatShelf, Place
from trimtab_gui.models.chat_strengths import ChatStrengths
from trimtab_gui.models.chat_turn import TurnState
from trimtab_gui.models.chat_worker import StoreTrouble
from trimtab_gui.models.server_sentences import listed
from trimtab_gui.models.steering import SteeringModel
from trimtab_gui.models.workspace import Tone, Workspace
from trimtab_gui.theme import Theme
from trimtab_gui.views.chat_export import ChatExporter
from trimtab_gui.views.chat_list import ChatList
from trimtab_gui.views.chat_presets import PresetPanel
from trimtab_gui.views.chat_retention import RetentionPanel
from trimtab_gui.views.chat_room import ChatRoom
from trimtab_gui.views.strips import NoticeStrip


class ChatDesk(QObject):
    """Gives the commands about chats their handlers, and says what has become of chats."""

    def __init__(
        self,
        workspace: Workspace,
        chat: ChatRoom,
        notice: NoticeStrip,
        theme: Theme,
        show_room: Callable[[str], None],
        parent: QObject,
    ) -> None:
        super().__init__(parent)
        self._workspace = workspace
        self._shelf: ChatShelf = workspace.chats
        self._conversation = workspace.conversation
        self._chat = chat
        self._notice = notice
        self._show_room = show_room
        self.exporter = ChatExporter(workspace.chats, notice, chat)
        self.chat_list = ChatList(workspace.chats, theme, chat)
        self.presets = PresetPanel(workspace.presets, workspace.conversation, notice, theme, chat)
        self.retention = RetentionPanel(workspace.chats, workspace.files, theme, chat)
        self.strengths = ChatStrengths(workspace.chats, workspace.steering, self)
        self.strengths.replaced.connect(self._tell_strengths_replaced)
        self._register()
        shelf = self._shelf
        shelf.troubled.connect(self._tell_trouble)
        shelf.recovered.connect(self._tell_recovered)
        shelf.opened.connect(self._opened)
        shelf.refused.connect(self._tell_refused)
        shelf.deleted.connect(self._tell_deleted)
        shelf.expired.connect(self._tell_expired)
        shelf.forgotten.connect(self._tell_forgotten)
        shelf.changed.connect(workspace.commands.refresh)
        workspace.presets.damaged.connect(self._tell_presets_damaged)
        self._conversation.laneRemoved.connect(self._tell_lane_removed)
        chat.search.changed.connect(workspace.commands.refresh)
        self.retention.applied.connect(self._read_prompts)
        self.chat_list.placeChosen.connect(shelf.open)

    def _register(self) -> None:
        for command, run, enabled in (
            ("chat.undo", self._undo, self._can_undo),
            ("chat.list", self._open_list, self._has_store),
            ("chat.rename", self._rename, self._is_kept),
            ("chat.pin", self._pin, self._is_kept),
            ("chat.delete", self._delete, self._is_kept),
            ("chat.find", self._find, self._has_text),
            ("chat.find_next", self._chat.find_bar.go_on, self._has_found),
            ("chat.find_previous", self._chat.find_bar.go_back, self._has_found),
            ("chat.search", self._search, self._has_store),
            ("chat.presets", self._open_presets, _always),
            ("chat.export", self.exporter.export_current, self._has_text),
            ("chat.export_all", self.exporter.export_all, self._has_store),
            ("chat.retention", self._open_retention, self._has_store),
        ):
            self._workspace.commands.register(command, run, enabled)

    # Conditions -------------------------------------------------------------------------------------------

    def _can_undo(self) -> bool:
        return self._conversation.can_undo

    def _has_store(self) -> bool:
        return self._shelf.worker.has_store and bool(self._shelf.target)

    def _has_text(self) -> bool:
        return not self._conversation.is_empty

    def _has_found(self) -> bool:
        return bool(self._chat.search.found)

    def _is_kept(self) -> bool:
        return self._shelf.current_is_kept

    # Handlers ---------------------------------------------------------------------------------------------

    def _undo(self) -> None:
        self._show_room("chat")
        self._conversation.undo()

    def _open_list(self) -> None:
        self._show_room("chat")
        self.chat_list.open_list()

    def _search(self) -> None:
        self._show_room("chat")
        self.chat_list.open_search()

    def _rename(self) -> None:
        self._show_room("chat")
        self.chat_list.open_list()
        self.chat_list.edit_when_listed(self._shelf.current_key)

    def _pin(self) -> None:
        self._shelf.toggle_pin(self._shelf.current_key)

    def _delete(self) -> None:
        self._shelf.delete(self._shelf.current().head)

    def _find(self) -> None:
        self._show_room("chat")
        self._chat.find_bar.open()

    def _open_presets(self) -> None:
        self._show_room("chat")
        self.presets.open()

    def _open_retention(self) -> None:
        self._show_room("chat")
        self.retention.open()

    # Telling ----------------------------------------------------------------------------------------------

    @Slot(object)
    def _opened(self, place: Place) -> None:
        self._show_room("chat")
        self.chat_list.hide()
        if place.query:
            self._chat.find_bar.open(place.query, (place.lane, place.turn))
        else:
            self._chat.composer.setFocus()

    @Slot(object)
    def _tell_trouble(self, trouble: StoreTrouble) -> None:
        if trouble.aside is not None:
            text = self.tr(
                "The file of kept chats was damaged. It is set aside as {0}; chats are kept afresh."
            )
            self._notice.tell(text.format(trouble.aside), Tone.WARNING)
        else:
            text = self.tr("Chats cannot be kept or read on this computer: {0}")
            self._notice.tell(text.format(trouble.message), Tone.DANGER)

    @Slot(str)
    def _tell_presets_damaged(self, path: str) -> None:
        text = self.tr("Your presets could not be read. Their file is set aside as {0}.")
        self._notice.tell(text.format(path), Tone.WARNING)

    @Slot(object, bool)
    def _tell_recovered(self, chat: KeptChat, shown: bool) -> None:
        broken = sum(turn.state is TurnState.INTERRUPTED for turn in chat.turns)
        if shown:
            text = self.tr("The client had ended unexpectedly. “{0}” is open again as it was kept.")
            run, action = None, ""
        else:
            text = self.tr("The client had ended unexpectedly while “{0}” was open.")
            action = self.tr("Open it")
            run = _Open(self._shelf, Place(chat.head.key, "", -1)).run
        text = text.format(chat.head.title)
        if broken:
            text += " " + self.tr("Replies that were broken off: {0}.").format(broken)
        self._notice.tell(text, Tone.WARNING, action, run)

    @Slot(object)
    def _tell_refused(self, head: ChatHead) -> None:
        text = self.tr("“{0}” is open in another window of this client.")
        self._notice.tell(text.format(head.title), Tone.WARNING)

    @Slot(object)
    def _tell_deleted(self, head: ChatHead) -> None:
        text = self.tr("“{0}” is deleted, for good when the client ends.")
        restore = _Restore(self._shelf, head.key)
        self._notice.tell(text.format(head.title), Tone.PLAIN, self.tr("Undo"), restore.run)

    @Slot(object, object)
    def _tell_strengths_replaced(self, before: Steering, gone: tuple[str, ...]) -> None:
        text, tone = self.tr("The vectors are set as they were in this chat."), Tone.PLAIN
        if gone:
            text = self.tr("The server no longer has what this chat was steered with, so it is left out: {0}")
            text, tone = text.format(listed([abbreviated(name) for name in gone])), Tone.WARNING
        back = _SetBack(self._workspace.steering, before)
        self._notice.tell(text, tone, self.tr("Undo"), back.run)

    @Slot()
    def _tell_lane_removed(self) -> None:
        self._notice.tell(
            self.tr("The lane is removed."), Tone.PLAIN, self.tr("Undo"), self._conversation.undo
        )

    @Slot(int)
    def _tell_expired(self, count: int) -> None:
        text = self.tr("Chats deleted because they had been kept for long enough: {0}.")
        self._notice.tell(text.format(count), Tone.PLAIN)

    @Slot()
    def _tell_forgotten(self) -> None:
        self._read_prompts()
        self._notice.tell(self.tr("Everything that was kept of chats is deleted."), Tone.GOOD)

    @Slot()
    def _read_prompts(self) -> None:
        self._chat.composer.set_history(self._workspace.files.prompts())


def _always() -> bool:
    return True


@dataclass(frozen=True)
class _Open:
    """What the notice about a crash offers when something else was asked meanwhile."""

    shelf: ChatShelf
    place: Place

    def run(self) -> None:
        self.shelf.open(self.place)


@dataclass(frozen=True)
class _SetBack:
    """What the notice about other strengths offers."""

    steering: SteeringModel
    before: Steering

    def run(self) -> None:
        self.steering.set_all(self.before)


@dataclass(frozen=True)
class _Restore:
    """What the notice about a deleted chat offers."""

    shelf: ChatShelf
    key: str

    def run(self) -> None:
        self.shelf.restore(self.key)
