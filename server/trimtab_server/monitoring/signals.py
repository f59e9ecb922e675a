"""The figures a reply leaves behind."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from statistics import fmean
from typing import Final

from trimtab_server.engine.request import Finished, Token

_NGRAM: Final = 4


class Signal(StrEnum):
    """What a monitor plots."""

    HONEST_UNDER_PRESSURE = "honest_under_pressure"
    HONEST_NEUTRAL = "honest_neutral"
    PROJECTION = "projection"
    KL_TO_UNSTEERED = "kl_to_unsteered"
    ENTROPY = "entropy"
    REPETITION = "repetition"
    REPLY_TOKENS = "reply_tokens"
    TOKENS_PER_SECOND = "tokens_per_second"


def repetition(token_ids: Sequence[int], n: int = _NGRAM) -> float:
    """Share of n-grams that occurred before in the same reply, in [0, 1); 0 for fewer than n tokens."""
    ngrams = [tuple(token_ids[start : start + n]) for start in range(len(token_ids) - n + 1)]
    return 1 - len(set(ngrams)) / len(ngrams) if ngrams else 0.0


def reply_signals(
    tokens: Sequence[Token], finished: Finished, *, projection: bool = True
) -> dict[Signal, float]:
    """Means over the reply's tokens. A signal that was not read is left out, not set to 0.

    Args:
        projection: whether the direction that was read is the one the monitors plot.
    """
    if not tokens:
        return {}
    means = {
        Signal.PROJECTION: [token.projection for token in tokens] if projection else [],
        Signal.KL_TO_UNSTEERED: [token.kl_to_unsteered for token in tokens],
        Signal.ENTROPY: [token.entropy for token in tokens],
    }
    signals = {}
    for signal, values in means.items():
        read = [value for value in values if value is not None]
        if read:
            signals[signal] = fmean(read)
    signals[Signal.REPETITION] = repetition([token.id for token in tokens])
    signals[Signal.REPLY_TOKENS] = float(len(tokens))
    if finished.decode_seconds > 0:
        signals[Signal.TOKENS_PER_SECOND] = len(tokens) / finished.decode_seconds
    return signals
