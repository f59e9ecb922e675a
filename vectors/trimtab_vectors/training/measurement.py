"""What is measured of a model in the middle of its fine-tune.

At the first stage a reference is kept: the vector, the states and margins of the probe, the next-token
distributions on neutral text. Every later stage is measured as the first was, and against it.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from trimtab_vectors.evaluation.batching import UNSTEERED, Treatment
from trimtab_vectors.evaluation.controls import random_directions
from trimtab_vectors.evaluation.forced import ForcedText, next_token_log_probs
from trimtab_vectors.evaluation.margins import MarginItem, measure_margins
from trimtab_vectors.evaluation.neutral import neutral_texts
from trimtab_vectors.evaluation.steerability import (
    SpecificSlope,
    margin_grid,
    specific_slope,
    steerability,
)
from trimtab_vectors.extraction import capture_last, extract, prompt_tokens
from trimtab_vectors.operators import Add
from trimtab_vectors.plasticity.grid import item_slopes
from trimtab_vectors.statistics import Estimate, clustered_mean
from trimtab_vectors.steering import Steer
from trimtab_vectors.steering_vector import ModelFingerprint, SteeringVector
from trimtab_vectors.training.figures import Figures, LayerFigures, corrected, interval
from trimtab_vectors.training.plan import SteeringPlan
from trimtab_vectors.training.probe import first_pairs
from trimtab_vectors.training.reference import Reference
from trimtab_vectors.training.state import undisturbed


@dataclass(frozen=True, eq=False)
class Measured:
    figures: Figures
    vector: SteeringVector
    reference: Reference

    @property
    def seconds(self) -> float:
        return sum(self.figures.seconds.values())


@dataclass(frozen=True)
class Measurer:
    """Measures stages of one run. Nothing it does is seen by the training: modes, gradients and random
    numbers are as before."""

    plan: SteeringPlan
    tokenizer: Any
    fingerprint: ModelFingerprint

    def measure(
        self, model: nn.Module, stage: str, step: int, reference: Reference | None, share: float = 1.0
    ) -> Measured:
        """On a share of the items, never more than the reference has; without one, this is the first stage."""
        with undisturbed(model):
            model.eval()
            return _Measuring(self, model, stage, step, reference, share).run()

    def margins(self, model: nn.Module, items: tuple[int, ...]) -> NDArray[np.float64]:
        """Unsteered margins `[I]` of some of the probe's items."""
        with undisturbed(model):
            model.eval()
            return self.margins_under(model, items, UNSTEERED)

    def margins_under(
        self, model: nn.Module, items: tuple[int, ...], treatment: Treatment
    ) -> NDArray[np.float64]:
        found = measure_margins(model, self.tokenizer, self.chosen(items), treatment)
        return np.array([margin.against_best for margin in found])

    def chosen(self, items: tuple[int, ...]) -> list[MarginItem]:
        return [self.plan.probe.items[i].item for i in items]

    def clusters(self, items: tuple[int, ...]) -> list[str]:
        return [self.plan.probe.items[i].statement_id for i in items]


