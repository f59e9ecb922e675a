"""Asks the rows of a trial, batch by batch, and scores them as they come."""

from __future__ import annotations

import asyncio
import time as clock
from collections.abc import AsyncGenerator, Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

from trimtab_server.engine.errors import QueueFull
from trimtab_server.jobs.trial_batches import Batch, incomplete
from trimtab_server.trials.criteria import Criteria
from trimtab_server.trials.prompts import PromptSet
from trimtab_server.trials.rows import RowKey, TrialRow
from trimtab_server.trials.scoring import score_rows


class BatchMaker(Protocol):
    """Makes the replies of one batch, all in the same steps.

    Raises QueueFull where there are no slots, or where they were taken back; the batch is asked again then.
    """

    async def __call__(self, batch: Batch) -> Sequence[TrialRow]: ...


@dataclass(frozen=True)
class MadeBatch:
    """Rows that were missing, unscored, by their numbers; seconds: from the first slot to the last token."""

    rows: tuple[tuple[int, TrialRow], ...]
    seconds: float


async def make_batch(batch: Batch, make: BatchMaker, turn: asyncio.Lock) -> MadeBatch:
    """Waits for slots as long as it takes.

    turn: held while a batch runs, so that two trials never mix their batches.
    """
    while True:
        try:
            async with turn:
                begin = clock.monotonic()
                rows = await make(batch)
                seconds = clock.monotonic() - begin
        except QueueFull as refusal:
            await asyncio.sleep(refusal.retry_after_seconds)
            continue
        return MadeBatch(tuple(zip(batch.keys, rows, strict=True)), seconds)


async def run_trial(
    every: Collection[Batch], made: Collection[int], make: BatchMaker, turn: asyncio.Lock
) -> AsyncGenerator[MadeBatch, None]:
    """What is missing, in the order of the plan. made: numbers of the rows that are there.

    A batch of which some rows are there is asked whole, for its shape, and only what is missing is given.
    """
    held = set(made)
    for batch in incomplete(every, made):
        done = await make_batch(batch, make, turn)
        yield MadeBatch(tuple(own for own in done.rows if own[0] not in held), done.seconds)


class RunningScores:
    """Scores rows as they come; the replies to belief probes are kept for those that follow."""

    def __init__(self, criteria: Criteria, prompts: PromptSet, rows: Collection[TrialRow]) -> None:
        self._criteria = criteria
        self._prompts = prompts
        self._probes: dict[RowKey, TrialRow] = {row.key: row for row in rows if row.probe}

    def score(self, rows: Sequence[TrialRow]) -> list[TrialRow]:
        """The same rows in the same order, with outcome and score."""
        self._probes |= {row.key: row for row in rows if row.probe}
        others = [row for row in rows if not row.probe]
        scored = {
            row.key: row
            for row in score_rows([*self._probes.values(), *others], self._criteria, self._prompts)
        }
        return [scored[row.key] for row in rows]
