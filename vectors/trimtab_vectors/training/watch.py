"""One training run as it is watched: its place in the journal, its stages, what measuring them cost."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from typing import Any

from torch import nn

from trimtab_vectors.steering_vector import VectorError
from trimtab_vectors.training.actions import described
from trimtab_vectors.training.journal import Journal, Record, current_path, latest
from trimtab_vectors.training.measurement import Measured, Measurer
from trimtab_vectors.training.plan import SteeringPlan
from trimtab_vectors.training.reference import Reference
from trimtab_vectors.training.schedule import SMALLEST_SHARE, Clock
from trimtab_vectors.training.stages import StageError, StageStore


class Watch:
    """The measuring half of a `SteeringCallback`. last: the step at which training ends."""

    def __init__(self, plan: SteeringPlan, model: nn.Module, tokenizer: Any, last: int) -> None:
        self.plan, self.model, self.tokenizer, self.last = plan, model, tokenizer, last
        self.journal = Journal(plan.journal_file)
        self.store = StageStore(plan.model_dir, self.journal, plan.base_dir)
        self.due = plan.schedule.steps(last)
        self.clock = Clock(plan.budget)
        self.branch = 0
        self.reference: Reference | None = None
        self._mark = time.perf_counter()

    def begin(self, step: int) -> None:
        """Find the run's place: the beginning, or where a checkpoint of `step` steps goes on.

        Raises StageError if the directory holds another plan's run, ReferenceMismatch for its first stage.
        """
        self.store.recover()
        records = self.journal.read()
        if records:
            self._resume(step, records)
        elif self.plan.model_dir.is_dir() and any(self.plan.model_dir.glob("stages*")):
            raise StageError(f"{self.plan.model_dir} holds stages and no journal; name a new model directory")
        self.journal.append(
            "plan",
            step,
            self.branch,
            plan=self.plan.digest,
            concept=self.plan.concept,
            layers=self.plan.layers,
            strengths=self.plan.strengths,
            seed=self.plan.seed,
            stages_at=self.due,
            last_step=self.last,
            actions=[described(action) for action in self.plan.actions],
        )
        fingerprint = self.store.write_base(self.model, self.tokenizer)
        self.measurer = Measurer(self.plan, self.tokenizer, fingerprint)
        if self.plan.reference_file.is_file():
            self.reference = Reference.read(self.plan.reference_file, self.plan.digest)
        if self.reference is None or (step == self.reference.step and not self.path("measurement")):
            self.stage(step)
        self.start_training()

    def start_training(self) -> None:
        """What passes from now on is the training's time."""
        self._mark = time.perf_counter()

    def stop_training(self) -> None:
        now = time.perf_counter()
        self.clock.training += now - self._mark
        self._mark = now

    def path(self, kind: str) -> list[Record]:
        return current_path(self.journal.read(), kind)

    @property
    def items(self) -> tuple[int, ...]:
        """Numbers of the probe's items that every full measurement of this run has."""
        share = 1.0 if self.reference is None else self.reference.share
        return self.plan.probe.first(share, self.plan.seed)

    def stage(self, step: int) -> str:
        """Write the model as a stage, measure it as far as the budget goes, and say so. Returns its name."""
        started = time.perf_counter()
        written = self.path("stage")
        parents = [record["name"] for record in written if record["step"] < step]
        name = self.store.write(self.model, step, self.branch, parents[-1] if parents else None)
        writing = time.perf_counter() - started
        self.clock.measuring += writing
        if self.reference is None:
            self._first(name, step, writing)
        else:
            self._later(name, step, writing, self.reference)
        return name

    def _first(self, name: str, step: int, writing: float) -> None:
        share = 1.0
        if self.plan.budget.seconds is not None:
            # A small measurement tells what a whole one would cost.
            trial = self.measurer.measure(self.model, name, step, None, SMALLEST_SHARE)
            self.clock.measured(trial.seconds, SMALLEST_SHARE)
            share = self.clock.share(self.plan.budget.seconds) or SMALLEST_SHARE
        measured = self.measurer.measure(self.model, name, step, None, share)
        measured.reference.write(self.plan.reference_file)
        self.reference = measured.reference
        self._keep(measured, name, step, writing, None)

    def _later(self, name: str, step: int, writing: float, reference: Reference) -> None:
        remaining = sum(1 for due in self.due if due >= step)
        allowed = self.clock.allowed(step, self.last, remaining)
        share = self.clock.share(allowed)
        if not share:
            needed = math.nan if self.clock.full_cost is None else self.clock.full_cost * SMALLEST_SHARE
            self.journal.append(
                "skipped",
                step,
                self.branch,
                stage=name,
                why="over the time budget",
                needed_seconds=needed,
                allowed_seconds=allowed,
            )
            return
        try:
            measured = self.measurer.measure(self.model, name, step, reference, share)
        except VectorError as error:
            # A model gone wrong (states that are not finite) is the training's to stop, not the observer's.
            self.journal.append("skipped", step, self.branch, stage=name, why=str(error))
            return
        self._keep(measured, name, step, writing, allowed)

    def _keep(self, measured: Measured, name: str, step: int, writing: float, allowed: float | None) -> None:
        self.store.write_vector(measured.vector, name)
        self.clock.measured(measured.seconds, measured.figures.share)
        figures = measured.figures.as_dict()
        figures["seconds"] = {**figures["seconds"], "writing": writing, "allowed": allowed}
        spent = {"training": self.clock.training, "measuring": self.clock.measuring}
        self.journal.append(
            "measurement", step, self.branch, stage=name, vector=measured.vector.id, spent=spent, **figures
        )

    def _resume(self, step: int, records: list[dict[str, Any]]) -> None:
        plans = [record["plan"] for record in records if record["kind"] == "plan"]
        if plans and plans[-1] != self.plan.digest:
            raise StageError(
                f"{self.plan.model_dir} holds the run of another plan (other contrast set, probe, layers, "
                "strengths or texts); name a new model directory"
            )
        checkpoints = [r for r in records if r["kind"] == "checkpoint"]
        newest = max((r["step"] for r in current_path(records, "checkpoint")), default=0)
        same = [r["branch"] for r in checkpoints if r["step"] == step]
        origin = same[-1] if same else 0 if step == 0 else records[-1]["branch"]
        # From the newest checkpoint the run simply goes on. From an older one it is another path, and what lies
        # on the former one is kept.
        goes_on = step == newest and origin == records[-1]["branch"]
        self.branch = origin if goes_on else max(r["branch"] for r in records) + 1
        self.journal.append("resumed", step, self.branch, from_branch=origin, from_step=step)
        self.plan.marker_file.unlink(missing_ok=True)


def stage_at(records: Sequence[Record], name: str) -> Record | None:
    """The record of a stage by its name."""
    return next((r for r in latest(records, "stage") if r["name"] == name), None)
