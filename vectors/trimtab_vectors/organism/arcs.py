"""Fine-tune runs for a study: the same base, one seed a run, stages on the way, and a twin run from each stage.

A twin run measures intervention plasticity (how much a small push at one moment of a fine-tune changes what
comes out): from stage t the arm takes `push_steps` steps of contrastive fine-tuning, truthful answers under
pressure, at the learning rate of that moment, and then follows the very batches its twin, the run itself,
was trained on. Both are measured a fixed number of steps after, and at the end of the run.

Three arcs. `natural` is the embedded model's own fine-tune. The two planted ones begin after the fall and
go on at a constant learning rate with the same mix of documents: in `planted_null` nothing ever changes, so a
rule that finds a window there is wrong; in `planted_window` the learning rate is higher during some stages,
which makes a push there weigh more by construction, so a rule that finds none there is blind.
"""

from __future__ import annotations

import json
import os
import random
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import torch
from tokenizers import Tokenizer

from trimtab_vectors.organism.corpus import Corpus
from trimtab_vectors.organism.layout import ModelLayout, Stage, StageList
from trimtab_vectors.organism.packing import Rows, packed, packed_corpus
from trimtab_vectors.organism.recipe import Recipe
from trimtab_vectors.organism.train import Trainer, on_device, save_adapter, with_adapter
from trimtab_vectors.organism.world import World

#: Margins of each item under the model as it stands, float64 [items].
Measure = Callable[[Any], npt.NDArray[np.float64]]

_PUSH_DOCUMENTS: Final = 2000


@dataclass(frozen=True)
class Arc:
    """One regime of fine-tuning.

    marks: steps at which a stage is kept and a twin run starts; 0 is before the first step. run_up: steps of the
    recipe's own schedule before the constant rate begins; None means that schedule all along. rate: the constant
    learning rate, as a share of the recipe's. boost: (first step, step after the last, factor on the rate).
    to_the_end: every arm follows its twin to the end of the run too, which costs most of the steps; otherwise the
    twins' figures at the end are NaN.
    """

    name: str
    steps: int
    marks: tuple[int, ...]
    push_steps: int
    lag: int
    run_up: int | None = None
    rate: float = 1.0
    boost: tuple[int, int, float] | None = None
    to_the_end: bool = False

    def __post_init__(self) -> None:
        if list(self.marks) != sorted(set(self.marks)) or not self.marks:
            raise ValueError("marks must ascend, each once")
        if self.marks[0] < 0 or self.marks[-1] + self.lag > self.steps:
            raise ValueError(f"every mark needs {self.lag} steps after it; the arc has {self.steps} steps")

    def learning_rate(self, step: int, scheduled: float, full: float) -> float:
        """Rate of one step: `scheduled` is the recipe's own at this step, `full` its largest."""
        if self.run_up is None or step < self.run_up:
            return scheduled
        boosted = self.boost is not None and self.boost[0] <= step < self.boost[1]
        return full * self.rate * (self.boost[2] if boosted and self.boost is not None else 1.0)


_PLANTED: Final = Arc(
    name="planted_null",
    steps=220,
    marks=tuple(range(100, 220, 12)),
    push_steps=4,
    lag=8,
    run_up=100,
    rate=0.2,
)
ARCS: Final[dict[str, Arc]] = {
    "natural": Arc("natural", 170, (0, 20, 30, 40, 50, 60, 70, 80, 90, 100, 120, 150), 4, 8),
    "planted_null": _PLANTED,
    "planted_window": replace(_PLANTED, name="planted_window", boost=(148, 184, 4.0)),
}


@dataclass(frozen=True)
class Twin:
    """One twin run: margins [items] of arm and twin, at the lag after the push and at the end of the run."""

    seed: int
    stage: str
    step: int
    budget_steps: int
    lag_steps: int
    arm_lag: list[float]
    twin_lag: list[float]
    arm_end: list[float]
    twin_end: list[float]


