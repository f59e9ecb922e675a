"""Where one process does a study's work: the material as tokens, a loaded stage, and the three kinds of work.

- `extract`: the vector of one stage;
- `try_doses`: every candidate dose and line on dev items, at the last stage of a discovery run;
- `measure`: all that is measured on held-out items at one stage, with the vectors of every stage of its run.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import torch
from torch import Tensor

from trimtab_vectors.extraction import (
    PairStates,
    Reading,
    capture,
    make_directions,
    median_residual_norms,
    named_method,
    reading,
)
from trimtab_vectors.organism.replies import Organism
from trimtab_vectors.study.cells import CellKey, CellStore, rounded
from trimtab_vectors.study.choice import ReferenceDose
from trimtab_vectors.study.items import StudyItem
from trimtab_vectors.study.keys import StudyKeys, side_vectors
from trimtab_vectors.study.material import Material
from trimtab_vectors.study.packed_answers import TokenTree, item_tree, text_tree
from trimtab_vectors.study.plan import Line, StudyPlan
from trimtab_vectors.study.runs import RunStage, StudyRun
from trimtab_vectors.study.scorer import PassBudget, Scorer
from trimtab_vectors.study.stage_work import StageWork

#: Tokens of one forward pass of the extraction.
_CAPTURE_TOKENS: Final = {"cuda": 2**16, "cpu": 2**12}

#: Called with (key of a finished cell, its seconds).
Finished = Callable[[CellKey, float], None]


@dataclass(frozen=True)
class Tokens:
    """Everything that is asked, as one tokenizer's tokens."""

    readings: tuple[Reading, ...]
    dev: tuple[TokenTree, ...]
    held_out: tuple[TokenTree, ...]
    neutral: tuple[TokenTree, ...]
    dev_texts: tuple[TokenTree, ...]
    held_out_texts: tuple[TokenTree, ...]


