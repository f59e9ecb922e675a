"""The plan of a watched fine-tune: what is measured, when, at what cost, and what may be done about it."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any

from trimtab_vectors.extraction import NEUTRAL_TEXTS, ContrastSet
from trimtab_vectors.steering_vector import Positions
from trimtab_vectors.training.actions import (
    Action,
    ActionBudget,
    CompareTwins,
    PreventativeSteering,
    PushNow,
)
from trimtab_vectors.training.probe import Probe
from trimtab_vectors.training.schedule import GivenSteps, LogSpaced, TimeBudget


@dataclass(frozen=True)
class SteeringPlan:
    """Everything a `SteeringCallback` needs; it is fixed before the run.

    model_dir: where stages, vectors and the journal go, in the layout that a server hosts. concept: what the
    contrast set's positive side is. layers: where the vector is extracted and steers. strengths: the grid
    of the steerability slope, with 0 among them. random_vectors: how many directions of no meaning are
    measured beside it (0, or at least 20; each costs two passes over the probe). kl_tokens: of neutral text,
    whose next-token distributions are kept for the KL to the first stage.

    base_dir: the Hugging Face directory the run started from; its files become the stages' base, so that
    vectors made elsewhere for that base still fit. None saves the weights as they are before the first step.
    checkpoint_stages: also have the Trainer write a checkpoint at each stage, to resume from it exactly.

    Raises ValueError for what cannot be run.
    """

    model_dir: Path
    concept: str
    contrast: ContrastSet
    probe: Probe
    layers: tuple[int, ...]
    strengths: tuple[float, ...] = (-0.2, -0.1, 0.0, 0.1, 0.2)
    positions: Positions = "reply"
    schedule: LogSpaced | GivenSteps = field(default_factory=LogSpaced)
    budget: TimeBudget = field(default_factory=TimeBudget)
    random_vectors: int = 0
    neutral_texts: Sequence[str] = NEUTRAL_TEXTS
    kl_tokens: int = 128
    base_dir: Path | None = None
    checkpoint_stages: bool = False
    actions: tuple[Action, ...] = ()
    action_budget: ActionBudget = field(default_factory=ActionBudget)
    seed: int = 0

    def __post_init__(self) -> None:
        if not self.concept.strip() or not self.layers:
            raise ValueError("a plan needs a concept and at least one layer")
        grid = set(self.strengths)
        if 0.0 not in grid or len(grid) < 2 or not all(map(math.isfinite, grid)):
            raise ValueError(
                f"strengths are {list(self.strengths)}; finite ones with 0 among them are expected"
            )
        if self.random_vectors and self.random_vectors < 20:
            raise ValueError(
                f"random_vectors is {self.random_vectors}; give 0, or at least 20 to compare with"
            )
        if self.kl_tokens < 1:
            raise ValueError(f"kl_tokens is {self.kl_tokens}; at least one is expected")
        if self.actions and not self.action_budget.actions:
            raise ValueError("actions are planned and the action budget allows none; give an ActionBudget")
        self._check_ranges()
        self._check_push_data()

    @property
    def journal_file(self) -> Path:
        return self.model_dir / "training.jsonl"

    @property
    def reference_file(self) -> Path:
        return self.model_dir / "training" / "first.safetensors"

    @property
    def marker_file(self) -> Path:
        """There while the run is paused."""
        return self.model_dir / "training" / "paused.json"

    @property
    def triggered(self) -> tuple[tuple[int, Any], ...]:
        """Actions with a trigger, each with its number in the plan."""
        return tuple((i, a) for i, a in enumerate(self.actions) if not isinstance(a, PreventativeSteering))

    @property
    def preventative(self) -> tuple[tuple[int, PreventativeSteering], ...]:
        return tuple((i, a) for i, a in enumerate(self.actions) if isinstance(a, PreventativeSteering))

    @cached_property
    def digest(self) -> str:
        """SHA-256 hex of what figures are made from: two runs with one digest are comparable. When it is
        measured, what it may cost and what is done about it are no part of it."""
        record = {
            "concept": self.concept,
            "contrast": self.contrast.data_hash,
            "probe": self.probe.data_hash,
            "layers": sorted(self.layers),
            "strengths": sorted(self.strengths),
            "positions": self.positions,
            "random_vectors": self.random_vectors,
            "neutral_texts": list(self.neutral_texts),
            "kl_tokens": self.kl_tokens,
            "seed": self.seed,
        }
        text = json.dumps(record, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return hashlib.sha256(text.encode()).hexdigest()

    def _check_ranges(self) -> None:
        """Steering one step twice would be another strength than either says."""
        ranges = sorted((a.first_step, a.last_step) for _, a in self.preventative)
        for (_, end), (start, _) in pairwise(ranges):
            if start < end:
                raise ValueError(f"two ranges of preventative steering overlap from step {start} on")

    def _check_push_data(self) -> None:
        """A push on the probe's own statements would be measured as memory."""
        probed = {own.statement_id for own in self.probe.items}
        for action in self.actions:
            if isinstance(action, PushNow | CompareTwins):
                shared = sorted(probed & {own.statement_id for own in action.push.data})
                if shared:
                    raise ValueError(
                        f"statement {shared[0]!r} is both in the push's data and in the probe; the effect would "
                        "be memory. Keep them apart by statement"
                    )
