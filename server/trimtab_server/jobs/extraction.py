"""Extracts a steering vector at one stage, on a copy of the model of its own."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from trimtab_vectors import extraction
from trimtab_vectors.extraction import ContrastSet, MethodName, Position
from trimtab_vectors.steering_vector import SteeringVector

from trimtab_server.engine.hosted_model import HostedModel
from trimtab_server.jobs.spare_time import JobCancelled, Report, SpareTime


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


def extract(
    model: HostedModel, order: ExtractionOrder, is_busy: Callable[[], bool], report: Report
) -> SteeringVector:
    """Blocks until the vector is there, made in the time that replies leave.

    The engines' own copy of the stage carries their hooks and serves their batches, so this one is loaded
    beside it and dropped at the end.

    Raises:
        JobCancelled, and whatever loading and extraction raise.
    """

    began: dict[str, float] = {}

    def step(done: int, total: int, phase: str) -> None:
        if order.cancelled.is_set():
            raise JobCancelled
        since = time.monotonic() - began.setdefault(phase, time.monotonic())
        report(done, total, phase, since / done * (total - done) if done else 0.0)

    step(0, 1, "loading")
    stage = model.load_stage(order.stage)
    with SpareTime(is_busy, order.cancelled).on(stage), torch.inference_mode():
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
