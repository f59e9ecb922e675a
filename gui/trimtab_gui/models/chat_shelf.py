"""The chats that are kept on this machine: the one in the window as it happens, and the list of all."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final

from PySide6.QtCore import QObject, QTimer, Signal, Slot
from trimtab_client.types import Role

from trimtab_gui.models.chat_record import (
    ChatChange,
    ChatHead,
    ChatHit,
    ChatSummary,
    Kept,
    KeptChat,
    KeptLane,
    Stamp,
    frozen,
    stamp,
    title_of,
)
from trimtab_gui.models.chat_store import ChatStore
from trimtab_gui.models.chat_worker import ChatWorker
from trimtab_gui.models.connection import ConnectionModel
from trimtab_gui.models.conversation import Conversation
from trimtab_gui.settings import SettingsFile

# How far the store may lag behind a reply, and behind everything else.
STREAM_MILLISECONDS: Final = 500
CHANGE_MILLISECONDS: Final = 20


@dataclass(frozen=True)
class Place:
    """A message of a chat."""

    chat: str
    lane: str
    turn: int
    query: str = ""


class ChatShelf(QObject):
    """Keeps the conversation; lists, opens, renames, pins, deletes and searches what is kept."""

    # What is kept has changed.
    changed = Signal()
    listed = Signal(object)
    # The query, and tuple[ChatHit, ...].
    found = Signal(str, object)
    # StoreTrouble.
    troubled = Signal(object)
    # KeptChat: it was open when the client crashed. True: it is in the window now.
    recovered = Signal(object, bool)
    # KeptChat: it has just come into the window.
    shown = Signal(object)
    # Place: the chat is in the window now.
    opened = Signal(object)
    # ChatHead: it is open in another window.
    refused = Signal(object)
    deleted = Signal(object)
    expired = Signal(int)
    forgotten = Signal()

    def __init__(
        self,
        conversation: Conversation,
        connection: ConnectionModel,
        files: SettingsFile,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._conversation = conversation
        self._connection = connection
        self._files = files
        self._target = ""
        self._written: dict[str, Stamp] = {}
        self._last: tuple[ChatHead, tuple[KeptLane, ...]] | None = None
        self._searches = 0
        self.worker = ChatWorker(files.chats_path, self)
        self.worker.troubled.connect(self.troubled)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self.save)
        conversation.before_asking = self.save
        conversation.leaving.connect(self._leave)
        conversation.replyExtended.connect(self._grown)
        for signal in (
            conversation.historyReset,
            conversation.replyChanged,
            conversation.lanesChanged,
            conversation.setupChanged,
            conversation.sceneChanged,
            conversation.samplingChanged,
        ):
            signal.connect(self._touched)
        connection.opened.connect(self._arrive)

    @property
    def target(self) -> str:
        """The server whose chats these are."""
        return self._target

    @property
    def current_key(self) -> str:
        """The chat in the window."""
        return self._conversation.key

    @property
    def current_is_kept(self) -> bool:
        return bool(self._written)

    @property
    def keeps(self) -> bool:
        return self.worker.has_store and self._files.settings.keep_chats != "never"

    def shut_down(self) -> None:
        """Keeps what is not kept yet; a reply that still runs ends with the client."""
        self._timer.stop()
        self._leave()
        if self._target:
            # Deletions can no longer be taken back.
            self.worker.write(ChatStore.purge)
        self.worker.shut_down()

    # Keeping the one in the window ------------------------------------------------------------------------

    def current(self) -> KeptChat:
        """The conversation as it would be kept."""
        conversation = self._conversation
        turns = tuple(
            frozen(turn, lane.id, position)
            for lane in conversation.lanes
            for position, turn in enumerate(lane.turns)
        )
        return KeptChat(self._head(), self._lanes(), turns)

    def _head(self) -> ChatHead:
        conversation = self._conversation
        turns = [turn for lane in conversation.lanes for turn in lane.turns]
        prompts = [turn for turn in turns if turn.role is Role.USER]
        now = datetime.now(UTC)
        return ChatHead(
            key=conversation.key,
            target=self._target,
            title=title_of(prompts[0].text) if prompts else "",
            scene=conversation.scene,
            sampling=conversation.sampling,
            created=min((turn.at for turn in turns), default=now),
            updated=now,
        )

    def _lanes(self) -> tuple[KeptLane, ...]:
        return tuple(
            KeptLane(lane.id, place, lane.setup) for place, lane in enumerate(self._conversation.lanes)
        )

    @Slot()
    def save(self) -> Future[None] | None:
        """Keeps what has changed; the future is done once it is on the disk."""
        if not self.keeps or not self._target or (self._conversation.is_empty and not self._written):
            return None
        change = self._change()
        if change is None:
            return None
        return self.worker.write(_Write(change).run, self._saved)

    def _change(self) -> ChatChange | None:
        head, lanes = self._head(), self._lanes()
        known = set(self._written)
        turns, growing = [], []
        for lane in self._conversation.lanes:
            for position, turn in enumerate(lane.turns):
                before, now = self._written.get(turn.id), stamp(turn)
                known.discard(turn.id)
                if before == now:
                    continue
                self._written[turn.id] = now
                grows = before is not None and turn.is_open and before.known == now.known
                if grows:
                    growing.append((turn.id, turn.text))
                else:
                    turns.append(frozen(turn, lane.id, position))
        for turn_id in known:
            del self._written[turn_id]
        same = (replace(head, updated=_ANY), lanes)
        if not turns and not growing and not known and same == self._last:
            return None
        self._last = same
        return ChatChange(head, lanes, tuple(turns), tuple(known), tuple(growing))

    def _saved(self, _result: None) -> None:
        self.changed.emit()

    @Slot()
    def _leave(self) -> None:
        """The chat in the window is about to be another one."""
        self._timer.stop()
        if self._written or not self._conversation.is_empty:
            self.save()
        if self._written:
            self.worker.write(_OfChat(ChatStore.release, self._conversation.key).run)
        self._written, self._last = {}, None

    @Slot()
    def _touched(self, _lane: str = "") -> None:
        self._due(CHANGE_MILLISECONDS)

    @Slot(str, object)
    def _grown(self, _lane: str, _tokens: object) -> None:
        self._due(STREAM_MILLISECONDS)

    def _due(self, milliseconds: int) -> None:
        if self.keeps and (not self._timer.isActive() or self._timer.remainingTime() > milliseconds):
            self._timer.start(milliseconds)

    # Coming back ------------------------------------------------------------------------------------------

    @Slot()
    def _arrive(self) -> None:
        target = self._connection.status.target
        if target == self._target:
            return
        if self._target and not self._conversation.is_empty:
            # Another server has other stages and snapshots.
            self._conversation.clear()
        self._target = target
        limit = self._limit()
        self._files.expire_prompts(limit)
        self.worker.write(_Recover(target, limit).run, self._recovered)

    def _limit(self) -> datetime | None:
        """What was last touched before this is not kept."""
        settings = self._files.settings
        match settings.keep_chats:
            case "never":
                return datetime.max.replace(tzinfo=UTC)
            case "days":
                return datetime.now(UTC) - timedelta(days=settings.keep_chats_days)
            case "forever":
                return None

    def _recovered(self, result: _Recovered) -> None:
        if result.expired:
            self.expired.emit(result.expired)
        if result.chat is None or result.chat.head.target != self._target:
            return
        free = self._conversation.is_empty
        if free:
            self._show(result.chat)
        self.recovered.emit(result.chat, free)
        self.changed.emit()

    # The list ---------------------------------------------------------------------------------------------

    def read_list(self) -> None:
        """Reads the list; it comes with `listed`."""
        target = self._target
        self.worker.read(_Summaries(target).run, self.listed.emit)

    def search(self, query: str) -> None:
        """Looks through all chats with this server; `found` comes for the last query asked."""
        self._searches += 1
        self.worker.read(_Search(self, self._searches, query, self._target).run, self._take_hits)

    def is_current_search(self, number: int) -> bool:
        return number == self._searches

    def _take_hits(self, result: tuple[int, str, tuple[ChatHit, ...]] | None) -> None:
        if result is not None and self.is_current_search(result[0]):
            self.found.emit(result[1], result[2])

    def open(self, place: Place) -> None:
        """Opens a chat at a message."""
        if place.chat == self._conversation.key:
            self.opened.emit(place)
            return
        self.worker.write(_Open(place).run, self._open)

    def _open(self, result: tuple[Place, KeptChat, bool] | None) -> None:
        if result is None:
            return
        place, chat, free = result
        if not free:
            self.refused.emit(chat.head)
            return
        self._show(chat)
        self.opened.emit(place)

    def _show(self, chat: KeptChat) -> None:
        states = chat.states()
        head = chat.head
        self._conversation.open_chat(head.key, states, head.scene, head.sampling)
        self._written = {turn.id: stamp(turn) for lane in states for turn in lane.turns}
        # The store knows the title that a person gave; here it is always the one made from the first prompt.
        self._last = (replace(self._head(), updated=_ANY), self._lanes())
        self._timer.stop()
        self.shown.emit(chat)

    def rename(self, key: str, title: str) -> None:
        if title.strip():
            self._write(_Rename(key, title.strip()).run)

    def pin(self, key: str, pinned: bool) -> None:
        self._write(_Pin(key, pinned).run)

    def toggle_pin(self, key: str) -> None:
        self._write(_TogglePin(key).run)

    def delete(self, head: ChatHead) -> None:
        """Deletes a chat; `restore` brings it back until the client ends."""
        if head.key == self._conversation.key:
            self._conversation.clear()
        self._write(_Delete(head.key).run)
        self.deleted.emit(head)

    def restore(self, key: str) -> None:
        """Takes a deletion back."""
        self._write(_OfChat(ChatStore.restore, key).run)

    def _write(self, job: Callable[[ChatStore], None]) -> None:
        self.worker.write(job, self._saved)

    # How long ---------------------------------------------------------------------------------------------

    def measure(self, days: int, done: Callable[[tuple[Kept, int]], None]) -> None:
        """How much is kept, and how many chats are older than `days`; 0 days: all."""
        self.worker.read(_Measure(datetime.now(UTC) - timedelta(days=days)).run, done)

    def apply_retention(self) -> None:
        """Removes what the settings no longer allow to be kept."""
        limit = self._limit()
        self._files.expire_prompts(limit)
        if self._files.settings.keep_chats == "never":
            # The one in the window is open, but not kept any more.
            self.worker.write(_OfChat(ChatStore.release, self._conversation.key).run)
            self._written, self._last = {}, None
        self.worker.write(_Purge(limit).run, self._purge_done)

    def _purge_done(self, count: int) -> None:
        if count:
            self.expired.emit(count)
        self.changed.emit()

    def forget(self) -> None:
        """Removes every chat and every prompt from this machine, the chat in the window too."""
        self._conversation.forget()
        self._written, self._last = {}, None
        self._timer.stop()
        self._files.forget_prompts()
        self.worker.write(ChatStore.forget, self._forgotten)

    def _forgotten(self, _result: None) -> None:
        self.changed.emit()
        self.forgotten.emit()


_ANY: Final = datetime.fromtimestamp(0, UTC)


# Jobs: run on the threads of the worker, so they hold nothing of Qt but what they are told to ask.


@dataclass(frozen=True)
class _Write:
    change: ChatChange

    def run(self, store: ChatStore) -> None:
        store.write(self.change)


@dataclass(frozen=True)
class _OfChat:
    method: Callable[[ChatStore, str], None]
    key: str

    def run(self, store: ChatStore) -> None:
        self.method(store, self.key)


@dataclass(frozen=True)
class _Rename:
    key: str
    title: str

    def run(self, store: ChatStore) -> None:
        store.rename(self.key, self.title)


@dataclass(frozen=True)
class _Pin:
    key: str
    pinned: bool

    def run(self, store: ChatStore) -> None:
        store.pin(self.key, self.pinned)


@dataclass(frozen=True)
class _TogglePin:
    key: str

    def run(self, store: ChatStore) -> None:
        store.toggle_pin(self.key)


@dataclass(frozen=True)
class _Delete:
    key: str

    def run(self, store: ChatStore) -> None:
        store.delete(self.key, datetime.now(UTC))


@dataclass(frozen=True)
class _Purge:
    limit: datetime | None

    def run(self, store: ChatStore) -> int:
        return store.purge(self.limit)


@dataclass(frozen=True)
class _Recovered:
    expired: int
    chat: KeptChat | None


@dataclass(frozen=True)
class _Recover:
    """Removes what is too old, then looks for what a crash left open."""

    target: str
    limit: datetime | None

    def run(self, store: ChatStore) -> _Recovered:
        left = store.recover(self.target)
        expired = store.purge(self.limit)
        chat = next((chat for chat in (store.load(key) for key in left) if chat is not None), None)
        if chat is not None:
            store.claim(chat.head.key)
        return _Recovered(expired, chat)


@dataclass(frozen=True)
class _Summaries:
    target: str

    def run(self, store: ChatStore) -> tuple[ChatSummary, ...]:
        return store.summaries(self.target)


@dataclass(frozen=True)
class _Search:
    shelf: ChatShelf
    number: int
    query: str
    target: str

    def run(self, store: ChatStore) -> tuple[int, str, tuple[ChatHit, ...]] | None:
        # Whoever types fast asks faster than it is answered: only the last query counts.
        if not self.shelf.is_current_search(self.number):
            return None
        return self.number, self.query, store.search(self.query, self.target)


@dataclass(frozen=True)
class _Open:
    place: Place

    def run(self, store: ChatStore) -> tuple[Place, KeptChat, bool] | None:
        free = store.claim(self.place.chat)
        chat = store.load(self.place.chat)
        return None if chat is None else (self.place, chat, free)


@dataclass(frozen=True)
class _Measure:
    limit: datetime

    def run(self, store: ChatStore) -> tuple[Kept, int]:
        return store.kept(), store.older(self.limit)
