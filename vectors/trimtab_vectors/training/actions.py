"""What a callback may do to a run, each only if the plan names it and the budget has room."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

from trimtab_vectors.training.probe import ProbeItem
from trimtab_vectors.training.triggers import Trigger


@dataclass(frozen=True)
class ContrastivePush:
    """A short contrastive fine-tune with an optimiser of its own (AdamW, no weight decay), on given items.

    Per item the loss is `-log p(y+)/n + contrast * softplus((log p(y-) - log p(y+)) / n)`, y+ its first honest
    and y- its first dishonest answer, n the tokens of y+; contrast 0 is plain supervised fine-tuning. The
    run's own moments are not touched. steps and batch_size are the budget that effects are divided by.
    """

    data: tuple[ProbeItem, ...]
    steps: int
    learning_rate: float
    batch_size: int = 8
    contrast: float = 1.0
    seed: int = 0

    def __post_init__(self) -> None:
        if not self.data:
            raise ValueError("a push needs at least one item of data")
        if self.steps < 1 or self.batch_size < 1:
            raise ValueError(
                f"steps is {self.steps} and batch_size {self.batch_size}; at least 1 is expected"
            )
        if not (math.isfinite(self.learning_rate) and self.learning_rate > 0):
            raise ValueError(f"learning_rate is {self.learning_rate}; a positive number is expected")
        if not self.contrast >= 0:
            raise ValueError(f"contrast is {self.contrast}; a number of at least 0 is expected")


@dataclass(frozen=True)
class Pause:
    """Stop training with a checkpoint to resume from and a marker file that says why."""

    when: Trigger
    times: int = 1
    name = "pause"


@dataclass(frozen=True)
class PushNow:
    """Apply a push to the run itself."""

    when: Trigger
    push: ContrastivePush
    times: int = 1
    name = "push"


@dataclass(frozen=True)
class CompareTwins:
    """From here, `lag` steps on: with the push against without. The run itself goes on as if nothing was.

    The run's own next `lag` steps are recorded (batches, dropout), then both twins are trained on them from
    the state kept here, and the run's state is put back bit for bit.
    """

    when: Trigger
    push: ContrastivePush
    lag: int
    times: int = 1
    name = "twins"

    def __post_init__(self) -> None:
        if self.lag < 1:
            raise ValueError(f"lag is {self.lag}; at least one step is expected")


@dataclass(frozen=True)
class Revert:
    """Put the weights of an earlier stage back and train on from them.

    to: a stage's name, "first", or "best" (the highest unsteered margin). The optimiser's moments belong to
    other weights and are dropped; step, schedule and data go on. To repeat training exactly from a stage
    instead, resume from its checkpoint: `stages.checkpoint_of`.
    """

    when: Trigger
    to: str = "best"
    times: int = 1
    name = "revert"


@dataclass(frozen=True)
class PreventativeSteering:
    """Add the undesired direction to the residual stream during the training steps first_step + 1 to
    last_step, so that the weights need not learn it (Chen et al., arXiv:2507.21509, "Persona Vectors").

    `h + strength * r * u` at the plan's layers and every position, u and r of the first stage. undesired: the
    side of the contrast set that is added. Never active while something is measured.
    """

    first_step: int
    last_step: int
    strength: float
    undesired: Literal["negative", "positive"] = "negative"
    name = "preventative"

    def __post_init__(self) -> None:
        if not 0 <= self.first_step < self.last_step:
            raise ValueError(f"steps {self.first_step} to {self.last_step}: 0 <= first < last is expected")
        if not (math.isfinite(self.strength) and self.strength > 0):
            raise ValueError(f"strength is {self.strength}; give it as positive and name the undesired side")

    def active(self, step: int) -> bool:
        """Whether the step after `step` done ones is steered."""
        return self.first_step <= step < self.last_step


TriggeredAction = Pause | PushNow | CompareTwins | Revert
Action = TriggeredAction | PreventativeSteering


@dataclass(frozen=True)
class ActionBudget:
    """What acting may cost in all: how many actions, how many optimiser steps beside the run's own, seconds.
    None of it by default."""

    actions: int = 0
    steps: int = 0
    seconds: float = math.inf

    def objection(self, action: Action, spent: Spent) -> str | None:
        """Why the action does not fit, or None."""
        steps = steps_of(action)
        if spent.actions + 1 > self.actions:
            return f"{spent.actions} of {self.actions} actions are spent"
        if spent.steps + steps > self.steps:
            return f"it takes {steps} optimiser steps; {self.steps - spent.steps} of {self.steps} are left"
        if spent.seconds >= self.seconds:
            return f"{spent.seconds:.1f} of {self.seconds:g} seconds are spent"
        return None


@dataclass(frozen=True)
class Spent:
    actions: int = 0
    steps: int = 0
    seconds: float = 0.0


def steps_of(action: Action) -> int:
    """Optimiser steps beside the run's own."""
    if isinstance(action, PushNow):
        return action.push.steps
    if isinstance(action, CompareTwins):
        return action.push.steps + 2 * action.lag
    return 0


def described(action: Action) -> dict[str, Any]:
    """The action for the journal: its settings, of its data the number alone."""
    record: dict[str, Any] = {"action": action.name}
    for name, value in vars(action).items():
        if isinstance(value, ContrastivePush):
            push = {k: v for k, v in vars(value).items() if k != "data"}
            record[name] = {**push, "items": len(value.data)}
        elif isinstance(value, str | int | float):
            record[name] = value
        else:
            record[name] = {"trigger": type(value).__name__, **vars(value)}
    return record
