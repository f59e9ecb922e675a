"""Running a sweep: every cell measured on dev items, each kept as soon as it is done."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from torch import nn

from trimtab_vectors.evaluation.batching import UNSTEERED, Treatment
from trimtab_vectors.evaluation.forced import ForcedText
from trimtab_vectors.evaluation.margins import MarginItem, item_at_value, matched, measure_margins
from trimtab_vectors.evaluation.neutral import (
    NeutralTexts,
    grouped,
    neutral_effects,
    neutral_texts,
    own_replies,
)
from trimtab_vectors.evaluation.outcomes import Answers, ask
from trimtab_vectors.evaluation.splits import DevItems
from trimtab_vectors.evaluation.sweep.cells import Cell, CellStore
from trimtab_vectors.evaluation.sweep.curves import Curves, DoseCurve, recommend
from trimtab_vectors.evaluation.sweep.plan import SweepPlan
from trimtab_vectors.evaluation.sweep.result import SweepResult
from trimtab_vectors.extraction.capture import BATCH_TOKENS
from trimtab_vectors.extraction.residual_norms import median_residual_norms
from trimtab_vectors.steering import Steer
from trimtab_vectors.steering_vector import SteeringVector


@dataclass(frozen=True)
class SweepProgress:
    """done, total: cells; the total shrinks when a cliff makes the rest of a curve unnecessary. seconds_left: at
    the speed of this run's cells, None before there is one."""

    done: int
    total: int
    seconds_left: float | None
    layers: tuple[int, ...]
    strength: float


Report = Callable[[SweepProgress], None]


def sweep(
    model: nn.Module,
    tokenizer: Any,
    vector: SteeringVector,
    dev: DevItems,
    plan: SweepPlan,
    *,
    stage: str = "",
    model_digest: str = "",
    residual_norms: Mapping[int, float] | None = None,
    neutral: NeutralTexts | None = None,
    directory: Path | None = None,
    batch_tokens: int = BATCH_TOKENS,
    report: Report | None = None,
) -> SweepResult:
    """Measure `vector` on `model` over the plan's layers and strengths, and recommend a setting.

    Chooses on `dev` alone. residual_norms: of the stage being steered; measured where not given. neutral: texts
    on which KL and perplexity are taken, conversations (of which the last reply is measured) or prose; left out,
    what the model says unsteered to the questions without pressure. Given by group (such as their language), the
    worst group's KL and perplexity ratio count. directory: keeps each cell, so that an
    interrupted sweep goes on where it was; it then needs model_digest, a hash of the weights, or a cell of other
    weights could be taken for one of these. stage: its name in the record, the vector's own by default.

    Raises TypeError for anything but `DevItems`, ValueError for a plan that does not fit model, vector or items.
    """
    if not isinstance(dev, DevItems):
        raise TypeError(f"a setting is chosen on DevItems, not on {type(dev).__name__}")
    if directory is not None and not model_digest:
        raise ValueError("a directory to resume from needs model_digest, a hash of the stage's weights")
    _check_fits(plan, vector, dev)
    said, groups = (None, None) if neutral is None else grouped(neutral)
    texts = None if said is None else neutral_texts(tokenizer, said)
    norms = residual_norms or median_residual_norms(model, tokenizer, layers=vector.layers)
    depends_on = {
        "vector": vector.id,
        "model": model_digest,
        "positions": plan.positions,
        "targets": list(plan.targets),
        "known": list(plan.known),
        "max_new_tokens": plan.max_new_tokens,
        "dev": _digest([[q.id for q in dev.questions], dev.digest]),
        "neutral": None if texts is None else _text_digest(texts),
        # What is measured follows from the weights, but for the last digits on some devices.
        "norms": None if residual_norms is None else {str(n): norms[n] for n in sorted(norms)},
    }
    measuring = _Measuring(
        model,
        tokenizer,
        vector,
        dev,
        plan,
        norms,
        texts,
        groups,
        CellStore(directory, depends_on),
        batch_tokens,
    )
    curves, seconds = _Run(measuring, report).curves()
    found = recommend(plan, curves)
    reason = found if isinstance(found, str) else ""
    return SweepResult(
        vector=vector.id,
        concept=vector.concept,
        stage=stage or vector.stage,
        model=model_digest,
        neutral=_text_digest(measuring.texts),
        plan=plan,
        dev=dev.record,
        unsteered=measuring.derived.honest(measuring.unsteered),
        curves=curves,
        recommended=None if isinstance(found, str) else found[0],
        reason=reason,
        seconds=seconds,
    )


