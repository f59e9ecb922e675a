"""Finding words in the chat that is open, in every lane."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from PySide6.QtCore import QObject, QTimer, Signal, Slot

from trimtab_gui.models.chat_text import Folding, Found
from trimtab_gui.models.chat_worker import ChatWorker
from trimtab_gui.models.conversation import Conversation

# After the last key: whoever types is not yet asking.
TYPING_MILLISECONDS: Final = 120


class ChatFind(QObject):
    """The query, the places that have it, and the one that is looked at: in the order of turns, then of lanes."""

    changed = Signal()

    def __init__(self, conversation: Conversation, worker: ChatWorker, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._conversation = conversation
        self._worker = worker
        self._folding = Folding()
        # Has its own: a folding learns, and two threads must not teach one.
        self._look = _Looker()
        self._number = 0
        self._wanted: tuple[str, int] | None = None
        self.query = ""
        self.folded = ""
        self.found: tuple[Found, ...] = ()
        self.place = -1
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(TYPING_MILLISECONDS)
        self._timer.timeout.connect(self._start)
        conversation.busyChanged.connect(self._again)
        conversation.lanesChanged.connect(self._again)
        conversation.chatChanged.connect(self._again)

    @property
    def current(self) -> Found | None:
        return self.found[self.place] if 0 <= self.place < len(self.found) else None

    @property
    def current_in_turn(self) -> int:
        """Which of its turn's places the current one is."""
        here = self.current
        return (
            sum(
                1
                for other in self.found[: self.place]
                if here is not None and (other.lane, other.turn) == (here.lane, here.turn)
            )
            if here is not None
            else 0
        )

    def look_for(self, query: str, at: tuple[str, int] | None = None) -> None:
        """Looks for a query, from a lane's turn on; an empty one ends the search."""
        self.query = query
        self.folded = self._folding.fold(query.strip())
        self._wanted = at
        if self.folded:
            self._timer.start(0 if at is not None else TYPING_MILLISECONDS)
        else:
            self._timer.stop()
            self._number += 1
            self.found, self.place = (), -1
            self.changed.emit()

    def step(self, by: int) -> None:
        """To the next place or the one before; after the last comes the first."""
        if self.found:
            self.place = (self.place + by) % len(self.found)
            self.changed.emit()

    @Slot()
    def _again(self) -> None:
        """The texts have changed."""
        if self.folded and not self._conversation.is_busy:
            here = self.current
            if self._wanted is None and here is not None:
                self._wanted = (here.lane, here.turn)
            self._timer.start()

    @Slot()
    def _start(self) -> None:
        self._number += 1
        texts = tuple(
            (turn, lane.id, lane.turns[turn].text)
            for turn in range(max((len(lane.turns) for lane in self._conversation.lanes), default=0))
            for lane in self._conversation.lanes
            if turn < len(lane.turns)
        )
        self._worker.compute(_Look(self._look, self._number, texts, self.folded).run, self._take)

    def _take(self, result: tuple[int, tuple[Found, ...]]) -> None:
        number, found = result
        if number != self._number:
            return
        wanted, self._wanted = self._wanted, None
        self.found = found
        self.place = 0 if found else -1
        if wanted is not None:
            lane, turn = wanted
            exact = (i for i, one in enumerate(found) if (one.lane, one.turn) == (lane, turn))
            later = (i for i, one in enumerate(found) if one.turn >= turn)
            self.place = next(exact, next(later, self.place))
        self.changed.emit()


class _Looker:
    """The folding of the thread that looks."""

    def __init__(self) -> None:
        self.folding = Folding()


@dataclass(frozen=True)
class _Look:
    """One search, for a thread."""

    looker: _Looker
    number: int
    texts: tuple[tuple[int, str, str], ...]
    folded: str

    def run(self) -> tuple[int, tuple[Found, ...]]:
        find = self.looker.folding.find
        return self.number, tuple(
            Found(lane, turn, start, end)
            for turn, lane, text in self.texts
            for start, end in find(text, self.folded)
        )