class _Measuring:
    """One measurement: its parts share the vector, the items and the clock."""

    def __init__(
        self,
        measurer: Measurer,
        model: nn.Module,
        stage: str,
        step: int,
        reference: Reference | None,
        share: float,
    ) -> None:
        self.own, self.plan, self.model = measurer, measurer.plan, model
        self.stage, self.step, self.first = stage, step, reference
        self.share = share if reference is None else min(share, reference.share)
        self.items = self.plan.probe.first(self.share, self.plan.seed)
        self.clusters = measurer.clusters(self.items)
        self.seconds: dict[str, float] = {}

    def run(self) -> Measured:
        with self._timed("extraction"):
            vector = self._vector()
        with self._timed("steerability"):
            grid = self._grid(vector)
            slopes = self._steerability(grid)
            other = self._first_vector_slope(vector)
            random = self._random(vector, grid)
        with self._timed("drift"):
            states = self._prompt_states()
            log_probs = self._log_probs(self._neutral())
        margins = grid[self.plan.strengths.index(0.0)]
        first = self.first or self._reference(vector, states, margins, log_probs)
        change = kl = None
        if self.first is not None:
            change = clustered_mean(margins - self._margins_of_first(first), self.clusters)
            kl = _kl(first.log_probs, log_probs)
        figures = Figures(
            share=self.share,
            items=self.items,
            margins=margins,
            margin=clustered_mean(margins, self.clusters),
            steerability=slopes,
            layers={layer: self._layer(layer, vector, states, first) for layer in vector.layers},
            margin_change=change,
            first_vector_slope=other,
            random=random,
            kl_to_first=kl,
            seconds=self.seconds,
        )
        return Measured(figures, vector, first)

    def _vector(self) -> SteeringVector:
        return extract(
            self.model,
            self.own.tokenizer,
            first_pairs(self.plan.contrast, self.share, self.plan.seed),
            stage=self.stage,
            fingerprint=self.own.fingerprint,
            concept=self.plan.concept,
            layers=self.plan.layers,
            seed=self.plan.seed,
            neutral_texts=self.plan.neutral_texts,
        )

    def _treatment(
        self, directions: Mapping[int, Tensor], strength: float, vector: SteeringVector
    ) -> Treatment:
        if strength == 0.0:
            return UNSTEERED
        return Treatment((Steer(directions, Add(strength)),), vector.residual_norms, self.plan.positions)

    def _grid(self, vector: SteeringVector) -> NDArray[np.float64]:
        """`[A, I]`, a row for each strength in the plan's order."""
        return margin_grid(
            self.model,
            self.own.tokenizer,
            self.own.chosen(self.items),
            self.plan.strengths,
            lambda strength: self._treatment(vector.directions, strength, vector),
        )

    def _steerability(self, grid: NDArray[np.float64]) -> dict[str, Any]:
        found = steerability(self.plan.strengths, grid, self.clusters)
        return {
            "slope": interval(found.slope),
            "anti_steerable": found.anti_steerable.value,
            "spearman": found.spearman,
            "residual": found.residual,
            "strengths": found.strengths,
            "mean_margins": found.mean_margins,
        }

    @property
    def _ends(self) -> tuple[float, float]:
        return min(self.plan.strengths), max(self.plan.strengths)

    def _first_vector_slope(self, vector: SteeringVector) -> Estimate | None:
        if self.first is None:
            return None
        rows = [
            self.own.margins_under(
                self.model, self.items, self._treatment(self.first.directions, strength, vector)
            )
            for strength in self._ends
        ]
        return clustered_mean(item_slopes(self._ends, np.array(rows)), self.clusters)

    def _random(self, vector: SteeringVector, grid: NDArray[np.float64]) -> SpecificSlope | None:
        """All random vectors in the rows of one pass for each end of the grid."""
        count = self.plan.random_vectors
        if not count:
            return None
        drawn = random_directions(vector.layers, vector.hidden_size, count, self.plan.seed)
        rows = {n: table.repeat_interleave(len(self.items), dim=0) for n, table in drawn.items()}
        found = [
            self.own.margins_under(self.model, self.items * count, self._treatment(rows, strength, vector))
            for strength in self._ends
        ]
        slopes = item_slopes(self._ends, np.array(found)).reshape(count, len(self.items)).mean(axis=1)
        ends = [self.plan.strengths.index(strength) for strength in self._ends]
        return specific_slope(float(item_slopes(self._ends, grid[ends]).mean()), slopes.tolist())

    def _prompt_states(self) -> dict[int, Tensor]:
        """Layer -> `[I, H]` at each item's last prompt token."""
        sequences = [prompt_tokens(self.own.tokenizer, item.prompt) for item in self.own.chosen(self.items)]
        states: dict[int, Tensor] = {}
        for indices, found in capture_last(self.model, sequences, self.plan.layers):
            for layer, state in found.items():
                if layer not in states:
                    states[layer] = torch.empty((len(sequences), state.shape[1]))
                states[layer][list(indices)] = state
        return states

    def _neutral(self) -> list[ForcedText]:
        """The first texts that hold `kl_tokens` measured tokens together, the last one cut."""
        kept: list[ForcedText] = []
        room = self.plan.kl_tokens
        for text in neutral_texts(self.own.tokenizer, self.plan.neutral_texts):
            if room < 1:
                break
            kept.append(ForcedText(text.tokens[: text.start + room], text.start))
            room -= len(kept[-1].answer)
        return kept

    def _log_probs(self, texts: list[ForcedText]) -> Tensor:
        found = {i: own.cpu() for i, own in next_token_log_probs(self.model, texts, UNSTEERED)}
        return torch.cat([found[i] for i in range(len(texts))])

    def _layer(
        self, layer: int, vector: SteeringVector, states: Mapping[int, Tensor], first: Reference
    ) -> LayerFigures:
        u = first.directions[layer].double()
        cosine = float(vector.directions[layer].double() @ u)
        ceiling, first_ceiling = vector.noise_ceilings.get(layer), first.noise_ceilings.get(layer)
        moved = states[layer].double().mean(0) - self._states_of_first(first, layer).mean(0)
        return LayerFigures(
            raw_norm=vector.raw_norms[layer],
            residual_norm=vector.residual_norms[layer],
            pair_accuracy=vector.pair_accuracies.get(layer),
            noise_ceiling=ceiling,
            cosine=cosine,
            similarity=corrected(cosine, ceiling, first_ceiling),
            finetuning_shift=float(moved @ u) / first.residual_norms[layer],
        )

    def _positions_in_first(self, first: Reference) -> list[int]:
        kept = self.plan.probe.first(first.share, self.plan.seed)
        return [kept.index(item) for item in self.items]

    def _states_of_first(self, first: Reference, layer: int) -> Tensor:
        return first.prompt_states[layer][self._positions_in_first(first)].double()

    def _margins_of_first(self, first: Reference) -> NDArray[np.float64]:
        return first.margins[self._positions_in_first(first)]

    def _reference(
        self,
        vector: SteeringVector,
        states: dict[int, Tensor],
        margins: NDArray[np.float64],
        log_probs: Tensor,
    ) -> Reference:
        return Reference(
            plan=self.plan.digest,
            stage=self.stage,
            step=self.step,
            share=self.share,
            directions=vector.directions,
            noise_ceilings=vector.noise_ceilings,
            residual_norms=vector.residual_norms,
            prompt_states=states,
            margins=margins,
            log_probs=log_probs,
        )

    @contextmanager
    def _timed(self, part: str) -> Iterator[None]:
        started = time.perf_counter()
        yield
        # Whatever a GPU was given has come back as numbers by now: no pass above leaves its result there.
        self.seconds[part] = time.perf_counter() - started


def _kl(first: Tensor, now: Tensor) -> dict[str, Any]:
    """KL(first || now) over `[T, V]`: mean over tokens, and the largest at one token; nats."""
    kl = (first.exp() * (first - now)).sum(dim=1).double()
    return {"value": float(kl.mean()), "largest": float(kl.max()), "tokens": len(kl)}
