"""Replies that nobody waits for: how they are asked for, and what comes back."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from trimtab_vectors.evaluation.honesty import Question

from trimtab_server.rollouts.observations import Arm
from trimtab_server.steering.snapshot import Configuration, Sampling

#: Seconds between two tries for a slot, the first and the longest.
_FIRST_PAUSE: Final = 0.05
_LONGEST_PAUSE: Final = 0.5


class NoSpareSlot(Exception):
    """Nobody could be served in a slot that is free, or the slot was taken back for one who waits."""


class NotAnswered(Exception):
    """The reply did not end by itself; trying again would not change that."""


@dataclass(frozen=True)
class Subject:
    """One arm's snapshot."""

    arm: Arm
    deployment: str
    snapshot: str
    configuration: Configuration


@dataclass(frozen=True)
class Asked:
    """What is asked.

    sampling: None for the snapshot's own. kl: whether each token's KL to unsteered is read, in a second slot.
    question: the canary question behind it, if there is one. max_tokens: at most so many; 0 for what the
    sampling says.
    """

    messages: Sequence[Mapping[str, str]]
    sampling: Sampling | None = None
    kl: bool = False
    question: Question | None = None
    max_tokens: int = 0


@dataclass(frozen=True)
class SpareReply:
    """signals: those of every reply, read the same way as live ones. faults: what no statistics is needed for."""

    text: str
    signals: Mapping[str, float]
    faults: tuple[str, ...]


class SpareReplies(Protocol):
    """Makes one reply in a slot that nobody else wants."""

    async def __call__(self, subject: Subject, asked: Asked) -> SpareReply:
        """Raises: NoSpareSlot, NotAnswered."""


async def patiently(replies: SpareReplies, subject: Subject, asked: Asked) -> SpareReply:
    """Tries until there is a slot to the end of the reply. Raises: NotAnswered."""
    pause = _FIRST_PAUSE
    while True:
        try:
            return await replies(subject, asked)
        except NoSpareSlot:
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)
