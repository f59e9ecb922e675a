"""A locked trial, read: criteria, prompts, what each lane puts on the model, and its batches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from trimtab_server.jobs.trial_batches import Batch, batches
from trimtab_server.steering.snapshot import Configuration
from trimtab_server.trials.criteria import Criteria
from trimtab_server.trials.prompts import PromptSet
from trimtab_server.trials.rows import RowKey, planned

#: The measure that takes a shadow row, and with it a second slot.
KL: Final = "kl"


@dataclass(frozen=True)
class TrialWork:
    """configurations: by the name of the lane."""

    criteria: Criteria
    prompts: PromptSet
    configurations: Mapping[str, Configuration]
    width: int

    @cached_property
    def numbers(self) -> Mapping[RowKey, int]:
        """Place of every planned row, from 1."""
        return {key: number for number, key in enumerate(planned(self.criteria, self.prompts), start=1)}

    @cached_property
    def batches(self) -> tuple[Batch, ...]:
        return batches(
            self.criteria,
            self.prompts,
            stage_of=lambda key: self.configurations[key.lane].steering.stage,
            slots_of=self._slots,
            width=self.width,
        )

    @cached_property
    def place(self) -> Mapping[str, tuple[str, str]]:
        """Pressure and language of each prompt, by its id."""
        return {own.id: (own.pressure, own.language) for own in self.prompts}

    @cached_property
    def measures(self) -> frozenset[str]:
        """What is read of every row beside its reply."""
        return frozenset(limit.measure for limit in self.criteria.side_effects)

    def batch_of(self, number: int) -> Batch:
        """Raises StopIteration for a number that is not planned."""
        return next(batch for batch in self.batches if number in batch.keys)

    def messages(self, key: RowKey) -> Sequence[Mapping[str, str]]:
        """What is sent for a row."""
        lane, prompt = self.criteria.named(key.lane), self.prompts.named(key.prompt_id)
        said = lane.probe_messages(prompt, key.probe) if key.probe else lane.messages(prompt)
        return [{"role": own.role, "content": own.content} for own in said]

    def _slots(self, key: RowKey) -> int:
        steered = bool(self.configurations[key.lane].steering.terms)
        return 2 if KL in self.measures and steered and not key.probe else 1


def finite(value: Any) -> Any:
    """A record for JSON: figures that are not finite become None."""
    if isinstance(value, float):
        return value if value - value == 0.0 else None
    if isinstance(value, Mapping):
        return {key: finite(own) for key, own in value.items()}
    if isinstance(value, list | tuple):
        return [finite(own) for own in value]
    return value
