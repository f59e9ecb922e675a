"""The acting half of a `SteeringCallback`: it does what the plan names, when its trigger holds, and records it."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import nn

from trimtab_vectors.statistics import clustered_mean
from trimtab_vectors.training.actions import (
    Action,
    CompareTwins,
    Pause,
    PreventativeSteering,
    PushNow,
    Revert,
    Spent,
    TriggeredAction,
    steps_of,
)
from trimtab_vectors.training.figures import interval
from trimtab_vectors.training.journal import Record
from trimtab_vectors.training.prevention import Prevention
from trimtab_vectors.training.push import Pusher
from trimtab_vectors.training.recording import Recording, Replay, replayable
from trimtab_vectors.training.state import RandomState, TrainingState, undisturbed, unwrapped
from trimtab_vectors.training.twins import TwinMargins, compare_twins
from trimtab_vectors.training.watch import Watch, stage_at


@dataclass(frozen=True, eq=False)
class _Parted:
    """Twins whose lag is not over yet."""

    index: int
    action: CompareTwins
    why: str
    step: int
    state: TrainingState
    recording: Recording

    @property
    def due(self) -> int:
        return self.step + self.action.lag


class Acting:
    """Holds the run's optimiser and schedule, what is under way, and nothing of what is in the journal."""

    def __init__(self, watch: Watch, optimizer: Any, scheduler: Any, max_grad_norm: float) -> None:
        self.watch, self.plan, self.model = watch, watch.plan, watch.model
        self.optimizer, self.scheduler, self.max_grad_norm = optimizer, scheduler, max_grad_norm
        self.pausing: str | None = None
        self._parted: _Parted | None = None
        self._prevention: dict[int, Prevention | None] = {}

    def before_step(self, step: int) -> None:
        """Steer the coming step where a range of preventative steering says so."""
        for index, action in self.plan.preventative:
            if not action.active(step):
                continue
            if index not in self._prevention:
                self._prevention[index] = self._begin_prevention(index, action, step)
            prevention = self._prevention[index]
            if prevention is not None:
                prevention.start()

    def step_done(self, step: int) -> None:
        """Take hooks off before anything is measured; run twins that are due."""
        for index, action in self.plan.preventative:
            prevention = self._prevention.get(index)
            if prevention is None or not prevention.on:
                continue
            prevention.stop()
            if not action.active(step):
                self._record(step, index, action, f"step {step} ends its range", 0, 0.0, phase="end")
        if self._parted is not None:
            self._parted.recording.close_step()
            if step >= self._parted.due:
                parted, self._parted = self._parted, None
                parted.recording.stop()
                self._compare(parted, step)

    def consider(self, step: int) -> None:
        """Act where a trigger holds, in the plan's order."""
        if not self.plan.triggered:
            return
        measurements = self.watch.path("measurement")
        for index, action in self.plan.triggered:
            if self._times(index) >= action.times:
                continue
            why = action.when.why(step, measurements)
            if why is not None:
                self._try(step, index, action, why, measurements)

    def saved(self, checkpoint: Path, step: int) -> None:
        """A checkpoint was written: if it is the pause's, leave the marker."""
        if self.pausing is None:
            return
        record = {"step": step, "why": self.pausing, "checkpoint": checkpoint.as_posix()}
        marker = self.plan.marker_file
        marker.parent.mkdir(parents=True, exist_ok=True)
        partial = marker.with_suffix(".partial")
        partial.write_text(json.dumps(record, ensure_ascii=False) + "\n", encoding="utf-8")
        partial.replace(marker)

    def end(self, step: int) -> None:
        """Training is over: nothing stays hooked, and twins that were not finished are said to be so."""
        for prevention in self._prevention.values():
            if prevention is not None:
                prevention.stop()
        if self._parted is not None:
            self._parted.recording.stop()
            why = f"training ended at step {step}, before the lag was over at step {self._parted.due}"
            self._refuse(step, self._parted.index, self._parted.action, why)
            self._parted = None

    def _try(
        self, step: int, index: int, action: TriggeredAction, why: str, measurements: Sequence[Record]
    ) -> None:
        objection = self._objection(step, action, measurements)
        if objection is not None:
            self._refuse(step, index, action, f"{why}; but {objection}")
        elif isinstance(action, Pause):
            self.pausing = why
            self._record(step, index, action, why, 0, 0.0)
        elif isinstance(action, PushNow):
            self._push(step, index, action, why)
        elif isinstance(action, CompareTwins):
            self._part(step, index, action, why)
        else:
            self._revert(step, index, action, why, measurements)

    def _objection(self, step: int, action: Action, measurements: Sequence[Record]) -> str | None:
        if self._parted is not None and not isinstance(action, Pause):
            return f"twins are being compared until step {self._parted.due}"
        if isinstance(action, CompareTwins):
            end = step + action.lag
            if end > self.watch.last:
                return f"training ends at step {self.watch.last}, before its lag does at step {end}"
            if any(a.first_step < end and step < a.last_step for _, a in self.plan.preventative):
                return "preventative steering is planned within its lag"
        if isinstance(action, Revert):
            target = self._target(action, measurements)
            if target is None:
                return f"there is no stage {action.to!r} to go back to"
            if target["step"] == step:
                return f"{target['name']} is the stage it would go back to"
        return self.plan.action_budget.objection(action, self.spent())

    def spent(self) -> Spent:
        """On the path that led here; twins under way are counted from their start."""
        done = [r for r in self.watch.path("action") if r.get("phase") != "end"]
        steps = sum(r["cost"]["steps"] for r in done)
        return Spent(len(done), steps, sum(r["cost"]["seconds"] for r in done))

    def _times(self, index: int) -> int:
        done = sum(1 for r in self.watch.path("action") if r["plan_index"] == index)
        under_way = self._parted is not None and self._parted.index == index
        return done + under_way

    def _push(self, step: int, index: int, action: PushNow, why: str) -> None:
        started = time.perf_counter()
        before = self._margins(self.model)
        generators = RandomState.take()
        steps = Pusher(action.push, self.watch.tokenizer)(self.model)
        generators.restore()
        gained = self._margins(self.model) - before
        seconds = time.perf_counter() - started
        figures = {"margin_gain": interval(clustered_mean(gained, self._clusters))}
        self._record(step, index, action, why, steps, seconds, **figures)

    def _part(self, step: int, index: int, action: CompareTwins, why: str) -> None:
        state = TrainingState.take(self.model, self.optimizer, self.scheduler, device="cpu")
        recording = Recording(self.model)
        recording.start()
        self._parted = _Parted(index, action, why, step, state, recording)

    def _compare(self, parted: _Parted, step: int) -> None:
        objection = replayable(parted.recording.steps)
        if objection is not None:
            self._refuse(step, parted.index, parted.action, objection)
            return
        started = time.perf_counter()
        now = TrainingState.take(self.model, self.optimizer, self.scheduler)
        replay = Replay(
            self.model,
            self.optimizer,
            self.scheduler,
            parted.state,
            parted.recording.steps,
            self.max_grad_norm,
        )
        exact: list[bool] = []

        def margins(model: nn.Module) -> NDArray[np.float64]:
            exact.append(now.same_weights(model))
            return self._margins(model)

        with undisturbed(self.model):
            try:
                found = compare_twins(
                    self.model,
                    replay,
                    Pusher(parted.action.push, self.watch.tokenizer),
                    margins,
                    lag=parted.action.lag,
                )
            finally:
                now.restore(self.model, self.optimizer, self.scheduler)
        seconds = time.perf_counter() - started
        figures = self._twin_figures(parted, found, exact[0])
        cost = steps_of(parted.action)
        self._record(step, parted.index, parted.action, parted.why, cost, seconds, **figures)

    def _twin_figures(self, parted: _Parted, found: TwinMargins, exact: bool) -> dict[str, Any]:
        """Fields of a twin record; the end of the run is not followed."""
        effect = clustered_mean(found.arm_lag - found.twin_lag, self._clusters)
        return {
            "parted_step": parted.step,
            "lag": parted.action.lag,
            "budget_steps": found.budget_steps,
            "items": self.watch.items,
            "arm_lag": found.arm_lag.tolist(),
            "twin_lag": found.twin_lag.tolist(),
            "effect": interval(effect),
            "lag_effect": found.lag_effect,
            # False where the Trainer computes its loss in a way of its own: both twins were still trained alike.
            "twin_is_the_run": exact,
        }

    def _revert(
        self, step: int, index: int, action: Revert, why: str, measurements: Sequence[Record]
    ) -> None:
        started = time.perf_counter()
        target = self._target(action, measurements)
        if target is None:
            raise ValueError(f"there is no stage {action.to!r} to go back to")
        self.watch.store.load(self.model, target["name"])
        unwrapped(self.optimizer).state.clear()
        left = self.watch.branch
        self.watch.branch = max(r["branch"] for r in self.watch.journal.read()) + 1
        self._record(
            step,
            index,
            action,
            why,
            0,
            time.perf_counter() - started,
            to=target["name"],
            from_branch=target["branch"],
            from_step=target["step"],
            left_branch=left,
        )

    def _target(self, action: Revert, measurements: Sequence[Record]) -> Record | None:
        if action.to == "best":
            best = max(measurements, key=lambda m: m["margin"]["value"], default=None)
            return None if best is None else stage_at(self.watch.journal.read(), best["stage"])
        if action.to == "first":
            return next(iter(self.watch.path("stage")), None)
        return stage_at(self.watch.journal.read(), action.to)

    def _begin_prevention(self, index: int, action: PreventativeSteering, step: int) -> Prevention | None:
        if not any(r["plan_index"] == index for r in self.watch.path("action")):
            objection = self.plan.action_budget.objection(action, self.spent())
            why = f"steps {action.first_step + 1} to {action.last_step} were asked for"
            if objection is not None:
                self._refuse(step, index, action, f"{why}; but {objection}")
                return None
            self._record(step, index, action, why, 0, 0.0, phase="begin")
        first = self.watch.reference
        if first is None:
            raise ValueError("preventative steering needs the first stage's vector, and none was measured")
        sign = -1.0 if action.undesired == "negative" else 1.0
        return Prevention(self.model, first.directions, first.residual_norms, sign * action.strength)

    @property
    def _clusters(self) -> list[str]:
        return self.watch.measurer.clusters(self.watch.items)

    def _margins(self, model: nn.Module) -> NDArray[np.float64]:
        return self.watch.measurer.margins(model, self.watch.items)

    def _record(
        self, step: int, index: int, action: Action, why: str, steps: int, seconds: float, **figures: Any
    ) -> None:
        self.watch.clock.acting += seconds
        self.watch.journal.append(
            "action",
            step,
            self.watch.branch,
            action=action.name,
            plan_index=index,
            why=why,
            cost={"steps": steps, "seconds": seconds},
            **figures,
        )

    def _refuse(self, step: int, index: int, action: Action, why: str) -> None:
        self.watch.journal.append(
            "refused", step, self.watch.branch, action=action.name, plan_index=index, why=why
        )