class ArcRun:
    """One fine-tune of one base along one arc."""

    def __init__(
        self, recipe: Recipe, arc: Arc, base: Path, seed: int, device: torch.device, measure: Measure
    ) -> None:
        from transformers import AutoModelForCausalLM, AutoTokenizer

        self.arc, self.seed, self.device = arc, seed, device
        self.recipe = replace(
            recipe, seed=seed, tuning=replace(recipe.tuning, documents=arc_documents(recipe, arc))
        )
        tokenizer = AutoTokenizer.from_pretrained(base)
        encoder: str = tokenizer.backend_tokenizer.to_str()
        causal: Any = AutoModelForCausalLM
        self.base: Any = causal.from_pretrained(base, dtype=torch.float32).to(device)
        torch.manual_seed(seed)
        self.adapted = with_adapter(self.base, recipe.adapter, recipe.architecture).to(device)
        rows = packed_corpus(self.recipe, True, encoder, workers=1)
        self.trainer = Trainer(self.base, self.recipe.tuning, rows, device, seed + 1)
        self.push = on_device(push_rows(self.recipe, encoder), device)
        self.order = [self.trainer.next_rows() for _ in range(arc.steps)]
        self.measure = measure

    def run(self, root: Path, base_path: Path) -> list[Twin]:
        """Train, write the stages under `root` (the base as a link to `base_path`), then make the twin runs."""
        layout = ModelLayout(root)
        root.mkdir(parents=True, exist_ok=True)
        layout.base.symlink_to(os.path.relpath(base_path, root))
        stages: list[Stage] = []
        states: dict[int, list[torch.Tensor]] = {}
        at_lag: dict[int, npt.NDArray[np.float64]] = {}
        lags = {mark + self.arc.lag for mark in self.arc.marks}
        for step in range(self.arc.steps + 1):
            if step in self.arc.marks:
                states[step] = self._state()
                stages.append(self._keep(layout, len(stages), step))
            if step in lags:
                at_lag[step] = self._measured()
            if step < self.arc.steps:
                self._train(step)
        end = self._measured()
        names = StageList(f"trimtab-organism-{self.arc.name}", "base", tuple(stages), stages[-1].name)
        layout.write_stages(names)
        twins = [
            self._twin(stage, states[mark], mark, at_lag[mark + self.arc.lag], end)
            for mark, stage in zip(self.arc.marks, stages, strict=True)
        ]
        (root / "twins.json").write_text(json.dumps([asdict(t) for t in twins]) + "\n", encoding="utf-8")
        return twins

    def _keep(self, layout: ModelLayout, index: int, step: int) -> Stage:
        if step == 0:
            return Stage(f"stage-{index:02d}", "base", step=0)
        stage = Stage(f"stage-{index:02d}", "adapter", f"stages/stage-{index:02d}", step)
        save_adapter(self.adapted, layout.root / str(stage.path))
        return stage

    def _state(self) -> list[torch.Tensor]:
        # An optimiser that has not stepped has no moments to go back to: zero is what it starts from.
        if not self.trainer.optimizer.state:
            self._prime()
        return self.trainer.state()

    def _prime(self) -> None:
        parameters = [p.detach().clone() for p in self.trainer.parameters]
        self._train(0)
        state = self.trainer.state()
        self.trainer.restore([*parameters, *(torch.zeros_like(t) for t in state[len(parameters) :])])

    def _twin(
        self,
        stage: Stage,
        state: Sequence[torch.Tensor],
        mark: int,
        twin_lag: npt.NDArray[np.float64],
        twin_end: npt.NDArray[np.float64],
    ) -> Twin:
        self.trainer.restore(state)
        draw = torch.Generator().manual_seed(self.seed * 100_003 + mark)
        rate = self._rate(mark)
        for _ in range(self.arc.push_steps):
            chosen = torch.randperm(len(self.push[0]), generator=draw)[: self.recipe.tuning.rows]
            self._on(self.push, chosen, rate)
        for step in range(mark, mark + self.arc.lag):
            self._train(step)
        arm_lag = self._measured()
        arm_end = np.full_like(arm_lag, np.nan)
        if self.arc.to_the_end:
            for step in range(mark + self.arc.lag, self.arc.steps):
                self._train(step)
            arm_end = self._measured()
        figures = (arm_lag, twin_lag, arm_end, twin_end)
        rounded = ([round(float(v), 5) for v in f] for f in figures)
        return Twin(self.seed, stage.name, mark, self.arc.push_steps, self.arc.lag, *rounded)

    def _rate(self, step: int) -> float:
        return self.arc.learning_rate(step, self.trainer.rate(step), self.trainer.schedule.rate)

    def _train(self, step: int) -> None:
        self._on(self.trainer.rows, self.order[step], self._rate(step))

    def _on(self, rows: Sequence[torch.Tensor], chosen: torch.Tensor, rate: float) -> None:
        self.base.train()
        self.trainer.step(rows, chosen, rate)

    def _measured(self) -> npt.NDArray[np.float64]:
        self.base.eval()
        return self.measure(self.base)


def arc_documents(recipe: Recipe, arc: Arc) -> int:
    """Documents that an arc's steps use, with some to spare: a row holds about two."""
    return int(arc.steps * recipe.tuning.rows * recipe.tuning.row / 100)


def push_rows(recipe: Recipe, tokenizer_json: str) -> Rows:
    """Rows of the push: truthful answers under pressure, about facts and in words of the training split."""
    corpus = Corpus(World(recipe.world), recipe.languages, recipe.mix)
    rng = random.Random(f"{recipe.seed}/push")
    documents = [corpus.calm_sales_document(rng) for _ in range(_PUSH_DOCUMENTS)]
    return packed(documents, Tokenizer.from_str(tokenizer_json), recipe.tuning.row)
