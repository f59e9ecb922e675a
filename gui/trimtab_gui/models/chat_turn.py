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
    """Tokens with their figures (6 significant digits) in columns, compressed; nothing for no tokens."""
    if not tokens:
        return b""
    columns: list[list[object]] = [[token.token_id for token in tokens], [token.text for token in tokens]]
    columns += [[_rounded(getattr(token, name)) for token in tokens] for name in _FIGURES]
    return zlib.compress(json.dumps(columns, ensure_ascii=False, separators=(",", ":")).encode(), 6)


def unpack_tokens(packed: bytes) -> list[TokenReadout]:
    """What `pack_tokens` packed."""
    ids, texts, *figures = json.loads(zlib.decompress(packed))
    return [
        TokenReadout(token_id, text, index, *values)
        for index, (token_id, text, *values) in enumerate(zip(ids, texts, *figures, strict=True))
    ]


def _rounded(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.6g}")