class _Measuring:
    """Measures one cell, or finds it kept."""

    def __init__(
        self,
        model: nn.Module,
        tokenizer: Any,
        vector: SteeringVector,
        dev: DevItems,
        plan: SweepPlan,
        norms: Mapping[int, float],
        texts: Sequence[ForcedText] | None,
        groups: Sequence[str] | None,
        store: CellStore,
        batch_tokens: int,
    ) -> None:
        self.model, self.tokenizer, self.vector, self.dev, self.plan = model, tokenizer, vector, dev, plan
        self.norms, self.store, self.batch_tokens = norms, store, batch_tokens
        self.unsteered, self.items = self._baseline()
        if texts is None:
            said = own_replies(dev.questions, self.unsteered.replies, plan.known)
            texts = neutral_texts(tokenizer, said)
        self.texts = texts
        self.derived = Curves(plan, dev, self.unsteered, groups)

    def cell(self, layers: tuple[int, ...], strength: float) -> tuple[Cell, bool]:
        """The cell, and whether it had to be measured."""
        kept = self.store.find(layers, strength)
        if kept is not None:
            return kept, False
        started = time.perf_counter()
        treatment = Treatment((Steer.of(self.vector, strength, layers),), self.norms, self.plan.positions)
        answers = self._ask(treatment)
        margins = self._margins(treatment)
        effects = neutral_effects(self.model, self.texts, treatment, batch_tokens=self.batch_tokens)
        cell = Cell(answers.outcomes, margins, tuple(effects), round(time.perf_counter() - started, 3))
        self.store.keep(layers, strength, cell)
        return cell, True

    def _baseline(self) -> tuple[Cell, list[MarginItem]]:
        """The unsteered cell, and the target items at the place where its replies name a value, each with its
        matched pair of answers."""
        started, kept = time.perf_counter(), self.store.find((), 0.0)
        answers = Answers(kept.replies, kept.outcomes) if kept else self._ask(UNSTEERED)
        whole = [
            item_at_value(question, reply)
            for question, reply in zip(self.dev.questions, answers.replies, strict=True)
            if question.kind in self.plan.targets
        ]
        margins = measure_margins(
            self.model, self.tokenizer, whole, UNSTEERED, batch_tokens=self.batch_tokens
        )
        items = matched(whole, margins)
        if kept is not None:
            return kept, items
        against = tuple(margin.against_best for margin in margins)
        seconds = round(time.perf_counter() - started, 3)
        cell = Cell(answers.outcomes, against, (), seconds, answers.replies)
        self.store.keep((), 0.0, cell)
        return cell, items

    def _ask(self, treatment: Treatment) -> Answers:
        return ask(
            self.model,
            self.tokenizer,
            self.dev.questions,
            treatment,
            max_new_tokens=self.plan.max_new_tokens,
            batch_tokens=self.batch_tokens,
        )

    def _margins(self, treatment: Treatment) -> tuple[float, ...]:
        margins = measure_margins(
            self.model, self.tokenizer, self.items, treatment, batch_tokens=self.batch_tokens
        )
        return tuple(margin.against_best for margin in margins)


class _Run:
    """Goes through the cells, layer group by layer group, upwards until past the cliff."""

    def __init__(self, measuring: _Measuring, report: Report | None) -> None:
        self.measuring, self.report = measuring, report
        self.plan = measuring.plan
        self.total = len(self.plan.layers) * len(self.plan.strengths)
        self.done = 0
        self.measured: list[float] = []

    def curves(self) -> tuple[tuple[DoseCurve, ...], float]:
        seconds = self.measuring.unsteered.seconds
        curves = []
        for layers in self.plan.layers:
            cells = self._upwards(layers)
            seconds += sum(cell.seconds for _, cell in cells)
            curves.append(self.measuring.derived.curve(layers, cells))
        return tuple(curves), seconds

    def _upwards(self, layers: tuple[int, ...]) -> list[tuple[float, Cell]]:
        cells: list[tuple[float, Cell]] = []
        past = 0
        for index, strength in enumerate(self.plan.strengths):
            cell, measured = self.measuring.cell(layers, strength)
            cells.append((strength, cell))
            self.done += 1
            if measured:
                self.measured.append(cell.seconds)
            past += past > 0 or self.measuring.derived.collapse(cell) is not None
            finished = past > self.plan.beyond
            if finished:
                self.total -= len(self.plan.strengths) - index - 1
            self._say(layers, strength)
            if finished:
                break
        return cells

    def _say(self, layers: tuple[int, ...], strength: float) -> None:
        if self.report is None:
            return
        left = float(np.mean(self.measured)) * (self.total - self.done) if self.measured else None
        self.report(SweepProgress(self.done, self.total, left, layers, strength))


def _check_fits(plan: SweepPlan, vector: SteeringVector, dev: DevItems) -> None:
    missing = sorted({layer for group in plan.layers for layer in group} - set(vector.layers))
    if missing:
        raise ValueError(
            f"the plan sweeps layers {missing}, for which the vector holds no direction; it holds "
            f"{list(vector.layers)}"
        )
    for role, kinds in (("targets", plan.targets), ("known", plan.known)):
        found = [question for question in dev.questions if question.kind in kinds]
        if len(found) < 2:
            raise ValueError(
                f"the dev items hold {len(found)} questions of the kinds {', '.join(kinds)} (the plan's {role}); "
                "at least 2 are needed, and a hundred for gates that can be shown to hold"
            )
    for question in dev.questions:
        if question.kind in plan.targets and not question.dishonest:
            raise ValueError(f"question {question.id!r} has no dishonest value; its margin needs one")


def _text_digest(texts: Sequence[ForcedText]) -> str:
    return _digest([[text.start, *text.tokens] for text in texts])


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value, ensure_ascii=False).encode()).hexdigest()
