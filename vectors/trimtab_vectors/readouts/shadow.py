"""The shadow read-out: what the unsteered model, asked without instructions, thinks of a reply.

The steered reply is forced through the same stage with no vector and without the conversation's system
messages; its score is the smallest log-probability of any of its tokens there. Nothing injected reaches that
row, so the score is independent of the vector by construction, and of the pressure that a system message puts
on the model; what a user's message says stays. It costs one more row, and a prompt to prefill.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import nn

from trimtab_vectors.evaluation.batching import UNSTEERED
from trimtab_vectors.evaluation.forced import forced_text, score_forced
from trimtab_vectors.evaluation.honesty import Message
from trimtab_vectors.extraction.capture import BATCH_TOKENS
from trimtab_vectors.extraction.contrast_set import ContrastPrompt


def without_instructions(messages: Sequence[Message]) -> tuple[Message, ...]:
    """The conversation without its system messages."""
    return tuple(message for message in messages if message.role != "system")


def shadow_tokens(
    model: nn.Module,
    tokenizer: Any,
    conversations: Sequence[Sequence[Message]],
    replies: Sequence[str],
    *,
    batch_tokens: int = BATCH_TOKENS,
) -> list[tuple[float, ...]]:
    """For each reply the log-probability of each of its tokens in the shadow; empty for an empty reply."""
    asked = [i for i, reply in enumerate(replies) if reply]
    texts = [
        forced_text(tokenizer, ContrastPrompt(messages=without_instructions(conversations[i])), replies[i])
        for i in asked
    ]
    scored = score_forced(model, texts, UNSTEERED, batch_tokens=batch_tokens)
    found: list[tuple[float, ...]] = [() for _ in replies]
    for i, answer in zip(asked, scored, strict=True):
        found[i] = answer.log_probs
    return found


def shadow_scores(
    model: nn.Module,
    tokenizer: Any,
    conversations: Sequence[Sequence[Message]],
    replies: Sequence[str],
    *,
    batch_tokens: int = BATCH_TOKENS,
) -> NDArray[np.float64]:
    """`[N]`, the smallest of `shadow_tokens` of each reply; 0 for an empty one, in which no token is unlikely."""
    found = shadow_tokens(model, tokenizer, conversations, replies, batch_tokens=batch_tokens)
    return np.array([min(values, default=0.0) for values in found], dtype=np.float64)