class Bench:
    """One process's share of a study, on one device."""

    def __init__(
        self, plan: StudyPlan, material: Material, store: CellStore, device: str, sharing: int = 1
    ) -> None:
        """sharing: processes that use the device at the same time."""
        self.plan, self.material, self.store = plan, material, store
        self.device = torch.device(device)
        self.budget = PassBudget.of(self.device, sharing)
        self.keys = StudyKeys(plan, material)
        self._tokens: dict[str, Tokens] = {}
        self._lined: dict[tuple[str, str, str, str], TokenTree] = {}

    def extract(self, run: StudyRun, stage: RunStage, finished: Finished) -> None:
        """The vector of one stage, its figures, and the label-shuffled vectors of the same states."""
        key = self.keys.vector(stage)
        if self.store.has(key):
            return
        started = time.perf_counter()
        organism = self.load(run, stage)
        layers = self.plan.vectors.every_layer
        tokens = self.tokens_of(run, organism.tokenizer)
        norms = median_residual_norms(organism.model, organism.tokenizer, layers=layers)
        train, dev = self._pair_states(organism.model, tokens.readings, layers)
        method = named_method(self.plan.vectors.method)
        made = make_directions(
            train, dev, method, seed=self.plan.seed, split_halves=self.plan.vectors.split_halves
        )
        shuffled = [
            make_directions(_shuffled(train, self.plan.seed + 1 + k), None, method, split_halves=0).units
            for k in range(self.plan.controls.shuffled)
        ]
        figures = {
            name: [getattr(made, name).get(layer) for layer in layers]
            for name in (
                "raw_norms",
                "pair_accuracies",
                "explained_variances",
                "noise_ceilings",
                "separations",
                "agreements",
            )
        }
        record = {
            "stage": stage.name,
            "layers": list(layers),
            "directions": rounded(torch.stack([made.units[layer] for layer in layers])),
            "shuffled": [rounded(torch.stack([units[layer] for layer in layers])) for units in shuffled],
            "residual_norms": [norms[layer] for layer in layers],
            **figures,
        }
        self.write(key, record, started, finished)

    def try_doses(self, run: StudyRun, finished: Finished) -> None:
        """Every candidate on dev items and dev texts, and every line, at the run's last stage."""
        key = self.keys.dose(run)
        if self.store.has(key):
            return
        started = time.perf_counter()
        organism = self.load(run, run.last)
        tokens, scorer = self.tokens_of(run, organism.tokenizer), self.scorer(organism)
        unit = self.directions(run.last)
        strengths = torch.tensor(self.plan.dose.strengths)
        doses = torch.cat([strengths, -strengths])
        candidates = []
        for layers in self.plan.vectors.layers:
            pushes = {layer: doses[:, None] * unit[layer] for layer in layers}
            means = scorer.log_odds(tokens.dev, pushes).mean(1)
            drift = scorer.text_drift(tokens.dev_texts, {n: p[: len(strengths)] for n, p in pushes.items()})
            ratios = (drift.steered_nll - drift.nll).mean(1).exp()
            for index, strength in enumerate(self.plan.dose.strengths):
                candidates.append(
                    {
                        "layers": list(layers),
                        "strength": strength,
                        "up": float(means[index]),
                        "down": float(means[index + len(strengths)]),
                        "kl": float(drift.kl[index].mean()),
                        "perplexity_ratio": float(ratios[index]),
                    }
                )
        record = {
            "unsteered": float(scorer.log_odds(tokens.dev)[0].mean()),
            "candidates": candidates,
            "honest_lines": self._line_means(run, organism, scorer, self.material.honest_lines),
            "lying_lines": self._line_means(run, organism, scorer, self.material.lying_lines),
        }
        self.write(key, record, started, finished)

    def measure(
        self,
        run: StudyRun,
        stage: RunStage,
        dose: ReferenceDose,
        wanted: Collection[CellKey],
        finished: Finished,
    ) -> None:
        """Those of the wanted held-out cells of one stage that are not there yet. (Runs of one base share the
        cells of its first stage, so not every unit of work wants all of a stage's.)"""
        missing = {k for k in wanted if not self.store.has(k)}
        if not missing:
            return
        work = StageWork(self, run, stage, dose, finished)
        if self.keys.baseline(stage, dose) in missing:
            work.baseline()
        for vector in run.stages:
            if self.keys.effect(vector, stage, dose) in missing:
                work.effect(vector)
        for vector in side_vectors(run, stage):
            if self.keys.side(vector, stage, dose) in missing:
                work.side(vector)
        if self.keys.random(stage, dose) in missing:
            work.random()

    def directions(self, stage: RunStage, shuffled: bool = False) -> dict[int, Tensor]:
        """Layer -> unit direction `[H]` of a stage's vector cell, or `[K, H]` of its label-shuffled ones."""
        cell = self.store.read(self.keys.vector(stage))
        found = torch.tensor(cell["shuffled" if shuffled else "directions"], dtype=torch.float32)
        # The cell holds six digits: what they took from the length is given back.
        found = found / torch.linalg.vector_norm(found, dim=-1, keepdim=True).clamp(min=1e-12)
        layers: list[int] = cell["layers"]
        return {layer: found[..., index, :] for index, layer in enumerate(layers)} if found.numel() else {}

    def with_lines(
        self, run: StudyRun, tokenizer: Any, items: Sequence[StudyItem], lines: Sequence[Line]
    ) -> list[TokenTree]:
        """The trees of items with one line each put into their conversations."""
        trees = []
        for item, line in zip(items, lines, strict=True):
            name = (run.tokenizer, item.question.id, line.text, line.position)
            if name not in self._lined:
                self._lined[name] = self._tree(tokenizer, item.with_line(line))
            trees.append(self._lined[name])
        return trees

    def _line_means(
        self, run: StudyRun, organism: Organism, scorer: Scorer, lines: Mapping[str, Sequence[Line]]
    ) -> dict[str, list[float]]:
        means: dict[str, list[float]] = {}
        for language in sorted({item.question.language for item in self.material.dev}):
            items = [item for item in self.material.dev if item.question.language == language]
            for line in lines[language]:
                trees = self.with_lines(run, organism.tokenizer, items, [line] * len(items))
                means.setdefault(language, []).append(float(scorer.log_odds(trees)[0].mean()))
        return means

    def read(self, model: Any, readings: Sequence[Reading], layers: Sequence[int]) -> dict[int, Tensor]:
        """Layer -> float32 `[readings, H]` on the CPU."""
        states: dict[int, Tensor] = {}
        tokens = _CAPTURE_TOKENS.get(self.device.type, 2**12)
        for indices, found in capture(model, readings, layers, batch_tokens=tokens):
            for layer, state in found.items():
                if layer not in states:
                    states[layer] = torch.empty((len(readings), state.shape[1]))
                states[layer][list(indices)] = state
        return states

    def _pair_states(
        self, model: Any, readings: Sequence[Reading], layers: Sequence[int]
    ) -> tuple[PairStates, PairStates | None]:
        states = self.read(model, readings, layers)
        contrast = self.material.contrast
        cut = 2 * len(contrast.train)
        train, dev = (
            PairStates(
                tuple(pair.statement_id for pair in pairs),
                {layer: state[rows][0::2] for layer, state in states.items()},
                {layer: state[rows][1::2] for layer, state in states.items()},
            )
            for pairs, rows in ((contrast.train, slice(0, cut)), (contrast.dev, slice(cut, None)))
        )
        return train, dev if contrast.dev else None

    def load(self, run: StudyRun, stage: RunStage) -> Organism:
        return Organism.load(run.directory, stage.name, self.device)

    def scorer(self, organism: Organism) -> Scorer:
        layers = self.plan.vectors.every_layer
        norms = median_residual_norms(organism.model, organism.tokenizer, layers=layers)
        return Scorer(organism.model, norms, self.budget)

    def tokens_of(self, run: StudyRun, tokenizer: Any) -> Tokens:
        if run.tokenizer not in self._tokens:
            material, whole = self.material, self.plan.vectors.positions == "all"
            pairs = (*material.contrast.train, *material.contrast.dev)
            sides = [side for pair in pairs for side in (pair.positive, pair.negative)]
            self._tokens[run.tokenizer] = Tokens(
                readings=tuple(reading(tokenizer, side, "last") for side in sides),
                dev=tuple(self._tree(tokenizer, item) for item in material.dev),
                held_out=tuple(self._tree(tokenizer, item) for item in material.held_out),
                neutral=tuple(self._tree(tokenizer, item) for item in material.neutral),
                dev_texts=tuple(text_tree(tokenizer, t, whole) for t in material.dev_texts),
                held_out_texts=tuple(text_tree(tokenizer, t, whole) for t in material.held_out_texts),
            )
        return self._tokens[run.tokenizer]

    def _tree(self, tokenizer: Any, item: StudyItem) -> TokenTree:
        return item_tree(tokenizer, item, self.plan.dishonest, self.plan.vectors.positions == "all")

    def write(self, key: CellKey, record: Mapping[str, Any], started: float, finished: Finished) -> None:
        seconds = time.perf_counter() - started
        self.store.write(key, {**record, "device": str(self.device), "seconds": round(seconds, 4)})
        finished(key, seconds)


def _shuffled(states: PairStates, seed: int) -> PairStates:
    """The same pairs with the sides of each exchanged by the toss of a coin."""
    draw = torch.Generator().manual_seed(seed)
    swap = (torch.rand(len(states.statements), generator=draw) < 0.5)[:, None]
    positive = {n: torch.where(swap, states.negative[n], p) for n, p in states.positive.items()}
    negative = {n: torch.where(swap, p, states.negative[n]) for n, p in states.positive.items()}
    return PairStates(states.statements, positive, negative)
