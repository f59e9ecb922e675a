"""Measures what a vector does and is: its sweep over layers and strengths, then its card, at one stage."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import torch
from trimtab_vectors.card import CardSetting, VectorCard, make_card
from trimtab_vectors.evaluation.honesty import Question
from trimtab_vectors.evaluation.splits import DevItems
from trimtab_vectors.evaluation.sweep import (
    STRENGTHS,
    SweepPlan,
    SweepProgress,
    SweepResult,
    layer_groups,
    sweep,
)
from trimtab_vectors.extraction import ContrastSet, median_residual_norms
from trimtab_vectors.steering_vector import Positions, SteeringVector

from trimtab_server.engine.hosted_model import HostedModel
from trimtab_server.jobs.spare_time import Report, SpareTime

#: A snapshot takes no larger ones.
_STRONGEST: Final = 1.0
_FORM: Final = "trimtab.measurement/1"


@dataclass(frozen=True)
class MeasureOrder:
    """What to measure. cells: where finished ones are kept, so that a measurement that was cancelled goes on where
    it was. contrast_set: what the vector came from, if at hand. Setting `cancelled` ends the work."""

    vector: SteeringVector
    stage: str
    questions: tuple[Question, ...]
    plan: SweepPlan
    contrast_set: ContrastSet | None
    cells: Path
    cancelled: threading.Event = field(default_factory=threading.Event)


@dataclass(frozen=True)
class Measured:
    """stage_digest: of the weights that were measured."""

    sweep: SweepResult
    card: VectorCard
    question_count: int
    stage_digest: str

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        card = {name: own for name, own in self.card.as_dict().items() if name != "sweep"}
        return {
            "form": _FORM,
            "question_count": self.question_count,
            "sweep": self.sweep.as_dict(),
            "card": card,
        }


def questions_of_model(directory: Path) -> Path:
    """Where a model carries questions with known answers, if it carries any."""
    return directory / "dev.jsonl"


def plan_of(
    vector: SteeringVector,
    layers: Sequence[tuple[int, ...]] = (),
    strengths: Sequence[float] = (),
    positions: Positions = "reply",
) -> SweepPlan:
    """Layers and strengths as given, else all that a snapshot can use. Raises ValueError for what is no plan."""
    if any(strength > _STRONGEST for strength in strengths):
        raise ValueError(f"strengths are {list(strengths)}; above 0 and at most {_STRONGEST:g} is expected")
    return SweepPlan(
        layers=tuple(layers) or layer_groups(vector.layers),
        strengths=tuple(strengths) or tuple(s for s in STRENGTHS if s <= _STRONGEST),
        positions=positions,
    )


def part_of(questions: Sequence[Question], per_kind: int) -> tuple[Question, ...]:
    """The first `per_kind` of each kind and language; 0: all."""
    if not per_kind:
        return tuple(questions)
    taken: dict[tuple[str, str], int] = {}
    kept = []
    for question in questions:
        stratum = (question.kind, question.language)
        taken[stratum] = taken.get(stratum, 0) + 1
        if taken[stratum] <= per_kind:
            kept.append(question)
    return tuple(kept)


def measure(model: HostedModel, order: MeasureOrder, is_busy: Callable[[], bool], report: Report) -> Measured:
    """Blocks until all is measured, on a copy of the stage, in the time that replies leave.

    Raises JobCancelled; ValueError for a plan that does not fit the vector or the questions; whatever loading raises.
    """
    spare = SpareTime(is_busy, order.cancelled)
    report(0, 1, "loading")
    stage = model.load_stage(order.stage)
    digest = model.stage_digest(order.stage)
    dev = DevItems(order.questions)

    def swept(at: SweepProgress) -> None:
        report(at.done, at.total, "sweep", at.seconds_left or 0.0)

    with spare.on(stage), torch.no_grad():
        report(0, len(order.plan.layers) * len(order.plan.strengths), "sweep")
        result = sweep(
            stage,
            model.tokenizer,
            order.vector,
            dev,
            order.plan,
            stage=order.stage,
            model_digest=digest,
            directory=order.cells,
            report=swept,
        )
        card = make_card(
            stage,
            model.tokenizer,
            order.vector,
            _setting(result),
            median_residual_norms(stage, model.tokenizer),
            model_name=model.name,
            stage=order.stage,
            contrast_set=order.contrast_set,
            sweep=result,
            progress=lambda _what, done, total: report(done, total, "card"),
        )
    return Measured(result, card, len(dev), digest)


def _setting(result: SweepResult) -> CardSetting:
    """What is recommended, else the largest safe dose that was found, else the smallest one that was tried."""
    own = result.recommended
    positions = result.plan.positions
    if own is not None:
        return CardSetting(own.strength, own.layers, positions)
    curve = max(result.curves, key=lambda curve: curve.safe_strength or 0.0)
    return CardSetting(curve.safe_strength or curve.points[0].strength, curve.layers, positions)
