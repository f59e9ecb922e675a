"""Shadow pairs: a reply that was shown, and what the candidate says to the same prompt without being shown."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from trimtab_server.control.arms import Assignment, keyed_hash, place_of
from trimtab_server.control.pointers import InForce
from trimtab_server.control.spare import Asked, NoSpareSlot, NotAnswered, SpareReplies, Subject
from trimtab_server.rollouts.observations import (
    HardFault,
    MeasurementError,
    Observation,
    PairObservation,
)
from trimtab_server.steering.snapshot import Sampling

log = logging.getLogger("trimtab.rollout")

#: Shadow replies under way at once: they are the last to get a slot, and a queue of them is worth nothing.
_AT_ONCE: Final = 2


@dataclass(frozen=True)
class LiveReply:
    """A reply to live traffic that ended, in memory only.

    sampling: the caller's own, None for the snapshot's. complete: whether it ended by itself. faults: what no
    statistics is needed for.
    """

    reply_id: str
    assignment: Assignment
    messages: tuple[Mapping[str, str], ...]
    sampling: Sampling | None
    signals: Mapping[str, float]
    faults: tuple[str, ...]
    complete: bool


class ShadowPairs:
    """Makes the candidate's half of pairs while slots are free; a prompt without a free slot is let go."""

    def __init__(
        self,
        in_force: InForce,
        candidate: Subject,
        replies: SpareReplies,
        hear: Callable[[Observation], None],
        share: float,
    ) -> None:
        self._in_force = in_force
        self._candidate = candidate
        self._replies = replies
        self._hear = hear
        self._share = share
        self._running: set[asyncio.Task[None]] = set()

    def offer(self, live: LiveReply) -> bool:
        """Whether a pair is made of it. Never waits; the shown reply has ended already."""
        secret = self._in_force.record.secret
        chosen = place_of(secret, f"shadow of {live.reply_id}") < 100 * self._share
        if not (chosen and live.complete and live.assignment.arm == "stable"):
            return False
        if len(self._running) >= _AT_ONCE:
            return False
        task = asyncio.ensure_future(self._make(live))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return True

    async def stop(self) -> None:
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    async def _make(self, live: LiveReply) -> None:
        sampling = live.sampling or self._in_force.stable.sampling
        try:
            reply = await self._replies(self._candidate, Asked(live.messages, live.sampling))
        except NoSpareSlot:
            return
        except NotAnswered as error:
            self._hear(MeasurementError(f"a shadow reply was not made: {error}"))
            return
        except Exception as error:
            log.exception("shadow_reply_failed")
            self._hear(MeasurementError(f"a shadow reply was not made: {type(error).__name__}"))
            return
        for fault in reply.faults:
            self._hear(HardFault(f"shadow of reply {live.reply_id}: {fault}", live.reply_id))
        self._hear(
            PairObservation(
                self._prompt_id(live),
                dict(live.signals),
                dict(reply.signals),
                sampling.seed if sampling.temperature else None,
            )
        )

    def _prompt_id(self, live: LiveReply) -> str:
        """Equal for equal conversations, and no use to whoever does not hold the rollout's secret."""
        text = json.dumps([dict(message) for message in live.messages], ensure_ascii=False, sort_keys=True)
        return keyed_hash(self._in_force.record.secret, "prompt", text)
