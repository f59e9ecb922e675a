"""One question, several lanes: each lane keeps its own history, all share scene, seed and read-outs.

The streams belong to the conversation: leaving the room, or switching the language, stops nothing.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from typing import Final

from PySide6.QtCore import QObject, Signal, Slot
from trimtab_client.types import (
    Active,
    ByName,
    FinishReason,
    Inline,
    Lane,
    Message,
    ReadoutOptions,
    ReplyDelta,
    ReplyEvent,
    ReplyFinished,
    ReplyStarted,
    Role,
    Sampling,
    Steering,
    SteeringSource,
    TokenReadout,
    Unsteered,
)

from trimtab_gui.bridge import Failure, Gateway, Stream
from trimtab_gui.color_scale import Readout
from trimtab_gui.models.chat_question import Question
from trimtab_gui.models.chat_turn import LaneKind, LaneSetup, LaneState, Turn, TurnState
from trimtab_gui.models.steering import SteeringModel

LANES_AT_MOST: Final = 4


__all__ = ["LANES_AT_MOST", "Conversation", "LaneKind", "LaneSetup", "LaneState", "Turn", "TurnState"]

# How many changes can be taken back.
UNDO_STEPS: Final = 20


@dataclass(frozen=True)
class _Before:
    """What a change can be taken back to."""

    key: str
    lanes: tuple[tuple[LaneState, LaneSetup, tuple[Turn, ...]], ...]
    sampling: Sampling


class Conversation(QObject):
    """The lanes and what is asked of them."""

    lanesChanged = Signal()
    # All below carry a lane's id.
    setupChanged = Signal(str)
    historyReset = Signal(str)
    # Tokens that came since the last time: one signal for each lane and flush.
    replyExtended = Signal(str, object)
    replyChanged = Signal(str)
    busyChanged = Signal()
    readoutChanged = Signal()
    sceneChanged = Signal()
    samplingChanged = Signal()
    # Another chat is about to come into the window; then it is there.
    leaving = Signal()
    chatChanged = Signal()
    undoChanged = Signal()
    # A lane with messages was removed.
    laneRemoved = Signal()
    # The prompt, before it is sent.
    asked = Signal(str)

    def __init__(self, gateway: Gateway, steering: SteeringModel, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._gateway = gateway
        self._steering = steering
        self._lanes: dict[str, LaneState] = {}
        self._streams: dict[Stream, tuple[str, ...]] = {}
        self._undo: list[_Before] = []
        # Stores what is about to be asked; the question waits for it.
        self.before_asking: Callable[[], Future[None] | None] | None = None
        self._scene = ""
        self._sampling = Sampling()
        self._readout = Readout.PROJECTION
        self._session = uuid.uuid4().hex

    # Lanes ------------------------------------------------------------------------------------------------

    @property
    def lanes(self) -> tuple[LaneState, ...]:
        return tuple(self._lanes.values())

    def lane(self, lane_id: str) -> LaneState:
        return self._lanes[lane_id]

    def add_lane(self, setup: LaneSetup) -> str:
        """Adds a lane and returns its id.

        Raises:
            ValueError: there are four already.
        """
        if len(self._lanes) >= LANES_AT_MOST:
            raise ValueError(f"a conversation has at most {LANES_AT_MOST} lanes")
        lane = LaneState(id=f"lane-{uuid.uuid4().hex[:12]}", setup=setup)
        self._lanes[lane.id] = lane
        self.lanesChanged.emit()
        return lane.id

    def remove_lane(self, lane_id: str) -> None:
        """Removes a lane; the last one stays."""
        if len(self._lanes) <= 1:
            return
        self._remember()
        lane = self._lanes.pop(lane_id)
        for turn in lane.turns:
            if turn.is_open:
                turn.state = TurnState.STOPPED
        for stream, lanes in list(self._streams.items()):
            if set(lanes) <= {lane_id}:
                stream.cancel()
                del self._streams[stream]
        self.lanesChanged.emit()
        self.busyChanged.emit()
        if lane.turns:
            self.laneRemoved.emit()

    def set_setup(self, lane_id: str, setup: LaneSetup) -> None:
        lane = self._lanes[lane_id]
        if lane.setup != setup:
            lane.setup = setup
            self.setupChanged.emit(lane_id)

    def source_of(self, setup: LaneSetup) -> SteeringSource:
        """The wire's form of a lane's setup. A prompt is a steering without vectors, so that it can be released."""
        match setup.kind:
            case LaneKind.UNSTEERED:
                return Unsteered(self._steering.stage)
            case LaneKind.PROMPT_ONLY:
                return Inline(Steering(stage=self._steering.stage, system_prompt=setup.prompt))
            case LaneKind.STEERED:
                return Inline(self._steering.steering())
            case LaneKind.SNAPSHOT:
                return ByName(setup.snapshot)
            case LaneKind.ACTIVE:
                return Active()

    # Scene, sampling, read-outs ---------------------------------------------------------------------------

    @property
    def scene(self) -> str:
        """The company's own system message, the same in every lane."""
        return self._scene

    def set_scene(self, text: str) -> None:
        if text != self._scene:
            self._scene = text
            self.sceneChanged.emit()

    @property
    def sampling(self) -> Sampling:
        return self._sampling

    def set_sampling(self, sampling: Sampling) -> None:
        if sampling != self._sampling:
            self._sampling = sampling
            self.samplingChanged.emit()

    @property
    def readout(self) -> Readout:
        return self._readout

    def set_readout(self, readout: Readout) -> None:
        if readout is not self._readout:
            self._readout = readout
            self.readoutChanged.emit()

    # Asking -----------------------------------------------------------------------------------------------

    @property
    def is_busy(self) -> bool:
        return any(turn.is_open for lane in self._lanes.values() for turn in lane.turns[-1:])

    @property
    def key(self) -> str:
        """Names this chat: in the store, and to the server as its session."""
        return self._session

    @property
    def is_empty(self) -> bool:
        return not any(lane.turns for lane in self._lanes.values())

    def send(self, text: str) -> None:
        """Asks every lane. The prompt is announced (and stored) before it is sent."""
        if self.is_busy or not text.strip():
            return
        self.asked.emit(text)
        self._forget_undo()
        for lane in self._lanes.values():
            lane.turns.append(Turn(role=Role.USER, text=text))
        self._ask(tuple(self._lanes))

    def regenerate(self, lane_id: str = "") -> None:
        """Asks again for the last reply, of one lane or of all."""
        if self.is_busy:
            return
        wanted = [lane_id] if lane_id else list(self._lanes)
        lanes = [lane for lane in wanted if self._lanes[lane].last_reply is not None]
        if not lanes:
            return
        self._remember()
        if self._sampling.temperature > 0:
            self.set_sampling(replace(self._sampling, seed=self._sampling.seed + 1))
        for lane in lanes:
            self._lanes[lane].turns.pop()
        self._ask(tuple(lanes))

    def resend(self, lane_id: str, index: int, text: str) -> None:
        """Replaces a user message and asks again from there.

        Lanes that have the same message at the same place follow, so that lanes stay comparable; the others keep
        their own history.
        """
        if self.is_busy or not text.strip():
            return
        original = self._lanes[lane_id].turns[index].text
        lanes = [
            lane
            for lane in self._lanes.values()
            if len(lane.turns) > index
            and lane.turns[index].role is Role.USER
            and lane.turns[index].text == original
        ]
        self.asked.emit(text)
        self._remember()
        for lane in lanes:
            del lane.turns[index:]
            lane.turns.append(Turn(role=Role.USER, text=text))
        self._ask(tuple(lane.id for lane in lanes))

    @Slot()
    def stop(self) -> None:
        """Stops every running reply; what has come stays."""
        for stream in list(self._streams):
            stream.cancel()
        self._streams.clear()
        for lane in self._lanes.values():
            turn = lane.last_reply
            if turn is not None and turn.is_open:
                turn.state = TurnState.STOPPED
                self.replyChanged.emit(lane.id)
        self.busyChanged.emit()

    @Slot()
    def clear(self) -> None:
        """Starts a new conversation with the same lanes."""
        self.stop()
        self.leaving.emit()
        if not self.is_empty:
            self._remember()
        self._begin_afresh()

    def forget(self) -> None:
        """As `clear`, but nobody is to keep what was said, and it cannot be taken back."""
        self.stop()
        self._forget_undo()
        self._begin_afresh()

    def _begin_afresh(self) -> None:
        self._session = uuid.uuid4().hex
        for lane in self._lanes.values():
            lane.turns.clear()
            self.historyReset.emit(lane.id)
        self.busyChanged.emit()
        self.chatChanged.emit()

    def open_chat(self, key: str, lanes: Sequence[LaneState], scene: str, sampling: Sampling) -> None:
        """Puts a kept chat in place of the one that is open; its streams, if any, are stopped."""
        self.stop()
        self.leaving.emit()
        self._forget_undo()
        self._session = key
        self._lanes = {lane.id: lane for lane in lanes}
        self.set_scene(scene)
        self.set_sampling(sampling)
        self.lanesChanged.emit()
        for lane in lanes:
            self.historyReset.emit(lane.id)
        self.busyChanged.emit()
        self.chatChanged.emit()

    # Taking back ------------------------------------------------------------------------------------------

    @property
    def can_undo(self) -> bool:
        return bool(self._undo) and not self.is_busy

    @Slot()
    def undo(self) -> None:
        """Takes back the last removal, regeneration, edit or new conversation since the last question."""
        if not self.can_undo:
            return
        before = self._undo.pop()
        other_chat = before.key != self._session
        if other_chat:
            self.leaving.emit()
        self._session = before.key
        self._lanes = {}
        for lane, setup, turns in before.lanes:
            lane.setup = setup
            lane.turns[:] = turns
            self._lanes[lane.id] = lane
        self.set_sampling(before.sampling)
        self.lanesChanged.emit()
        for lane_id in self._lanes:
            self.setupChanged.emit(lane_id)
            self.historyReset.emit(lane_id)
        self.busyChanged.emit()
        self.undoChanged.emit()
        if other_chat:
            self.chatChanged.emit()

    def _remember(self) -> None:
        lanes = tuple((lane, lane.setup, tuple(lane.turns)) for lane in self._lanes.values())
        self._undo = [*self._undo, _Before(self._session, lanes, self._sampling)][-UNDO_STEPS:]
        self.undoChanged.emit()

    def _forget_undo(self) -> None:
        if self._undo:
            self._undo = []
            self.undoChanged.emit()

    # Sending ----------------------------------------------------------------------------------------------

    def _ask(self, lane_ids: tuple[str, ...]) -> None:
        lanes = []
        for lane_id in lane_ids:
            state = self._lanes[lane_id]
            source = self.source_of(state.setup)
            lanes.append(Lane(lane_id, self._messages(state), source))
            state.turns.append(
                Turn(
                    role=Role.ASSISTANT,
                    state=TurnState.WAITING,
                    setup=state.setup,
                    steering=source.steering if isinstance(source, Inline) else None,
                    sampling=self._sampling,
                )
            )
            self.historyReset.emit(lane_id)
        saved = None if self.before_asking is None else self.before_asking()
        request = Question(tuple(lanes), self._sampling, self._readout_options(), self._session, saved)
        receiver = _Receiver(self, lane_ids)
        stream = self._gateway.stream(request.run, receiver.received, receiver.ended)
        receiver.stream = stream
        self._streams[stream] = lane_ids
        self.busyChanged.emit()

    def _messages(self, lane: LaneState) -> tuple[Message, ...]:
        scene = (Message(Role.SYSTEM, self._scene),) if self._scene else ()
        return scene + tuple(Message(turn.role, turn.text) for turn in lane.turns)

    def _readout_options(self) -> ReadoutOptions:
        # The same direction in every lane, else their colours could not be compared.
        return ReadoutOptions(
            projection=True,
            watched_vector=self._steering.watched_name(),
            entropy=True,
            kl_to_unsteered=self._readout is Readout.KL_TO_UNSTEERED,
        )

    # Answers ----------------------------------------------------------------------------------------------

    def _take(self, batch: list[tuple[str, ReplyEvent]]) -> None:
        fresh: dict[str, list[TokenReadout]] = {}
        texts: dict[str, list[str]] = {}
        changed: set[str] = set()
        for lane_id, event in batch:
            lane = self._lanes.get(lane_id)
            turn = None if lane is None else lane.last_reply
            if turn is None or not turn.is_open:
                continue
            match event:
                case ReplyStarted():
                    turn.started = event
                    changed.add(lane_id)
                case ReplyDelta():
                    turn.state = TurnState.STREAMING
                    tokens = _tokens_of(event, len(turn.tokens))
                    turn.add(tokens)
                    texts.setdefault(lane_id, []).append(event.text)
                    fresh.setdefault(lane_id, []).extend(tokens)
                case ReplyFinished():
                    turn.finished = event
                    stopped = event.reason in (FinishReason.CANCELLED, FinishReason.DEADLINE)
                    turn.state = TurnState.STOPPED if stopped else TurnState.DONE
                    changed.add(lane_id)
        for lane_id, tokens in fresh.items():
            # Once a batch: adding each token to a long text would copy it each time.
            self._lanes[lane_id].turns[-1].text += "".join(texts[lane_id])
            self.replyExtended.emit(lane_id, tokens)
        for lane_id in changed:
            self.replyChanged.emit(lane_id)
        if changed:
            self.busyChanged.emit()

    def _stream_ended(self, stream: Stream, lane_ids: tuple[str, ...], failure: Failure | None) -> None:
        self._streams.pop(stream, None)
        for lane_id in lane_ids:
            lane = self._lanes.get(lane_id)
            turn = None if lane is None else lane.last_reply
            if turn is not None and turn.is_open:
                turn.state = TurnState.STOPPED if failure is None else TurnState.FAILED
                turn.failure = failure
                self.replyChanged.emit(lane_id)
        self.busyChanged.emit()


def _tokens_of(delta: ReplyDelta, position: int) -> list[TokenReadout]:
    """The delta's tokens; a delta whose tokens do not spell its text counts as one token without figures."""
    if "".join(token.text for token in delta.tokens) == delta.text:
        return list(delta.tokens)
    return [TokenReadout(token_id=-1, text=delta.text, index=position, log_probability=0.0)]


class _Receiver:
    """Ties one stream's answers to the lanes it was asked for."""

    def __init__(self, conversation: Conversation, lane_ids: tuple[str, ...]) -> None:
        self._conversation = conversation
        self._lane_ids = lane_ids
        self.stream: Stream | None = None

    def received(self, batch: list[tuple[str, ReplyEvent]]) -> None:
        self._conversation._take(batch)

    def ended(self, failure: Failure | None) -> None:
        assert self.stream is not None
        self._conversation._stream_ended(self.stream, self._lane_ids, failure)
