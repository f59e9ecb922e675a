"""Texts at both ends of a direction: what a person should look at before believing its name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn

from trimtab_vectors.extraction.capture import BATCH_TOKENS, capture_last
from trimtab_vectors.extraction.contrast_set import ContrastPrompt
from trimtab_vectors.extraction.prompt_tokens import prompt_tokens
from trimtab_vectors.statistics import Estimate, auroc

Origin = Literal["positive", "negative", "neutral", "given"]


@dataclass(frozen=True)
class LabelledText:
    """A text and where it is from: a side of a held-out pair, the built-in neutral texts, or the user's file."""

    prompt: ContrastPrompt
    origin: Origin

    @property
    def shown(self) -> str:
        """As people read it: turns apart, and the beginning of the reply after an arrow."""
        if self.prompt.text:
            return self.prompt.text
        turns = " ⏎ ".join(message.content for message in self.prompt.messages)
        return f"{turns} → {self.prompt.reply_prefix}" if self.prompt.reply_prefix else turns


@dataclass(frozen=True)
class Projected:
    """One text with its projection at its last token, in units of the residual norm."""

    text: str
    origin: Origin
    projection: float


@dataclass(frozen=True)
class Extremes:
    """One layer. separation: AUROC of positive against negative sides of held-out pairs; None without such."""

    layer: int
    texts: int
    highest: tuple[Projected, ...]
    lowest: tuple[Projected, ...]
    separation: Estimate | None


def extremes(
    model: nn.Module,
    tokenizer: Any,
    texts: Sequence[LabelledText],
    direction: Tensor,
    layer: int,
    residual_norm: float,
    *,
    count: int = 6,
    batch_tokens: int = BATCH_TOKENS,
) -> Extremes:
    """The `count` texts of the highest and of the lowest projection on `direction [H]` after block `layer`.

    Each text is shown once, whatever how often it is given. Raises ContrastSetError for a text that cannot be
    rendered, ValueError without a text.
    """
    own = list({(text.shown, text.origin): text for text in texts}.values())
    if not own:
        raise ValueError("there is no text to project")
    found = torch.empty(len(own), dtype=torch.float64)
    tokens = [prompt_tokens(tokenizer, text.prompt) for text in own]
    for indices, states in capture_last(model, tokens, [layer], batch_tokens=batch_tokens):
        found[list(indices)] = states[layer].double() @ direction.double() / residual_norm
    order = found.argsort(descending=True, stable=True).tolist()
    shown = [Projected(own[i].shown, own[i].origin, float(found[i])) for i in order]
    sides = [i for i in range(len(own)) if own[i].origin in ("positive", "negative")]
    positive = [own[i].origin == "positive" for i in sides]
    told = auroc(found[sides].numpy(), positive) if any(positive) and not all(positive) else None
    return Extremes(layer, len(own), tuple(shown[:count]), tuple(shown[::-1][:count]), told)
