"""A chat that comes back brings the strengths of its steered lane along."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal, Slot
from trimtab_client.types import Steering

from trimtab_gui.models.chat_record import KeptChat
from trimtab_gui.models.chat_shelf import ChatShelf
from trimtab_gui.models.chat_turn import LaneKind
from trimtab_gui.models.steering import SteeringModel


class ChatStrengths(QObject):
    """Sets the vectors beside the chat to what its last steered reply was made with, once the server's are known."""

    # Steering, tuple[str, ...]: what the vectors were set to before, and the full names of vectors and stages that the
    # server no longer has.
    replaced = Signal(object, object)

    def __init__(self, shelf: ChatShelf, steering: SteeringModel, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._steering = steering
        self._waiting: Steering | None = None
        shelf.shown.connect(self._take_chat)
        # Any of them may come last; the draft is seeded from all.
        steering.vectorsChanged.connect(self._go_on)
        steering.stagesChanged.connect(self._go_on)
        steering.activeChanged.connect(self._go_on)

    @Slot(object)
    def _take_chat(self, chat: KeptChat) -> None:
        wanted = last_steering(chat)
        self._waiting = None
        if wanted is None:
            return
        if self._is_ready():
            self._restore(wanted)
        else:
            self._waiting = wanted

    @Slot()
    def _go_on(self) -> None:
        if self._waiting is not None and self._is_ready():
            wanted, self._waiting = self._waiting, None
            # The client has just started: nobody has set anything yet that would be replaced.
            self._restore(wanted, starting=True)

    def _is_ready(self) -> bool:
        return self._steering.is_seeded and bool(self._steering.stages)

    def _restore(self, wanted: Steering, *, starting: bool = False) -> None:
        gone = [term.vector for term in wanted.terms if self._steering.vector(term.vector) is None]
        if wanted.stage not in {stage.name for stage in self._steering.stages}:
            gone.append(wanted.stage)
        before = self._steering.steering()
        self._steering.set_all(wanted)
        differs = self._steering.steering() != before
        if gone or (differs and not starting):
            self.replaced.emit(before, tuple(gone))


def last_steering(chat: KeptChat) -> Steering | None:
    """What the newest reply in a lane that is steered from beside the chat was made with; None without one."""
    steered = {lane.id for lane in chat.lanes if lane.setup.kind is LaneKind.STEERED}
    found = [
        turn
        for turn in chat.turns
        if turn.lane in steered
        and turn.details.steering is not None
        and turn.details.setup is not None
        and turn.details.setup.kind is LaneKind.STEERED
    ]
    return max(found, key=lambda turn: turn.at).details.steering if found else None
