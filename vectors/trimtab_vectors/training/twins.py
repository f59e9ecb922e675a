"""Twin runs: what a push at this moment changes later, against the same training without it.

From one state two runs see the same batches in the same order with the same random numbers. The arm gets a
push first, the twin nothing. Kannan's intervention plasticity at a stage is then
`P_lag = mean(arm - twin at the lag) / budget`, `P_end` the same at the end, and retention `P_end / P_lag`:
with one figure alone, a push that was simply recent would look like a plastic moment.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from trimtab_vectors.plasticity import TwinRecord
from trimtab_vectors.training.journal import Record, current_path
from trimtab_vectors.training.state import RandomState, TrainingState, undisturbed

Batch = Mapping[str, Any]

#: Per-item margins `[I]` of the model as it is, in one order of items.
Margins = Callable[[nn.Module], NDArray[np.float64]]

#: Spends the budget on the model and returns the optimiser steps it took.
Push = Callable[[nn.Module], int]


@dataclass(frozen=True, eq=False)
class TwinMargins:
    """Per-item margins `[I]` of arm and twin, `lag` and `end` steps after they parted; NaN where the run was
    not followed to its end. budget_steps: optimiser steps the arm's push took; lag_steps: those from the
    parting to the lag."""

    budget_steps: int
    lag_steps: int
    arm_lag: NDArray[np.float64]
    twin_lag: NDArray[np.float64]
    arm_end: NDArray[np.float64]
    twin_end: NDArray[np.float64]

    @property
    def lag_effect(self) -> float:
        """Mean margin gained by the push at the lag, for each step of budget."""
        return float(np.mean(self.arm_lag - self.twin_lag)) / self.budget_steps

    @property
    def end_effect(self) -> float:
        return float(np.mean(self.arm_end - self.twin_end)) / self.budget_steps

    def record(
        self, seed: str, stage: int, step: int, clusters: Sequence[Hashable] | None = None
    ) -> TwinRecord:
        """As `plasticity.intervention_timelines` takes it. seed names the training run; clusters: a label an item."""
        return TwinRecord(
            seed,
            stage,
            step,
            self.budget_steps,
            self.lag_steps,
            self.arm_lag,
            self.twin_lag,
            self.arm_end,
            self.twin_end,
            None if clusters is None else tuple(clusters),
        )


def recorded_twins(records: Sequence[Record], seed: str) -> list[TwinRecord]:
    """The comparisons in a journal's records, on the path that led to its end; stages are numbered from 0 along it.

    Two runs' records can be put together if their probes are the same.
    """
    stages = [record["step"] for record in current_path(records, "stage")]
    found = []
    for record in current_path(records, "action"):
        if record["action"] != "twins":
            continue
        arm, twin = (np.array(record[name], dtype=np.float64) for name in ("arm_lag", "twin_lag"))
        missing = np.full_like(arm, np.nan)
        margins = TwinMargins(record["budget_steps"], record["lag"], arm, twin, missing, missing)
        stage = sum(step <= record["parted_step"] for step in stages) - 1
        found.append(margins.record(seed, stage, record["parted_step"]))
    return found


class Branch(Protocol):
    """One way of training on from a state, which can be begun again."""

    def begin(self) -> None:
        """Everything as it was when the twins part."""

    def advance(self, steps: int) -> None:
        """Train on by as many steps."""


def compare_twins(
    model: nn.Module, branch: Branch, push: Push, margins: Margins, *, lag: int, end: int | None = None
) -> TwinMargins:
    """Run twin and arm along `branch`. The push draws from random numbers of its own, so that both runs see
    the same dropout. The model is left as the arm's last step leaves it: restoring is the caller's."""
    if lag < 1 or (end is not None and end < lag):
        raise ValueError(f"lag is {lag} and end {end}; steps with 1 <= lag <= end are expected")
    found: dict[str, tuple[NDArray[np.float64], NDArray[np.float64]]] = {}
    budget = 0
    for name in ("twin", "arm"):
        branch.begin()
        if name == "arm":
            generators = RandomState.take()
            budget = push(model)
            generators.restore()
        branch.advance(lag)
        at_lag = _measured(model, margins)
        at_end = np.full_like(at_lag, np.nan)
        if end is not None:
            branch.advance(end - lag)
            at_end = _measured(model, margins)
        found[name] = (at_lag, at_end)
    if budget < 1:
        raise ValueError("the push took no optimiser step; without a budget there is nothing to compare")
    (arm_lag, arm_end), (twin_lag, twin_end) = found["arm"], found["twin"]
    return TwinMargins(budget, lag, arm_lag, twin_lag, arm_end, twin_end)


def run_twins(
    model: nn.Module,
    batches: Iterable[Batch],
    push: Push,
    margins: Margins,
    *,
    make_optimizer: Callable[[list[nn.Parameter]], torch.optim.Optimizer],
    make_scheduler: Callable[[torch.optim.Optimizer], Any] | None = None,
    lag: int,
    end: int | None = None,
    loss: Callable[[nn.Module, Batch], Tensor] | None = None,
    max_grad_norm: float | None = None,
    seed: int = 0,
) -> TwinMargins:
    """Twin runs from the model as it stands, in any training loop; the model is as before afterwards.

    batches: at least `end` (or `lag`) of them are taken, one for each step. make_optimizer gets the trainable
    parameters anew for each run; load the moments of the run there, or both start without. loss: by default
    the model's own (`model(**batch).loss`). Random numbers of the steps begin at `seed`.

    Raises ValueError for too few batches, for a push that takes no step, for lags out of order.
    """
    needed = end if end is not None else lag
    taken = list(islice(batches, max(0, needed)))
    if len(taken) < needed:
        raise ValueError(f"{len(taken)} batches were given; {needed} steps need as many")
    state = TrainingState.take(model)
    branch = _FromBatches(
        model, state, taken, make_optimizer, make_scheduler, loss or own_loss, max_grad_norm, seed
    )
    with undisturbed(model):
        try:
            return compare_twins(model, branch, push, margins, lag=lag, end=end)
        finally:
            state.restore(model)


def own_loss(model: nn.Module, batch: Batch) -> Tensor:
    """The loss a Hugging Face model returns for a batch with labels."""
    loss: Tensor | None = model(**batch).loss
    if loss is None:
        raise ValueError("the model returned no loss; give batches with `labels`, or a loss of your own")
    return loss


@dataclass
class _FromBatches:
    model: nn.Module
    state: TrainingState
    batches: list[Batch]
    make_optimizer: Callable[[list[nn.Parameter]], torch.optim.Optimizer]
    make_scheduler: Callable[[torch.optim.Optimizer], Any] | None
    loss: Callable[[nn.Module, Batch], Tensor]
    max_grad_norm: float | None
    seed: int

    def begin(self) -> None:
        self.state.restore(self.model)
        self.model.train()
        torch.manual_seed(self.seed)
        self.parameters = [p for p in self.model.parameters() if p.requires_grad]
        self.optimizer = self.make_optimizer(self.parameters)
        self.scheduler = None if self.make_scheduler is None else self.make_scheduler(self.optimizer)
        self.done = 0

    def advance(self, steps: int) -> None:
        for batch in self.batches[self.done : self.done + steps]:
            self.loss(self.model, batch).backward()  # type: ignore[no-untyped-call]
            if self.max_grad_norm is not None:
                torch.nn.utils.clip_grad_norm_(self.parameters, self.max_grad_norm)
            self.optimizer.step()
            self.optimizer.zero_grad()
            if self.scheduler is not None:
                self.scheduler.step()
        self.done += steps


def _measured(model: nn.Module, margins: Margins) -> NDArray[np.float64]:
    with undisturbed(model):
        found = np.asarray(margins(model), dtype=np.float64)
    if found.ndim != 1 or not len(found):
        raise ValueError(f"margins have the shape {found.shape}; one figure an item is expected")
    return found
