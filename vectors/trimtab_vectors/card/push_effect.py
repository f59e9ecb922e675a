"""What the vector, at its strength, really does to the next token: measured, beside what the lens says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from scipy import stats
from torch import Tensor, nn

from trimtab_vectors.card.lens import LensReading, TokenScore, extreme_tokens
from trimtab_vectors.evaluation.batching import UNSTEERED, Treatment, logits_of
from trimtab_vectors.extraction.capture import BATCH_TOKENS, TokenBatch, evaluating, token_batches


@dataclass(frozen=True)
class Context:
    """A prompt with the beginning of its reply as tokens. start: of the reply's first token, or the number of tokens
    where the reply has none yet: positions "reply" steer from the token before it."""

    tokens: tuple[int, ...]
    start: int


@dataclass(frozen=True)
class PushEffect:
    """Over `contexts` prompts, at the token after each.

    raised, lowered: tokens by mean change of probability. kl: mean KL(unsteered || steered), nats. changed: share of
    prompts whose most likely token is another. lens_agreement: layer -> Spearman correlation, over the vocabulary,
    of the lens with the mean change of log-probability: how much of the lens comes true.
    """

    contexts: int
    raised: tuple[TokenScore, ...]
    lowered: tuple[TokenScore, ...]
    kl: float
    changed: float
    lens_agreement: Mapping[int, float]


def push_effect(
    model: nn.Module,
    tokenizer: Any,
    contexts: Sequence[Context],
    treatment: Treatment,
    lens_readings: Mapping[int, LensReading],
    *,
    count: int = 12,
    batch_tokens: int = BATCH_TOKENS,
) -> PushEffect:
    """treatment: the vector at its strength, one direction for all prompts.

    Raises ValueError without a prompt.
    """
    if not contexts:
        raise ValueError("there is no prompt to measure the next token of")
    sums: dict[str, Tensor] = {}
    kl, changed = 0.0, 0
    for batch in token_batches([c.tokens for c in contexts], batch_tokens=batch_tokens, left=True):
        before, after = (_log_probs(model, batch, own, contexts) for own in (UNSTEERED, treatment))
        kl += float((before.exp() * (before - after)).sum())
        changed += int((before.argmax(1) != after.argmax(1)).sum())
        for name, rows in (("p", after.exp() - before.exp()), ("log", after - before)):
            sums[name] = sums.get(name, torch.zeros(rows.shape[1], dtype=torch.float64)) + rows.sum(0)
    n = len(contexts)
    probability, logs = sums["p"] / n, sums["log"] / n
    return PushEffect(
        contexts=n,
        raised=extreme_tokens(tokenizer, probability, count),
        lowered=extreme_tokens(tokenizer, -probability, count, -1.0),
        kl=kl / n,
        changed=changed / n,
        lens_agreement={n: _rank_correlation(r.scores, logs) for n, r in lens_readings.items()},
    )


def _log_probs(
    model: nn.Module, batch: TokenBatch, treatment: Treatment, contexts: Sequence[Context]
) -> Tensor:
    """`[B, V]` float64 on the CPU, of the token after each prompt."""
    starts = [contexts[index].start for index in batch.indices]
    with evaluating(model), torch.no_grad(), treatment.applied(model, batch, starts):
        logits = logits_of(model, batch, keep=1)[:, -1]
    return logits.double().log_softmax(-1).cpu()


def _rank_correlation(one: Tensor, other: Tensor) -> float:
    found = float(stats.spearmanr(one.numpy(), other.numpy()).statistic)
    return found if np.isfinite(found) else 0.0
