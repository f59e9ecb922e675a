"""Chats as they are kept: plain records, and their JSON."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Final

from pydantic import TypeAdapter
from trimtab_client.types import ReplyFinished, ReplyStarted, Role, Sampling, Steering, TokenReadout

from trimtab_gui.bridge import Failure
from trimtab_gui.models.chat_turn import LaneSetup, LaneState, Turn, TurnState, pack_tokens

TITLE_LENGTH: Final = 80


@dataclass(frozen=True)
class TurnDetails:
    """What is known of a message beside its words."""

    failure: Failure | None = None
    started: ReplyStarted | None = None
    finished: ReplyFinished | None = None
    setup: LaneSetup | None = None
    steering: Steering | None = None
    sampling: Sampling | None = None


@dataclass(frozen=True)
class KeptTurn:
    """One message. `position` counts from 0 within its lane.

    `tokens` are packed; `fresh` are those still to be packed by whoever writes them.
    """

    id: str
    lane: str
    position: int
    role: Role
    text: str
    state: TurnState
    at: datetime
    details: TurnDetails
    tokens: bytes = b""
    fresh: tuple[TokenReadout, ...] = ()

    def packed(self) -> bytes:
        return self.tokens or pack_tokens(self.fresh)


@dataclass(frozen=True)
class KeptLane:
    """One lane, in its place."""

    id: str
    place: int
    setup: LaneSetup


@dataclass(frozen=True)
class ChatHead:
    """What is known of a chat beside its messages. `target` is the server's address."""

    key: str
    target: str
    title: str
    scene: str
    sampling: Sampling
    created: datetime
    updated: datetime
    pinned: bool = False
    # Whether the title was given by a person.
    renamed: bool = False


@dataclass(frozen=True)
class KeptChat:
    """A whole chat."""

    head: ChatHead
    lanes: tuple[KeptLane, ...]
    turns: tuple[KeptTurn, ...]

    def states(self) -> list[LaneState]:
        """The lanes as a conversation has them."""
        lanes = {lane.id: LaneState(lane.id, lane.setup) for lane in self.lanes}
        for turn in self.turns:
            if turn.lane in lanes:
                lanes[turn.lane].turns.append(_thawed(turn))
        return list(lanes.values())


@dataclass(frozen=True)
class ChatChange:
    """One step of keeping a chat: its head and lanes as they are now, and the messages that changed."""

    head: ChatHead
    lanes: tuple[KeptLane, ...]
    turns: tuple[KeptTurn, ...] = ()
    removed: tuple[str, ...] = ()
    # Replies that go on: only their words are written.
    growing: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class ChatSummary:
    """A line of the list of chats."""

    head: ChatHead
    # Of all lanes.
    messages: int
    interrupted: int


@dataclass(frozen=True)
class ChatHit:
    """A message of any chat that has the words looked for; `start` and `end` lie in `snippet`."""

    key: str
    title: str
    updated: datetime
    lane: str
    turn: int
    role: Role
    setup: LaneSetup
    snippet: str
    start: int
    end: int


@dataclass(frozen=True)
class Kept:
    """How much is kept."""

    chats: int = 0
    messages: int = 0
    oldest: datetime | None = None
    bytes: int = 0
    damaged_files: int = 0


@dataclass(frozen=True)
class Stamp:
    """Tells whether a turn has changed since it was written."""

    state: TurnState
    length: int
    known: tuple[bool, bool] = field(default=(False, False))


def stamp(turn: Turn) -> Stamp:
    return Stamp(turn.state, len(turn.text), (turn.started is not None, turn.finished is not None))


def frozen(turn: Turn, lane: str, position: int) -> KeptTurn:
    """A turn as it is now; the tokens of an open reply are left out."""
    return KeptTurn(
        id=turn.id,
        lane=lane,
        position=position,
        role=turn.role,
        text=turn.text,
        state=turn.state,
        at=turn.at,
        details=TurnDetails(
            turn.failure, turn.started, turn.finished, turn.setup, turn.steering, turn.sampling
        ),
        tokens=turn.packed,
        fresh=() if turn.is_open or turn.packed else tuple(turn.tokens),
    )


def _thawed(kept: KeptTurn) -> Turn:
    details = kept.details
    return Turn(
        role=kept.role,
        text=kept.text,
        state=kept.state,
        failure=details.failure,
        started=details.started,
        finished=details.finished,
        setup=details.setup,
        steering=details.steering,
        sampling=details.sampling,
        id=kept.id,
        at=kept.at,
        packed=kept.tokens,
    )


def title_of(first_prompt: str) -> str:
    """The first line of a prompt that says something, shortened."""
    line = next((line.strip() for line in first_prompt.splitlines() if line.strip()), "")
    return line if len(line) <= TITLE_LENGTH else line[: TITLE_LENGTH - 1] + "…"


@cache
def details_json() -> TypeAdapter[TurnDetails]:
    return TypeAdapter(TurnDetails)


@cache
def setup_json() -> TypeAdapter[LaneSetup]:
    return TypeAdapter(LaneSetup)


@cache
def sampling_json() -> TypeAdapter[Sampling]:
    return TypeAdapter(Sampling)
