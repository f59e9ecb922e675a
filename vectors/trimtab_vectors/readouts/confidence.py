"""How sure the steered model was of what it said: a comparison for read-outs, and no read-out itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import nn

from trimtab_vectors.evaluation.batching import Treatment
from trimtab_vectors.evaluation.forced import forced_text, score_forced
from trimtab_vectors.evaluation.honesty import Message
from trimtab_vectors.extraction.capture import BATCH_TOKENS
from trimtab_vectors.extraction.contrast_set import ContrastPrompt


def own_confidence(
    model: nn.Module,
    tokenizer: Any,
    conversations: Sequence[Sequence[Message]],
    replies: Sequence[str],
    treatment: Treatment,
    *,
    batch_tokens: int = BATCH_TOKENS,
) -> NDArray[np.float64]:
    """`[N]`, the smallest log-probability of a reply's tokens under the treatment it was made with; 0 for an
    empty reply."""
    asked = [i for i, reply in enumerate(replies) if reply]
    texts = [
        forced_text(tokenizer, ContrastPrompt(messages=tuple(conversations[i])), replies[i]) for i in asked
    ]
    scored = score_forced(model, texts, treatment.of_rows(asked), batch_tokens=batch_tokens)
    found = np.zeros(len(replies), dtype=np.float64)
    for i, answer in zip(asked, scored, strict=True):
        found[i] = min(answer.log_probs)
    return found
