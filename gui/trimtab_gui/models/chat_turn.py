"""Turns and lanes of a conversation, as the window and the chat store both have them."""

from __future__ import annotations

import json
import uuid
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final

from trimtab_client.types import ReplyFinished, ReplyStarted, Role, Sampling, Steering, TokenReadout

from trimtab_gui.bridge import Failure

# A token's figures, in the order in which they are packed.
_FIGURES: Final = ("log_probability", "projection", "entropy", "kl_to_unsteered", "residual_norm_ratio")
# Of these a reply's mean is shown.
_AVERAGED: Final = ("projection", "entropy", "kl_to_unsteered")
# Tokens packed at a time.
_SLICE: Final = 2000


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
    # The client ended before the reply did: found so in the store, never seen while running.
    INTERRUPTED = "interrupted"


def _new_id() -> str:
    return uuid.uuid4().hex


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass
class Turn:
    """A message of a lane; a reply grows while it streams."""

    role: Role
    text: str = ""
    state: TurnState = TurnState.DONE
    failure: Failure | None = None
    started: ReplyStarted | None = None
    finished: ReplyFinished | None = None
    # What the lane was set to when the reply was asked for, and how it was drawn.
    setup: LaneSetup | None = None
    steering: Steering | None = None
    sampling: Sampling | None = None
    id: str = field(default_factory=_new_id)
    at: datetime = field(default_factory=_now)
    # The tokens as the store has them, until somebody looks at them: most of a long chat is never shown.
    packed: bytes = b""
    _tokens: list[TokenReadout] = field(default_factory=list)
    # Of each figure: the sum over the first `_summed` tokens, and how many of them have it.
    _sums: dict[str, tuple[float, int]] = field(default_factory=dict)
    _summed: int = 0

    @property
    def tokens(self) -> list[TokenReadout]:
        if self.packed:
            packed, self.packed = self.packed, b""
            self._tokens = unpack_tokens(packed)
        return self._tokens

    @property
    def token_count(self) -> int:
        """How many tokens there are, without looking at them: of packed ones by the server's count."""
        if self.packed:
            return len(self.text) // 4 if self.finished is None else self.finished.usage.reply_tokens
        return len(self._tokens)

    def add(self, tokens: Sequence[TokenReadout]) -> None:
        """Tokens that have just come; their figures are summed at once, not all at the end of a long reply."""
        self.tokens.extend(tokens)
        self._sum_up()

    def mean(self, figure: str) -> float | None:
        """Over the tokens that have the figure; None when none has."""
        self._sum_up()
        total, count = self._sums.get(figure, (0.0, 0))
        return total / count if count else None

    def _sum_up(self) -> None:
        tokens = self.tokens[self._summed :]
        for figure in _AVERAGED:
            known = [value for token in tokens if (value := getattr(token, figure)) is not None]
            total, count = self._sums.get(figure, (0.0, 0))
            self._sums[figure] = (total + sum(known), count + len(known))
        self._summed += len(tokens)

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


def pack_tokens(tokens: Sequence[TokenReadout]) -> bytes:
    """Tokens with their figures (6 significant digits) in columns, compressed; nothing for no tokens.

    A line of JSON for each slice: one of a very long reply would hold the interpreter for as long as it takes.
    """
    lines = []
    for start in range(0, len(tokens), _SLICE):
        part = tokens[start : start + _SLICE]
        columns: list[list[object]] = [[token.token_id for token in part], [token.text for token in part]]
        columns += [[_rounded(getattr(token, name)) for token in part] for name in _FIGURES]
        lines.append(json.dumps(columns, separators=(",", ":")))
    return zlib.compress("\n".join(lines).encode(), 6) if lines else b""


def unpack_tokens(packed: bytes) -> list[TokenReadout]:
    """What `pack_tokens` packed."""
    tokens: list[TokenReadout] = []
    for line in zlib.decompress(packed).splitlines():
        ids, texts, *figures = json.loads(line)
        for token_id, text, *values in zip(ids, texts, *figures, strict=True):
            tokens.append(TokenReadout(token_id, text, len(tokens), *values))
    return tokens


def _rounded(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.6g}")
