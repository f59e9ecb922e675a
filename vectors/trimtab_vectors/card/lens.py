"""Which tokens a direction points at, read off the weights: the logit lens, and how far to trust it.

The lens takes the direction through the final norm and the unembedding as if no later block existed
(nostalgebraist 2020, "interpreting GPT: the logit lens"). It is a look at the weights, no measurement: what a
push at an early block does to the next token is measured in `push_effect`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import torch
from torch import Tensor, nn

from trimtab_vectors.decoder import find_decoder

#: So long that a norm's epsilon, and its bias, no longer matter.
_LONG: Final = 1e4


class LensError(ValueError):
    """The model's unembedding does not read the residual stream, so there is no lens."""


@dataclass(frozen=True)
class TokenScore:
    """A token as people read it, and its score."""

    token: str
    score: float


@dataclass(frozen=True, eq=False)
class LensReading:
    """One layer. scores: `[V]`, standardised over the vocabulary: standard deviations above the mean token.

    promoted, suppressed: the extreme tokens, the strongest first."""

    scores: Tensor
    promoted: tuple[TokenScore, ...]
    suppressed: tuple[TokenScore, ...]


def lens_scores(model: nn.Module, directions: Mapping[int, Tensor]) -> dict[int, Tensor]:
    """Layer -> `[V]` float32: `W_U N(u)` about its mean over tokens, over its standard deviation.

    N is what the final norm makes of a long state along u, without its bias: its weight and, for a LayerNorm, the
    centring. A softmax does not see a constant, so the mean token is 0. Raises LensError.
    """
    unembedding = _unembedding(model)
    norm = find_decoder(model).final_norm
    found = {}
    for layer, direction in directions.items():
        along = direction.to(device=unembedding.weight.device, dtype=torch.float32)
        seen = along if norm is None else _through(norm, along)
        if unembedding.weight.shape[1] != len(seen):
            raise LensError(
                f"the unembedding reads {unembedding.weight.shape[1]} components and the residual stream has "
                f"{len(seen)}; this model projects in between, which no lens passes"
            )
        with torch.no_grad():
            logits = unembedding.weight.float() @ seen
        spread = float(logits.std())
        found[layer] = ((logits - logits.mean()) / (spread if spread > 0 else 1.0)).cpu()
    return found


def lens(
    model: nn.Module, tokenizer: Any, directions: Mapping[int, Tensor], count: int = 12
) -> dict[int, LensReading]:
    """The `count` most promoted and most suppressed tokens at each layer."""
    return {
        layer: LensReading(
            scores, extreme_tokens(tokenizer, scores, count), extreme_tokens(tokenizer, -scores, count, -1.0)
        )
        for layer, scores in lens_scores(model, directions).items()
    }


def extreme_tokens(tokenizer: Any, scores: Tensor, count: int, sign: float = 1.0) -> tuple[TokenScore, ...]:
    """The tokens with the highest scores `[V]`; their scores times `sign`. Unused rows of a padded vocabulary
    are left out."""
    known = min(len(scores), len(tokenizer))
    values, indices = scores[:known].sort(descending=True, stable=True)
    return tuple(
        TokenScore(readable_token(tokenizer, int(index)), sign * float(value))
        for value, index in zip(values[:count], indices[:count], strict=True)
    )


def readable_token(tokenizer: Any, index: int) -> str:
    """The token's text; a part of a character as its own bytes' symbols, since it has no text."""
    text: str = tokenizer.decode([index])
    if "\ufffd" in text or not text:
        raw: Any = tokenizer.convert_ids_to_tokens(index)
        return str(raw)
    return text


def _through(norm: nn.Module, direction: Tensor) -> Tensor:
    parameter: Sequence[Tensor] = [*norm.parameters(), *norm.buffers()]
    dtype = parameter[0].dtype if parameter else torch.float32
    with torch.no_grad():
        long = norm((_LONG * direction)[None].to(dtype))
        nothing = norm(torch.zeros_like(direction)[None].to(dtype))
    passed: Tensor = (long - nothing)[0].float()
    return passed


def _unembedding(model: nn.Module) -> Any:
    found = getattr(model, "get_output_embeddings", lambda: None)()
    if not isinstance(getattr(found, "weight", None), Tensor):
        raise LensError(f"{type(model).__name__} has no unembedding; a causal language model is expected")
    return found
