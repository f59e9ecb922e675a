"""A finished reply as the signals see it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from trimtab_vectors.evaluation.honesty import Question

from trimtab_server.engine.request import Finished, Token


@dataclass(frozen=True)
class ReadReply:
    """tokens: not empty. projection: whether the direction that was read is the one the monitors plot.
    question: the one that was asked, if its answer is known (canaries); None for a customer's."""

    tokens: Sequence[Token]
    finished: Finished
    projection: bool = True
    question: Question | None = None

    @cached_property
    def text(self) -> str:
        return "".join(token.text for token in self.tokens)
