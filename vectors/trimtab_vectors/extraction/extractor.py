"""From a contrast set to a steering vector: capture the states once, then direction and figures from them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import nn

from trimtab_vectors.decoder import find_decoder
from trimtab_vectors.extraction.capture import BATCH_TOKENS, Progress, checked_layers
from trimtab_vectors.extraction.contrast_set import ContrastSet, ContrastSetError
from trimtab_vectors.extraction.methods import Method, MethodName, make_direction, named_method
from trimtab_vectors.extraction.neutral_texts import NEUTRAL_TEXTS
from trimtab_vectors.extraction.pair_states import PairStates, capture_pair_states
from trimtab_vectors.extraction.positions import POSITIONS, Position
from trimtab_vectors.extraction.quality import (
    SPLIT_HALVES,
    agreement,
    explained_variance,
    noise_ceiling,
    pair_accuracy,
    separation,
)
from trimtab_vectors.extraction.residual_norms import median_residual_norms
from trimtab_vectors.extraction.state_cache import StateCache
from trimtab_vectors.steering_vector import ModelFingerprint, SteeringVector

#: Called with (done, total, phase); the phases are "residual norms", "directions" (the states they are made
#: of), "held-out pairs" and "figures".
PhaseProgress = Callable[[int, int, str], None]


@dataclass(frozen=True)
class LayerDirections:
    """Layer -> what was made there: float32 unit direction `[H]`, raw norm, and the figures of `quality`."""

    units: dict[int, torch.Tensor] = field(default_factory=dict)
    raw_norms: dict[int, float] = field(default_factory=dict)
    pair_accuracies: dict[int, float] = field(default_factory=dict)
    explained_variances: dict[int, float] = field(default_factory=dict)
    noise_ceilings: dict[int, float] = field(default_factory=dict)
    separations: dict[int, float] = field(default_factory=dict)
    agreements: dict[int, float] = field(default_factory=dict)


def extract(
    model: nn.Module,
    tokenizer: Any,
    contrast_set: ContrastSet,
    *,
    stage: str,
    fingerprint: ModelFingerprint,
    concept: str,
    method: MethodName = "diff_mean",
    position: Position = "last",
    layers: Sequence[int] | None = None,
    seed: int = 0,
    split_halves: int = SPLIT_HALVES,
    neutral_texts: Sequence[str] = NEUTRAL_TEXTS,
    swap_labels: bool = False,
    cache_dir: Path | str | None = None,
    batch_tokens: int = BATCH_TOKENS,
    progress: PhaseProgress | None = None,
    display_name: str = "",
    created_by: str = "",
    license: str = "",
) -> SteeringVector:
    """Extract a vector of `concept` from `model` at `stage`.

    The training pairs make the direction (`methods`), in float64; the held-out pairs measure it (`quality`).
    `fingerprint` is that of the base all stages share. `swap_labels` exchanges the sides of every pair, for
    the data hash and the figures as well. `layers` None means all.

    seed: of what a method draws, and of the halvings behind the noise ceilings; split_halves: how many of
    these, 0 for no ceilings. With `cache_dir`, states are kept there and an interrupted extraction of the
    same goes on where it was; its result is the same to the bit.

    Raises ContrastSetError for prompts that cannot be used or sides that do not differ, VectorError
    (VECTOR_NOT_FINITE), ValueError for a layer, a method or a position that does not exist.
    """
    if position not in POSITIONS:
        raise ValueError(f"position {position!r} is unknown; use one of {', '.join(POSITIONS)}")
    way = named_method(method)
    pairs = contrast_set.swapped() if swap_labels else contrast_set
    wanted = checked_layers(layers, len(find_decoder(model).blocks))
    store = None if cache_dir is None else StateCache.of(cache_dir, model, fingerprint, stage)
    residual_norms = median_residual_norms(
        model, tokenizer, neutral_texts, layers=wanted, progress=_phase(progress, "residual norms")
    )
    train, dev = (
        capture_pair_states(
            model,
            tokenizer,
            part,
            position=position,
            layers=wanted,
            batch_tokens=batch_tokens,
            store=store,
            progress=_phase(progress, phase),
        )
        for part, phase in ((pairs.train, "directions"), (pairs.dev, "held-out pairs"))
    )
    made = make_directions(
        train, dev, way, seed=seed, split_halves=split_halves, progress=_phase(progress, "figures")
    )
    return SteeringVector(
        concept=concept,
        stage=stage,
        model=fingerprint,
        method=method,
        data_hash=pairs.data_hash,
        directions=made.units,
        raw_norms=made.raw_norms,
        residual_norms=residual_norms,
        pair_accuracies=made.pair_accuracies,
        explained_variances=made.explained_variances,
        noise_ceilings=made.noise_ceilings,
        separations=made.separations,
        agreements=made.agreements,
        position=position,
        seed=seed,
        display_name=display_name,
        created_by=created_by,
        license=license,
    )


def make_directions(
    train: PairStates,
    dev: PairStates | None,
    method: Method,
    *,
    seed: int = 0,
    split_halves: int = SPLIT_HALVES,
    progress: Progress | None = None,
) -> LayerDirections:
    """Direction and figures of every layer of `train`; those of held-out pairs only if `dev` holds any.

    Raises ContrastSetError, which names the layer, where the sides do not differ; VectorError
    (VECTOR_NOT_FINITE).
    """
    made = LayerDirections()
    for done, layer in enumerate(train.layers, 1):
        differences = train.differences(layer)
        try:
            direction = make_direction(method, differences, seed)
        except ContrastSetError as error:
            raise ContrastSetError(f"after block {layer}, {error.fault}") from error
        made.units[layer], made.raw_norms[layer] = direction.unit.float(), direction.norm
        made.explained_variances[layer] = explained_variance(differences, direction.unit)
        if split_halves:
            ceiling = noise_ceiling(differences, train.statements, method, seed=seed, splits=split_halves)
            _keep(made.noise_ceilings, layer, ceiling)
        if dev is not None and dev.statements:
            _measure(made, dev, layer, direction.unit)
        if progress is not None:
            progress(done, len(train.layers))
    return made


def _measure(made: LayerDirections, dev: PairStates, layer: int, unit: torch.Tensor) -> None:
    differences = dev.differences(layer)
    made.pair_accuracies[layer] = pair_accuracy(differences, unit)
    made.agreements[layer] = agreement(differences, unit)
    _keep(made.separations, layer, separation(dev.positive[layer], dev.negative[layer], unit))


def _keep(figures: dict[int, float], layer: int, figure: float | None) -> None:
    if figure is not None:
        figures[layer] = figure


def _phase(progress: PhaseProgress | None, phase: str) -> Progress | None:
    if progress is None:
        return None
    return lambda done, total: progress(done, total, phase)
