"""One loaded stage of a run, and everything that is measured there on held-out items."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import torch
from torch import Tensor

from trimtab_vectors.evaluation.batching import Treatment
from trimtab_vectors.evaluation.controls import random_directions
from trimtab_vectors.evaluation.forced import ForcedText, score_forced
from trimtab_vectors.operators import Add
from trimtab_vectors.steering import Steer
from trimtab_vectors.study.cells import CellKey, rounded
from trimtab_vectors.study.choice import ReferenceDose
from trimtab_vectors.study.packed_answers import TokenTree
from trimtab_vectors.study.plan import StudyError
from trimtab_vectors.study.runs import RunStage, StudyRun

if TYPE_CHECKING:
    from trimtab_vectors.study.bench import Bench, Finished

#: Packed answers may differ from plain forward passes by this much, in nats; more is a model that does not take a
#: mask of its own.
_TOLERANCE: Final = 2e-3


class UnsuitableModelError(StudyError):
    """A stage's model cannot be measured in packed rows."""


class StageWork:
    """One loaded stage, and everything that is measured there on held-out items."""

    def __init__(
        self, bench: Bench, run: StudyRun, stage: RunStage, dose: ReferenceDose, finished: Finished
    ) -> None:
        self.bench, self.run, self.stage, self.dose, self.finished = bench, run, stage, dose, finished
        organism = bench.load(run, stage)
        self.model, self.tokenizer = organism.model, organism.tokenizer
        self.scorer = bench.scorer(organism)
        self.tokens = bench.tokens_of(run, organism.tokenizer)
        self.strength = torch.tensor([dose.strength])
        self.grid = torch.tensor([g for g in bench.plan.dose.grid if g != 0.0]) * dose.strength

    def baseline(self) -> None:
        """Unsteered: the items as they are, with the chosen honest and lying line, and the neutral questions."""
        started = time.perf_counter()
        difference = self._difference_to_plain()
        record = {
            "stage": self.stage.name,
            "residual_norms": {str(n): r for n, r in self.scorer.norms.items()},
            "unsteered": rounded(self.scorer.log_odds(self.tokens.held_out)[0]),
            "honest_prompt": rounded(self.scorer.log_odds(self._lined("honest"))[0]),
            "lying_prompt": rounded(self.scorer.log_odds(self._lined("lying"))[0]),
            "neutral": rounded(self.scorer.log_odds(self.tokens.neutral)[0]),
            "difference_to_plain": difference,
        }
        self._write(self.bench.keys.baseline(self.stage, self.dose), record, started)

    def effect(self, vector: RunStage) -> None:
        """Log-odds `[doses without 0, items]` under the vector of one stage, and `[items]` after the lying line
        at the reference strength."""
        started = time.perf_counter()
        unit = self._unit(vector)
        record = {
            "vector": vector.name,
            "stage": self.stage.name,
            "log_odds": rounded(self.scorer.log_odds(self.tokens.held_out, _pushes(self.grid, unit))),
            "lying_steered": rounded(
                self.scorer.log_odds(self._lined("lying"), _pushes(self.strength, unit))[0]
            ),
        }
        self._write(self.bench.keys.effect(vector, self.stage, self.dose), record, started)

    def side(self, vector: RunStage) -> None:
        """What the reference strength costs: drift on neutral texts, neutral questions."""
        started = time.perf_counter()
        pushes = _pushes(self.strength, self._unit(vector))
        drift = self.scorer.text_drift(self.tokens.held_out_texts, pushes)
        record = {
            "vector": vector.name,
            "stage": self.stage.name,
            "kl": rounded(drift.kl[0]),
            "steered_nll": rounded(drift.steered_nll[0]),
            "nll": rounded(drift.nll),
            "tokens": drift.tokens.tolist(),
            "neutral": rounded(self.scorer.log_odds(self.tokens.neutral, pushes)[0]),
        }
        self._write(self.bench.keys.side(vector, self.stage, self.dose), record, started)

    def random(self) -> None:
        """Random and label-shuffled vectors at the same layers and doses: item slopes `[R, items]`, and the effect
        at plus and minus the reference strength, `[R]`."""
        started = time.perf_counter()
        plan, layers = self.bench.plan, self.dose.layers
        drawn = random_directions(
            layers, self._unit(self.stage)[layers[0]].shape[-1], plan.controls.random_vectors, plan.seed
        )
        shuffled = self.bench.directions(self.stage, shuffled=True)
        record: dict[str, Any] = {"stage": self.stage.name}
        for name, directions in (("random", drawn), ("shuffled", shuffled)):
            if not directions:
                continue
            slopes, effects = self._slopes({layer: directions[layer] for layer in layers})
            record[f"{name}_slopes"], record[f"{name}_effects"] = rounded(slopes), rounded(effects)
        self._write(self.bench.keys.random(self.stage, self.dose), record, started)

    def _slopes(self, directions: Mapping[int, Tensor]) -> tuple[Tensor, Tensor]:
        """Slopes `[R, items]` over the grid without 0, which is symmetric or is cut to +-a*, and effects `[R]`."""
        a = self.dose.strength
        reference = self.bench.plan.controls.random_doses == "reference"
        grid = torch.tensor([-a, a]) if reference else self.grid
        count = len(next(iter(directions.values())))
        rows = {n: (grid[:, None, None] * d).reshape(len(grid) * count, -1) for n, d in directions.items()}
        found = self.scorer.log_odds(self.tokens.held_out, rows).reshape(len(grid), count, -1)
        # With the unsteered model as the grid's point at 0, as for the real vectors.
        zero = self.scorer.log_odds(self.tokens.held_out)[0].expand(1, count, -1)
        doses = torch.cat([grid, torch.zeros(1)]).double()
        centred = doses - doses.mean()
        slopes = torch.einsum("a,arn->rn", centred / (centred @ centred), torch.cat([found, zero]))
        up, down = (int((grid - s).abs().argmin()) for s in (a, -a))
        return slopes, (found[up] - found[down]).mean(1) / 2

    def _unit(self, vector: RunStage) -> dict[int, Tensor]:
        found = self.bench.directions(vector)
        return {layer: found[layer] for layer in self.dose.layers}

    def _lined(self, kind: str) -> list[TokenTree]:
        material = self.bench.material
        lines, chosen = (
            (material.honest_lines, self.dose.honest_line)
            if kind == "honest"
            else (material.lying_lines, self.dose.lying_line)
        )
        languages = [item.question.language for item in material.held_out]
        own = [lines[language][chosen[language]] for language in languages]
        return self.bench.with_lines(self.run, self.tokenizer, material.held_out, own)

    def _difference_to_plain(self) -> float:
        """Largest difference of packed log-odds to plain forward passes, over the longest and the shortest item,
        steered. Raises UnsuitableModelError where it is more than rounding."""
        trees = sorted(self.tokens.held_out, key=lambda t: len(t.context) + t.width)
        chosen, unit = [trees[0], trees[-1]], self._unit(self.stage)
        packed = self.scorer.log_odds(chosen, _pushes(self.strength, unit))[0]
        positions = self.bench.plan.vectors.positions
        treatment = Treatment((Steer(unit, Add(self.dose.strength)),), self.scorer.norms, positions)
        largest = 0.0
        for tree, value in zip(chosen, packed.tolist(), strict=True):
            before = (*tree.context, *tree.shared)
            texts = [ForcedText((*before, *branch), len(before)) for branch in tree.branches]
            if positions == "reply":
                # `reply` steers from the token before the answer on; here the shared beginning is steered too.
                texts = [ForcedText(t.tokens, len(tree.context) + 1) for t in texts]
            scored = score_forced(self.model, texts, treatment)
            totals = torch.tensor(
                [sum(s.log_probs[-len(b) :]) for s, b in zip(scored, tree.branches, strict=True)]
            )
            plain = totals[: tree.honest].logsumexp(0) - totals[tree.honest :].logsumexp(0)
            largest = max(largest, abs(value - float(plain)))
        if largest > _TOLERANCE:
            raise UnsuitableModelError(
                f"{self.run.name} {self.stage.name}: packed answers differ from plain forward passes by "
                f"{largest:.3g} nats; the model's attention does not take a mask and positions of its own, so this "
                "study cannot measure it"
            )
        return round(largest, 9)

    def _write(self, key: CellKey, record: Mapping[str, Any], started: float) -> None:
        self.bench.write(key, record, started, self.finished)


def _pushes(doses: Tensor, unit: Mapping[int, Tensor]) -> dict[int, Tensor]:
    return {layer: doses[:, None] * direction for layer, direction in unit.items()}
