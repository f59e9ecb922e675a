"""How far a reply is from what the unsteered model would have said, from the same tokens in a shadow row.

kl_to_unsteered: mean over the reply of KL(steered || unsteered) of the next token, nat. kl_largest: of one token.
unsteered_perplexity: exp of the mean negative log-probability of the reply's own tokens under the unsteered
model. unsteered_least_likely: the smallest of these log-probabilities, nat.

Can tell: the size of the change. On neutral questions it should be small. A perplexity far above a reference's is
text the unsteered model would hardly write: often an overdose.
Cannot tell: good from bad. A vector that works under pressure must move replies, and a harmful one may move them
less. So limits on these are for neutral canaries, not for live traffic. The shadow is asked with the same system
message; the shadow read-out of `trimtab_vectors.readouts` asks without it, and is another figure.
Measured only on replies that had a shadow row: those that ask for the KL, and a sampled share of the traffic.
"""

from __future__ import annotations

import math
from statistics import fmean

from trimtab_server.monitoring.signals.names import Signal
from trimtab_server.monitoring.signals.reading import ReadReply


def read(reply: ReadReply) -> dict[str, float]:
    """Left out where there was no shadow row."""
    found: dict[str, float] = {}
    divergences = [token.kl_to_unsteered for token in reply.tokens if token.kl_to_unsteered is not None]
    if divergences:
        found[Signal.KL_TO_UNSTEERED] = fmean(divergences)
        found[Signal.KL_LARGEST] = largest(divergences)
    likelihoods = [
        token.unsteered_log_probability
        for token in reply.tokens
        if token.unsteered_log_probability is not None
    ]
    if likelihoods:
        found[Signal.UNSTEERED_PERPLEXITY] = perplexity(likelihoods)
        found[Signal.UNSTEERED_LEAST_LIKELY] = min(likelihoods)
    return found


def largest(values: list[float]) -> float:
    """The maximum; not a number if one of them is none, which `max` would pass over."""
    return math.nan if any(math.isnan(value) for value in values) else max(values)


def perplexity(log_probabilities: list[float]) -> float:
    """exp of the mean negative log-probability, in nat; infinite where that is too large for a float."""
    mean = -fmean(log_probabilities)
    return math.exp(mean) if mean < 700.0 else math.inf if mean == mean else math.nan
