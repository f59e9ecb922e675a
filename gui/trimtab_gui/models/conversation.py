"""One question, several lanes: each lane keeps its own history, all share scene, seed and read-outs.

The streams belong to the conversation: leaving the room, or switching the language, stops nothing.
"""

from __future__ import annotations

import uuid
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final

from PySide6.QtCore import QObject, Signal, Slot
from trimtab_client import AsyncClient
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
from trimtab_gui.models.steering import SteeringModel

LANES_AT_MOST: Final = 4


class LaneKind(StrEnum):
    UNSTEERED = "unsteered"
    PROMPT_ONLY = "prompt_only"
    STEERED = "steered"
    ACTIVE = "active"
    SNAPSHOT = "snapshot"


@dataclass(frozen=True)
class LaneSetup:
    """Where a lane's steering comes from: `prompt` for prompt only, `snapshot` (a name) for a snapshot."""

    kind: LaneKind
    prompt: str = ""
    snapshot: str = ""


class TurnState(StrEnum):
    DONE = "done"
    WAITING = "waiting"
    STREAMING = "streaming"
    STOPPED = "stopped"
    FAILED = "failed"


@dataclass
class Turn:
    """A message of a lane; a reply grows while it streams."""

    role: Role
    text: str = ""
    tokens: list[TokenReadout] = field(default_factory=list)
    state: TurnState = TurnState.DONE
    failure: Failure | None = None
    started: ReplyStarted | None = None
    finished: ReplyFinished | None = None
    # What the lane was set to when the reply was asked for.
    setup: LaneSetup | None = None
    steering: Steering | None = None

    @property
    def is_open(self) -> bool:
        return self.state in (TurnState.WAITING, TurnState.STREAMING)


@dataclass
class LaneState:
    """One lane: its setup and its own history."""

    id: str
    setup: LaneSetup
    turns: list[Turn] = field(default_factory=list)

    @property
    def last_reply(self) -> Turn | None:
        return self.turns[-1] if self.turns and self.turns[-1].role is Role.ASSISTANT else None


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
    # The prompt, before it is sent.
    asked = Signal(str)

    def __init__(self, gateway: Gateway, steering: SteeringModel, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._gateway = gateway
        self._steering = steering
        self._lanes: dict[str, LaneState] = {}
        self._streams: dict[Stream, tuple[str, ...]] = {}
        self._lane_counter = 0
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
        self._lane_counter += 1
        lane = LaneState(id=f"lane-{self._lane_counter}", setup=setup)
        self._lanes[lane.id] = lane
        self.lanesChanged.emit()
        return lane.id

    def remove_lane(self, lane_id: str) -> None:
        """Removes a lane; the last one stays."""
        if len(self._lanes) <= 1:
            return
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
        self._sampling = sampling

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
    def is_empty(self) -> bool:
        return not any(lane.turns for lane in self._lanes.values())

    def send(self, text: str) -> None:
        """Asks every lane. The prompt is announced (and stored) before it is sent."""
        if self.is_busy or not text.strip():
            return
        self.asked.emit(text)
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
        if self._sampling.temperature > 0:
            self._sampling = replace(self._sampling, seed=self._sampling.seed + 1)
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
        self._session = uuid.uuid4().hex
        for lane in self._lanes.values():
            lane.turns.clear()
            self.historyReset.emit(lane.id)
        self.busyChanged.emit()

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
                )
            )
            self.historyReset.emit(lane_id)
        request = _Question(tuple(lanes), self._sampling, self._readout_options(), self._session)
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
                    turn.tokens.extend(tokens)
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


@dataclass(frozen=True)
class _Question:
    """A request, detached from the models, for the network thread to run."""

    lanes: tuple[Lane, ...]
    sampling: Sampling
    readouts: ReadoutOptions
    # Keeps the active snapshot's lane in one arm while a rollout is in force.
    session: str

    async def run(self, client: AsyncClient) -> AsyncGenerator[tuple[str, ReplyEvent], None]:
        if len(self.lanes) > 1:
            replies = client.compare(
                self.lanes, sampling=self.sampling, readouts=self.readouts, session_id=self.session
            )
            async with aclosing(replies):
                async for lane_id, event in replies:
                    yield lane_id, event
            return
        lane = self.lanes[0]
        reply = client.chat(
            lane.messages,
            source=lane.source,
            sampling=self.sampling,
            readouts=self.readouts,
            session_id=self.session,
        )
        async with aclosing(reply):
            async for event in reply:
                yield lane.lane_id, event


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
