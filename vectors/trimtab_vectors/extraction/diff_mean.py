"""DiffMean: the difference of the mean states of the two sides of a contrast set."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import torch
from torch import nn

from trimtab_vectors.decoder import find_decoder
from trimtab_vectors.extraction.capture import BATCH_TOKENS, capture_last, checked_layers
from trimtab_vectors.extraction.contrast_set import ContrastPair, ContrastSet, ContrastSetError
from trimtab_vectors.extraction.neutral_texts import NEUTRAL_TEXTS
from trimtab_vectors.extraction.prompt_tokens import prompt_tokens
from trimtab_vectors.extraction.residual_norms import median_residual_norms
from trimtab_vectors.steering_vector import ModelFingerprint, SteeringVector, VectorError

METHOD: Final = "diff_mean"

#: Called with (done, total, phase); the phases are "residual norms", "directions" and "held-out pairs".
PhaseProgress = Callable[[int, int, str], None]


def extract_diff_mean(
    model: nn.Module,
    tokenizer: Any,
    contrast_set: ContrastSet,
    *,
    stage: str,
    fingerprint: ModelFingerprint,
    concept: str,
    layers: Sequence[int] | None = None,
    neutral_texts: Sequence[str] = NEUTRAL_TEXTS,
    progress: PhaseProgress | None = None,
    swap_labels: bool = False,
    batch_tokens: int = BATCH_TOKENS,
    display_name: str = "",
    created_by: str = "",
    license: str = "",
) -> SteeringVector:
    """Extract a vector of `concept` from `model` at `stage`.

    Per layer, v = mean over the training pairs of (positive state - negative state) at the prompt's last
    token, in float64; the direction is v / |v|, its raw norm |v| (Marks and Tegmark, arXiv:2310.06824,
    section 5; Rimsky et al., arXiv:2312.06681, section 3). So the positive mean projects above the
    negative one by construction. The held-out pairs give the pair accuracy (`pair_accuracies`).

    `fingerprint` is that of the base all stages share. `swap_labels` exchanges the sides of every pair,
    for the data hash and the accuracies as well. `layers` None means all.

    Raises ContrastSetError for prompts that cannot be used, VectorError (VECTOR_NOT_FINITE, or FIELD_INVALID
    where the sides do not differ), ValueError for a layer that does not exist.
    """
    pairs = contrast_set.swapped() if swap_labels else contrast_set
    wanted = checked_layers(layers, len(find_decoder(model).blocks))
    residual_norms = median_residual_norms(
        model, tokenizer, neutral_texts, layers=wanted, progress=_phase(progress, "residual norms")
    )
    train = _sequences(tokenizer, pairs.train)
    differences = _mean_differences(model, train, wanted, batch_tokens, _phase(progress, "directions"))
    raw_norms = {layer: _norm(layer, v) for layer, v in differences.items()}
    directions = {layer: (v / raw_norms[layer]).float() for layer, v in differences.items()}
    dev = _sequences(tokenizer, pairs.dev)
    accuracies = pair_accuracies(
        model, dev, directions, batch_tokens=batch_tokens, progress=_phase(progress, "held-out pairs")
    )
    return SteeringVector(
        concept=concept,
        stage=stage,
        model=fingerprint,
        method=METHOD,
        data_hash=pairs.data_hash,
        directions=directions,
        raw_norms=raw_norms,
        residual_norms=residual_norms,
        pair_accuracies=accuracies,
        display_name=display_name,
        created_by=created_by,
        license=license,
    )


def pair_accuracies(
    model: nn.Module,
    sequences: Sequence[Sequence[int]],
    directions: dict[int, torch.Tensor],
    *,
    batch_tokens: int = BATCH_TOKENS,
    progress: Callable[[int, int], None] | None = None,
) -> dict[int, float]:
    """Per layer, the share of pairs whose positive state projects strictly above its negative one.

    sequences: positive and negative in turn, [p0, n0, p1, n1, ...]. Chance is 0.5; no pairs, no figures.
    """
    if not sequences:
        return {}
    projections = {layer: torch.empty(len(sequences), dtype=torch.float64) for layer in directions}
    states_of = capture_last(
        model, sequences, tuple(directions), batch_tokens=batch_tokens, progress=progress
    )
    for indices, states in states_of:
        for layer, state in states.items():
            projections[layer][list(indices)] = state.double() @ directions[layer].double()
    return {layer: float((found[0::2] > found[1::2]).double().mean()) for layer, found in projections.items()}


def _mean_differences(
    model: nn.Module,
    sequences: Sequence[Sequence[int]],
    layers: Sequence[int],
    batch_tokens: int,
    progress: Callable[[int, int], None] | None,
) -> dict[int, torch.Tensor]:
    """Layer -> float64 [H]: mean positive minus mean negative state; sequences as in `pair_accuracies`."""
    hidden_size = find_decoder(model).hidden_size
    sums = {layer: torch.zeros(hidden_size, dtype=torch.float64) for layer in layers}
    for indices, states in capture_last(
        model, sequences, layers, batch_tokens=batch_tokens, progress=progress
    ):
        signs = torch.tensor([-1.0 if index % 2 else 1.0 for index in indices], dtype=torch.float64)
        for layer, state in states.items():
            sums[layer] += signs @ state.double()
    return {layer: total / (len(sequences) // 2) for layer, total in sums.items()}


def _norm(layer: int, difference: torch.Tensor) -> float:
    norm = float(torch.linalg.vector_norm(difference))
    if not norm < float("inf"):
        raise VectorError(
            "VECTOR_NOT_FINITE",
            f"the states after block {layer} are not finite; load the model in a dtype with a wider range "
            "(bfloat16 or float32)",
            layer=layer,
        )
    if norm == 0.0:
        raise ContrastSetError(
            f"the positive and the negative side have the same mean state after block {layer}, so there is "
            "no direction; end the prompts where the two sides differ"
        )
    return norm


def _sequences(tokenizer: Any, pairs: Sequence[ContrastPair]) -> list[list[int]]:
    sequences: list[list[int]] = []
    for pair in pairs:
        for side, prompt in (("positive", pair.positive), ("negative", pair.negative)):
            tokens = prompt_tokens(tokenizer, prompt)
            if not tokens:
                raise ContrastSetError(f"the {side} side of pair {pair.id!r} has no token")
            sequences.append(tokens)
    return sequences


def _phase(progress: PhaseProgress | None, phase: str) -> Callable[[int, int], None] | None:
    if progress is None:
        return None
    return lambda done, total: progress(done, total, phase)
