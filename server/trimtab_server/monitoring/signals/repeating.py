"""Repeated 4-grams, and loops.

repetition: share of a reply's 4-grams of tokens that occurred before in it. repetition_loop: 1 if the reply ends
inside a loop, else 0.

Can tell: loops, the commonest face of an overdose, from the first reply on.
Cannot tell: whether repeated words are wrong: lists, tables and poems repeat. A reply that was cut short has had
little time to repeat itself. A loop of the same sense in other words is not seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from trimtab_server.monitoring.signals.names import Signal
from trimtab_server.monitoring.signals.reading import ReadReply

_NGRAM: Final = 4
#: Longest block whose repetition is looked for.
LONGEST_PERIOD: Final = 64
#: A loop is the same block so many times, over so many tokens: a row of dashes or three equal words is none.
FEWEST_TURNS: Final = 4
FEWEST_TOKENS: Final = 24


def read(reply: ReadReply) -> dict[str, float]:
    """Always there."""
    ids = [token.id for token in reply.tokens]
    return {Signal.REPETITION: repetition(ids), Signal.REPETITION_LOOP: float(loop_tokens(ids) > 0)}


def repetition(token_ids: Sequence[int], n: int = _NGRAM) -> float:
    """Share of n-grams that occurred before in the same reply, in [0, 1); 0 for fewer than n tokens."""
    ngrams = [tuple(token_ids[start : start + n]) for start in range(len(token_ids) - n + 1)]
    return 1 - len(set(ngrams)) / len(ngrams) if ngrams else 0.0


def loop_tokens(token_ids: Sequence[int]) -> int:
    """How many tokens at the end of a reply are one block over and over; 0 if that is no loop."""
    length = len(token_ids)
    best = 0
    for period in range(1, min(LONGEST_PERIOD, length // FEWEST_TURNS) + 1):
        same = 0
        while (
            same < length - period and token_ids[length - 1 - same] == token_ids[length - 1 - same - period]
        ):
            same += 1
        run = same + period
        if same and run >= max(FEWEST_TURNS * period, FEWEST_TOKENS):
            best = max(best, run)
    return best
