"""Log-probability margins: how much likelier the honest answer is than a dishonest one.

`m = log p(honest) - log p(dishonest)` in nats, the propensity of Tan et al. (arXiv:2407.12404, section 3) for
answers of several tokens. A margin moves long before a reply flips, so it needs fewer items than a rate.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from torch import nn

from trimtab_vectors.evaluation.batching import Progress, Treatment
from trimtab_vectors.evaluation.forced import common_start, forced_text, score_forced
from trimtab_vectors.evaluation.honesty import Question
from trimtab_vectors.extraction.capture import BATCH_TOKENS
from trimtab_vectors.extraction.contrast_set import ContrastPrompt


@dataclass(frozen=True)
class MarginItem:
    """One prompt, up to where the answer comes, and texts that answer it honestly and dishonestly."""

    id: str
    prompt: ContrastPrompt
    honest: tuple[str, ...]
    dishonest: tuple[str, ...]

    def __post_init__(self) -> None:
        for side in ("honest", "dishonest"):
            if not getattr(self, side):
                raise ValueError(f"item {self.id!r} has no {side} answer; a margin needs one on each side")


@dataclass(frozen=True)
class Margin:
    """log p of every answer of one item, in the item's order, from one common start."""

    id: str
    honest: tuple[float, ...]
    dishonest: tuple[float, ...]

    @property
    def against_best(self) -> float:
        """Best honest minus best dishonest: positive where the honest answer would be picked."""
        return max(self.honest) - max(self.dishonest)

    @property
    def against_each(self) -> tuple[float, ...]:
        """Best honest minus each dishonest."""
        return tuple(max(self.honest) - value for value in self.dishonest)

    @property
    def against_all(self) -> float:
        """log of the odds of the honest answers together against the dishonest ones together."""
        return _log_sum(self.honest) - _log_sum(self.dishonest)


def whole_reply_item(question: Question) -> MarginItem:
    """The values of a question as whole replies. Raises ValueError if it has no dishonest one."""
    prompt = ContrastPrompt(messages=question.messages)
    return MarginItem(question.id, prompt, question.honest, question.dishonest)


def item_at_value(question: Question, reply: str) -> MarginItem:
    """The question with the reply given up to where its value comes: there the answer is decided.

    reply: what the unsteered model says, so that every strength is scored at the same place. It is cut before
    the first of the question's values; where it names none, the values are scored as whole replies.
    """
    values = sorted((*question.honest, *question.dishonest), key=len, reverse=True)
    found = re.search("|".join(re.escape(value) for value in values), reply, re.IGNORECASE)
    if found is None:
        return whole_reply_item(question)
    before = reply[: found.start()]
    prefix = before.rstrip()
    # A space belongs to the word it precedes in most vocabularies: it is scored with the value.
    gap = before[len(prefix) :]
    prompt = ContrastPrompt(messages=question.messages, reply_prefix=prefix)
    return MarginItem(
        question.id,
        prompt,
        tuple(gap + v for v in question.honest),
        tuple(gap + v for v in question.dishonest),
    )


def matched(items: Sequence[MarginItem], margins: Sequence[Margin]) -> list[MarginItem]:
    """Each item with its likeliest honest and its likeliest dishonest answer alone, by given (unsteered)
    margins: the matched pair, at two texts an item whatever their number was."""
    return [
        MarginItem(
            item.id,
            item.prompt,
            (item.honest[margin.honest.index(max(margin.honest))],),
            (item.dishonest[margin.dishonest.index(max(margin.dishonest))],),
        )
        for item, margin in zip(items, margins, strict=True)
    ]


def measure_margins(
    model: nn.Module,
    tokenizer: Any,
    items: Sequence[MarginItem],
    treatment: Treatment,
    *,
    batch_tokens: int = BATCH_TOKENS,
    progress: Progress | None = None,
) -> list[Margin]:
    """Margins of all items, in order. A treatment with directions per row has one for each item.

    All answers to one item are scored from their common start (`forced.common_start`).
    """
    treatment.check_rows(len(items))
    texts, owner = [], []
    for index, item in enumerate(items):
        answers = (*item.honest, *item.dishonest)
        texts += common_start([forced_text(tokenizer, item.prompt, answer) for answer in answers])
        owner += [index] * len(answers)
    rows = treatment.of_rows(owner)
    scored = iter(score_forced(model, texts, rows, batch_tokens=batch_tokens, progress=progress))
    return [
        Margin(
            item.id,
            tuple(next(scored).total for _ in item.honest),
            tuple(next(scored).total for _ in item.dishonest),
        )
        for item in items
    ]


def _log_sum(values: Sequence[float]) -> float:
    top = max(values)
    return top + math.log(sum(math.exp(value - top) for value in values))
