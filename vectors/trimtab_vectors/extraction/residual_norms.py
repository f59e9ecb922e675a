"""The residual norm of a stage at each layer: the unit that strengths are given in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from trimtab_vectors.decoder import find_decoder
from trimtab_vectors.extraction.capture import Progress, block_outputs, checked_layers, token_batches
from trimtab_vectors.extraction.neutral_texts import NEUTRAL_TEXTS
from trimtab_vectors.extraction.prompt_tokens import text_tokens


def median_residual_norms(
    model: nn.Module,
    tokenizer: Any,
    texts: Sequence[str] = NEUTRAL_TEXTS,
    *,
    layers: Sequence[int] | None = None,
    progress: Progress | None = None,
) -> dict[int, float]:
    """Median L2 norm of the residual stream after each block, over the tokens of `texts`.

    Each text's first token is left out: whatever it is, many models park an activation there that is
    hundreds of times the size of any other (arXiv:2402.17762, "Massive Activations"). Norms are taken in
    float32, since the sum of squares of an fp16 state overflows, and must be finite.

    Returns layer -> norm. Raises ValueError if no text has two tokens, or for a norm that is not finite.
    """
    wanted = checked_layers(layers, len(find_decoder(model).blocks))
    sequences = [tokens for tokens in (text_tokens(tokenizer, text) for text in texts) if len(tokens) > 1]
    if not sequences:
        raise ValueError("no neutral text has two tokens or more; give texts of at least a sentence")
    norms: dict[int, list[torch.Tensor]] = {layer: [] for layer in wanted}
    done = 0
    for batch in token_batches(sequences):
        states = block_outputs(
            model, batch, wanted, lambda hidden: torch.linalg.vector_norm(hidden, dim=-1, dtype=torch.float32)
        )
        for layer, found in states.items():
            norms[layer].append(found[batch.after_first])
        done += len(batch.indices)
        if progress is not None:
            progress(done, len(sequences))
    return {layer: _median(layer, torch.cat(found)) for layer, found in norms.items()}


def _median(layer: int, norms: torch.Tensor) -> float:
    if not bool(torch.isfinite(norms).all()):
        raise ValueError(
            f"the residual stream after block {layer} is not finite on neutral text; load the model in a "
            "dtype with a wider range (bfloat16 or float32)"
        )
    ordered = norms.double().sort().values
    middle = len(ordered) // 2
    if len(ordered) % 2:
        return float(ordered[middle])
    return float(ordered[middle - 1] + ordered[middle]) / 2
