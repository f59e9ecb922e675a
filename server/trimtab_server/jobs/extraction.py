"""Extracts a steering vector at one stage, on a copy of the model of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from trimtab_vectors import extraction
from trimtab_vectors.extraction import ContrastSet, MethodName, Position
from trimtab_vectors.steering_vector import SteeringVector

from trimtab_server.engine.hosted_model import HostedModel

#: Told what is done of how much, and of which phase.
Report = Callable[[int, int, str], None]


class ExtractionCancelled(Exception):
    """Nobody wants the vector any more."""


@dataclass(frozen=True)
class ExtractionOrder:
    """What to extract, and how. Setting `cancelled` ends the work at its next step."""

    stage: str
    concept: str
    display_name: str
    contrast_set: ContrastSet
    method: MethodName
    position: Position
    seed: int
    layers: tuple[int, ...] | None
    swap_labels: bool
    license: str
    created_by: str
    cancelled: threading.Event = field(default_factory=threading.Event)


def extract(model: HostedModel, order: ExtractionOrder, report: Report) -> SteeringVector:
    """Blocks until the vector is there.

    The engines' own copy of the stage carries their hooks and serves their batches, so this one is loaded
    beside it and dropped at the end.

    Raises:
        ExtractionCancelled, and whatever loading and extraction raise.
    """

    def step(done: int, total: int, phase: str) -> None:
        if order.cancelled.is_set():
            raise ExtractionCancelled
        report(done, total, phase)

    step(0, 1, "loading")
    stage = model.load_stage(order.stage)
    with torch.inference_mode():
        return extraction.extract(
            stage,
            model.tokenizer,
            order.contrast_set,
            stage=order.stage,
            fingerprint=model.fingerprint,
            concept=order.concept,
            method=order.method,
            position=order.position,
            seed=order.seed,
            layers=order.layers,
            progress=step,
            swap_labels=order.swap_labels,
            display_name=order.display_name,
            created_by=order.created_by,
            license=order.license,
        )
