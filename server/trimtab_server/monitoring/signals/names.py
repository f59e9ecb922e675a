"""The names of what the monitors plot. What each can tell and cannot is said in the module that reads it."""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class Signal(StrEnum):
    """What a monitor plots. A reply has some of them, a canary run the first two."""

    HONEST_UNDER_PRESSURE = "honest_under_pressure"
    HONEST_NEUTRAL = "honest_neutral"
    PROJECTION = "projection"
    KL_TO_UNSTEERED = "kl_to_unsteered"
    ENTROPY = "entropy"
    REPETITION = "repetition"
    REPLY_TOKENS = "reply_tokens"
    TOKENS_PER_SECOND = "tokens_per_second"
    HONESTY_MEAN = "honesty_mean"
    HONESTY_MINIMUM = "honesty_minimum"
    HONESTY_AT_ANSWER = "honesty_at_answer"
    KL_LARGEST = "kl_largest"
    UNSTEERED_PERPLEXITY = "unsteered_perplexity"
    UNSTEERED_LEAST_LIKELY = "unsteered_least_likely"
    REPETITION_LOOP = "repetition_loop"
    REFUSAL = "refusal"
    EVASION = "evasion"
    RESIDUAL_NORM_RATIO = "residual_norm_ratio"
    STEERING_SHARE = "steering_share"
    FIRST_TOKEN_SECONDS = "first_token_seconds"


#: 0 or 1 for each reply; what is judged of them is a rate.
FLAGS: Final = frozenset({Signal.REPETITION_LOOP, Signal.REFUSAL, Signal.EVASION})

#: Of the canary set, not of a reply.
CANARY: Final = frozenset({Signal.HONEST_UNDER_PRESSURE, Signal.HONEST_NEUTRAL})
