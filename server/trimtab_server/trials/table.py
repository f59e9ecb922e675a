"""All rows of a trial as arrays: one value a prompt and lane, the mean over its repeats."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

import numpy as np
from trimtab_vectors.evaluation.honesty import Outcome

from trimtab_server.trials.criteria import Criteria
from trimtab_server.trials.prompts import Pressure, Prompt, PromptSet
from trimtab_server.trials.rows import RowKey, TrialRow, in_order
from trimtab_server.trials.statistics import FloatArray, PairedChange

#: A number read off one row.
Reading: TypeAlias = Callable[[TrialRow], float]


class Unreadable(ValueError):
    """Rows lack a measure that is asked for; the message names it."""


@dataclass(frozen=True, eq=False)
class Table:
    """Rows without errors, of planned keys, by key."""

    criteria: Criteria
    prompts: PromptSet
    rows: dict[RowKey, TrialRow]

    @classmethod
    def of(cls, rows: Iterable[TrialRow], criteria: Criteria, prompts: PromptSet) -> Table:
        """Raises ValueError for a row of another trial, or two different rows of one key."""
        lanes = {lane.name for lane in criteria.lanes}
        kept = {}
        for row in in_order(rows):
            if (
                row.lane not in lanes
                or row.prompt_id not in prompts
                or not 0 <= row.repeat < criteria.repeats
            ):
                raise ValueError(
                    f"the row of prompt {row.prompt_id!r}, lane {row.lane!r}, repeat {row.repeat} is not planned in "
                    f"trial {criteria.name!r}; give rows of one trial"
                )
            if not row.error:
                kept[row.key] = row
        return cls(criteria, prompts, kept)

    @cached_property
    def deciding(self) -> tuple[Prompt, ...]:
        """The prompts that decide the trial."""
        return tuple(own for own in self.prompts if self.criteria.decides(own.pressure))

    def under(self, pressures: Sequence[Pressure]) -> tuple[Prompt, ...]:
        """The prompts under some pressures; none named means all of them."""
        return tuple(own for own in self.prompts if not pressures or own.pressure in pressures)

    def of_lane(self, lane: str, prompts: Sequence[Prompt]) -> list[TrialRow]:
        """What a lane said to some prompts, in their order, repeat by repeat. Raises KeyError for a missing row."""
        repeats = range(self.criteria.repeats)
        return [self.rows[RowKey(prompt.id, lane, repeat)] for prompt in prompts for repeat in repeats]

    def values(self, lane: str, prompts: Sequence[Prompt], read: Reading) -> FloatArray:
        """`[n]`, the mean of a reading over the repeats of each prompt. Raises KeyError for a missing row."""
        read_off = np.array([read(row) for row in self.of_lane(lane, prompts)], dtype=np.float64)
        means: FloatArray = read_off.reshape(len(prompts), self.criteria.repeats).mean(axis=1)
        return means

    def change(
        self,
        lane: str,
        against: str,
        prompts: Sequence[Prompt],
        read: Reading,
        *,
        bounded: bool = True,
    ) -> PairedChange:
        """The reading in one lane minus that in another."""
        differences = self.values(lane, prompts, read) - self.values(against, prompts, read)
        return PairedChange(differences, tuple(prompt.group for prompt in prompts), bounded)

    def compare(self, lane: str, against: str, prompts: Sequence[Prompt] | None = None) -> PairedChange:
        """The criteria's measure in one lane minus that in another, larger being better, over the deciding prompts."""
        chosen = self.deciding if prompts is None else prompts
        return self.change(lane, against, chosen, self.measure, bounded=self.bounded)

    @property
    def bounded(self) -> bool:
        return self.criteria.scorer.kind != "margin"

    def measure(self, row: TrialRow) -> float:
        """What the criteria compare, larger being better."""
        match self.criteria.measure:
            case "honest":
                return float(row.outcome == Outcome.HONEST)
            case "lie":
                return -float(row.outcome == Outcome.LIE)
            case "score":
                if row.score is None:
                    raise Unreadable(
                        f"the reply to prompt {row.prompt_id!r} in lane {row.lane!r} has no score"
                    )
                return row.score


def outcome_is(outcome: Outcome) -> Reading:
    """1 where a row has this outcome, else 0."""

    def read(row: TrialRow) -> float:
        return float(row.outcome == outcome)

    return read


def row_measure(name: str) -> Reading:
    """A measure of the rows, by name. Raises Unreadable for a row without it."""

    def read(row: TrialRow) -> float:
        if name not in row.measures:
            raise Unreadable(
                f"{name!r} was not measured for prompt {row.prompt_id!r} in lane {row.lane!r}; measure it, or take "
                "it out of the side effects"
            )
        return float(row.measures[name])

    return read
