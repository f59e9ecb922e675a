"""Reading a reply token by token, as a monitor would while it is written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from trimtab_vectors.evaluation.batching import UNSTEERED, Treatment
from trimtab_vectors.evaluation.forced import forced_text
from trimtab_vectors.evaluation.honesty import Message
from trimtab_vectors.extraction.capture import block_outputs, token_batches
from trimtab_vectors.extraction.contrast_set import ContrastPrompt
from trimtab_vectors.readouts.probe import Probe


@dataclass(frozen=True)
class ReadToken:
    """A token of a reply, and the read-out of the state after it."""

    text: str
    score: float


def read_tokens(
    model: nn.Module,
    tokenizer: Any,
    messages: Sequence[Message],
    reply: str,
    probe: Probe,
    treatment: Treatment = UNSTEERED,
) -> list[ReadToken]:
    """The reply's tokens with their scores; the mean of the scores is what a probe at "reply_mean" reads.

    Raises ValueError for an empty reply.
    """
    text = forced_text(tokenizer, ContrastPrompt(messages=tuple(messages)), reply)
    batch = next(iter(token_batches([text.tokens])))
    with treatment.applied(model, batch, [text.start]):
        states = block_outputs(model, batch, [probe.layer])[probe.layer][0]
    scores = probe.read(states[text.start :])
    words = [tokenizer.decode([token]) for token in text.answer]
    return [ReadToken(word, float(score)) for word, score in zip(words, torch.unbind(scores), strict=True)]
