"""How much a vector is length, refusal, language or sentiment: cosines, each with what it can be worth."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import torch
from torch import Tensor, nn

from trimtab_vectors.card.concept_pairs import CONCEPTS, Concept, concept_set
from trimtab_vectors.extraction.capture import BATCH_TOKENS
from trimtab_vectors.extraction.extractor import make_directions
from trimtab_vectors.extraction.methods import named_method
from trimtab_vectors.extraction.pair_states import capture_pair_states

#: Below this a direction is mostly the noise of its few pairs, and so is any cosine with it.
WEAK_CEILING: Final = 0.5


@dataclass(frozen=True)
class Resemblance:
    """A concept at one layer.

    cosine: with the vector. ceiling: split-half noise ceiling of the concept's own direction (Spearman-Brown); None
    if it could not be had. corrected: cosine / sqrt(ceiling * the vector's own ceiling), cut to [-1, 1]; None if
    either ceiling is missing or weak. pair_accuracy: of the concept's held-out pairs.
    """

    concept: Concept
    layer: int
    cosine: float
    ceiling: float | None
    corrected: float | None
    pair_accuracy: float | None

    @property
    def weak(self) -> bool:
        """The concept has no direction worth the name here: the cosine says nothing."""
        return self.ceiling is None or self.ceiling < WEAK_CEILING


def chance_cosine(hidden_size: int) -> float:
    """Largest |cosine| of 95% of random directions with any given one, about 1.96 / sqrt(H)."""
    return 1.959964 / math.sqrt(hidden_size)


def resemblances(
    model: nn.Module,
    tokenizer: Any,
    directions: Mapping[int, Tensor],
    own_ceilings: Mapping[int, float],
    *,
    seed: int = 0,
    batch_tokens: int = BATCH_TOKENS,
    progress: Callable[[int, int], None] | None = None,
) -> list[Resemblance]:
    """Every built-in concept at every layer of the vector, its direction made on the spot by DiffMean at the
    prompt's last token."""
    layers = tuple(directions)
    chat = bool(getattr(tokenizer, "chat_template", None))
    found: list[Resemblance] = []
    for done, concept in enumerate(CONCEPTS, 1):
        pairs = concept_set(concept, chat)
        train, dev = (
            capture_pair_states(model, tokenizer, part, layers=layers, batch_tokens=batch_tokens)
            for part in (pairs.train, pairs.dev)
        )
        made = make_directions(train, dev, named_method("diff_mean"), seed=seed)
        for layer in layers:
            cosine = float(torch.dot(made.units[layer].double(), directions[layer].double()))
            ceiling, own = made.noise_ceilings.get(layer), own_ceilings.get(layer)
            found.append(
                Resemblance(
                    concept=concept,
                    layer=layer,
                    cosine=cosine,
                    ceiling=ceiling,
                    corrected=_corrected(cosine, ceiling, own),
                    pair_accuracy=made.pair_accuracies.get(layer),
                )
            )
        if progress is not None:
            progress(done, len(CONCEPTS))
    return found


def _corrected(cosine: float, ceiling: float | None, own: float | None) -> float | None:
    if ceiling is None or own is None or min(ceiling, own) < WEAK_CEILING:
        return None
    return max(-1.0, min(1.0, cosine / math.sqrt(ceiling * own)))
