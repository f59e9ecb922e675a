"""The batches of a trial: which rows are asked together. They follow from the locked trial alone, so that a trial
that was interrupted goes on in the same shapes, and its figures agree to the last digit."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from trimtab_server.trials.criteria import Criteria
from trimtab_server.trials.prompts import PromptSet
from trimtab_server.trials.rows import RowKey, planned


@dataclass(frozen=True)
class Batch:
    """Rows of one stage that start in the same step; `keys` by their places in the plan, from 1."""

    stage: str
    keys: Mapping[int, RowKey]


def batches(
    criteria: Criteria,
    prompts: PromptSet,
    *,
    stage_of: Callable[[RowKey], str],
    slots_of: Callable[[RowKey], int],
    width: int,
) -> tuple[Batch, ...]:
    """Every planned row in exactly one batch of at most `width` slots, in the order of the plan for each stage.

    A row that takes more slots than `width` has a batch of its own.
    """
    filling: dict[str, dict[int, RowKey]] = {}
    used: dict[str, int] = {}
    made: list[Batch] = []
    for number, key in enumerate(planned(criteria, prompts), start=1):
        stage, slots = stage_of(key), slots_of(key)
        if filling.get(stage) and used[stage] + slots > width:
            made.append(Batch(stage, filling.pop(stage)))
        if stage not in filling:
            filling[stage], used[stage] = {}, 0
        filling[stage][number] = key
        used[stage] += slots
    made += (Batch(stage, keys) for stage, keys in filling.items())
    return tuple(sorted(made, key=lambda batch: min(batch.keys)))


def incomplete(every: Collection[Batch], made: Collection[int]) -> tuple[Batch, ...]:
    """Batches with a row that is not among those made."""
    return tuple(batch for batch in every if not batch.keys.keys() <= set(made))
