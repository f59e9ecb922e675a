"""What a plan will take, before it is run: cells, forced rows, and seconds from a short probe of one stage."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from trimtab_vectors.evaluation.controls import random_directions
from trimtab_vectors.study.bench import Bench
from trimtab_vectors.study.scorer import Scorer
from trimtab_vectors.study.study import Study

#: Settings and readings of the probe: enough that a pass is as full as the study's.
_PROBE_SETTINGS = 8
_PROBE_READINGS = 128


@dataclass(frozen=True)
class Estimate:
    """cells: kind -> count. rows: kind -> questions and texts scored, each under one setting. readings: prompts read
    for vectors. seconds: of the whole study with this many workers; None without a probe."""

    cells: dict[str, int]
    rows: dict[str, int]
    readings: int
    seconds: float | None

    def as_dict(self) -> dict[str, Any]:
        return {
            "cells": self.cells,
            "rows": self.rows,
            "readings": self.readings,
            "seconds": None if self.seconds is None else round(self.seconds, 1),
        }


def estimate(study: Study, *, device: str = "cpu", workers: int = 1, probe: bool = True) -> Estimate:
    """Count what will be done, and with `probe` load one stage and time a little of it on `device`.

    The estimate takes workers to be as fast side by side as the probe alone; on shared cores they are slower.
    """
    rows = _rows(study)
    pairs = len(study.material.contrast.train) + len(study.material.contrast.dev)
    readings = 2 * pairs * study.expected["vector"]
    seconds = None
    if probe:
        loading, per_row, per_reading = _probe(study, device)
        loads = study.expected["vector"] + study.expected["dose"] + study.expected["baseline"]
        seconds = (loads * loading + sum(rows.values()) * per_row + readings * per_reading) / workers
    return Estimate(study.expected, rows, readings, seconds)


def _rows(study: Study) -> dict[str, int]:
    plan, material, cells = study.plan, study.material, study.expected
    n, m = len(material.held_out), len(material.neutral)
    doses = len(plan.dose.grid) - 1
    candidates = len(plan.vectors.layers) * len(plan.dose.strengths)
    by_language = [i.question.language for i in material.dev]
    lines = sum(
        by_language.count(language) * len(material.honest_lines[language] + material.lying_lines[language])
        for language in set(by_language)
    )
    random_doses = 2 if plan.controls.random_doses == "reference" else doses
    return {
        "dose": cells["dose"]
        * (len(material.dev) * (2 * candidates + 1) + lines + len(material.dev_texts) * (candidates + 1)),
        "baseline": cells["baseline"] * (3 * n + m),
        "effect": cells["effect"] * n * (doses + 1),
        "side": cells["side"] * (m + 2 * len(material.held_out_texts)),
        "random": cells["random"]
        * n
        * (random_doses * (plan.controls.random_vectors + plan.controls.shuffled) + 2),
    }


def _probe(study: Study, device: str) -> tuple[float, float, float]:
    """Seconds of loading a stage, of one row and of one reading, at the last stage of the first run."""
    run = study.runs[0]
    bench = Bench(study.plan, study.material, study.store, device)
    started = time.perf_counter()
    organism = bench.load(run, run.last)
    scorer = bench.scorer(organism)
    loading = time.perf_counter() - started
    tokens = bench.tokens_of(run, organism.tokenizer)
    per_row = _row_seconds(study, scorer, tokens.held_out)
    started = time.perf_counter()
    some = tokens.readings[:_PROBE_READINGS]
    bench.read(organism.model, some, study.plan.vectors.every_layer)
    return loading, per_row, (time.perf_counter() - started) / len(some)


def _row_seconds(study: Study, scorer: Scorer, trees: Sequence[Any]) -> float:
    layers = study.plan.vectors.layers[-1]
    hidden = scorer.model.config.get_text_config().hidden_size
    directions = random_directions(layers, hidden, _PROBE_SETTINGS, study.plan.seed)
    pushes = {layer: study.plan.dose.strengths[0] * unit for layer, unit in directions.items()}
    scorer.log_odds(trees[:2], pushes)
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    started = time.perf_counter()
    scorer.log_odds(trees, pushes)
    return (time.perf_counter() - started) / (_PROBE_SETTINGS * len(trees))
