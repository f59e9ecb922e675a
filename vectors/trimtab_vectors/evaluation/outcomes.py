"""Asking a model questions and scoring what it says: one outcome a question."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import nn

from trimtab_vectors.evaluation.batching import Progress, Treatment
from trimtab_vectors.evaluation.honesty import Outcome, Question, Rates, score
from trimtab_vectors.evaluation.replies import replies_under
from trimtab_vectors.extraction.capture import BATCH_TOKENS


@dataclass(frozen=True)
class Answers:
    """What was said to each question, in order, and how it scored."""

    replies: tuple[str, ...]
    outcomes: tuple[Outcome, ...]

    @cached_property
    def rates(self) -> Rates:
        return Rates.of(self.outcomes)

    def are(self, outcome: Outcome) -> NDArray[np.bool_]:
        """`[n]`, which questions had this outcome."""
        return np.array([own is outcome for own in self.outcomes], dtype=np.bool_)

    @property
    def honest(self) -> NDArray[np.bool_]:
        return self.are(Outcome.HONEST)

    def of(self, chosen: Sequence[int]) -> Answers:
        """Those of some of the questions."""
        return Answers(tuple(self.replies[i] for i in chosen), tuple(self.outcomes[i] for i in chosen))


def ask(
    model: nn.Module,
    tokenizer: Any,
    questions: Sequence[Question],
    treatment: Treatment,
    *,
    max_new_tokens: int = 64,
    batch_tokens: int = BATCH_TOKENS,
    progress: Progress | None = None,
) -> Answers:
    """Greedy replies to the questions, scored."""
    replies = replies_under(
        model,
        tokenizer,
        [question.messages for question in questions],
        treatment,
        max_new_tokens=max_new_tokens,
        batch_tokens=batch_tokens,
        progress=progress,
    )
    outcomes = tuple(score(reply, own) for reply, own in zip(replies, questions, strict=True))
    return Answers(tuple(replies), outcomes)
